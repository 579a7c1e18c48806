/* What the distributions are made of, for the files of this room.
 *
 * A *kind* is how a value behaves: five are there, the named laws together (law_kind.c), and the
 * four that combine (combined.c). A *law* is a named distribution with up to two parameters: one
 * entry in the table of law.c. */
#ifndef MT_RANDOM_KIND_H
#define MT_RANDOM_KIND_H

#include "random/distribution.h"

/* Where parameters that depend on time are read. */
typedef struct mt_when {
    uint64_t seed;
    double time;
} mt_when;

/* A distribution cut at x: probabilities and partial means E[X; X <= x], E[X; X > x], both sides by
 * themselves so that neither is lost to a subtraction. */
typedef struct mt_split {
    double below, above;
    double mean_below, mean_above;
} mt_split;

static inline mt_split mt_all_below(double mean) {
    return (mt_split){.below = 1, .mean_below = mean};
}

static inline mt_split mt_all_above(double mean) {
    return (mt_split){.above = 1, .mean_above = mean};
}

/* Zipf's law with its constants made once. */
typedef struct mt_zipf {
    double n, s;
    double low, high; /* the hat's area at 3/2 (less the weight of 1) and at n + 1/2 */
    double squeeze;   /* accepted at once when k - x is not above this */
} mt_zipf;

/* n >= 1 whole, s >= 0. */
void mt_zipf_prepare(mt_zipf *zipf, double n, double s);

/* 1..n with weight k^-s. */
double mt_zipf_draw(const mt_zipf *zipf, mt_random *random);

/* A law's parameters made ready for drawing. */
typedef union mt_prepared {
    double value; /* of a law with one parameter */
    struct {
        double low, high;
    } uniform;
    struct {
        double mean, deviation;
    } normal;
    struct {
        double mu, sigma;
    } lognormal;
    struct {
        double shape, scale; /* pareto: scale is the smallest value */
    } shaped;
    mt_zipf zipf;
} mt_prepared;

typedef struct mt_law_range {
    double low;
    int open; /* low itself is not allowed */
    double high;
    int whole;
} mt_law_range;

typedef struct mt_law {
    mt_distribution_form form;
    mt_law_range range[2];
    int positional; /* written name(a, b), not name{a=, b=} */
    int whole;      /* all values are whole numbers */
    /* NULL: every pair in range is allowed. Else fails for one that is not. */
    mt_code (*check)(const double parameter[2], mt_error *error);
    void (*prepare)(const double parameter[2], mt_prepared *prepared);
    double (*draw)(const mt_prepared *prepared, mt_random *random);
    double (*draw_biased)(const mt_prepared *prepared, mt_random *random); /* NULL: by inversion */
    mt_split (*split)(const mt_prepared *prepared, double x, int inclusive); /* x finite */
    double (*mean)(const mt_prepared *prepared);
    /* NULL: all numbers above 0. */
    void (*bounds)(const mt_prepared *prepared, double *low, double *high);
} mt_law;

typedef struct mt_law_writer mt_law_writer;

typedef struct mt_distribution_kind {
    double (*draw)(const mt_distribution *d, mt_random *random, mt_when when);
    /* A length-biased value, or NULL for one by inversion (also what it may return -1 for). */
    double (*draw_biased)(const mt_distribution *d, mt_random *random, mt_when when);
    /* x finite; inclusive: x itself counts as below. */
    mt_split (*split)(const mt_distribution *d, mt_when when, double x, int inclusive);
    double (*mean)(const mt_distribution *d, mt_when when);
    void (*bounds)(const mt_distribution *d, mt_when when, double *low, double *high);
    void (*text)(const mt_distribution *d, mt_law_writer *writer);
    void (*free_parts)(mt_distribution *d);
} mt_distribution_kind;

struct mt_distribution {
    const mt_distribution_kind *kind;
    uint64_t references;
    int varies;
    int is_shape;
    int depth; /* distributions one inside another; bounded, for they are walked recursively */
    union {
        struct {
            const mt_law *law;
            mt_parameter parameter[2];
            double factor, offset; /* of the parameters, for mt_uniform_of_whole only */
            mt_prepared prepared;  /* unless it varies */
        } law;
        struct {
            size_t count;
            double *values;     /* ascending */
            double *below;      /* probability of values[0..i] */
            double *mean_below; /* partial mean of the same */
            mt_alias *alias;    /* NULL: all as likely */
        } empirical;
        struct {
            size_t count;
            mt_distribution **parts;
            double *weights; /* as given */
            double total;
            mt_alias *alias;
        } mix;
        struct { /* affine and clamp */
            mt_distribution *part;
            double factor, offset; /* affine */
            double low, high;      /* clamp */
        } around;
    };
};

extern const mt_distribution_kind mt_law_kind, mt_empirical_kind, mt_mix_kind, mt_affine_kind,
    mt_clamp_kind;

/* uniform where only whole numbers are taken; no name finds it. */
extern const mt_law mt_uniform_of_whole;

/* Law number `index`, those of one name together; NULL past the last. */
const mt_law *mt_law_at(size_t index);

/* A zeroed distribution with one reference; NULL when out of memory (filled in error). */
mt_distribution *mt_distribution_new(const mt_distribution_kind *kind, mt_error *error);

/* The law's text with min= and max= (where they are finite) among its parameters. */
void mt_law_text(const mt_distribution *d, mt_law_writer *writer, double low, double high);

/* kind->split for any x. */
mt_split mt_distribution_split(const mt_distribution *d, mt_when when, double x, int inclusive);

/* The split of part * factor + offset, factor not 0. */
mt_split mt_affine_split(const mt_distribution *part, double factor, double offset, mt_when when,
                         double x, int inclusive);

/* E[min(max(X, low), high)], low <= high, either may be infinite. */
double mt_distribution_clamped_mean(const mt_distribution *d, mt_when when, double low,
                                    double high);

/* ---- text ---- */

/* Text into a buffer that may be too small. */
struct mt_law_writer {
    char *buffer;
    size_t size, used; /* used may pass size: what would have been written */
};

void mt_law_write(mt_law_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The shortest decimal that reads back as the number, "math.huge" for infinity. */
void mt_law_write_number(mt_law_writer *writer, double value);

#endif
