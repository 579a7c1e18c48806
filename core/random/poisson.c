/* Poisson counts, exact for means from 0 to 1e9: sequential inversion below 10, above it
 * transformed rejection with squeeze (Hoermann, "The transformed rejection method for generating
 * Poisson random variables", 1993, algorithm PTRS). */
#include "random/distribution.h"

#include "random/special.h"

#include <math.h>

static uint64_t by_inversion(mt_random *random, double mean) {
    enum { BEYOND = 200 }; /* P(count > 200 | mean 10) < 1e-170: only rounding could get here */
    double u = mt_random_uniform(random);
    double p = exp(-mean);
    uint64_t count = 0;
    while (u >= p && count < BEYOND) {
        u -= p;
        p *= mean / (double)++count;
    }
    return count;
}

/* ln P(count | mean), accurate where k ln(mean) - mean - ln(k!) would lose ten digits. */
static double log_probability(double count, double mean) {
    if (count == 0)
        return -mean;
    return -mt_poisson_deviance(count, mean) - mt_stirling_error(count) -
           0.5 * log(2 * M_PI * count);
}

static uint64_t by_rejection(mt_random *random, double mean) {
    double b = 0.931 + 2.53 * sqrt(mean);
    double a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    double v_squeeze = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        double u = mt_random_uniform(random) - 0.5;
        double v = mt_random_positive(random);
        double us = 0.5 - fabs(u);
        double count = floor((2 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= v_squeeze)
            return (uint64_t)count;
        if (!(count >= 0) || (us < 0.013 && v > us))
            continue;
        if (log(v * inverse_alpha / (a / (us * us) + b)) <= log_probability(count, mean))
            return (uint64_t)count;
    }
}

uint64_t mt_draw_poisson(mt_random *random, double mean) {
    if (!(mean > 0))
        return 0;
    return mean < 10 ? by_inversion(random, mean) : by_rejection(random, mean);
}
