/* Makers of the combined distributions. */
#include "random/kind.h"

#include "base/memory.h"
#include "base/sort.h"

#include <math.h>
#include <stdlib.h>

/* Sorts values together with their weights. */
static int sort_weighted(double *values, double *weights, size_t count) {
    struct {
        double value, weight;
    } *pairs = mt_allocate(count, sizeof *pairs);
    if (!pairs)
        return -1;
    for (size_t i = 0; i < count; i++) {
        pairs[i].value = values[i];
        pairs[i].weight = weights[i];
    }
    qsort(pairs, count, sizeof *pairs, mt_by_double);
    for (size_t i = 0; i < count; i++) {
        values[i] = pairs[i].value;
        weights[i] = pairs[i].weight;
    }
    mt_free(pairs);
    return 0;
}

/* `below` holds the weights and becomes their running share; long doubles: the sums of billions of
 * values keep a double's precision. */
static void accumulate(mt_distribution *d) {
    size_t count = d->empirical.count;
    long double total = 0;
    for (size_t i = 0; i < count; i++)
        total += d->empirical.below[i];
    long double below = 0;
    long double mean_below = 0;
    for (size_t i = 0; i < count; i++) {
        long double weight = d->empirical.below[i];
        below += weight;
        mean_below += weight * d->empirical.values[i];
        d->empirical.below[i] = (double)(below / total);
        d->empirical.mean_below[i] = (double)(mean_below / total);
    }
}

static mt_code fill_empirical(mt_distribution *d, const double *values, const double *weights,
                              size_t count, mt_error *error) {
    d->empirical.values = mt_allocate(count, sizeof(double));
    d->empirical.below = mt_allocate(count, sizeof(double));
    d->empirical.mean_below = mt_allocate(count, sizeof(double));
    if (!d->empirical.values || !d->empirical.below || !d->empirical.mean_below)
        return mt_fail_memory(error, "empirical distribution");
    d->empirical.count = count;
    for (size_t i = 0; i < count; i++) {
        d->empirical.values[i] = values[i];
        d->empirical.below[i] = weights ? weights[i] : 1;
    }
    if (!weights) {
        mt_sort(d->empirical.values, count);
    } else {
        if (sort_weighted(d->empirical.values, d->empirical.below, count))
            return mt_fail_memory(error, "empirical distribution");
        d->empirical.alias = mt_alias_new(d->empirical.below, count, error);
        if (!d->empirical.alias)
            return mt_code_of(error);
    }
    accumulate(d);
    return MT_OK;
}

/* What was filled with that code: it, or nothing. */
static mt_distribution *filled(mt_distribution *d, mt_code code) {
    if (code == MT_OK)
        return d;
    mt_distribution_release(d);
    return NULL;
}

mt_distribution *mt_distribution_empirical(const double *values, const double *weights,
                                           size_t count, mt_error *error) {
    if (count == 0)
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE, "empirical: there must be at least one value"));
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return mt_null(mt_fail(error, MT_ERROR_VALUE,
                                   "empirical: value %zu must be finite (it is %g)", i + 1,
                                   values[i]));
    mt_distribution *d = mt_distribution_new(&mt_empirical_kind, error);
    return d ? filled(d, fill_empirical(d, values, weights, count, error)) : NULL;
}

enum { DEPTH_LIMIT = 500 };

/* Puts d around part. */
static mt_code enclose(mt_distribution *d, const mt_distribution *part, mt_error *error) {
    if (part->depth + 1 > DEPTH_LIMIT)
        return mt_fail(error, MT_ERROR_VALUE,
                       "at most %d distributions may stand one inside another", DEPTH_LIMIT);
    if (d->depth < part->depth + 1)
        d->depth = part->depth + 1;
    d->varies |= part->varies;
    d->is_shape |= part->is_shape;
    return MT_OK;
}

static mt_code fill_mix(mt_distribution *d, mt_distribution *const *parts, const double *weights,
                        size_t count, mt_error *error) {
    d->mix.alias = mt_alias_new(weights, count, error);
    if (!d->mix.alias)
        return mt_code_of(error);
    d->mix.weights = mt_allocate(count, sizeof(double));
    d->mix.parts = mt_allocate(count, sizeof(mt_distribution *));
    if (!d->mix.weights || !d->mix.parts)
        return mt_fail_memory(error, "mix");
    for (size_t i = 0; i < count; i++) {
        mt_code code = enclose(d, parts[i], error);
        if (code != MT_OK)
            return code;
        d->mix.weights[i] = weights[i];
        d->mix.total += weights[i];
        d->mix.parts[i] = mt_distribution_retain(parts[i]);
        d->mix.count = i + 1;
    }
    return MT_OK;
}

mt_distribution *mt_distribution_mix(mt_distribution *const *parts, const double *weights,
                                     size_t count, mt_error *error) {
    mt_distribution *d = mt_distribution_new(&mt_mix_kind, error);
    return d ? filled(d, fill_mix(d, parts, weights, count, error)) : NULL;
}

/* A distribution of that kind around one part. */
static mt_distribution *around(const mt_distribution_kind *kind, mt_distribution *part,
                               mt_error *error) {
    mt_distribution *d = mt_distribution_new(kind, error);
    if (!d)
        return NULL;
    d->around.part = mt_distribution_retain(part);
    return filled(d, enclose(d, part, error));
}

mt_distribution *mt_distribution_affine(mt_distribution *part, double factor, double offset,
                                        mt_error *error) {
    if (!isfinite(factor) || !isfinite(offset) || factor == 0)
        return mt_null(mt_fail(
            error, MT_ERROR_VALUE,
            "a distribution times %.15g plus %.15g: both must be finite and the factor not 0",
            factor, offset));
    if (part->kind == &mt_affine_kind) { /* one step instead of two */
        offset += part->around.offset * factor;
        factor *= part->around.factor;
        part = part->around.part;
    }
    mt_distribution *d = around(&mt_affine_kind, part, error);
    if (d) {
        d->around.factor = factor;
        d->around.offset = offset;
    }
    return d;
}

mt_distribution *mt_distribution_clamp(mt_distribution *part, double low, double high,
                                       mt_error *error) {
    if (!(low <= high) || low == INFINITY || high == -INFINITY)
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE,
                    "clamp: the lower bound must not be above the upper (they are %.15g and %.15g)",
                    low, high));
    mt_distribution *d = around(&mt_clamp_kind, part, error);
    if (d) {
        d->around.low = low;
        d->around.high = high;
    }
    return d;
}
