/* The plain slow version of rate curves, for tests: expressions as trees of their own, values
 * straight from the definitions, areas by adaptive Simpson. Shares no code with core/load. */
#ifndef CURVE_ORACLE_H
#define CURVE_ORACLE_H

#include "load/curve/curve.h"

#include <math.h>
#include <stdlib.h>

typedef enum oracle_kind {
    ORACLE_CONSTANT,
    ORACLE_RAMPS, /* a ramp repeated for ever */
    ORACLE_SINE,
    ORACLE_SPIKE,
    ORACLE_STEPS,  /* two steps repeated for ever */
    ORACLE_POINTS, /* the two points (1, p) and (2, q), then r for ever after */
    ORACLE_LEAVES,
    ORACLE_ADD = ORACLE_LEAVES,
    ORACLE_SUBTRACT,
    ORACLE_MULTIPLY,
    ORACLE_DIVIDE, /* by the second, held between 1 and 50 */
    ORACLE_MAXIMUM,
    ORACLE_MINIMUM,
    ORACLE_THEN, /* the first for some time, then the second */
    ORACLE_SHIFT,
    ORACLE_DROP, /* a shift to the left */
    ORACLE_STRETCH,
    ORACLE_SPEED,
    ORACLE_CLAMP,
    ORACLE_LOOP, /* the first seconds, padded, for ever */
    ORACLE_KINDS
} oracle_kind;

typedef struct oracle {
    oracle_kind kind;
    double p[4];
    struct oracle *a, *b;
} oracle;

/* A number in [low, high) with few digits, from a small generator of the tests' own. */
static double oracle_number(uint64_t *state, double low, double high) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    double part = (double)(*state >> 40) / 16777216.0;
    return round((low + part * (high - low)) * 100) / 100;
}

static oracle *oracle_random(uint64_t *state, int depth) {
    oracle *made = calloc(1, sizeof *made);
    double kinds = depth > 0 ? ORACLE_KINDS : ORACLE_LEAVES;
    int first = depth > 1 ? ORACLE_LEAVES : 0;
    made->kind = (oracle_kind)(int)floor(oracle_number(state, first, kinds - 0.01));
    for (int i = 0; i < 4; i++)
        made->p[i] = oracle_number(state, 0.5, 9.5);
    if (made->kind >= ORACLE_LEAVES) {
        made->a = oracle_random(state, depth - 1);
        made->b = oracle_random(state, depth - 1);
    }
    return made;
}

static void oracle_free(oracle *self) {
    if (!self)
        return;
    oracle_free(self->a);
    oracle_free(self->b);
    free(self);
}

static inline double oracle_at(const oracle *self, double t) {
    const double *p = self->p;
    if (t < 0)
        return 0;
    switch (self->kind) {
    case ORACLE_CONSTANT:
        return p[0];
    case ORACLE_RAMPS:
        return p[0] + (p[1] - p[0]) * (t / p[2] - floor(t / p[2]));
    case ORACLE_SINE:
        return p[0] + p[1] * sin(2 * acos(-1) * (t - p[2]) / p[3]);
    case ORACLE_SPIKE:
        if (t >= p[0] - p[2] && t < p[0])
            return p[1] * (t - p[0] + p[2]) / p[2];
        return t >= p[0] && t < p[0] + p[3] ? p[1] * (p[0] + p[3] - t) / p[3] : 0;
    case ORACLE_STEPS:
        return fmod(t, p[2] + p[3]) < p[2] ? p[0] : p[1];
    case ORACLE_POINTS:
        return t < 1 ? p[0] : t < 2 ? p[0] + (p[1] - p[0]) * (t - 1) : p[2];
    case ORACLE_ADD:
        return oracle_at(self->a, t) + oracle_at(self->b, t);
    case ORACLE_SUBTRACT:
        return oracle_at(self->a, t) - oracle_at(self->b, t);
    case ORACLE_MULTIPLY:
        return oracle_at(self->a, t) * oracle_at(self->b, t);
    case ORACLE_DIVIDE:
        return oracle_at(self->a, t) / fmin(fmax(oracle_at(self->b, t), 1), 50);
    case ORACLE_MAXIMUM:
        return fmax(oracle_at(self->a, t), oracle_at(self->b, t));
    case ORACLE_MINIMUM:
        return fmin(oracle_at(self->a, t), oracle_at(self->b, t));
    case ORACLE_THEN:
        return t < p[0] ? oracle_at(self->a, t) : oracle_at(self->b, t - p[0]);
    case ORACLE_SHIFT:
        return oracle_at(self->a, t - p[0]);
    case ORACLE_DROP:
        return oracle_at(self->a, t + p[0]);
    case ORACLE_STRETCH:
        return oracle_at(self->a, t / p[0]);
    case ORACLE_SPEED:
        return p[0] / 3 * oracle_at(self->a, t * p[0] / 3);
    case ORACLE_CLAMP:
        return fmin(fmax(oracle_at(self->a, t), p[0]), p[0] + p[1]);
    case ORACLE_LOOP:
        t = fmod(t, p[0] + p[1]);
        return t < p[0] ? oracle_at(self->a, t) : 0;
    default:
        abort();
    }
}

/* Releases what was combined; the tests never run out of memory here. */
static mt_curve *oracle_keep(mt_curve *made, mt_curve *a, mt_curve *b) {
    mt_curve_release(a);
    mt_curve_release(b);
    return made;
}

static mt_curve *oracle_leaf(const oracle *self) {
    const double *p = self->p;
    mt_curve *made;
    switch (self->kind) {
    case ORACLE_CONSTANT:
        return mt_curve_constant(p[0], INFINITY, NULL);
    case ORACLE_RAMPS:
        made = mt_curve_ramp(p[0], p[1], p[2], NULL);
        return oracle_keep(mt_curve_loop(made, 0, NULL), made, NULL);
    case ORACLE_SINE:
        return mt_curve_sine(p[0], p[1], p[3], p[2], NULL);
    case ORACLE_SPIKE:
        return mt_curve_spike(p[0], p[1], p[2], p[3], NULL);
    case ORACLE_STEPS:
        made = mt_curve_steps(p, p + 2, 2, NULL);
        return oracle_keep(mt_curve_loop(made, 0, NULL), made, NULL);
    default: {
        const double times[] = {1, 2, 2}, rates[] = {p[0], p[1], p[2]};
        return mt_curve_sampled(times, rates, 3, INFINITY, "points", NULL);
    }
    }
}

static mt_curve *oracle_curve(const oracle *self) {
    const double *p = self->p;
    if (self->kind < ORACLE_LEAVES)
        return oracle_leaf(self);
    mt_curve *a = oracle_curve(self->a), *b = oracle_curve(self->b), *part, *made = NULL;
    switch (self->kind) {
    case ORACLE_ADD:
        made = mt_curve_add(a, b, NULL);
        break;
    case ORACLE_SUBTRACT:
        made = mt_curve_subtract(a, b, NULL);
        break;
    case ORACLE_MULTIPLY:
        made = mt_curve_multiply(a, b, NULL);
        break;
    case ORACLE_DIVIDE:
        part = mt_curve_clamp(b, 1, 50, NULL);
        made = oracle_keep(mt_curve_divide(a, part, NULL), part, NULL);
        break;
    case ORACLE_MAXIMUM:
        made = mt_curve_maximum(a, b, NULL);
        break;
    case ORACLE_MINIMUM:
        made = mt_curve_minimum(a, b, NULL);
        break;
    case ORACLE_THEN:
        part = mt_curve_take(a, p[0], NULL);
        made = oracle_keep(mt_curve_then(part, b, NULL), part, NULL);
        break;
    case ORACLE_SHIFT:
        made = mt_curve_shift(a, p[0], NULL);
        break;
    case ORACLE_DROP:
        made = mt_curve_shift(a, -p[0], NULL);
        break;
    case ORACLE_STRETCH:
        made = mt_curve_stretch(a, p[0], NULL);
        break;
    case ORACLE_SPEED:
        made = mt_curve_speed(a, p[0] / 3, NULL);
        break;
    case ORACLE_CLAMP:
        made = mt_curve_clamp(a, p[0], p[0] + p[1], NULL);
        break;
    default:
        part = mt_curve_take(a, p[0], NULL);
        made = oracle_keep(mt_curve_pad(part, p[0] + p[1], NULL), part, NULL);
        made = oracle_keep(mt_curve_loop(made, 0, NULL), made, NULL);
    }
    return oracle_keep(made, a, b);
}

typedef double oracle_reading(const oracle *self, double t);

static inline double oracle_positive(const oracle *self, double t) {
    return fmax(oracle_at(self, t), 0);
}

static inline double oracle_size(const oracle *self, double t) {
    return fabs(oracle_at(self, t));
}

static double oracle_simpson(const oracle *self, oracle_reading *read, double a, double b,
                             const double value[3], double tolerance, int depth) {
    double middle = 0.5 * (a + b);
    double left[3] = {value[0], read(self, 0.5 * (a + middle)), value[1]};
    double right[3] = {value[1], read(self, 0.5 * (middle + b)), value[2]};
    double whole = (b - a) / 6 * (value[0] + 4 * value[1] + value[2]);
    double halves = (b - a) / 12 * (left[0] + 4 * left[1] + 2 * value[1] + 4 * right[1] + right[2]);
    if (depth == 0 || fabs(halves - whole) <= tolerance * (b - a))
        return halves + (halves - whole) / 15;
    return oracle_simpson(self, read, a, middle, left, tolerance, depth - 1) +
           oracle_simpson(self, read, middle, b, right, tolerance, depth - 1);
}

/* The integral of read over [a, b], to about `tolerance` a second. */
static inline double oracle_area(const oracle *self, oracle_reading *read, double a, double b,
                                 double tolerance) {
    int cells = (int)ceil((b - a) * 16) + 1;
    double total = 0;
    for (int i = 0; i < cells; i++) {
        double from = a + (b - a) * i / cells, to = a + (b - a) * (i + 1) / cells;
        double value[3] = {read(self, from), read(self, 0.5 * (from + to)), read(self, to)};
        total += oracle_simpson(self, read, from, to, value, tolerance, 34);
    }
    return total;
}

#endif
