#include "random/special.h"

#include <float.h>
#include <math.h>

double mt_normal_below(double z) {
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/* The polynomial of degree 7 with these coefficients, lowest first. */
static double polynomial(const double coefficients[8], double x) {
    double value = coefficients[7];
    for (int i = 6; i >= 0; i--)
        value = value * x + coefficients[i];
    return value;
}

double mt_normal_quantile(double offset, double tail) {
    static const double center_up[8] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                        1.9715909503065514427e3, 1.3731693765509461125e4,
                                        4.5921953931549871457e4, 6.7265770927008700853e4,
                                        3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double center_down[8] = {1.0000000000000000000e0, 4.2313330701600911252e1,
                                          6.8718700749205790830e2, 5.3941960214247511077e3,
                                          2.1213794301586595867e4, 3.9307895800092710610e4,
                                          2.8729085735721942674e4, 5.2264952788528545610e3};
    static const double middle_up[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                        5.76949722146069140550e0,  3.64784832476320460504e0,
                                        1.27045825245236838258e0,  2.41780725177450611770e-1,
                                        2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double middle_down[8] = {1.0000000000000000000e0,   2.05319162663775882187e0,
                                          1.67638483018380384940e0,  6.89767334985100004550e-1,
                                          1.48103976427480074590e-1, 1.51986665636164571966e-2,
                                          5.47593808499534494600e-4, 1.05075007164441684324e-9};
    static const double far_up[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                     1.78482653991729133580e0,  2.96560571828504891230e-1,
                                     2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                     2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double far_down[8] = {1.0000000000000000000e0,   5.99832206555887937690e-1,
                                       1.36929880922735805310e-1, 1.48753612908506148525e-2,
                                       7.86869131145613259100e-4, 1.84631831751005468180e-5,
                                       1.42151175831644588870e-7, 2.04426310338993978564e-15};
    if (fabs(offset) <= 0.425) {
        double r = 0.180625 - offset * offset;
        return offset * polynomial(center_up, r) / polynomial(center_down, r);
    }
    double r = sqrt(-log(tail));
    double size = r <= 5 ? polynomial(middle_up, r - 1.6) / polynomial(middle_down, r - 1.6)
                         : polynomial(far_up, r - 5) / polynomial(far_down, r - 5);
    return offset < 0 ? -size : size;
}

double mt_stirling_error(double n) {
    if (n < 16) {
        int sign;
        return lgamma_r(n + 1, &sign) - (n + 0.5) * log(n) + n - 0.5 * log(2 * M_PI);
    }
    double square = n * n;
    return (1.0 / 12 -
            (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / square) / square) / square) /
                square) /
           n;
}

double mt_poisson_deviance(double x, double m) {
    if (fabs(x - m) >= 0.1 * (x + m))
        return x * log(x / m) + m - x;
    double v = (x - m) / (x + m);
    double sum = (x - m) * v;
    double term = 2 * x * v;
    for (int j = 1; j < 100; j++) {
        term *= v * v;
        double next = sum + term / (2 * j + 1);
        if (next == sum)
            break;
        sum = next;
    }
    return sum;
}

/* Temme's expansion: Q = erfc(eta sqrt(shape / 2)) / 2 + remainder, lambda = x / shape,
 * eta^2 / 2 = lambda - 1 - ln lambda. */
static void gamma_split_large(double shape, double x, double *below, double *above) {
    double half_square = mt_poisson_deviance(shape, x) / shape;
    double eta = copysign(sqrt(2 * half_square), x - shape);
    double mu = (x - shape) / shape;
    double first = fabs(mu) < 1e-4 ? -1.0 / 3 + mu / 12 : 1 / mu - 1 / eta;
    double remainder = exp(-shape * half_square) / sqrt(2 * M_PI * shape) * first;
    *above = 0.5 * erfc(eta * sqrt(shape / 2)) + remainder;
    *below = 0.5 * erfc(-eta * sqrt(shape / 2)) - remainder;
}

/* Gauss's continued fraction for Q, without its leading factor, by Lentz's method. */
static double gamma_fraction(double shape, double x) {
    double b = x + 1 - shape;
    double c = 1 / DBL_MIN;
    double d = 1 / b;
    double h = d;
    for (int i = 1; i < 1000000; i++) {
        double a = -i * (i - shape);
        b += 2;
        d = a * d + b;
        d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
        c = b + a / c;
        c = fabs(c) < DBL_MIN ? DBL_MIN : c;
        double step = c * d;
        h *= step;
        if (fabs(step - 1) < DBL_EPSILON)
            break;
    }
    return h;
}

void mt_gamma_split(double shape, double x, double *below, double *above) {
    *below = x > 0;
    *above = !(x > 0);
    if (!(x > 0) || isinf(x))
        return;
    if (shape > 1e7) {
        gamma_split_large(shape, x, below, above);
        return;
    }
    /* x^shape e^-x / Gamma(shape + 1) */
    double factor =
        exp(-mt_poisson_deviance(shape, x) - mt_stirling_error(shape)) / sqrt(2 * M_PI * shape);
    if (x < shape + 1) {
        double sum = 1;
        double term = 1;
        for (double n = shape + 1; term > sum * (DBL_EPSILON / 4); n++) {
            term *= x / n;
            sum += term;
        }
        *below = fmin(factor * sum, 1);
        *above = 1 - *below;
    } else {
        *above = fmin(factor * shape * gamma_fraction(shape, x), 1);
        *below = 1 - *above;
    }
}

double mt_expm1_over(double x) {
    return fabs(x) < 1e-8 ? 1 + x / 2 : expm1(x) / x;
}

double mt_power_sum(double from, double to, double s) {
    /* Euler and Maclaurin need from >> s. At the cap what is left is below 256^-60. */
    double one_by_one = fmin(16 + 4 * fmax(s, 0), 256);
    double sum = 0;
    while (from <= to && from < one_by_one)
        sum += pow(from++, -s);
    if (from > to)
        return sum;
    /* Bernoulli numbers B2j / (2j)! of the corrections. */
    static const double bernoulli[5] = {1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600,
                                        1.0 / 47900160};
    double ratio = log(to / from);
    double first = pow(from, -s);
    double last = pow(to, -s);
    double tail = first * from * ratio * mt_expm1_over((1 - s) * ratio) + (first + last) / 2;
    double derivative = s;
    for (int j = 0; j < 5; j++) {
        first /= j ? from * from : from;
        last /= j ? to * to : to;
        tail += bernoulli[j] * derivative * (first - last);
        derivative *= (s + 2 * j + 1) * (s + 2 * j + 2);
    }
    return sum + tail;
}
