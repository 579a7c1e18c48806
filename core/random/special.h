/* The special functions that distributions need, each with both tails, so that nothing is lost to
 * 1 - p. Doubles in and out; relative errors are near 1e-14 unless said otherwise. */
#ifndef MT_RANDOM_SPECIAL_H
#define MT_RANDOM_SPECIAL_H

/* P(Z <= z) of the standard normal; the upper tail is mt_normal_below(-z). */
double mt_normal_below(double z);

/* The z with P(Z <= z) = p, 0 < p < 1 (Wichura, algorithm AS 241, 1988). `offset` is p - 1/2 and
 * `tail` the smaller of p and 1 - p: given apart, both ends keep their precision. */
double mt_normal_quantile(double offset, double tail);

/* The regularised incomplete gamma functions, *below = P(shape, x) and *above = Q(shape, x):
 * shape > 0. By series and continued fraction; above a shape of 1e7 by the first two terms of
 * Temme's uniform expansion (1979), absolute error 1e-12. */
void mt_gamma_split(double shape, double x, double *below, double *above);

/* ln(n!) - ln(sqrt(2 pi n) (n/e)^n), n > 0 real: the error of Stirling's formula. */
double mt_stirling_error(double n);

/* x ln(x / m) + m - x for x, m > 0, without cancellation where x is near m (Loader, "Fast and
 * accurate computation of binomial probabilities", 2000). With the function above the
 * probability of k under Poisson(m) is exp(-deviance(k, m) - stirling_error(k)) / sqrt(2 pi k). */
double mt_poisson_deviance(double x, double m);

/* The sum of k^-s for whole k from `from` to `to`, 1 <= from (0 when to < from), s >= -1 real: the
 * first terms one by one, the rest by Euler and Maclaurin. */
double mt_power_sum(double from, double to, double s);

/* (e^x - 1) / x, 1 at 0. */
double mt_expm1_over(double x);

#endif
