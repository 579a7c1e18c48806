#include "prefix/cache/hit_curve.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/sort.h"

#include <string.h>

/* steps[i] is what hits in a cache of steps[i].size blocks, and of any size below steps[i + 1].size: the sum
 * of all hits that need no more. Of ramps slopes[i] is what each further block of cache adds from there to
 * the next step; without them slopes is NULL. */
struct mt_hit_curve {
    mt_hit_totals totals;
    mt_hits *steps, *slopes;
    size_t count;
};

static void add(mt_hits *to, const mt_hits *what) {
    to->share += what->share;
    to->blocks += what->blocks;
    to->tokens += what->tokens;
}

/* How many sizes there are in sorted things of `width` bytes, which begin with theirs. */
static size_t count_sizes(const void *sorted, size_t count, size_t width) {
    size_t different = 0;
    uint64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t size;
        memcpy(&size, (const char *)sorted + i * width, sizeof size);
        different += i == 0 || size != before;
        before = size;
    }
    return different;
}

static mt_hit_curve *new_curve(size_t steps, int has_slopes, const mt_hit_totals *totals,
                               mt_error *error) {
    mt_hit_curve *curve = mt_new(sizeof *curve, "hit ratios", error);
    if (!curve)
        return NULL;
    curve->steps = mt_allocate(steps, sizeof *curve->steps);
    if (has_slopes)
        curve->slopes = mt_allocate(steps, sizeof *curve->slopes);
    if (!curve->steps || (has_slopes && !curve->slopes)) {
        mt_hit_curve_free(curve);
        return mt_null(mt_fail_memory(error, "hit ratios"));
    }
    curve->totals = *totals;
    return curve;
}

mt_hit_curve *mt_hit_curve_new(mt_hits *hits, size_t count, const mt_hit_totals *totals,
                               mt_error *error) {
    if (mt_sort_by_number(hits, count, sizeof *hits, error) != MT_OK)
        return NULL;
    size_t different = count_sizes(hits, count, sizeof *hits);
    mt_hit_curve *curve = new_curve(different, 0, totals, error);
    if (!curve)
        return NULL;
    mt_hits sum = {0};
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || hits[i].size != hits[i - 1].size)
            curve->count++;
        sum.size = hits[i].size;
        add(&sum, &hits[i]);
        curve->steps[curve->count - 1] = sum;
    }
    mt_assert(curve->count == different && sum.blocks <= totals->blocks);
    return curve;
}

/* What a bend of the curve is: by how much the slope changes there, and what comes at once. Numbers that go
 * down are those of the whole ones that wrap round. */
typedef struct bend {
    uint64_t size;
    mt_hits slope, jump;
} bend;

/* A ramp's: it begins, and it ends, where its last block may have other tokens than the rest. */
static void bend_at(const mt_hit_ramp *ramp, bend bends[2]) {
    uint64_t end = ramp->newer + ramp->blocks;
    bends[0] = (bend){.size = ramp->newer, .slope = {0, ramp->share, 1, ramp->tokens}};
    bends[1] = (bend){.size = end,
                      .slope = {0, -ramp->share, (uint64_t)-1, 0 - ramp->tokens},
                      .jump = {0, 0, 0, ramp->last_tokens - ramp->tokens}};
}

static void grow(mt_hits *sum, const mt_hits *slope, uint64_t by) {
    sum->share += slope->share * (double)by;
    sum->blocks += slope->blocks * by;
    sum->tokens += slope->tokens * by;
}

/* The curve of bends, sorted by size. */
static mt_hit_curve *curve_of(const bend *bends, size_t count, const mt_hit_totals *totals,
                              mt_error *error) {
    size_t different = count_sizes(bends, count, sizeof *bends);
    mt_hit_curve *curve = new_curve(different, 1, totals, error);
    if (!curve)
        return NULL;
    mt_hits sum = {0}, slope = {0};
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || bends[i].size != bends[i - 1].size) {
            grow(&sum, &slope, bends[i].size - sum.size);
            curve->count++;
        }
        sum.size = bends[i].size;
        add(&sum, &bends[i].jump);
        add(&slope, &bends[i].slope);
        if (slope.blocks == 0) /* no rest of the sums of shares */
            slope.share = 0;
        curve->steps[curve->count - 1] = sum;
        curve->slopes[curve->count - 1] = slope;
    }
    mt_assert(curve->count == different && slope.blocks == 0 && sum.blocks <= totals->blocks);
    return curve;
}

mt_hit_curve *mt_hit_curve_of_ramps(const mt_hit_ramp *ramps, size_t count,
                                    const mt_hit_totals *totals, mt_error *error) {
    bend *bends = mt_allocate(2 * count, sizeof *bends);
    if (!bends)
        return mt_null(mt_fail_memory(error, "hit ratios"));
    for (size_t i = 0; i < count; i++)
        bend_at(&ramps[i], bends + 2 * i);
    mt_hit_curve *curve = NULL;
    if (mt_sort_by_number(bends, 2 * count, sizeof *bends, error) == MT_OK)
        curve = curve_of(bends, 2 * count, totals, error);
    mt_free(bends);
    return curve;
}

void mt_hit_curve_free(mt_hit_curve *curve) {
    if (!curve)
        return;
    mt_free(curve->steps);
    mt_free(curve->slopes);
    mt_free(curve);
}

/* What hits in a cache of that size. */
static mt_hits hits_at(const mt_hit_curve *curve, uint64_t size) {
    size_t low = 0, high = curve->count; /* steps[0..low) are small enough, steps[high..) are not */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (curve->steps[middle].size <= size)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return (mt_hits){0};
    mt_hits sum = curve->steps[low - 1];
    if (curve->slopes && low < curve->count) /* behind the last nothing grows */
        grow(&sum, &curve->slopes[low - 1], size - sum.size);
    return sum;
}

mt_hit_ratio mt_hit_curve_at(const mt_hit_curve *curve, uint64_t size) {
    mt_hits hits = hits_at(curve, size);
    return (mt_hit_ratio){.request = mt_ratio_of(hits.share, curve->totals.requests),
                          .block = mt_ratio_of((double)hits.blocks, curve->totals.blocks),
                          .token = mt_ratio_of((double)hits.tokens, curve->totals.tokens)};
}

uint64_t mt_hit_curve_size(const mt_hit_curve *curve, double share) {
    double wanted = share * (double)hits_at(curve, MT_INFINITE_CACHE).blocks;
    if (!(wanted > 0))
        return 0;
    uint64_t low = 0, high = curve->steps[curve->count - 1].size; /* too small; large enough */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if ((double)hits_at(curve, middle).blocks >= wanted)
            high = middle;
        else
            low = middle;
    }
    return high;
}
