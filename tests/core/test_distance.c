/* The Kolmogorov-Smirnov distance: by hand, beside the definition word by word, as a distance. */
#include "stats/distance.h"

#include "base/sort.h"
#include "trace_support.h"

#include <math.h>

static void assert_distance(const double *a, size_t a_count, const double *b, size_t b_count,
                            double want) {
    assert_true(mt_ks_distance(a, a_count, b, b_count) == want);
    assert_true(mt_ks_distance(b, b_count, a, a_count) == want);
}

static void test_by_hand(void **state) {
    (void)state;
    static const double low[] = {1, 2, 3}, high[] = {10, 11};
    static const double ties[] = {1, 1, 1, 2}, mixed[] = {1, 2, 2, 2};
    assert_distance(low, 3, low, 3, 0);
    assert_distance(low, 3, high, 2, 1);
    assert_distance(ties, 4, mixed, 4, 0.5);            /* at 1: 3/4 and 1/4 */
    assert_distance(low, 3, (double[]){2}, 1, 1.0 / 3); /* just below 2: 1/3 and 0; at 2: 2/3, 1 */
    assert_distance(low, 3, (double[]){2.5}, 1, 2.0 / 3); /* just below 2.5: 2/3 and 0 */
    assert_distance(high, 2, high, 1, 0.5);               /* at 10: 1/2 and 1 */
    assert_distance((double[]){-INFINITY, 0}, 2, (double[]){0, INFINITY}, 2, 0.5);
}

/* The same values in other numbers: equal shares, whatever the sizes. */
static void test_multiples(void **state) {
    (void)state;
    enum { VALUES = 7, TIMES = 13 };
    double once[VALUES], often[VALUES * TIMES];
    for (size_t i = 0; i < VALUES; i++) {
        once[i] = (double)i / 3;
        for (size_t k = 0; k < TIMES; k++)
            often[i * TIMES + k] = once[i];
    }
    assert_distance(once, VALUES, often, (size_t)VALUES * TIMES, 0);
}

static void test_empty(void **state) {
    (void)state;
    static const double one[] = {1};
    assert_true(isnan(mt_ks_distance(NULL, 0, one, 1)));
    assert_true(isnan(mt_ks_distance(one, 1, NULL, 0)));
    assert_true(isnan(mt_ks_distance(NULL, 0, NULL, 0)));
}

static double share_up_to(const double *values, size_t count, double x) {
    size_t below = 0;
    for (size_t i = 0; i < count; i++)
        below += values[i] <= x;
    return (double)below / (double)count;
}

/* The definition, at every value there is. */
static double plain_distance(const double *a, size_t a_count, const double *b, size_t b_count) {
    double largest = 0;
    for (size_t i = 0; i < a_count + b_count; i++) {
        double x = i < a_count ? a[i] : b[i - a_count];
        double here = fabs(share_up_to(a, a_count, x) - share_up_to(b, b_count, x));
        largest = here > largest ? here : largest;
    }
    return largest;
}

static void test_against_plain(void **state) {
    (void)state;
    enum { MOST = 40, SETS = 3, ROUNDS = 3000 };
    static const uint64_t ranges[] = {1, 2, 5, 30, 1000000};
    uint64_t random = 11;
    for (int round = 0; round < ROUNDS; round++) {
        double values[SETS][MOST], distances[SETS];
        size_t counts[SETS];
        uint64_t range = ranges[below(&random, 5)];
        for (int set = 0; set < SETS; set++) {
            counts[set] = 1 + (size_t)below(&random, MOST);
            for (size_t i = 0; i < counts[set]; i++)
                values[set][i] = (double)below(&random, range) - (double)(range / 2);
            mt_sort(values[set], counts[set]);
        }
        for (int set = 0; set < SETS; set++) {
            int next = (set + 1) % SETS;
            distances[set] = mt_ks_distance(values[set], counts[set], values[next], counts[next]);
            double plain = plain_distance(values[set], counts[set], values[next], counts[next]);
            assert_true(fabs(distances[set] - plain) < 1e-15);
        }
        /* Never more than by way of a third. */
        assert_true(distances[0] <= distances[1] + distances[2] + 1e-15);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_multiples),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_against_plain),
    };
    return cmocka_run_group_tests_name("distance", tests, NULL, NULL);
}
