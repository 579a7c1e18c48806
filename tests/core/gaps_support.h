/* Sources of arrival times, and times drawn anew after them. */
#ifndef GAPS_SUPPORT_H
#define GAPS_SUPPORT_H

#include "prefix/gaps/gaps.h"

#include "trace_support.h"

#include <math.h>

#define SECOND INT64_C(1000000000)

/* Times since the first request, ns. */
typedef struct times {
    int64_t *at;
    size_t count;
} times;

static inline times new_times(size_t most) {
    times made = {malloc((most + 1) * sizeof *made.at), 0};
    assert_non_null(made.at);
    return made;
}

static inline mt_gaps *new_gaps(mt_gaps_method kind, const times *source, uint64_t seed) {
    int64_t *gaps = calloc(source->count + 1, sizeof *gaps);
    assert_non_null(gaps);
    for (size_t i = 1; i < source->count; i++)
        gaps[i] = source->at[i] - source->at[i - 1];
    mt_error error;
    mt_gaps *made = mt_gaps_new(kind, gaps, source->count, seed, &error);
    if (!made)
        fail_msg("%s", error.message);
    free(gaps);
    return made;
}

static inline times synthesise(mt_gaps_method kind, const times *source, size_t count,
                               uint64_t seed) {
    mt_gaps *gaps = new_gaps(kind, source, seed);
    times made = new_times(count);
    for (; made.count < count; made.count++) {
        assert_int_equal(mt_gaps_next(gaps, &made.at[made.count], NULL), MT_OK);
        int64_t before = made.count > 0 ? made.at[made.count - 1] : 0;
        if (made.at[made.count] < before)
            fail_msg("time %zu goes back", made.count);
    }
    assert_int_equal(made.at[0], 0);
    mt_gaps_free(gaps);
    return made;
}

static inline double uniform(uint64_t *random) {
    return (double)(next_random(random) >> 11) * 0x1p-53;
}

static inline double exponential(uint64_t *random) {
    return -log(1 - uniform(random));
}

/* A Poisson process of a rate that varies, by thinning; rounded down to the grid. */
static inline times poisson(double (*rate)(double), double most, double duration, int64_t grid) {
    uint64_t random = 3;
    times made = new_times((size_t)(most * duration * 1.2) + 100);
    int64_t first = -1;
    for (double t = exponential(&random) / most; t < duration; t += exponential(&random) / most) {
        if (uniform(&random) * most >= rate(t))
            continue;
        int64_t time = (int64_t)(t * 1e9) / grid * grid;
        first = first < 0 ? time : first;
        made.at[made.count++] = time - first;
    }
    return made;
}

static inline double rate_steady(double t) {
    (void)t;
    return 6;
}

#endif
