/* The C library has asked the processor already. The compiler's own way asks again, at every start of
 * whatever it is linked into, which on a virtual machine is a trap for each question. */
#include "base/processor.h"

#include <limits.h> /* says which C library this is */

#if defined(__x86_64__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 33)
#define MT_LIBRARY_KNOWS
#include <sys/platform/x86.h>
#endif
#endif
#if defined(__x86_64__) && !defined(MT_LIBRARY_KNOWS)
#include <cpuid.h>
#define LZCNT_BIT (1U << 5) /* of ecx, leaf 0x80000001 */
#endif

static int has_avx2(void) {
#ifdef MT_LIBRARY_KNOWS
    return CPU_FEATURE_ACTIVE(AVX2) && CPU_FEATURE_ACTIVE(BMI1) && CPU_FEATURE_ACTIVE(LZCNT) &&
           CPU_FEATURE_ACTIVE(POPCNT);
#elif defined(__x86_64__)
    /* Not all compilers' own way knows lzcnt: without it the operation is another one, bsr. */
    unsigned a, b, c, d;
    int has_lzcnt = __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & LZCNT_BIT) != 0;
    return has_lzcnt && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("bmi");
#else
    return 0;
#endif
}

int mt_processor_has_avx2(void) {
    enum { UNKNOWN, NO, YES };
    static int known;
    int answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (answer == UNKNOWN) {
        answer = has_avx2() ? YES : NO;
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer == YES;
}
