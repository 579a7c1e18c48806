/* How a kind of curve is described. Private to the files of the curves.
 *
 * A kind is a table of functions over a struct that begins with an mt_curve. They are only called
 * through mt_curve_at, mt_curve_piece and mt_curve_area_of, with times inside [0, duration); the
 * callers deal with what is outside. */
#ifndef MT_LOAD_CURVE_KIND_H
#define MT_LOAD_CURVE_KIND_H

#include "base/text.h"
#include "load/curve/curve.h"
#include "load/curve/series.h"
#include "stats/summary.h"

/* Which noise is read: that of a seed, or (expected = 1) its mean instead. */
typedef struct mt_realisation {
    uint64_t seed;
    int expected;
} mt_realisation;

/* How tightly the outermost operator of a curve's text binds, as in Lua. */
enum { MT_BINDS_THEN, MT_BINDS_SUM, MT_BINDS_PRODUCT, MT_BINDS_MINUS, MT_BINDS_ATOM };

typedef struct mt_curve_kind {
    int binds;
    double (*at)(const mt_curve *curve, const mt_realisation *path, double t);
    /* The series that starts at t, to where it ends to hold; `end` may lie past the duration. */
    void (*piece)(const mt_curve *curve, const mt_realisation *path, double t, mt_series *series);
    /* The area over [t0, t1]; NULL: the pieces' areas are summed. */
    double (*area)(const mt_curve *curve, const mt_realisation *path, double t0, double t1);
    void (*text)(const mt_curve *curve, mt_text_writer *writer);
    void (*release)(mt_curve *curve); /* what the kind owns beside its parts; NULL: nothing */
} mt_curve_kind;

struct mt_curve {
    const mt_curve_kind *kind;
    size_t references;
    mt_curve *parts[2]; /* retained; NULL where there is none */
    unsigned depth;     /* of nested parts: 1 for a leaf */
    double duration;    /* INFINITY: endless */
    /* The value is 0 outside [from, to), so that a long sum of spikes is read without asking all of
     * them. The bounds need not be tight: 0 and INFINITY unless the maker knows better. */
    double from, to;
    /* An endless curve repeats itself with this period from `settled` on, noise taken as its mean;
     * 0: it is constant from there; NAN: it never does. */
    double settled, period;
    int noisy; /* depends on the seed */
    int bent; /* and not in proportion: its mean over seeds is not its value at the mean of its noise */
};

/* A zeroed curve of `size` bytes that holds one reference and retains a and b (may be NULL). The
 * maker sets duration, settled and period. NULL: out of memory, or nested too deep. */
mt_curve *mt_curve_make(size_t size, const mt_curve_kind *kind, mt_curve *a, mt_curve *b,
                        mt_error *error);

/* For makers that fail after mt_curve_make: releases the curve, returns NULL. */
mt_curve *mt_curve_no_memory(mt_curve *curve, mt_error *error);

/* Joins a and b by an operation that may be regrouped, and keeps the tree balanced. Nodes are of
 * `kind` and made by `make`. What the first call checks of a and b must hold for any regrouping. */
typedef mt_curve *mt_curve_maker(mt_curve *a, mt_curve *b, mt_error *error);
mt_curve *mt_curve_join(const mt_curve_kind *kind, mt_curve_maker *make, mt_curve *a, mt_curve *b,
                        mt_error *error);

/* The value at t, 0 outside [0, duration). */
double mt_curve_value(const mt_curve *curve, const mt_realisation *path, double t);

/* The series from t, which must be inside. It ends after t and no later than the duration. */
void mt_curve_piece(const mt_curve *curve, const mt_realisation *path, double t, mt_series *series);

/* The same for a part that begins `offset` seconds late: t and the series are in the whole's
 * time. */
void mt_curve_piece_late(const mt_curve *part, const mt_realisation *path, double t, double offset,
                         mt_series *series);

/* t moved into [0, duration), for a time that rounding has put just outside. */
double mt_curve_inside(const mt_curve *curve, double t);

/* The area over [t0, t1] cut to [0, duration), and the same by summing pieces whatever the kind. */
double mt_curve_area_of(const mt_curve *curve, const mt_realisation *path, double t0, double t1);
double mt_curve_area_by_pieces(const mt_curve *curve, const mt_realisation *path, double t0,
                               double t1);

/* The largest value over [t0, t1), limits from the left included; NAN when one is not finite. */
double mt_curve_maximum_of(const mt_curve *curve, const mt_realisation *path, double t0, double t1);

/* The long-run mean of an endless curve that settles, the mean of a finite one; NAN: neither. Bent
 * curves' means over seeds are estimated where path->expected. */
double mt_curve_long_run_mean(const mt_curve *curve, const mt_realisation *path);

/* Is some noise a part of both? */
int mt_curve_share_noise(const mt_curve *a, const mt_curve *b);

/* `value` is finite, else fills error with "WHAT must be finite, not VALUE" and returns 0. */
int mt_curve_check_finite(double value, const char *what, mt_error *error);
/* The same for > 0, INFINITY allowed when `endless`. */
int mt_curve_check_positive(double value, int endless, const char *what, mt_error *error);

/* Writes a part, in parentheses when it binds less tightly than `binds`. */
void mt_curve_write_part(mt_text_writer *writer, const mt_curve *part, int binds);

#endif
