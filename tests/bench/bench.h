/* What the benchmark programs share: a clock, and values that the compiler must not drop. A program
 * prints one line a figure: "NAME VALUE". */
#ifndef MT_TESTS_BENCH_H
#define MT_TESTS_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Seconds; only differences mean anything. */
static inline double bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Makes the compiler believe that value is used. */
static inline void bench_keep(double value) {
    __asm__ volatile("" : : "x"(value));
}

static inline void bench_keep_bytes(const void *bytes) {
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

/* Ends the program with a message when something is NULL or a condition does not hold. */
static inline void bench_require(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

#endif
