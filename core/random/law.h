/* What the files of the laws share: their tables, ranges of parameters, what one parameter needs. */
#ifndef MT_RANDOM_LAW_H
#define MT_RANDOM_LAW_H

#include "random/kind.h"

#include <float.h>
#include <math.h>

/* Tables of laws; each ends with an entry whose form.name is NULL. */
extern const mt_law mt_laws_normal[];   /* normal, lognormal */
extern const mt_law mt_laws_positive[]; /* exponential, gamma, weibull, pareto */
extern const mt_law mt_laws_whole[];    /* geometric, zipf */

/* Ranges, as initialisers of mt_law_range. */
#define MT_ANY .low = -DBL_MAX, .high = DBL_MAX
#define MT_FROM_0 .low = 0, .high = DBL_MAX
#define MT_ABOVE_0 .low = 0, .open = 1, .high = DBL_MAX

/* Wider ones overflow on the way to their parameters. */
#define MT_CV_LIMIT 1e6

/* A law with one parameter is prepared by keeping it. */
static inline void mt_prepare_value(const double parameter[2], mt_prepared *p) {
    p->value = parameter[0];
}

static inline double mt_mean_value(const mt_prepared *p) {
    return p->value;
}

#endif
