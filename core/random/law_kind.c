/* The named laws as a kind: parameters checked, prepared once or at each time, written. */
#include "random/kind.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

static size_t parameters_of(const mt_law *law) {
    return law->form.parameter[1] ? 2 : 1;
}

static double moved_into(const mt_law_range *range, double value) {
    double low = range->open ? nextafter(range->low, INFINITY) : range->low;
    if (!(value >= low)) /* also NaN */
        return low;
    return value > range->high ? range->high : value;
}

static void prepare(const mt_distribution *d, const double value[2], mt_prepared *prepared) {
    double moved[2] = {value[0], value[1]};
    if (d->law.law == &mt_uniform_of_whole) {
        double a = value[0] * d->law.factor + d->law.offset;
        double b = fmax(value[0], value[1]) * d->law.factor + d->law.offset;
        moved[0] = fmin(a, b);
        moved[1] = fmax(a, b);
    }
    d->law.law->prepare(moved, prepared);
}

static const mt_prepared *prepared_at(const mt_distribution *d, mt_when when, mt_prepared *own) {
    double value[2] = {0, 0};
    for (size_t i = 0; i < parameters_of(d->law.law); i++) {
        const mt_parameter *parameter = &d->law.parameter[i];
        value[i] = parameter->at ? parameter->at(parameter->context, when.seed, when.time)
                                 : parameter->value;
        value[i] = moved_into(&d->law.law->range[i], value[i]);
    }
    prepare(d, value, own);
    return own;
}

/* The law's parameters at a time: prepared once, or made into *own when they vary. */
static inline const mt_prepared *prepared(const mt_distribution *d, mt_when when,
                                          mt_prepared *own) {
    return d->varies ? prepared_at(d, when, own) : &d->law.prepared;
}

static double draw(const mt_distribution *d, mt_random *random, mt_when when) {
    mt_prepared own;
    return d->law.law->draw(prepared(d, when, &own), random);
}

static double draw_biased(const mt_distribution *d, mt_random *random, mt_when when) {
    mt_prepared own;
    if (!d->law.law->draw_biased)
        return -1;
    return d->law.law->draw_biased(prepared(d, when, &own), random);
}

static mt_split split(const mt_distribution *d, mt_when when, double x, int inclusive) {
    mt_prepared own;
    return d->law.law->split(prepared(d, when, &own), x, inclusive);
}

static double mean(const mt_distribution *d, mt_when when) {
    mt_prepared own;
    return d->law.law->mean(prepared(d, when, &own));
}

static void bounds(const mt_distribution *d, mt_when when, double *low, double *high) {
    mt_prepared own;
    *low = 0;
    *high = INFINITY;
    if (d->law.law->bounds)
        d->law.law->bounds(prepared(d, when, &own), low, high);
}

static void write_parameter(mt_law_writer *writer, const mt_parameter *parameter) {
    char buffer[200];
    if (!parameter->at)
        mt_law_write_number(writer, parameter->value);
    else
        mt_law_write(writer, "%s",
                     parameter->text ? parameter->text(parameter->context, buffer, sizeof buffer)
                                     : "curve");
}

void mt_law_text(const mt_distribution *d, mt_law_writer *writer, double low, double high) {
    const mt_law *law = d->law.law;
    int named = !law->positional || isfinite(low) || isfinite(high);
    const char *separator = "";
    mt_law_write(writer, "%s%s", law->form.name, named ? "{" : "(");
    for (size_t i = d->is_shape ? 1 : 0; i < parameters_of(law); i++) {
        mt_law_write(writer, "%s", separator);
        if (named)
            mt_law_write(writer, "%s=", law->form.parameter[i]);
        write_parameter(writer, &d->law.parameter[i]);
        separator = ", ";
    }
    const double bound[2] = {low, high};
    for (size_t i = 0; i < 2; i++)
        if (isfinite(bound[i])) {
            mt_law_write(writer, "%s%s=", separator, i ? "max" : "min");
            mt_law_write_number(writer, bound[i]);
            separator = ", ";
        }
    mt_law_write(writer, named ? "}" : ")");
    if (law == &mt_uniform_of_whole && d->law.factor != 1) {
        mt_law_write(writer, " * ");
        mt_law_write_number(writer, d->law.factor);
    }
    if (law == &mt_uniform_of_whole && d->law.offset != 0) {
        mt_law_write(writer, " + ");
        mt_law_write_number(writer, d->law.offset);
    }
}

static void text(const mt_distribution *d, mt_law_writer *writer) {
    mt_law_text(d, writer, -INFINITY, INFINITY);
}

static void free_parts(mt_distribution *d) {
    for (size_t i = 0; i < 2; i++) {
        mt_parameter *parameter = &d->law.parameter[i];
        if (parameter->at && parameter->release)
            parameter->release(parameter->context);
    }
}

const mt_distribution_kind mt_law_kind = {draw, draw_biased, split, mean, bounds, text, free_parts};

const mt_distribution_form *mt_distribution_forms(size_t index) {
    const mt_law *law = mt_law_at(index);
    return law ? &law->form : NULL;
}

/* ---- making ---- */

static mt_code check_range(const mt_law *law, size_t i, double value, mt_error *error) {
    const mt_law_range *range = &law->range[i];
    const char *name = law->form.name;
    const char *parameter = law->form.parameter[i];
    if (!isfinite(value))
        return mt_fail(error, MT_ERROR_VALUE, "%s: %s must be finite (it is %g)", name, parameter,
                       value);
    if (value < range->low || (range->open && value == range->low))
        return mt_fail(error, MT_ERROR_VALUE, "%s: %s must be %s %.15g (it is %.15g)", name,
                       parameter, range->open ? "above" : "at least", range->low, value);
    if (value > range->high)
        return mt_fail(error, MT_ERROR_VALUE, "%s: %s must be at most %.16g (it is %.15g)", name,
                       parameter, range->high, value);
    if (range->whole && value != floor(value))
        return mt_fail(error, MT_ERROR_VALUE, "%s: %s must be a whole number (it is %.15g)", name,
                       parameter, value);
    return MT_OK;
}

static mt_distribution *make(const mt_law *law, const mt_parameter parameter[2], int is_shape,
                             double factor, double offset, mt_error *error) {
    double value[2] = {parameter[0].value, parameter[1].value};
    int varies = 0;
    for (size_t i = 0; i < 2 && i < parameters_of(law); i++) {
        if (parameter[i].at)
            varies = 1;
        else if (check_range(law, i, value[i], error))
            return NULL;
    }
    if (!varies && law->check && law->check(value, error))
        return NULL;
    mt_distribution *d = mt_distribution_new(&mt_law_kind, error);
    if (!d)
        return NULL;
    d->law.law = law;
    d->varies = varies;
    d->is_shape = is_shape;
    for (size_t i = 0; i < parameters_of(law); i++) {
        d->law.parameter[i] = parameter[i];
        if (parameter[i].at && parameter[i].retain)
            parameter[i].retain(parameter[i].context);
    }
    d->law.factor = factor;
    d->law.offset = offset;
    if (!varies)
        prepare(d, value, &d->law.prepared);
    return d;
}

/* Only the shape of these counts when the mean is left out: nothing else has the mean's unit. */
static int may_be_shape(const mt_law *law) {
    const char *second = law->form.parameter[1];
    if (strcmp(law->form.parameter[0], "mean") != 0 || law->whole)
        return 0;
    return !second || strcmp(second, "cv") == 0 || strcmp(second, "shape") == 0;
}

/* Is this the form that was given? Fills parameter and says in *is_shape whether mean is missing.
 */
static int matches(const mt_law *law, const mt_named_parameter *given, size_t count,
                   mt_parameter parameter[2], int *is_shape) {
    size_t found = 0;
    int has[2] = {0, 0};
    for (size_t i = 0; i < parameters_of(law); i++)
        for (size_t j = 0; j < count; j++)
            if (strcmp(law->form.parameter[i], given[j].name) == 0) {
                parameter[i] = given[j].value;
                has[i] = 1;
                found++;
            }
    *is_shape = !has[0] && may_be_shape(law);
    if (*is_shape)
        parameter[0] = mt_number(1);
    return found == count && found + (size_t)*is_shape == parameters_of(law);
}

static mt_distribution *fail_form(const char *name, mt_error *error) {
    char allowed[300];
    mt_law_writer writer = {allowed, sizeof allowed, 0};
    const mt_law *law;
    for (size_t i = 0; (law = mt_law_at(i)); i++) {
        if (strcmp(law->form.name, name) != 0)
            continue;
        const char *const *parameter = law->form.parameter;
        mt_law_write(&writer, "%s%s", writer.used > 0 ? ", or " : "", parameter[0]);
        if (parameter[1])
            mt_law_write(&writer, " and %s", parameter[1]);
    }
    if (writer.used > 0)
        mt_fail(error, MT_ERROR_VALUE, "%s: give %s", name, allowed);
    else
        mt_fail(error, MT_ERROR_VALUE, "there is no distribution '%s'", name);
    return NULL;
}

mt_distribution *mt_distribution_make(const char *name, const mt_named_parameter *given,
                                      size_t count, mt_error *error) {
    const mt_law *law;
    for (size_t i = 0; (law = mt_law_at(i)); i++) {
        mt_parameter parameter[2] = {mt_number(0), mt_number(0)};
        int is_shape;
        if (strcmp(law->form.name, name) == 0 && matches(law, given, count, parameter, &is_shape))
            return make(law, parameter, is_shape, 1, 0, error);
    }
    return fail_form(name, error);
}

/* ---- where draws become whole numbers ---- */

static int is_uniform(const mt_distribution *d) {
    return d->kind == &mt_law_kind && d->law.law->draw == mt_uniform_of_whole.draw;
}

static mt_distribution *whole_uniform(const mt_distribution *d, double factor, double offset,
                                      mt_error *error) {
    return make(&mt_uniform_of_whole, d->law.parameter, 0, factor, offset, error);
}

static mt_distribution *whole_mix(const mt_distribution *d, mt_error *error) {
    size_t count = d->mix.count, made = 0;
    mt_distribution *whole = NULL;
    mt_distribution **parts = mt_allocate_zero(count, sizeof *parts); // NOLINT: of a pointer
    if (!parts)
        return mt_null(mt_fail_memory(error, "mix"));
    while (made < count && (parts[made] = mt_distribution_whole(d->mix.parts[made], error)))
        made++;
    if (made == count)
        whole = mt_distribution_mix(parts, d->mix.weights, count, error);
    while (made > 0)
        mt_distribution_release(parts[--made]);
    mt_free(parts);
    return whole;
}

mt_distribution *mt_distribution_whole(mt_distribution *d, mt_error *error) {
    if (is_uniform(d))
        return whole_uniform(d, 1, 0, error);
    if (d->kind == &mt_affine_kind && is_uniform(d->around.part))
        return whole_uniform(d->around.part, d->around.factor, d->around.offset, error);
    if (d->kind == &mt_mix_kind)
        return whole_mix(d, error);
    if (d->kind != &mt_clamp_kind)
        return mt_distribution_retain(d);
    mt_distribution *part = mt_distribution_whole(d->around.part, error);
    if (!part)
        return NULL;
    mt_distribution *whole = mt_distribution_clamp(part, d->around.low, d->around.high, error);
    mt_distribution_release(part);
    return whole;
}
