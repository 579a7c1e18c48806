#include "prefix/gaps/gaps.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "prefix/gaps/state.h"
#include "stats/grid.h"

/* No source lasts longer, 73 years: what is computed from its times fits 63 bits. */
#define LONGEST (INT64_C(1) << 61)

struct mt_gaps {
    mt_gaps_method method;
    int64_t first; /* when the first instant was drawn, -1 before: it is moved to 0 */
    mt_random random;
    mt_gaps_iid iid;
    mt_gaps_source source;
};

/* Times since the first request, ns, into times[0..count); count >= 1. */
static mt_code add_up(const int64_t *gaps_ns, size_t count, int64_t *times, mt_error *error) {
    times[0] = 0;
    for (size_t i = 1; i < count; i++) {
        if (i % 4096 == 0 && mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        if (gaps_ns[i] < 0)
            return mt_fail(error, MT_ERROR_VALUE,
                           "request %zu comes before the one ahead of it: times must not go back "
                           "('moontide cat --sort' puts a trace in order)",
                           i + 1);
        if (gaps_ns[i] > LONGEST - times[i - 1])
            return mt_fail(error, MT_ERROR_VALUE,
                           "request %zu comes more than 73 years after the first", i + 1);
        times[i] = times[i - 1] + gaps_ns[i];
    }
    return MT_OK;
}

mt_code mt_gaps_dequantize(const int64_t *gaps_ns, size_t count, uint64_t seed, int64_t *spread_ns,
                           mt_error *error) {
    mt_grid grid;
    if (count == 0)
        return MT_OK;
    int64_t *times = mt_allocate(count, sizeof *times);
    if (!times)
        return mt_fail_memory(error, "gaps");
    mt_code code = add_up(gaps_ns, count, times, error);
    if (code == MT_OK && (code = mt_grid_detect(times, count, &grid, error)) == MT_OK)
        code = grid.period_ns > 0 ? mt_grid_spread(&grid, seed, times, count, error)
                                  : mt_fail(error, MT_ERROR_VALUE,
                                            "the source's times lie on no grid (%zu looked at): "
                                            "there is nothing to dequantize",
                                            count);
    spread_ns[0] = 0;
    for (size_t i = 1; code == MT_OK && i < count; i++)
        spread_ns[i] = times[i] - times[i - 1];
    mt_free(times);
    return code;
}

mt_gaps *mt_gaps_new(mt_gaps_method method, const int64_t *gaps_ns, size_t count, uint64_t seed,
                     mt_error *error) {
    if (count == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "there must be at least one request to learn gaps from"));
    mt_gaps *gaps = mt_allocate_zero(1, sizeof *gaps);
    int64_t *times = mt_allocate(count, sizeof *times);
    if (!gaps || !times) {
        mt_fail_memory(error, "gaps");
        goto failed;
    }
    gaps->method = method;
    gaps->first = -1;
    mt_random_begin(&gaps->random, seed, "synthesize", "arrivals");
    if (add_up(gaps_ns, count, times, error))
        goto failed;
    if (method == MT_GAPS_SOURCE) {
        if (mt_gaps_source_start(&gaps->source, times, count, &gaps->random, error))
            goto failed;
        return gaps;
    }
    if (mt_gaps_iid_start(&gaps->iid, times, count, error))
        goto failed;
    mt_free(times);
    return gaps;
failed:
    mt_free(times);
    mt_gaps_free(gaps);
    return NULL;
}

mt_code mt_gaps_next(mt_gaps *gaps, int64_t *time_ns, mt_error *error) {
    int64_t time = gaps->method == MT_GAPS_IID ? mt_gaps_iid_next(&gaps->iid, &gaps->random)
                                               : mt_gaps_source_next(&gaps->source, &gaps->random);
    if (time < 0)
        return mt_fail(error, MT_ERROR_VALUE, "arrival times pass 292 years");
    if (gaps->first < 0)
        gaps->first = time;
    *time_ns = time == gaps->first ? 0 : time;
    return MT_OK;
}

void mt_gaps_free(mt_gaps *gaps) {
    if (!gaps)
        return;
    mt_free(gaps->iid.sizes);
    mt_free(gaps->iid.waits);
    mt_free(gaps->source.times);
    mt_free(gaps->source.runs.ends);
    mt_free(gaps);
}
