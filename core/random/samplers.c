/* The samplers that need no set-up of their own. Where the distribution function has an inverse it
 * is used: one 64-bit draw a value, and a larger draw is a larger value. */
#include "random/distribution.h"

#include "random/special.h"

#include <math.h>

double mt_draw_normal(mt_random *random) {
    /* p = (k + 1/2) 2^-52: symmetric, never 0 or 1, so |z| <= 8.3. */
    uint64_t k = mt_random_u64(random) >> 12;
    double p = ((double)k + 0.5) * 0x1p-52;
    return mt_normal_quantile(p - 0.5, p < 0.5 ? p : 1 - p);
}

double mt_draw_exponential(mt_random *random) {
    /* The centre of one of 2^53 cells: neither 0 nor infinity. */
    return -log(((double)(mt_random_u64(random) >> 12) + 0.5) * 0x1p-52);
}

double mt_draw_gamma(mt_random *random, double shape) {
    if (shape < 1)
        return mt_draw_gamma(random, shape + 1) * pow(mt_random_positive(random), 1 / shape);
    double d = shape - 1.0 / 3;
    double c = 1 / sqrt(9 * d);
    for (;;) {
        double x = mt_draw_normal(random);
        double v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = mt_random_positive(random);
        double square = x * x;
        if (u < 1 - 0.0331 * square * square || log(u) < 0.5 * square + d * (1 - v + log(v)))
            return d * v;
    }
}

double mt_draw_geometric(mt_random *random, double mean) {
    if (!(mean > 1))
        return 1;
    return 1 + floor(log(mt_random_positive(random)) / log1p(-1 / mean));
}
