#include "stats/series.h"

#include "base/memory.h"
#include "base/sort.h"
#include "stats/summary.h"

#include <math.h>

/* The bin of a value, `bins` for one in none. */
static size_t bin_of(double x, double from, double to, size_t bins) {
    if (!(x >= from && x <= to))
        return bins;
    double place = to > from ? (x - from) / (to - from) * (double)bins : 0;
    return place < (double)bins ? (size_t)place : bins - 1;
}

/* ---- thinning ---- */

/* What is kept of the bucket under way: indices. */
typedef struct bucket {
    size_t first, lowest, highest, last;
    int is_used;
} bucket;

static void take(bucket *self, const double *y, size_t i) {
    if (!self->is_used) {
        *self = (bucket){i, i, i, i, 1};
        return;
    }
    if (y[i] < y[self->lowest])
        self->lowest = i;
    if (y[i] > y[self->highest])
        self->highest = i;
    self->last = i;
}

/* Appends the bucket's points in their order, each once. */
static size_t empty_into(bucket *self, size_t *kept, size_t count) {
    if (!self->is_used)
        return count;
    size_t low = self->lowest < self->highest ? self->lowest : self->highest;
    size_t high = self->lowest < self->highest ? self->highest : self->lowest;
    size_t wanted[MT_THIN_KEPT] = {self->first, low, high, self->last};
    for (size_t i = 0; i < MT_THIN_KEPT; i++)
        if (i == 0 || wanted[i] != wanted[i - 1])
            kept[count++] = wanted[i];
    self->is_used = 0;
    return count;
}

size_t mt_series_thin(const double *x, const double *y, size_t count, size_t buckets,
                      size_t *kept) {
    size_t total = 0, at = 0;
    if (count <= MT_THIN_KEPT * buckets) {
        for (size_t i = 0; i < count; i++)
            if (!isnan(x[i]) && !isnan(y[i]))
                kept[total++] = i;
        return total;
    }
    bucket now = {0};
    for (size_t i = 0; i < count; i++) {
        size_t place = bin_of(x[i], x[0], x[count - 1], buckets);
        if (place == buckets || isnan(y[i]))
            continue;
        if (place != at)
            total = empty_into(&now, kept, total);
        at = place;
        take(&now, y, i);
    }
    return empty_into(&now, kept, total);
}

/* ---- bins ---- */

void mt_series_sums(const double *x, const double *weights, size_t count, double from, double to,
                    double *sums, size_t bins) {
    for (size_t i = 0; i < count; i++) {
        size_t bin = bin_of(x[i], from, to, bins);
        if (bin < bins && !(weights && isnan(weights[i])))
            sums[bin] += weights ? weights[i] : 1;
    }
}

/* Sorts the values into their bins: ends[bin] is where those of a bin end. */
static void deal(const double *x, const double *y, size_t count, double from, double to,
                 size_t bins, size_t *ends, double *dealt) {
    for (size_t i = 0; i < bins; i++)
        ends[i] = 0;
    for (size_t i = 0; i < count; i++) {
        size_t bin = bin_of(x[i], from, to, bins);
        if (bin < bins && !isnan(y[i]))
            ends[bin]++;
    }
    size_t total = 0;
    for (size_t i = 0; i < bins; i++) {
        size_t here = ends[i];
        ends[i] = total;
        total += here;
    }
    for (size_t i = 0; i < count; i++) {
        size_t bin = bin_of(x[i], from, to, bins);
        if (bin < bins && !isnan(y[i]))
            dealt[ends[bin]++] = y[i];
    }
}

mt_code mt_series_quantiles(const double *x, const double *y, size_t count, double from, double to,
                            size_t bins, const double *percentiles, size_t wanted,
                            double *quantiles, mt_error *error) {
    size_t *ends = mt_allocate(bins, sizeof *ends);
    double *dealt = mt_allocate(count, sizeof *dealt);
    if (!ends || !dealt) {
        mt_free(ends);
        mt_free(dealt);
        return mt_fail_memory(error, "a series");
    }
    deal(x, y, count, from, to, bins, ends, dealt);
    size_t begin = 0;
    for (size_t bin = 0; bin < bins; bin++) {
        mt_sort(dealt + begin, ends[bin] - begin);
        for (size_t i = 0; i < wanted; i++)
            quantiles[bin * wanted + i] =
                mt_percentile(dealt + begin, ends[bin] - begin, percentiles[i]);
        begin = ends[bin];
    }
    mt_free(ends);
    mt_free(dealt);
    return MT_OK;
}

/* ---- distributions ---- */

typedef struct cdf {
    const double *sorted;
    size_t count, last, total; /* last: the rank that was taken last, `count` at first */
    double *x, *share;
} cdf;

static void take_rank(cdf *self, size_t rank) {
    if (rank >= self->count || (self->total > 0 && rank <= self->last))
        return;
    self->x[self->total] = self->sorted[rank];
    self->share[self->total++] = (double)(rank + 1) / (double)self->count;
    self->last = rank;
}

size_t mt_series_cdf(const double *sorted, size_t count, size_t points, double *x, double *share) {
    cdf self = {sorted, count, count, 0, x, share};
    if (count == 0)
        return 0;
    size_t step = count / points + 1, tail = 1;
    take_rank(&self, 0);
    for (; tail < step; tail *= 2)
        take_rank(&self, tail);
    for (size_t rank = step; rank + step < count; rank += step)
        take_rank(&self, rank);
    for (; tail > 0; tail /= 2)
        if (tail < count)
            take_rank(&self, count - 1 - tail);
    take_rank(&self, count - 1);
    return self.total;
}

size_t mt_series_levels(double *begins, double *ends, size_t count, double *x, double *levels) {
    mt_sort(begins, count);
    mt_sort(ends, count);
    size_t begun = 0, ended = 0, total = 0;
    while (begun < count || ended < count) {
        double now = ended >= count || (begun < count && begins[begun] <= ends[ended])
                         ? begins[begun]
                         : ends[ended];
        while (begun < count && begins[begun] <= now)
            begun++;
        while (ended < count && ends[ended] <= now)
            ended++;
        x[total] = now;
        levels[total++] = (double)begun - (double)ended;
    }
    return total;
}
