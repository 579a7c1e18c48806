/* What a finished pass over a trace says: hit ratios, reuse times, sessions, hits over time. */
#include "base/interrupt.h"
#include "prefix/analysis/locality_state.h"

uint64_t mt_locality_tokens(const mt_locality *locality, const mt_locality_row *row,
                            uint32_t blocks) {
    uint64_t whole = blocks * locality->block_size;
    return blocks == row->blocks || whole > row->input_length ? row->input_length : whole;
}

/* Fills hits[0..run_count): of each run what begins to hit at its distance. */
static void hits_of_runs(const mt_locality *locality, mt_hit_rule rule, mt_hits *hits) {
    uint32_t request = UINT32_MAX, begin = 0;
    for (size_t i = 0; i < locality->run_count; i++) {
        const mt_locality_run *run = &locality->runs[i];
        const mt_locality_row *row = &locality->rows[run->request];
        begin = run->request == request ? begin : 0;
        request = run->request;
        uint32_t end = (uint32_t)mt_hits_by(rule, begin + run->blocks, row->blocks);
        hits[i] = (mt_hits){
            .size = run->distance,
            .share = (double)(end - begin) / (double)row->blocks,
            .blocks = end - begin,
            .tokens =
                mt_locality_tokens(locality, row, end) - mt_locality_tokens(locality, row, begin),
        };
        begin = end;
    }
}

/* Fills ramps[] with what begins to hit block by block, of each run that has such; how many. */
static size_t ramps_of_runs(const mt_locality *locality, mt_hit_rule rule, mt_hit_ramp *ramps) {
    uint32_t request = UINT32_MAX, before = 0;
    size_t count = 0;
    for (size_t i = 0; i < locality->run_count; i++) {
        const mt_locality_run *run = &locality->runs[i];
        const mt_locality_row *row = &locality->rows[run->request];
        before = run->request == request ? before : 0;
        request = run->request;
        uint32_t end = (uint32_t)mt_hits_by(rule, before + run->blocks, row->blocks);
        if (end > before)
            ramps[count++] = (mt_hit_ramp){
                .newer = mt_locality_newer(locality, run, before),
                .blocks = end - before,
                .share = 1.0 / (double)row->blocks,
                .tokens = locality->block_size,
                .last_tokens = mt_locality_tokens(locality, row, end) -
                               (end > 1 ? mt_locality_tokens(locality, row, end - 1) : 0),
            };
        before += run->blocks;
    }
    return count;
}

static mt_hit_curve *leaf_curve(const mt_locality *locality, mt_hit_rule rule, mt_error *error) {
    mt_hit_ramp *ramps = mt_allocate(locality->run_count, sizeof *ramps);
    if (!ramps)
        return mt_null(mt_fail_memory(error, "hit ratios"));
    size_t count = ramps_of_runs(locality, rule, ramps);
    mt_hit_curve *curve = mt_hit_curve_of_ramps(ramps, count, &locality->so_far.totals, error);
    mt_free(ramps);
    return curve;
}

mt_hit_curve *mt_locality_hit_curve(const mt_locality *locality, mt_touch_order order,
                                    mt_hit_rule rule, mt_error *error) {
    if (order == MT_TOUCH_LEAF)
        return leaf_curve(locality, rule, error);
    mt_hits *hits = mt_allocate(locality->run_count, sizeof *hits);
    if (!hits)
        return mt_null(mt_fail_memory(error, "hit ratios"));
    hits_of_runs(locality, rule, hits);
    mt_hit_curve *curve =
        mt_hit_curve_new(hits, locality->run_count, &locality->so_far.totals, error);
    mt_free(hits);
    return curve;
}

/* Whether it is known of all hits when their blocks were touched. */
static int has_reuse_times(const mt_locality *locality) {
    if (locality->so_far.backward > 0)
        return 0;
    for (size_t i = 0; i < locality->row_count; i++)
        if (locality->rows[i].blocks > 0 && locality->rows[i].time_ns == MT_NO_TIME)
            return 0;
    return 1;
}

static size_t reuse_times(const mt_locality *locality, mt_weighted *values) {
    if (!has_reuse_times(locality))
        return 0;
    for (size_t i = 0; i < locality->run_count; i++) {
        const mt_locality_run *run = &locality->runs[i];
        int64_t after = locality->rows[run->request].time_ns - locality->rows[run->owner].time_ns;
        values[i] = (mt_weighted){(double)after / 1e9, run->blocks};
    }
    return locality->run_count;
}

static size_t think_times(const mt_locality *locality, mt_weighted *values) {
    size_t count = 0;
    for (size_t i = 0; i < locality->row_count; i++)
        if (locality->rows[i].think_ns != MT_NO_TIME)
            values[count++] = (mt_weighted){(double)locality->rows[i].think_ns / 1e9, 1};
    return count;
}

static size_t turns(const mt_locality *locality, mt_weighted *values) {
    for (size_t i = 0; i < locality->sessions.count; i++)
        values[i] = (mt_weighted){locality->sessions.list[i].turns, 1};
    return locality->sessions.count;
}

static void count_up(const mt_locality *locality, mt_locality_result *result) {
    *result = locality->so_far;
    result->distinct_blocks = mt_prefix_tree_count(locality->tree);
    result->sessions = locality->sessions.count;
    for (size_t i = 0; i < locality->sessions.count; i++)
        result->single += locality->sessions.list[i].turns == 1;
}

mt_code mt_locality_finish(const mt_locality *locality, mt_locality_result *result,
                           mt_error *error) {
    /* Sessions are no more than requests. */
    size_t most =
        locality->run_count > locality->row_count ? locality->run_count : locality->row_count;
    mt_weighted *values = mt_allocate(most, sizeof *values);
    if (!values)
        return mt_fail_memory(error, "cache analysis");
    count_up(locality, result);
    mt_quantiles_of(values, reuse_times(locality, values), &result->reuse_time);
    mt_quantiles_of(values, turns(locality, values), &result->turns);
    mt_quantiles_of(values, think_times(locality, values), &result->think_time);
    mt_free(values);
    return mt_poll_interrupt(error);
}

/* Stretches of time, [from_ns + i * width_ns, from_ns + (i + 1) * width_ns). */
typedef struct stretches {
    int64_t from_ns, width_ns;
    size_t count;
} stretches;

/* The stretch that the request is in; their number when it is in none. */
static size_t stretch_of(const stretches *all, const mt_locality_row *row) {
    if (row->time_ns == MT_NO_TIME || row->time_ns < all->from_ns)
        return all->count;
    uint64_t at = ((uint64_t)row->time_ns - (uint64_t)all->from_ns) / (uint64_t)all->width_ns;
    return at < all->count ? (size_t)at : all->count;
}

/* What a stretch touched is new to it unless it was in the same stretch that it was touched last. */
static void count_distinct(const mt_locality *locality, const stretches *all, mt_hit_bin *bins) {
    for (size_t i = 0; i < all->count; i++)
        bins[i].distinct_blocks = bins[i].blocks;
    for (size_t i = 0; i < locality->run_count; i++) {
        const mt_locality_run *run = &locality->runs[i];
        size_t at = stretch_of(all, &locality->rows[run->request]);
        if (at < all->count && stretch_of(all, &locality->rows[run->owner]) == at)
            bins[at].distinct_blocks -= run->blocks;
    }
}

void mt_locality_over_time(const mt_locality *locality, const uint32_t *hits, mt_hit_rule rule,
                           int64_t from_ns, int64_t width_ns, mt_hit_bin *bins, size_t count) {
    stretches all = {from_ns, width_ns, count};
    for (size_t i = 0; i < count; i++)
        bins[i] = (mt_hit_bin){0};
    for (size_t i = 0; i < locality->row_count; i++) {
        const mt_locality_row *row = &locality->rows[i];
        size_t bin = stretch_of(&all, row);
        if (bin == count)
            continue;
        bins[bin].requests++;
        bins[bin].blocks += row->blocks;
        bins[bin].hits += mt_hits_by(rule, hits ? hits[i] : row->known, row->blocks);
    }
    if (locality->so_far.backward == 0)
        count_distinct(locality, &all, bins);
}

size_t mt_locality_times(const mt_locality *locality, int64_t *times_ns) {
    for (size_t i = 0; times_ns && i < locality->row_count; i++)
        if (locality->rows[i].time_ns != MT_NO_TIME)
            *times_ns++ = locality->rows[i].time_ns;
    return locality->so_far.timed;
}
