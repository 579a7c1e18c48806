#include "load/curve/series.h"

#include "base/assert.h"

#include <float.h>
#include <math.h>

enum { QUOTIENT_DEGREE = MT_SERIES_DEGREE + 8, PRODUCT_DEGREE = 2 * MT_SERIES_DEGREE };

static const double tail_allowed = 1e-15;

void mt_series_constant(mt_series *series, double start, double end, double value) {
    series->start = start;
    series->end = end;
    series->degree = 0;
    series->coefficient[0] = value;
}

void mt_series_line(mt_series *series, double start, double end, double value, double slope) {
    mt_series_constant(series, start, end, value);
    series->coefficient[1] = slope;
    series->degree = slope != 0;
}

double mt_series_at(const mt_series *series, double x) {
    double value = series->coefficient[series->degree];
    for (int k = series->degree - 1; k >= 0; k--)
        value = value * x + series->coefficient[k];
    return value;
}

double mt_series_integral(const mt_series *series, double x) {
    double value = series->coefficient[series->degree] / (series->degree + 1);
    for (int k = series->degree - 1; k >= 0; k--)
        value = value * x + series->coefficient[k] / (k + 1);
    return value == 0 ? 0 : value * x; /* 0 for ever has the area 0 */
}

/* The sum of |coefficient[k]| length^k for k = first .. last. */
static double size_of_terms(const double *coefficient, int first, int last, double length) {
    double size = 0;
    for (int k = last; k > first; k--)
        size = (size + fabs(coefficient[k])) * length;
    size += fabs(coefficient[first]);
    return first > 0 ? size * pow(length, first) : size;
}

double mt_series_bound(const mt_series *series) {
    return size_of_terms(series->coefficient, 0, series->degree, series->end - series->start);
}

static void trim(mt_series *series) {
    while (series->degree > 0 && series->coefficient[series->degree] == 0)
        series->degree--;
}

void mt_series_scale(mt_series *series, double factor) {
    for (int k = 0; k <= series->degree; k++)
        series->coefficient[k] *= factor;
    trim(series);
}

void mt_series_add(mt_series *a, double factor, const mt_series *b) {
    for (int k = a->degree + 1; k <= b->degree; k++)
        a->coefficient[k] = 0;
    for (int k = 0; k <= b->degree; k++)
        a->coefficient[k] += factor * b->coefficient[k];
    if (a->degree < b->degree)
        a->degree = b->degree;
    a->end = fmin(a->end, b->end);
    trim(a);
}

/* Keeps as many terms of full[0..degree] as a series has room for, and shortens the stretch until
 * the terms left out do not matter. */
static void keep(mt_series *series, const double *full, int degree) {
    int kept = degree < MT_SERIES_DEGREE ? degree : MT_SERIES_DEGREE;
    double length = series->end - series->start;
    for (int attempt = 0; degree > kept && attempt < 200; attempt++) {
        double tail = size_of_terms(full, kept + 1, degree, length);
        double allowed = tail_allowed * size_of_terms(full, 0, kept, length);
        if (!(tail > allowed))
            break;
        /* Where a product starts at 0, its bound shrinks with the stretch: so never shorten by too
         * much at once. */
        double ratio = isfinite(tail) ? pow(allowed / tail, 1.0 / (kept + 1)) : 0;
        length *= fmax(fmin(ratio, 0.95), 0.01);
    }
    if (series->start + length < series->end)
        series->end = series->start + length;
    for (int k = 0; k <= kept; k++)
        series->coefficient[k] = full[k];
    series->degree = kept;
    mt_assert(series->end >= series->start);
    trim(series);
}

void mt_series_multiply(mt_series *a, const mt_series *b) {
    double full[PRODUCT_DEGREE + 1] = {0};
    int degree = a->degree + b->degree;
    for (int i = 0; i <= a->degree; i++)
        for (int j = 0; j <= b->degree; j++)
            full[i + j] += a->coefficient[i] * b->coefficient[j];
    a->end = fmin(a->end, b->end);
    keep(a, full, degree);
}

void mt_series_divide(mt_series *a, const mt_series *b) {
    double first = b->coefficient[0];
    double smallest = 1e-13 * mt_series_bound(b);
    a->end = fmin(a->end, b->end);
    if (b->degree == 0) {
        for (int k = 0; k <= a->degree; k++)
            a->coefficient[k] /= first;
        trim(a);
        return;
    }
    if (!(fabs(first) > smallest)) {
        a->degree = 0;
        a->coefficient[0] *= INFINITY; /* NaN for 0 / 0 */
        return;
    }
    double full[QUOTIENT_DEGREE + 1];
    for (int k = 0; k <= QUOTIENT_DEGREE; k++) {
        double rest = k <= a->degree ? a->coefficient[k] : 0;
        for (int j = 1; j <= b->degree && j <= k; j++)
            rest -= b->coefficient[j] * full[k - j];
        full[k] = rest / first;
    }
    keep(a, full, QUOTIENT_DEGREE);
}

void mt_series_recentre(mt_series *series, double x) {
    for (int i = 0; i < series->degree; i++)
        for (int k = series->degree - 1; k >= i; k--)
            series->coefficient[k] += x * series->coefficient[k + 1];
}

void mt_series_derivative(const mt_series *series, mt_series *derivative) {
    mt_series_constant(derivative, series->start, series->end, 0);
    for (int k = 1; k <= series->degree; k++)
        derivative->coefficient[k - 1] = k * series->coefficient[k];
    derivative->degree = series->degree > 0 ? series->degree - 1 : 0;
}

/* ---- sign changes ---- */

typedef struct bernstein {
    double from, to; /* as parts of the stretch: 0..1 */
    double value[MT_SERIES_DEGREE + 1];
} bernstein;

static void bernstein_of(const mt_series *series, bernstein *control) {
    double length = series->end - series->start;
    double power = 1;
    int n = series->degree;
    double difference[MT_SERIES_DEGREE + 1];
    /* coefficient[k] length^k / C(n, k) are the forward differences at 0. */
    double choose = 1;
    for (int k = 0; k <= n; k++) {
        difference[k] = series->coefficient[k] * power / choose;
        power *= length;
        choose = choose * (n - k) / (k + 1);
    }
    for (int j = 0; j <= n; j++) {
        control->value[j] = difference[0];
        for (int k = 0; k < n - j; k++)
            difference[k] += difference[k + 1];
    }
    control->from = 0;
    control->to = 1;
}

/* Splits *left in the middle by de Casteljau's rule; it keeps the first half. */
static void split(bernstein *left, bernstein *right, int n) {
    double middle = 0.5 * (left->from + left->to);
    double value[MT_SERIES_DEGREE + 1];
    for (int j = 0; j <= n; j++)
        value[j] = left->value[j];
    for (int level = 0; level <= n; level++) {
        left->value[level] = value[0];
        right->value[n - level] = value[n - level];
        for (int j = 0; j < n - level; j++)
            value[j] = 0.5 * (value[j] + value[j + 1]);
    }
    right->from = middle;
    right->to = left->to;
    left->to = middle;
}

/* The number of sign changes in the control values; values within the tolerance are skipped. *first
 * becomes the sign of the first value that counts, 0 when there is none. */
static int variations(const bernstein *control, int n, double tolerance, int *first) {
    int changes = 0, last = 0;
    *first = 0;
    for (int j = 0; j <= n; j++) {
        int sign = control->value[j] > tolerance ? 1 : control->value[j] < -tolerance ? -1 : 0;
        if (sign == 0)
            continue;
        if (last == 0)
            *first = sign;
        else if (sign != last)
            changes++;
        last = sign;
    }
    return changes;
}

/* The one sign change in [low, high], by bisection on the value itself. */
static double bisect(const mt_series *series, double low, double high, int sign_before) {
    for (int i = 0; i < 200; i++) {
        double middle = 0.5 * (low + high);
        if (middle <= low || middle >= high)
            break;
        if (mt_series_at(series, middle) * sign_before > 0)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static double line_sign_change(const mt_series *series, double length) {
    double first = series->coefficient[0];
    double last = mt_series_at(series, length);
    if ((first < 0 && last > 0) || (first > 0 && last < 0))
        return fmin(-first / series->coefficient[1], length);
    return length;
}

double mt_series_sign_change(const mt_series *series) {
    enum { DEPTH = 52 };
    double length = series->end - series->start;
    int n = series->degree;
    if (n == 0)
        return length;
    if (n == 1)
        return line_sign_change(series, length);
    /* Mostly the first term outweighs all others, and with them every control value. */
    static const double outweighs = 1 + 1e-9;
    double bound = mt_series_bound(series), first_term = fabs(series->coefficient[0]);
    if (first_term > (bound - first_term) * outweighs)
        return length;
    double tolerance = 8 * DBL_EPSILON * bound;
    bernstein waiting[DEPTH + 2];
    int count = 1, sign = 0;
    bernstein_of(series, &waiting[0]);
    while (count > 0) { /* from left to right; the nearest is on top */
        bernstein *top = &waiting[count - 1];
        int first;
        int changes = variations(top, n, tolerance, &first);
        if (first != 0 && sign != 0 && first != sign)
            return top->from * length;
        if (changes == 1)
            return bisect(series, top->from * length, top->to * length, first);
        if (changes == 0 || count > DEPTH) {
            if (first != 0)
                sign = first;
            count--;
            continue;
        }
        bernstein right;
        split(top, &right, n);
        waiting[count] = *top;
        waiting[count - 1] = right;
        count++;
    }
    return length;
}
