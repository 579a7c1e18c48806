/* Runs of numbers: beside loops over one number after the other. */
#include "base/run.h"

#include "trace_support.h"

enum { MOST = 40 };

static size_t plain_known_of_path(const uint64_t *ids, size_t count, uint64_t next) {
    size_t known = 0;
    while (known < count && ids[known] < next)
        known++;
    for (size_t i = known; i < count; i++)
        if (ids[i] != next + (i - known))
            return SIZE_MAX;
    return known;
}

/* Paths as the format has them, and such with one id that is another one, far off and near. */
static void test_known_of_path(void **state) {
    (void)state;
    uint64_t ids[MOST], random = 3;
    size_t whole = 0, broken = 0;
    for (int round = 0; round < 20000; round++) {
        uint64_t next = below(&random, 3) == 0 ? 0 : below(&random, 50) + 1;
        size_t count = below(&random, MOST), known = next > 0 ? below(&random, count + 1) : 0;
        for (size_t i = 0; i < count; i++)
            ids[i] = i < known ? below(&random, next) : next + (i - known);
        if (count > 0 && round % 2 == 1) {
            const uint64_t others[] = {
                next, next + 1, 0, UINT64_MAX, INT64_MAX, UINT64_MAX - 3, (uint64_t)1 << 63, count};
            ids[below(&random, count)] = others[below(&random, sizeof others / sizeof *others)];
        }
        size_t wanted = plain_known_of_path(ids, count, next);
        assert_int_equal(mt_known_of_path(ids, count, next), wanted);
        whole += wanted != SIZE_MAX;
        broken += wanted == SIZE_MAX;
    }
    assert_true(whole > 5000 && broken > 5000);
}

/* Nothing is written behind the run. */
static void test_written(void **state) {
    (void)state;
    for (size_t count = 0; count < MOST; count++)
        for (uint32_t step = 0; step < 2; step++) {
            uint32_t to[MOST + 1];
            uint64_t ids[MOST + 1];
            memset(to, 0x55, sizeof to);
            memset(ids, 0x55, sizeof ids);
            mt_write_run_u32(to, UINT32_MAX, step,
                             count); /* a run may pass the end of the numbers */
            mt_write_run(ids, 7, count);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(to[i], UINT32_MAX + step * i);
                assert_int_equal(ids[i], 7 + i);
            }
            assert_int_equal(to[count], 0x55555555);
            assert_int_equal(ids[count], UINT64_C(0x5555555555555555));
            assert_true(mt_are_run(ids, count, 7));
            assert_false(mt_are_run(ids, count + 1, 7));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_of_path),
        cmocka_unit_test(test_written),
    };
    return cmocka_run_group_tests_name("number_run", tests, NULL, NULL);
}
