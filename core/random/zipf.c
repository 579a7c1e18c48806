/* Rejection-inversion (Hoermann & Derflinger, "Rejection-inversion to generate variates from
 * monotone discrete distributions", 1996): invert the area H under x^-s, round, and refuse what
 * lies outside the bar of k. */
#include "random/kind.h"

#include "random/special.h"

#include <math.h>

/* The integral of t^-s from 1 to x. */
static double area(double x, double s) {
    double log_x = log(x);
    return log_x * mt_expm1_over((1 - s) * log_x);
}

static double inverse_area(double a, double s) {
    double t = a * (1 - s);
    if (t <= -1)
        return INFINITY; /* rounding at the far end; the caller cuts to n */
    return exp(fabs(t) < 1e-8 ? a * (1 - t / 2) : a * log1p(t) / t);
}

void mt_zipf_prepare(mt_zipf *zipf, double n, double s) {
    zipf->n = n;
    zipf->s = s;
    zipf->low = area(1.5, s) - 1;
    zipf->high = area(n + 0.5, s);
    zipf->squeeze = 2 - inverse_area(area(2.5, s) - pow(2, -s), s);
}

double mt_zipf_draw(const mt_zipf *zipf, mt_random *random) {
    if (zipf->s == 0)
        return 1 + (double)mt_random_below(random, (uint64_t)zipf->n);
    for (;;) {
        double u = zipf->high + mt_random_uniform(random) * (zipf->low - zipf->high);
        double x = inverse_area(u, zipf->s);
        double k = floor(fmin(fmax(x, 1), zipf->n) + 0.5);
        if (k - x <= zipf->squeeze || u >= area(k + 0.5, zipf->s) - pow(k, -zipf->s))
            return k;
    }
}

double mt_draw_zipf(mt_random *random, double n, double s) {
    mt_zipf zipf;
    mt_zipf_prepare(&zipf, n, s);
    return mt_zipf_draw(&zipf, random);
}
