/* Random expressions of curves, each beside a plain one that is evaluated in the most direct way:
 * what the fast curves, areas and clocks are held against.
 *
 * Areas of the plain ones are adaptive Simpson sums. Durations, periods and distances between
 * breaks are seconds, not milliseconds, so that their first grid (0.06 s) steps over nothing. */
#ifndef MT_TESTS_CURVE_ORACLE_H
#define MT_TESTS_CURVE_ORACLE_H

#include "load/curve.h"
#include "random/generator.h"

#include <math.h>
#include <stdlib.h>

typedef enum plain_kind {
    PLAIN_CONSTANT,
    PLAIN_RAMP,
    PLAIN_STEPS,
    PLAIN_POINTS,
    PLAIN_SINE,
    PLAIN_SPIKE,
    PLAIN_NOISE,
    PLAIN_LEAVES,
    PLAIN_ADD = PLAIN_LEAVES,
    PLAIN_SUBTRACT,
    PLAIN_MULTIPLY,
    PLAIN_DIVIDE,
    PLAIN_MAXIMUM,
    PLAIN_MINIMUM,
    PLAIN_THEN,
    PLAIN_NEGATE,
    PLAIN_TAKE,
    PLAIN_PAD,
    PLAIN_SHIFT,
    PLAIN_LOOP,
    PLAIN_STRETCH,
    PLAIN_SPEED,
    PLAIN_CLAMP,
    PLAIN_KINDS
} plain_kind;

enum { PLAIN_NODES = 256, PLAIN_PIECES = 5 };

static const double plain_pi = 3.14159265358979323846;

typedef struct plain {
    plain_kind kind;
    const struct plain *a, *b;
    double duration;
    double number[2 * PLAIN_PIECES];
    mt_curve *curve; /* the fast one */
} plain;

/* The expressions of one tree, and what its numbers are drawn from. */
typedef struct plain_tree {
    mt_random *random;
    uint64_t seed;
    plain node[PLAIN_NODES];
    int count;
} plain_tree;

static double plain_at(const plain_tree *tree, const plain *p, double t);

static inline double plain_leaf_at(const plain_tree *tree, const plain *p, double t) {
    const double *n = p->number;
    switch (p->kind) {
    case PLAIN_CONSTANT:
        return n[0];
    case PLAIN_RAMP:
        return n[0] + (n[1] - n[0]) * t / p->duration;
    case PLAIN_STEPS:
        for (int i = 0; i < PLAIN_PIECES; i++, t -= n[2 * i - 1])
            if (t < n[2 * i + 1])
                return n[2 * i];
        return 0;
    case PLAIN_POINTS:
        for (int i = 0; i + 1 < PLAIN_PIECES; i++) {
            double from = n[2 * i + 1], to = n[2 * i + 3];
            if (t < from)
                return n[2 * i];
            if (t < to)
                return n[2 * i] + (n[2 * i + 2] - n[2 * i]) * (t - from) / (to - from);
        }
        return 0;
    case PLAIN_SINE:
        return n[0] + n[1] * sin(2 * plain_pi * (t - n[3]) / n[2]);
    case PLAIN_SPIKE:
        return t < n[0] - n[2] || t > n[0] + n[3] ? 0
               : t < n[0]                         ? n[1] * (t - n[0] + n[2]) / n[2]
                                                  : n[1] * (n[0] + n[3] - t) / n[3];
    default: /* noise: its own law is tested elsewhere */
        return mt_curve_at(p->curve, tree->seed, t);
    }
}

/* The value at t, 0 outside [0, duration). */
static inline double plain_at(const plain_tree *tree, const plain *p, double t) {
    if (t < 0 || t >= p->duration)
        return 0;
    const double *n = p->number;
    double a = 0, b = 0;
    if (p->kind >= PLAIN_ADD && p->kind <= PLAIN_MINIMUM) {
        a = plain_at(tree, p->a, t);
        b = plain_at(tree, p->b, t);
    }
    switch (p->kind) {
    case PLAIN_ADD:
        return a + b;
    case PLAIN_SUBTRACT:
        return a - b;
    case PLAIN_MULTIPLY:
        return a * b;
    case PLAIN_DIVIDE:
        return a / b;
    case PLAIN_MAXIMUM:
        return fmax(a, b);
    case PLAIN_MINIMUM:
        return fmin(a, b);
    case PLAIN_THEN:
        return t < p->a->duration ? plain_at(tree, p->a, t)
                                  : plain_at(tree, p->b, t - p->a->duration);
    case PLAIN_NEGATE:
        return -plain_at(tree, p->a, t);
    case PLAIN_TAKE:
    case PLAIN_PAD:
        return plain_at(tree, p->a, t);
    case PLAIN_SHIFT:
        return plain_at(tree, p->a, t - n[0]);
    case PLAIN_LOOP:
        return plain_at(tree, p->a, fmod(t, p->a->duration));
    case PLAIN_STRETCH:
        return plain_at(tree, p->a, t / n[0]);
    case PLAIN_SPEED:
        return n[0] * plain_at(tree, p->a, t * n[0]);
    case PLAIN_CLAMP:
        return fmin(fmax(plain_at(tree, p->a, t), n[0]), n[1]);
    default:
        return plain_leaf_at(tree, p, t);
    }
}

/* ---- making ---- */

static inline double plain_between(plain_tree *tree, double low, double high) {
    return low + (high - low) * mt_random_uniform(tree->random);
}

/* Rounded, so that texts stay short and ties and coincidences happen. */
static inline double plain_round(plain_tree *tree, double low, double high) {
    return round(2 * plain_between(tree, low, high)) / 2;
}

static inline plain *plain_new(plain_tree *tree, plain_kind kind, const plain *a, const plain *b) {
    plain *p = &tree->node[tree->count++];
    *p = (plain){.kind = kind, .a = a, .b = b, .duration = a ? a->duration : INFINITY};
    return p;
}

static inline void plain_fill_leaf(plain_tree *tree, plain *p) {
    mt_error error;
    double *n = p->number;
    double first[PLAIN_PIECES], second[PLAIN_PIECES];
    n[0] = plain_round(tree, -10, 50);
    n[1] = plain_round(tree, -10, 50);
    n[2] = plain_round(tree, 5, 30);
    n[3] = plain_round(tree, 5, 30);
    if (p->kind == PLAIN_STEPS || p->kind == PLAIN_POINTS) {
        double sum = 0;
        for (int i = 0; i < PLAIN_PIECES; i++) {
            first[i] = n[2 * i] = plain_round(tree, -10, 50);
            double length = plain_round(tree, 2, 20);
            sum += length;
            second[i] = n[2 * i + 1] = p->kind == PLAIN_STEPS ? length : sum;
        }
        p->duration = sum;
        p->curve = p->kind == PLAIN_STEPS ? mt_curve_steps(first, second, PLAIN_PIECES, &error)
                                          : mt_curve_points(first, second, PLAIN_PIECES, 0, &error);
    } else if (p->kind == PLAIN_RAMP) {
        p->duration = plain_round(tree, 10, 60);
        p->curve = mt_curve_ramp(n[0], n[1], p->duration, &error);
    } else if (p->kind == PLAIN_CONSTANT) {
        p->curve = mt_curve_constant(n[0], INFINITY, &error);
    } else if (p->kind == PLAIN_SINE) {
        p->curve = mt_curve_sine(n[0], n[1], n[2], n[3], &error);
    } else if (p->kind == PLAIN_SPIKE) {
        n[0] = plain_round(tree, 5, 60);
        p->curve = mt_curve_spike(n[0], n[1], n[2], n[3], &error);
    } else {
        p->curve = mt_curve_noise(0.5, n[2], (uint64_t)tree->count, &error);
    }
}

static inline plain *plain_leaf(plain_tree *tree, plain_kind kind) {
    plain *p = plain_new(tree, kind, NULL, NULL);
    plain_fill_leaf(tree, p);
    return p;
}

static inline plain *plain_one(plain_tree *tree) {
    plain *p = plain_new(tree, PLAIN_CONSTANT, NULL, NULL);
    p->number[0] = 1;
    p->curve = mt_curve_constant(1, INFINITY, NULL);
    return p;
}

/* p ended at or silent up to `duration`. */
static inline plain *plain_ended(plain_tree *tree, const plain *p, double duration,
                                 plain_kind kind) {
    mt_error error;
    plain *made = plain_new(tree, kind, p, NULL);
    made->curve = kind == PLAIN_TAKE ? mt_curve_take(p->curve, duration, &error)
                                     : mt_curve_pad(p->curve, duration, &error);
    made->duration = kind == PLAIN_TAKE ? fmin(duration, p->duration) : fmax(duration, p->duration);
    return made;
}

static inline plain *plain_binary(plain_tree *tree, plain_kind kind, const plain *a,
                                  const plain *b) {
    typedef mt_curve *maker(mt_curve *, mt_curve *, mt_error *);
    static maker *const make[] = {mt_curve_add,    mt_curve_subtract, mt_curve_multiply,
                                  mt_curve_divide, mt_curve_maximum,  mt_curve_minimum,
                                  mt_curve_then};
    mt_error error;
    if (kind == PLAIN_THEN && isinf(a->duration))
        a = plain_ended(tree, a, plain_round(tree, 10, 60), PLAIN_TAKE);
    if (kind != PLAIN_THEN && isfinite(a->duration) && isfinite(b->duration)) {
        if (a->duration < b->duration)
            a = plain_ended(tree, a, b->duration, PLAIN_PAD);
        else if (b->duration < a->duration)
            b = plain_ended(tree, b, a->duration, PLAIN_PAD);
    }
    if (kind == PLAIN_DIVIDE) /* by 1 or more */
        b = plain_binary(tree, PLAIN_MAXIMUM, b, plain_one(tree));
    plain *made = plain_new(tree, kind, a, b);
    made->curve = make[kind - PLAIN_ADD](a->curve, b->curve, &error);
    made->duration =
        kind == PLAIN_THEN ? a->duration + b->duration : fmin(a->duration, b->duration);
    return made;
}

static inline plain *plain_unary(plain_tree *tree, plain_kind kind, const plain *a) {
    mt_error error;
    if (kind == PLAIN_TAKE || kind == PLAIN_PAD)
        return plain_ended(tree, a, plain_round(tree, 10, 80), kind);
    if (kind == PLAIN_LOOP && isinf(a->duration))
        a = plain_ended(tree, a, plain_round(tree, 10, 40), PLAIN_TAKE);
    plain *made = plain_new(tree, kind, a, NULL);
    double *n = made->number;
    switch (kind) {
    case PLAIN_NEGATE:
        made->curve = mt_curve_negate(a->curve, &error);
        break;
    case PLAIN_SHIFT:
        n[0] = fmax(plain_round(tree, -5, 20), -a->duration / 2);
        made->curve = mt_curve_shift(a->curve, n[0], &error);
        made->duration = a->duration + n[0];
        break;
    case PLAIN_LOOP:
        n[0] = floor(plain_between(tree, 0, 4));
        made->curve = mt_curve_loop(a->curve, (uint64_t)n[0], &error);
        made->duration = n[0] > 0 ? n[0] * a->duration : INFINITY;
        break;
    case PLAIN_STRETCH:
        n[0] = plain_between(tree, 0.5, 2);
        made->curve = mt_curve_stretch(a->curve, n[0], &error);
        made->duration = a->duration * n[0];
        break;
    case PLAIN_SPEED:
        n[0] = plain_between(tree, 0.5, 2);
        made->curve = mt_curve_speed(a->curve, n[0], &error);
        made->duration = a->duration / n[0];
        break;
    default:
        n[0] = plain_round(tree, -5, 10);
        n[1] = n[0] + plain_round(tree, 0, 30);
        made->curve = mt_curve_clamp(a->curve, n[0], n[1], &error);
    }
    return made;
}

/* A random expression of at most 2^depth leaves. */
static inline plain *plain_random(plain_tree *tree, int depth) {
    if (depth == 0) {
        plain_kind kind = (plain_kind)plain_between(tree, 0, PLAIN_LEAVES);
        return plain_leaf(tree, kind);
    }
    plain_kind kind = (plain_kind)plain_between(tree, PLAIN_ADD, PLAIN_KINDS);
    const plain *a = plain_random(tree, depth - 1);
    if (kind >= PLAIN_NEGATE)
        return plain_unary(tree, kind, a);
    return plain_binary(tree, kind, a, plain_random(tree, depth - 1));
}

static inline void plain_release(plain_tree *tree) {
    for (int i = 0; i < tree->count; i++)
        mt_curve_release(tree->node[i].curve);
    tree->count = 0;
}

/* ---- areas ---- */

/* What is integrated: the value, or what is above 0 of it. */
typedef struct plain_area {
    const plain_tree *tree;
    const plain *p;
    int clamped;
} plain_area;

static inline double plain_integrand(const plain_area *of, double t) {
    double value = plain_at(of->tree, of->p, t);
    return of->clamped ? fmax(value, 0) : value;
}

static inline double plain_simpson(const plain_area *of, double a, double fa, double b, double fb,
                                   double fm, double tolerance, int depth) {
    double m = a + (b - a) / 2;
    double fl = plain_integrand(of, a + (m - a) / 2), fr = plain_integrand(of, m + (b - m) / 2);
    double whole = (b - a) / 6 * (fa + 4 * fm + fb);
    double halves = (b - a) / 12 * (fa + 4 * fl + 2 * fm + 4 * fr + fb);
    if (depth <= 0 || fabs(halves - whole) <= 15 * tolerance)
        return halves + (halves - whole) / 15;
    return plain_simpson(of, a, fa, m, fm, fl, tolerance / 2, depth - 1) +
           plain_simpson(of, m, fm, b, fb, fr, tolerance / 2, depth - 1);
}

/* The area over [t0, t1] to about `tolerance`. */
static inline double plain_area_of(const plain_area *of, double t0, double t1, double tolerance) {
    int cells = (int)ceil((t1 - t0) / 0.06) + 1;
    double sum = 0;
    for (int i = 0; i < cells; i++) {
        double a = t0 + (t1 - t0) * i / cells, b = t0 + (t1 - t0) * (i + 1) / cells;
        sum += plain_simpson(of, a, plain_integrand(of, a), b, plain_integrand(of, b),
                             plain_integrand(of, a + (b - a) / 2), tolerance / cells, 45);
    }
    return sum;
}

/* The largest |value| met on a grid: the scale of errors. */
static inline double plain_scale(const plain_tree *tree, const plain *p, double end) {
    double scale = 1;
    for (int i = 0; i < 1000; i++)
        scale = fmax(scale, fabs(plain_at(tree, p, end * i / 1000)));
    return scale;
}

#endif
