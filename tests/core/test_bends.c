/* Where hit curves bend: the sizes that are shown of them. */
#include "prefix/cache/bends.h"

#include "base/memory.h"
#include "trace_support.h"

#include <math.h>

/* Of 100 blocks, blocks[i] hit from sizes[i] on. */
static mt_hit_curve *steps(const uint64_t *sizes, const uint64_t *blocks, size_t count) {
    mt_hits hits[4];
    mt_hit_totals totals = {1, 100, 100};
    for (size_t i = 0; i < count; i++)
        hits[i] = (mt_hits){sizes[i], (double)blocks[i] / 100, blocks[i], blocks[i]};
    mt_hit_curve *curve = mt_hit_curve_new(hits, count, &totals, NULL);
    assert_non_null(curve);
    return curve;
}

static size_t bends_of(const mt_hit_curve *const *curves, size_t count, uint64_t distinct,
                       uint64_t *sizes) {
    size_t found = 0;
    assert_int_equal(mt_hit_curve_bends(curves, count, distinct, sizes, &found, NULL), MT_OK);
    return found;
}

static int holds(const uint64_t *sizes, size_t count, uint64_t low, uint64_t high) {
    for (size_t i = 0; i < count; i++)
        if (sizes[i] >= low && sizes[i] <= high)
            return 1;
    return 0;
}

/* A step at 5000 blocks shows both its sides, and nothing but the ends else. */
static void test_step(void **state) {
    (void)state;
    static const uint64_t at[] = {5000}, blocks[] = {50};
    mt_hit_curve *curve = steps(at, blocks, 1);
    const mt_hit_curve *curves[] = {curve};
    uint64_t sizes[MT_MOST_BENDS];
    size_t count = bends_of(curves, 1, 100000, sizes);
    assert_int_equal(count, 4);
    assert_int_equal(sizes[0], 100);
    assert_in_range(sizes[1], 4900, 4999);
    assert_in_range(sizes[2], 5000, 5100);
    assert_int_equal(sizes[3], 100000);
    mt_hit_curve_free(curve);
}

/* A curve without hits, one with so little that nobody sees it, and few blocks: the ends. */
static void test_ends(void **state) {
    (void)state;
    static const uint64_t at[] = {300}, blocks[] = {0};
    mt_hit_curve *curve = steps(at, blocks, 1);
    const mt_hit_curve *curves[] = {curve};
    uint64_t sizes[MT_MOST_BENDS];
    static const struct {
        uint64_t distinct, from;
        size_t count;
    } known[] = {{1, 1, 1}, {2, 1, 2}, {999, 1, 2}, {1000, 100, 2}, {(uint64_t)1 << 40, 100, 2}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(bends_of(curves, 1, known[i].distinct, sizes), known[i].count);
        assert_int_equal(sizes[0], known[i].from);
        assert_int_equal(sizes[known[i].count - 1], known[i].distinct);
    }
    mt_hit_curve_free(curve);
}

/* Where one curve is straight and the other bends, in either order; four steps take all 11 at most, the
 * largest first. */
static void test_several(void **state) {
    (void)state;
    static const uint64_t at[] = {20, 70, 200, 600}, blocks[] = {30, 5, 20, 10}, none[] = {0};
    mt_hit_curve *stepped = steps(at, blocks, 4), *flat = steps(at, none, 1);
    for (int turned = 0; turned < 2; turned++) {
        const mt_hit_curve *curves[] = {turned ? flat : stepped, turned ? stepped : flat};
        uint64_t sizes[MT_MOST_BENDS];
        size_t count = bends_of(curves, 2, 900, sizes);
        assert_int_equal(count, 10);
        for (size_t i = 1; i < count; i++)
            assert_true(sizes[i - 1] < sizes[i]);
        for (size_t i = 0; i < 4; i++)
            assert_true(holds(sizes, count, at[i], at[i] + at[i] / 50) &&
                        holds(sizes, count, at[i] - at[i] / 50 - 1, at[i] - 1));
    }
    mt_hit_curve_free(stepped);
    mt_hit_curve_free(flat);
}

/* At every size between the ends, lines through what is shown miss the curve by less than 0.004. */
static void test_straight_lines(void **state) {
    (void)state;
    enum { STEPS = 300 };
    static mt_hits hits[STEPS];
    mt_hit_totals totals = {1, STEPS * 10, STEPS * 10};
    for (size_t i = 0; i < STEPS; i++) /* a ratio that goes up with the square of the logarithm */
        hits[i] = (mt_hits){(uint64_t)(100 * pow(1000, sqrt((double)(i + 1) / STEPS))), 0, 5, 5};
    mt_hit_curve *curve = mt_hit_curve_new(hits, STEPS, &totals, NULL);
    const mt_hit_curve *curves[] = {curve};
    uint64_t sizes[MT_MOST_BENDS];
    size_t count = bends_of(curves, 1, 100000, sizes);
    assert_in_range(count, 5, 9);
    for (size_t i = 1; i < count; i++) {
        double low = mt_hit_curve_at(curve, sizes[i - 1]).block;
        double high = mt_hit_curve_at(curve, sizes[i]).block;
        double span = log((double)sizes[i] / (double)sizes[i - 1]);
        for (uint64_t size = sizes[i - 1]; size < sizes[i]; size += 1 + size / 100) {
            double share = log((double)size / (double)sizes[i - 1]) / span;
            double line = low + (high - low) * share;
            /* and by what the curve does between two sizes that are looked at */
            assert_true(fabs(mt_hit_curve_at(curve, size).block - line) < 0.008);
        }
    }
    mt_hit_curve_free(curve);
}

static void test_memory(void **state) {
    (void)state;
    static const uint64_t at[] = {5000}, blocks[] = {50};
    mt_hit_curve *curve = steps(at, blocks, 1);
    const mt_hit_curve *curves[] = {curve};
    uint64_t sizes[MT_MOST_BENDS];
    size_t found;
    mt_error error;
    mt_memory_fail_at(1, 0);
    mt_code code = mt_hit_curve_bends(curves, 1, 100000, sizes, &found, &error);
    mt_memory_fail_at(0, 0);
    assert_int_equal(code, MT_ERROR_MEMORY);
    assert_string_equal(error.message, "out of memory (hit ratios)");
    mt_hit_curve_free(curve);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step),    cmocka_unit_test(test_ends),
        cmocka_unit_test(test_several), cmocka_unit_test(test_straight_lines),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("bends", tests, NULL, NULL);
}
