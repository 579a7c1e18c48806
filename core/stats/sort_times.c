/* Radix sort by bytes from the lowest (Knuth, "The art of computer programming", volume 3, section
 * 5.2.5); a byte in which all times agree costs nothing. */
#include "stats/dispersion.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <string.h>

enum { BYTES = sizeof(int64_t), VALUES = 256 };

/* Byte number `byte` of a time, such that bytes compare as times do: the sign bit turned over. */
static unsigned byte_of(int64_t time, unsigned byte) {
    return (unsigned)((((uint64_t)time ^ (UINT64_C(1) << 63)) >> (8 * byte)) % VALUES);
}

static int is_sorted(const int64_t *times, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (times[i] < times[i - 1])
            return 0;
    return 1;
}

/* Deals from[0..count) into to by one byte, equal ones in their order; counts: how often each value
 * of the byte is there. */
static void deal(const int64_t *from, int64_t *to, size_t count, unsigned byte,
                 const size_t *counts) {
    size_t places[VALUES];
    size_t before = 0;
    for (unsigned value = 0; value < VALUES; value++) {
        places[value] = before;
        before += counts[value];
    }
    for (size_t i = 0; i < count; i++)
        to[places[byte_of(from[i], byte)]++] = from[i];
}

mt_code mt_sort_times(int64_t *times_ns, size_t count, mt_error *error) {
    size_t counts[BYTES][VALUES];
    if (is_sorted(times_ns, count))
        return MT_OK;
    int64_t *other = mt_allocate(count, sizeof *other);
    if (!other)
        return mt_fail_memory(error, "sorting times");
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < count; i++)
        for (unsigned byte = 0; byte < BYTES; byte++)
            counts[byte][byte_of(times_ns[i], byte)]++;
    int64_t *from = times_ns, *to = other;
    mt_code code = MT_OK;
    for (unsigned byte = 0; byte < BYTES; byte++) {
        if (counts[byte][byte_of(from[0], byte)] == count)
            continue;
        if (mt_interrupted()) {
            code = mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
            break;
        }
        deal(from, to, count, byte, counts[byte]);
        int64_t *dealt = to;
        to = from;
        from = dealt;
    }
    if (from != times_ns)
        memcpy(times_ns, from, count * sizeof *times_ns);
    mt_free(other);
    return code;
}
