/* The mean of a length: a draw rounded to a whole number and moved into a range.
 *
 * Affine and clamped distributions are undone first: rounding keeps order, so that
 * round(clamp(y, a, b)) = clamp(round(y), round(a), round(b)), and what is left is a law times a
 * factor plus an offset, cut to whole bounds. */
#include "random/kind.h"

#include <math.h>

/* y = x * factor + offset, then moved into [low, high] after rounding. */
typedef struct transform {
    double factor, offset;
    double low, high;
} transform;

static double rounded(double x) {
    return floor(x + 0.5);
}

static double moved(double x, double low, double high) {
    return x < low ? low : x > high ? high : x;
}

static double apply(const transform *t, double x) {
    return moved(rounded(x * t->factor + t->offset), t->low, t->high);
}

/* P(Y >= k - 1/2) and its neighbours: the transformed law cut at y, y itself above. */
static mt_split cut(const mt_distribution *d, const transform *t, mt_when when, double y) {
    return mt_affine_split(d, t->factor, t->offset, when, y, 0);
}

/* E[max(Y - y, 0)] */
static double mean_beyond(const mt_distribution *d, const transform *t, mt_when when, double y) {
    if (isinf(y))
        return 0;
    mt_split split = cut(d, t, when, y);
    return split.mean_above - y * split.above;
}

/* The largest whole number that Y hardly ever rounds below, at least low. */
static double first_whole(const mt_distribution *d, const transform *t, mt_when when) {
    const double never = 1e-18;
    double low = fmax(t->low, -0x1p53);
    double high = fmin(t->high, 0x1p53);
    if (cut(d, t, when, low + 0.5).below > never)
        return low;
    while (high - low > 1) {
        double middle = floor(low + (high - low) / 2);
        if (cut(d, t, when, middle + 0.5).below > never)
            high = middle;
        else
            low = middle;
    }
    return cut(d, t, when, high - 0.5).below > never ? low : high;
}

/* start + the sum of P(Y >= k - 1/2) for whole k up to high: the first ones one by one, for there
 * the law may have corners; beyond, by the area under them (midpoint rule). */
static double sum_of_law(const mt_distribution *d, const transform *t, mt_when when) {
    /* A law of whole numbers times a fraction has a corner at each of them: a longer way. */
    double longest = d->law.law->whole ? 0x1p17 : 0x1p12;
    double start = first_whole(d, t, when);
    double end = fmin(t->high, start + longest);
    double sum = 0;
    double k = start;
    while (k < end) {
        double above = cut(d, t, when, ++k - 0.5).above;
        sum += above;
        if (above == 0)
            return start + sum;
    }
    return start + sum + mean_beyond(d, t, when, k) - mean_beyond(d, t, when, t->high);
}

static double mean_of_law(const mt_distribution *d, const transform *t, mt_when when) {
    double lowest, highest;
    d->kind->bounds(d, when, &lowest, &highest);
    if (lowest == highest)
        return apply(t, lowest);
    int stays_whole = d->law.law->whole && t->factor == floor(t->factor);
    if (!stays_whole)
        return sum_of_law(d, t, when);
    double offset = rounded(t->offset);
    double a = (t->low - offset) / t->factor;
    double b = (t->high - offset) / t->factor;
    return mt_distribution_clamped_mean(d, when, fmin(a, b), fmax(a, b)) * t->factor + offset;
}

static double mean_of_values(const mt_distribution *d, const transform *t) {
    double sum = 0;
    double before = 0;
    for (size_t i = 0; i < d->empirical.count; i++) {
        sum += (d->empirical.below[i] - before) * apply(t, d->empirical.values[i]);
        before = d->empirical.below[i];
    }
    return sum;
}

static double mean_of(const mt_distribution *d, const transform *t, mt_when when) {
    transform inner = *t;
    if (d->kind == &mt_affine_kind) {
        inner.offset += d->around.offset * t->factor;
        inner.factor *= d->around.factor;
        return mean_of(d->around.part, &inner, when);
    }
    if (d->kind == &mt_clamp_kind) {
        double a = d->around.low * t->factor + t->offset;
        double b = d->around.high * t->factor + t->offset;
        inner.low = moved(rounded(fmin(a, b)), t->low, t->high);
        inner.high = moved(rounded(fmax(a, b)), t->low, t->high);
        return inner.low == inner.high ? inner.low : mean_of(d->around.part, &inner, when);
    }
    if (d->kind == &mt_mix_kind) {
        double sum = 0;
        for (size_t i = 0; i < d->mix.count; i++)
            sum += d->mix.weights[i] / d->mix.total * mean_of(d->mix.parts[i], t, when);
        return sum;
    }
    return d->kind == &mt_empirical_kind ? mean_of_values(d, t) : mean_of_law(d, t, when);
}

double mt_distribution_mean_rounded(const mt_distribution *distribution, uint64_t seed, double time,
                                    double low, double high) {
    mt_when when = {seed, time};
    transform whole = {1, 0, low, high};
    return mean_of(distribution, &whole, when);
}
