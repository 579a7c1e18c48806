/* The laws that need no source, and the list of all: a new one is one entry in one table. */
#include "random/law.h"

/* ---- fixed ---- */

static double fixed_draw(const mt_prepared *p, mt_random *random) {
    (void)random;
    return p->value;
}

static mt_split fixed_split(const mt_prepared *p, double x, int inclusive) {
    return p->value < x || (inclusive && p->value == x) ? mt_all_below(p->value)
                                                        : mt_all_above(p->value);
}

static void fixed_bounds(const mt_prepared *p, double *low, double *high) {
    *low = *high = p->value;
}

int mt_distribution_is_fixed(const mt_distribution *d, double *value) {
    if (d->kind != &mt_law_kind || d->law.law->draw != fixed_draw || d->varies)
        return 0;
    *value = d->law.prepared.value;
    return 1;
}

/* ---- uniform ---- */

static mt_code uniform_check(const double parameter[2], mt_error *error) {
    if (parameter[0] > parameter[1])
        return mt_fail(error, MT_ERROR_VALUE,
                       "uniform: low must not be above high (they are %.15g and %.15g)",
                       parameter[0], parameter[1]);
    return MT_OK;
}

static void uniform_prepare(const double parameter[2], mt_prepared *p) {
    p->uniform.low = parameter[0];
    p->uniform.high = fmax(parameter[0], parameter[1]);
}

/* Every whole number in [low, high] is the nearest one of as much. Where there is none the law stays
 * as it is. */
static void whole_uniform_prepare(const double parameter[2], mt_prepared *p) {
    const double wide[2] = {ceil(parameter[0]) - 0.5, floor(parameter[1]) + 0.5};
    uniform_prepare(wide[0] < wide[1] ? wide : parameter, p);
}

static double uniform_draw(const mt_prepared *p, mt_random *random) {
    double u = mt_random_uniform(random);
    return p->uniform.low + u * (p->uniform.high - p->uniform.low);
}

static double uniform_mean(const mt_prepared *p) {
    return p->uniform.low + (p->uniform.high - p->uniform.low) / 2;
}

static mt_split uniform_split(const mt_prepared *p, double x, int inclusive) {
    double low = p->uniform.low;
    double high = p->uniform.high;
    if (x < low || (x == low && !inclusive))
        return mt_all_above(uniform_mean(p));
    if (x >= high)
        return mt_all_below(uniform_mean(p));
    double below = (x - low) / (high - low);
    double above = (high - x) / (high - low);
    mt_split split = {below, above, below * (low + x) / 2, above * (x + high) / 2};
    return split;
}

static void uniform_bounds(const mt_prepared *p, double *low, double *high) {
    *low = p->uniform.low;
    *high = p->uniform.high;
}

#define UNIFORM                                                                                    \
    .form = {"uniform", {"low", "high"}}, .range = {{MT_ANY}, {MT_ANY}}, .positional = 1,          \
    .check = uniform_check, .draw = uniform_draw, .split = uniform_split, .mean = uniform_mean,    \
    .bounds = uniform_bounds

const mt_law mt_uniform_of_whole = {UNIFORM, .prepare = whole_uniform_prepare};

static const mt_law laws_plain[] = {
    {.form = {"fixed", {"value", NULL}},
     .range = {{MT_ANY}},
     .positional = 1,
     .prepare = mt_prepare_value,
     .draw = fixed_draw,
     .split = fixed_split,
     .mean = mt_mean_value,
     .bounds = fixed_bounds},
    {UNIFORM, .prepare = uniform_prepare},
    {.form = {NULL, {NULL, NULL}}},
};

const mt_law *mt_law_at(size_t index) {
    enum { TABLES = 4 };
    static const mt_law *const tables[TABLES] = {laws_plain, mt_laws_normal, mt_laws_positive,
                                                 mt_laws_whole};
    for (size_t i = 0; i < TABLES; i++)
        for (const mt_law *law = tables[i]; law->form.name; law++)
            if (index-- == 0)
                return law;
    return NULL;
}
