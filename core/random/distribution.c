/* Distributions as values: what every kind shares. */
#include "random/kind.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

mt_distribution *mt_distribution_new(const mt_distribution_kind *kind, mt_error *error) {
    mt_distribution *d = mt_new(sizeof *d, "distribution", error);
    if (!d)
        return NULL;
    d->kind = kind;
    d->references = 1;
    return d;
}

mt_distribution *mt_distribution_retain(mt_distribution *distribution) {
    distribution->references++;
    return distribution;
}

void mt_distribution_release(mt_distribution *distribution) {
    if (!distribution || --distribution->references > 0)
        return;
    distribution->kind->free_parts(distribution);
    mt_free(distribution);
}

int mt_distribution_varies(const mt_distribution *distribution) {
    return distribution->varies;
}

double mt_distribution_duration(const mt_distribution *d) {
    double duration = INFINITY;
    if (!d->varies)
        return duration;
    if (d->kind == &mt_affine_kind || d->kind == &mt_clamp_kind)
        return mt_distribution_duration(d->around.part);
    for (size_t i = 0; d->kind == &mt_mix_kind && i < d->mix.count; i++)
        duration = fmin(duration, mt_distribution_duration(d->mix.parts[i]));
    for (int i = 0; d->kind == &mt_law_kind && i < 2; i++) {
        const mt_parameter *parameter = &d->law.parameter[i];
        if (parameter->at && parameter->duration)
            duration = fmin(duration, parameter->duration(parameter->context));
    }
    return duration;
}

int mt_distribution_is_shape(const mt_distribution *distribution) {
    return distribution->is_shape;
}

double mt_distribution_draw(const mt_distribution *distribution, mt_random *random, double time) {
    return distribution->kind->draw(distribution, random, (mt_when){random->key.seed, time});
}

mt_split mt_distribution_split(const mt_distribution *d, mt_when when, double x, int inclusive) {
    if (isfinite(x))
        return d->kind->split(d, when, x, inclusive);
    double mean = d->kind->mean(d, when);
    return x > 0 ? mt_all_below(mean) : mt_all_above(mean);
}

double mt_distribution_probability_below(const mt_distribution *distribution, double x,
                                         uint64_t seed, double time) {
    return mt_distribution_split(distribution, (mt_when){seed, time}, x, 1).below;
}

double mt_distribution_mean(const mt_distribution *distribution, uint64_t seed, double time) {
    return distribution->kind->mean(distribution, (mt_when){seed, time});
}

/* E[X; low < X <= high], from the side that has less to subtract. */
static double mean_between(mt_split at_low, mt_split at_high) {
    if (fabs(at_high.mean_below) < fabs(at_low.mean_above))
        return at_high.mean_below - at_low.mean_below;
    return at_low.mean_above - at_high.mean_above;
}

double mt_distribution_clamped_mean(const mt_distribution *d, mt_when when, double low,
                                    double high) {
    mt_split at_low = mt_distribution_split(d, when, low, 1);
    mt_split at_high = mt_distribution_split(d, when, high, 1);
    double mean = mean_between(at_low, at_high);
    if (isfinite(low))
        mean += low * at_low.below;
    if (isfinite(high))
        mean += high * at_high.above;
    return mean;
}

double mt_distribution_lowest(const mt_distribution *distribution) {
    double low, high;
    distribution->kind->bounds(distribution, (mt_when){0, 0}, &low, &high);
    return low;
}

double mt_distribution_highest(const mt_distribution *distribution) {
    double low, high;
    distribution->kind->bounds(distribution, (mt_when){0, 0}, &low, &high);
    return high;
}

static double double_of_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The smallest x > 0 with E[X; 0 < X <= x] >= u E[X; X > 0]. Doubles above 0 are ordered as their
 * bits are, so halving the bits ends at the very number. */
static double biased_by_inversion(const mt_distribution *d, mt_random *random, mt_when when) {
    mt_split at_zero = mt_distribution_split(d, when, 0, 1);
    if (!(at_zero.mean_above > 0))
        return 0;
    double target = mt_random_positive(random) * at_zero.mean_above;
    uint64_t low = 0;                             /* of 0: too small */
    uint64_t high = UINT64_C(0x7fefffffffffffff); /* of the largest double: large enough */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        mt_split at_middle = mt_distribution_split(d, when, double_of_bits(middle), 1);
        if (mean_between(at_zero, at_middle) >= target)
            high = middle;
        else
            low = middle;
    }
    double lowest, highest;
    d->kind->bounds(d, when, &lowest, &highest);
    return fmin(double_of_bits(high), highest);
}

double mt_distribution_draw_length_biased(const mt_distribution *distribution, mt_random *random) {
    mt_when start = {random->key.seed, 0};
    double value = -1;
    if (distribution->kind->draw_biased)
        value = distribution->kind->draw_biased(distribution, random, start);
    return value >= 0 ? value : biased_by_inversion(distribution, random, start);
}
