/* Does a sample follow a law? p-values of the two usual tests; the seeds are fixed, and a p below
 * GOODNESS_BOUND fails: one run in a thousand of a right sampler, chosen before the seeds. */
#ifndef MT_TESTS_GOODNESS_H
#define MT_TESTS_GOODNESS_H

#include "base/sort.h"
#include "random/special.h"
#include "stats/summary.h"

#include <math.h>

#define GOODNESS_BOUND 1e-3

/* P(chi-square with `freedom` degrees >= statistic). */
static inline double chi_square_p(double statistic, double freedom) {
    double below, above;
    mt_gamma_split(freedom / 2, statistic / 2, &below, &above);
    return above;
}

/* Pearson's test of counts against expected counts; neighbours are put together until at least 10
 * are expected. */
static inline double chi_square_test(const double *counts, const double *expected, size_t bins) {
    double statistic = 0;
    double count = 0;
    double mean = 0;
    double freedom = -1;
    double rest = 0;
    for (size_t i = 0; i < bins; i++)
        rest += expected[i];
    for (size_t i = 0; i < bins; i++) {
        count += counts[i];
        mean += expected[i];
        rest -= expected[i];
        if (mean >= 10 && (rest >= 10 || i + 1 == bins)) {
            statistic += (count - mean) * (count - mean) / mean;
            freedom++;
            count = mean = 0;
        }
    }
    return chi_square_p(statistic, freedom);
}

/* The chance of a distance this large between a law and `n` draws of it (Kolmogorov; Stephens's
 * correction for finite n). */
static inline double kolmogorov_p(double distance, double n) {
    double lambda = (sqrt(n) + 0.12 + 0.11 / sqrt(n)) * distance;
    double p = 0;
    for (int j = 1; j <= 100; j++)
        p += (j % 2 ? 2 : -2) * exp(-2 * j * j * lambda * lambda);
    return lambda < 0.2 ? 1 : fmin(fmax(p, 0), 1);
}

/* Kolmogorov and Smirnov's test; sorts the values. */
static inline double kolmogorov_test(double *values, size_t count,
                                     double (*below)(const void *context, double x),
                                     const void *context) {
    double n = (double)count;
    double distance = 0;
    mt_sort(values, count);
    for (size_t i = 0; i < count; i++) {
        double p = below(context, values[i]);
        distance = fmax(distance, fmax(p - (double)i / n, (double)(i + 1) / n - p));
    }
    return kolmogorov_p(distance, n);
}

#endif
