/* What the tests of the load room share: small makers that cannot fail, processes run to lists of
 * times. */
#ifndef LOAD_SUPPORT_H
#define LOAD_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "distribution_makers.h"
#include "load/process/process.h"

static inline void assert_near(double value, double wanted, double tolerance) {
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%.17g is not %.17g (within %g)", value, wanted, tolerance);
}

static inline mt_curve *constant(double rate) {
    mt_curve *curve = mt_curve_constant(rate, INFINITY, NULL);
    assert_non_null(curve);
    return curve;
}

static inline mt_distribution *fixed(double value) {
    mt_distribution *distribution = mt_distribution_fixed(mt_number(value), NULL);
    assert_non_null(distribution);
    return distribution;
}

static inline mt_distribution *gamma_of(double cv) {
    return mt_distribution_gamma(mt_number(1), mt_number(cv), NULL);
}

/* Of a curve, which it releases. */
static inline mt_process *poisson_of(mt_curve *curve) {
    mt_process *process = mt_process_poisson(curve, NULL);
    assert_non_null(process);
    mt_curve_release(curve);
    return process;
}

/* Gaps are released; the curve is a constant rate. */
static inline mt_process *renewal_of(double rate, mt_distribution *gaps) {
    mt_curve *curve = constant(rate);
    mt_process *process = mt_process_renewal(curve, gaps, NULL);
    assert_non_null(process);
    mt_curve_release(curve);
    mt_distribution_release(gaps);
    return process;
}

typedef struct times {
    double *at;
    size_t count, capacity;
} times;

/* Runs a plain process to its end; sets its times (to be freed) or fails the test. */
static inline times run_process(mt_process *process, uint64_t seed, double factor, double end) {
    mt_process_context context = {.seed = seed, .name = "main", .factor = factor, .end = end};
    mt_error error = {0};
    mt_event event;
    times all = {0};
    int got;
    mt_process_state *state = mt_process_open(process, &context, &error);
    if (!state)
        fail_msg("%s", error.message);
    while ((got = mt_process_next(state, &event, &error)) > 0) {
        if (mt_reserve((void **)&all.at, &all.capacity, all.count + 1, sizeof *all.at) != 0)
            fail_msg("out of memory");
        if (all.count > 0 && event.time < all.at[all.count - 1])
            fail_msg("request %zu comes before the one before it", all.count);
        if (event.item != all.count)
            fail_msg("request %zu draws as item %zu", all.count, (size_t)event.item);
        all.at[all.count++] = event.time;
    }
    if (got != 0)
        fail_msg("after %zu requests: %s", all.count, error.message);
    mt_process_close(state);
    return all;
}

static inline double expected_requests(mt_process *process, double factor, double end) {
    mt_process_context context = {.name = "main", .factor = factor, .end = end};
    mt_process_expectation expectation;
    assert_int_equal(mt_process_expect(process, &context, &expectation, NULL), MT_OK);
    return expectation.requests;
}

#endif
