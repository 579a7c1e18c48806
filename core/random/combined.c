/* The kinds that are made of others, or of a list of values. */
#include "random/kind.h"

#include "base/memory.h"

#include <math.h>

/* ---- empirical: a list of values ---- */

static double empirical_draw(const mt_distribution *d, mt_random *random, mt_when when) {
    (void)when;
    size_t index = d->empirical.alias ? mt_alias_draw(d->empirical.alias, random)
                                      : mt_random_below(random, d->empirical.count);
    return d->empirical.values[index];
}

static double empirical_mean(const mt_distribution *d, mt_when when) {
    (void)when;
    return d->empirical.mean_below[d->empirical.count - 1];
}

static mt_split empirical_split(const mt_distribution *d, mt_when when, double x, int inclusive) {
    const double *values = d->empirical.values;
    size_t low = 0; /* values before it are below, values from `high` on are above */
    size_t high = d->empirical.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (values[middle] < x || (inclusive && values[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    double mean = empirical_mean(d, when);
    double below = low ? d->empirical.below[low - 1] : 0;
    double mean_below = low ? d->empirical.mean_below[low - 1] : 0;
    mt_split split = {below, 1 - below, mean_below, mean - mean_below};
    return split;
}

static void empirical_bounds(const mt_distribution *d, mt_when when, double *low, double *high) {
    (void)when;
    *low = d->empirical.values[0];
    *high = d->empirical.values[d->empirical.count - 1];
}

static void empirical_text(const mt_distribution *d, mt_law_writer *writer) {
    enum { SHOWN = 5 };
    mt_law_write(writer, "empirical{");
    for (size_t i = 0; i < d->empirical.count && i < SHOWN; i++) {
        mt_law_write(writer, i ? ", " : "");
        mt_law_write_number(writer, d->empirical.values[i]);
    }
    if (d->empirical.count > SHOWN)
        mt_law_write(writer, ", ... (%zu values)", d->empirical.count);
    mt_law_write(writer, "}");
}

static void empirical_free(mt_distribution *d) {
    mt_free(d->empirical.values);
    mt_free(d->empirical.below);
    mt_free(d->empirical.mean_below);
    mt_alias_free(d->empirical.alias);
}

const mt_distribution_kind mt_empirical_kind = {
    empirical_draw,   NULL,           empirical_split, empirical_mean,
    empirical_bounds, empirical_text, empirical_free};

/* ---- mix: one of several, by weight ---- */

static double share(const mt_distribution *d, size_t i) {
    return d->mix.weights[i] / d->mix.total;
}

static double mix_draw(const mt_distribution *d, mt_random *random, mt_when when) {
    size_t part = mt_alias_draw(d->mix.alias, random);
    return mt_distribution_draw(d->mix.parts[part], random, when.time);
}

static double mix_mean(const mt_distribution *d, mt_when when) {
    double mean = 0;
    for (size_t i = 0; i < d->mix.count; i++)
        mean += share(d, i) * mt_distribution_mean(d->mix.parts[i], when.seed, when.time);
    return mean;
}

/* A part by weight * its mean above 0, then that part's length-biased law. */
static double mix_draw_biased(const mt_distribution *d, mt_random *random, mt_when when) {
    double total = 0;
    for (size_t i = 0; i < d->mix.count; i++)
        total += share(d, i) * mt_distribution_split(d->mix.parts[i], when, 0, 1).mean_above;
    double rest = mt_random_uniform(random) * total;
    size_t drawn = 0;
    for (size_t i = 0; i < d->mix.count; i++) {
        double weight = share(d, i) * mt_distribution_split(d->mix.parts[i], when, 0, 1).mean_above;
        if (weight > 0)
            drawn = i;
        if (weight > 0 && rest < weight)
            break;
        rest -= weight;
    }
    return mt_distribution_draw_length_biased(d->mix.parts[drawn], random);
}

static mt_split mix_split(const mt_distribution *d, mt_when when, double x, int inclusive) {
    mt_split sum = {0, 0, 0, 0};
    for (size_t i = 0; i < d->mix.count; i++) {
        mt_split part = mt_distribution_split(d->mix.parts[i], when, x, inclusive);
        sum.below += share(d, i) * part.below;
        sum.above += share(d, i) * part.above;
        sum.mean_below += share(d, i) * part.mean_below;
        sum.mean_above += share(d, i) * part.mean_above;
    }
    return sum;
}

static void mix_bounds(const mt_distribution *d, mt_when when, double *low, double *high) {
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < d->mix.count; i++) {
        double part_low, part_high;
        if (d->mix.weights[i] == 0)
            continue;
        const mt_distribution *part = d->mix.parts[i];
        part->kind->bounds(part, when, &part_low, &part_high);
        *low = fmin(*low, part_low);
        *high = fmax(*high, part_high);
    }
}

static void mix_text(const mt_distribution *d, mt_law_writer *writer) {
    mt_law_write(writer, "mix{");
    for (size_t i = 0; i < d->mix.count; i++) {
        mt_law_write(writer, i ? ", {" : " {");
        mt_law_write_number(writer, d->mix.weights[i]);
        mt_law_write(writer, ", ");
        d->mix.parts[i]->kind->text(d->mix.parts[i], writer);
        mt_law_write(writer, "}");
    }
    mt_law_write(writer, " }");
}

static void mix_free(mt_distribution *d) {
    for (size_t i = 0; d->mix.parts && i < d->mix.count; i++)
        mt_distribution_release(d->mix.parts[i]);
    mt_free(d->mix.parts);
    mt_free(d->mix.weights);
    mt_alias_free(d->mix.alias);
}

const mt_distribution_kind mt_mix_kind = {mix_draw,   mix_draw_biased, mix_split, mix_mean,
                                          mix_bounds, mix_text,        mix_free};

/* ---- affine: part * factor + offset ---- */

static double affine_draw(const mt_distribution *d, mt_random *random, mt_when when) {
    return mt_distribution_draw(d->around.part, random, when.time) * d->around.factor +
           d->around.offset;
}

static double affine_draw_biased(const mt_distribution *d, mt_random *random, mt_when when) {
    (void)when;
    if (d->around.factor > 0 && d->around.offset == 0)
        return mt_distribution_draw_length_biased(d->around.part, random) * d->around.factor;
    return -1;
}

static double affine_mean(const mt_distribution *d, mt_when when) {
    return mt_distribution_mean(d->around.part, when.seed, when.time) * d->around.factor +
           d->around.offset;
}

mt_split mt_affine_split(const mt_distribution *part, double factor, double offset, mt_when when,
                         double x, int inclusive) {
    double y = (x - offset) / factor;
    mt_split split = mt_distribution_split(part, when, y, factor > 0 ? inclusive : !inclusive);
    if (factor < 0)
        split = (mt_split){split.above, split.below, split.mean_above, split.mean_below};
    split.mean_below = split.mean_below * factor + split.below * offset;
    split.mean_above = split.mean_above * factor + split.above * offset;
    return split;
}

static mt_split affine_split(const mt_distribution *d, mt_when when, double x, int inclusive) {
    return mt_affine_split(d->around.part, d->around.factor, d->around.offset, when, x, inclusive);
}

static void affine_bounds(const mt_distribution *d, mt_when when, double *low, double *high) {
    const mt_distribution *part = d->around.part;
    double part_low, part_high;
    part->kind->bounds(part, when, &part_low, &part_high);
    double a = part_low * d->around.factor + d->around.offset;
    double b = part_high * d->around.factor + d->around.offset;
    *low = fmin(a, b);
    *high = fmax(a, b);
}

static void affine_text(const mt_distribution *d, mt_law_writer *writer) {
    double factor = d->around.factor;
    double offset = d->around.offset;
    if (factor < 0 && offset != 0) {
        mt_law_write_number(writer, offset);
        mt_law_write(writer, " - ");
    } else if (factor < 0) {
        mt_law_write(writer, "-");
    }
    d->around.part->kind->text(d->around.part, writer);
    if (fabs(factor) != 1) {
        mt_law_write(writer, " * ");
        mt_law_write_number(writer, fabs(factor));
    }
    if (factor > 0 && offset != 0) {
        mt_law_write(writer, offset < 0 ? " - " : " + ");
        mt_law_write_number(writer, fabs(offset));
    }
}

static void around_free(mt_distribution *d) {
    mt_distribution_release(d->around.part);
}

const mt_distribution_kind mt_affine_kind = {affine_draw, affine_draw_biased, affine_split,
                                             affine_mean, affine_bounds,      affine_text,
                                             around_free};

/* ---- clamp: part's draws moved into [low, high] ---- */

static double clamp_draw(const mt_distribution *d, mt_random *random, mt_when when) {
    double value = mt_distribution_draw(d->around.part, random, when.time);
    return value < d->around.low ? d->around.low : value > d->around.high ? d->around.high : value;
}

static double clamp_mean(const mt_distribution *d, mt_when when) {
    return mt_distribution_clamped_mean(d->around.part, when, d->around.low, d->around.high);
}

static mt_split clamp_split(const mt_distribution *d, mt_when when, double x, int inclusive) {
    double low = d->around.low;
    double high = d->around.high;
    if (x < low || (x == low && !inclusive))
        return mt_all_above(clamp_mean(d, when));
    if (x > high || (x == high && inclusive))
        return mt_all_below(clamp_mean(d, when));
    mt_split split = mt_distribution_split(d->around.part, when, x, inclusive);
    if (isfinite(low)) {
        mt_split at_low = mt_distribution_split(d->around.part, when, low, 1);
        split.mean_below += low * at_low.below - at_low.mean_below;
    }
    if (isfinite(high)) {
        mt_split at_high = mt_distribution_split(d->around.part, when, high, 1);
        split.mean_above += high * at_high.above - at_high.mean_above;
    }
    return split;
}

static void clamp_bounds(const mt_distribution *d, mt_when when, double *low, double *high) {
    const mt_distribution *part = d->around.part;
    part->kind->bounds(part, when, low, high);
    *low = fmin(fmax(*low, d->around.low), d->around.high);
    *high = fmin(fmax(*high, d->around.low), d->around.high);
}

static void clamp_text(const mt_distribution *d, mt_law_writer *writer) {
    const mt_distribution *part = d->around.part;
    if (part->kind == &mt_law_kind) {
        mt_law_text(part, writer, d->around.low, d->around.high);
        return;
    }
    int parenthesised = part->kind == &mt_affine_kind;
    mt_law_write(writer, parenthesised ? "(" : "");
    part->kind->text(part, writer);
    mt_law_write(writer, parenthesised ? "):clamp(" : ":clamp(");
    mt_law_write_number(writer, d->around.low);
    mt_law_write(writer, ", ");
    mt_law_write_number(writer, d->around.high);
    mt_law_write(writer, ")");
}

const mt_distribution_kind mt_clamp_kind = {clamp_draw,   NULL,       clamp_split, clamp_mean,
                                            clamp_bounds, clamp_text, around_free};
