/* For tests of curves: a shelf that releases what a test made, near enough, texts. */
#ifndef MT_TESTS_CURVE_SUPPORT_H
#define MT_TESTS_CURVE_SUPPORT_H

#include "load/curve.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

enum { SHELF_SIZE = 64 };

typedef struct shelf {
    mt_curve *curve[SHELF_SIZE];
    int count;
} shelf;

/* Releases the curve when the test ends; returns it. It must have been made. */
static inline mt_curve *keep(void **state, mt_curve *curve) {
    shelf *all = *state;
    assert_non_null(curve);
    assert_true(all->count < SHELF_SIZE);
    all->curve[all->count++] = curve;
    return curve;
}

static inline int make_shelf(void **state) {
    *state = calloc(1, sizeof(shelf));
    return *state ? 0 : -1;
}

static inline int release_shelf(void **state) {
    shelf *all = *state;
    for (int i = 0; i < all->count; i++)
        mt_curve_release(all->curve[i]);
    free(all);
    return 0;
}

#define curve_test(test) cmocka_unit_test_setup_teardown(test, make_shelf, release_shelf)

/* Equal but for the rounding of a few operations. */
#define assert_near(got, want)                                                                     \
    do {                                                                                           \
        double got_ = (got), want_ = (want);                                                       \
        if (!(fabs(got_ - want_) <= 1e-13 * fmax(fabs(want_), 1)))                                 \
            fail_msg("%.17g is not %.17g", got_, want_);                                           \
    } while (0)

#define assert_text(curve, want)                                                                   \
    do {                                                                                           \
        char text_[512];                                                                           \
        assert_string_equal(mt_curve_text(curve, text_, sizeof text_), want);                      \
    } while (0)

#endif
