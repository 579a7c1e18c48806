/* Sorting times and doubles: beside qsort, equal times in their order, memory that is out, Ctrl-C. */
#include "base/sort.h"
#include "stats/groups.h"

#include <math.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace_support.h"

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void test_sort(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 255, 256, 1000, 4095, 4096, 20000};
    static const int shifts[] = {0, 1, 8, 20, 33, 60}; /* how many of the bits take part */
    /* Of those, some in which all times agree: at the end, and between two. */
    static const uint64_t masks[] = {UINT64_MAX, UINT64_MAX << 9, UINT64_C(0x800000ff000000f0)};
    uint64_t random = 5;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t s = 0; s < 3 * sizeof shifts / sizeof *shifts; s++) {
            size_t bytes = counts[c] * sizeof(int64_t);
            int64_t *times = malloc(bytes + 1), *wanted = malloc(bytes + 1);
            for (size_t i = 0; i < counts[c]; i++)
                times[i] = ((int64_t)next_random(&random) >> shifts[s / 3]) & (int64_t)masks[s % 3];
            memcpy(wanted, times, bytes);
            qsort(wanted, counts[c], sizeof *wanted, by_time);
            assert_int_equal(mt_sort_times(times, counts[c], NULL), MT_OK);
            assert_memory_equal(times, wanted, bytes);
            free(times);
            free(wanted);
        }
}

/* As many as are dealt out by narrower digits again. */
static void test_sort_many(void **state) {
    (void)state;
    enum { TIMES = (1 << 20) + 1 };
    int64_t *times = malloc(TIMES * sizeof *times);
    uint64_t random = 8, before = 0, after = 0;
    for (size_t i = 0; i < TIMES; i++)
        before += (uint64_t)(times[i] = (int64_t)below(&random, 1 << 20) - 1000);
    assert_int_equal(mt_sort_times(times, TIMES, NULL), MT_OK);
    for (size_t i = 0; i < TIMES; i++)
        after += (uint64_t)times[i];
    assert_int_equal(before, after);
    for (size_t i = 1; i < TIMES; i++)
        if (times[i] < times[i - 1])
            fail();
    free(times);
}

/* A few different times: what has the same one stays in order. */
static void test_stable(void **state) {
    (void)state;
    enum { ITEMS = 5000 };
    static mt_timed items[ITEMS];
    uint64_t random = 6;
    for (size_t i = 0; i < ITEMS; i++)
        items[i] = (mt_timed){(int64_t)(below(&random, 600)) - 300, i};
    assert_int_equal(mt_sort_by_time(items, ITEMS, NULL), MT_OK);
    for (size_t i = 1; i < ITEMS; i++) {
        assert_true(items[i - 1].time_ns <= items[i].time_ns);
        if (items[i - 1].time_ns == items[i].time_ns)
            assert_true(items[i - 1].place < items[i].place);
    }
}

/* Items of several sizes that begin with a number: what has the same one stays in order. */
static void test_by_number(void **state) {
    (void)state;
    enum { ITEMS = 5000, MOST_WORDS = 5 };
    static int64_t words[ITEMS * MOST_WORDS];
    for (size_t size = 2; size <= MOST_WORDS; size++) {
        uint64_t random = size;
        for (size_t i = 0; i < ITEMS; i++)
            for (size_t word = 0; word < size; word++)
                words[i * size + word] =
                    word == 0 ? (int64_t)below(&random, 900) - 450 : (int64_t)i;
        assert_int_equal(mt_sort_by_number(words, ITEMS, size * sizeof *words, NULL), MT_OK);
        for (size_t i = 1; i < ITEMS; i++) {
            const int64_t *before = &words[(i - 1) * size], *item = &words[i * size];
            assert_true(before[0] < item[0] || (before[0] == item[0] && before[1] < item[1]));
            assert_int_equal(item[1], item[size - 1]);
        }
    }
}

/* What is in order needs no memory; without memory, or stopped, nothing is lost. */
static void test_sort_failures(void **state) {
    (void)state;
    int64_t sorted[] = {-1, 0, 0, 7}, times[] = {300, 2, 1};
    mt_error error;
    mt_memory_fail_at(1, 1);
    assert_int_equal(mt_sort_times(sorted, 4, &error), MT_OK);
    assert_int_equal(mt_sort_times(times, 3, &error), MT_ERROR_MEMORY);
    mt_memory_fail_at(0, 0);
    assert_string_equal(error.message, "out of memory (sorting times)");
    assert_int_equal(times[0] + times[1] + times[2], 303);
    mt_interrupt_flag = 1;
    mt_code code = mt_sort_times(times, 3, &error);
    mt_interrupt_flag = 0;
    assert_int_equal(code, MT_ERROR_INTERRUPTED);
    assert_int_equal(times[0] + times[1] + times[2], 303);
    assert_int_equal(mt_sort_times(times, 3, &error), MT_OK);
    assert_int_equal(times[0], 1);
    assert_int_equal(times[2], 300);
}

/* Doubles of both signs, many and few of them different, with infinities, in both ways; after Ctrl-C
 * too, which is no reason not to sort. */
static void test_sort_doubles(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 2, 25, 1023, 1024, 20000};
    static const uint64_t different[] = {3, 1000, UINT64_MAX};
    uint64_t random = 7;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t d = 0; d < 9; d++) {
            size_t bytes = counts[c] * sizeof(double);
            double *values = malloc(bytes + 1), *wanted = malloc(bytes + 1);
            for (size_t i = 0; i < counts[c]; i++) {
                double scale = (double)(1 + below(&random, 1000));
                values[i] = ((double)below(&random, different[d % 3]) - 1) / scale;
                values[i] = i % 2 ? values[i] : -values[i];
            }
            if (counts[c] > 100)
                values[77] = INFINITY, values[99] = -INFINITY;
            memcpy(wanted, values, bytes);
            qsort(wanted, counts[c], sizeof *wanted, mt_by_double);
            mt_interrupt_flag = d / 3 == 2;
            if (d / 3 == 1)
                mt_sort_in_place(values, counts[c]);
            else
                mt_sort(values, counts[c]);
            mt_interrupt_flag = 0;
            for (size_t i = 0; i < counts[c]; i++)
                assert_true(values[i] == wanted[i]);
            free(values);
            free(wanted);
        }
}

/* The value of a rank, of values that are many and few different, in order and not: that of the sorted ones,
 * and nothing is lost. */
static void test_select(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 24, 25, 1000, 20000};
    static const uint64_t different[] = {1, 3, UINT64_MAX};
    uint64_t random = 9;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t d = 0; d < 6; d++) {
            size_t count = counts[c];
            double *values = malloc(count * sizeof *values),
                   *wanted = malloc(count * sizeof *wanted);
            for (size_t i = 0; i < count; i++)
                values[i] = (double)below(&random, different[d % 3]) - 1;
            if (d >= 3)
                mt_sort(values, count);
            memcpy(wanted, values, count * sizeof *wanted);
            mt_sort(wanted, count);
            const size_t ranks[] = {0, count / 3, count / 2, count - 1};
            for (size_t k = 0; k < sizeof ranks / sizeof *ranks; k++)
                assert_true(mt_select(values, count, ranks[k]) == wanted[ranks[k]]);
            mt_sort(values, count);
            assert_memory_equal(values, wanted, count * sizeof *wanted);
            free(values);
            free(wanted);
        }
}

/* Numbers whose highest bits are equal, some of them and all, so that those alone do not sort them: equal ones
 * stay in their order. */
static void test_alike_above(void **state) {
    (void)state;
    enum { ITEMS = 70000 };
    static mt_timed items[ITEMS];
    static const size_t counts[] = {500, 5000, ITEMS};
    static const uint64_t kinds[] = {1, 2, 50, 5000}; /* different highest bits */
    uint64_t random = 10;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (size_t k = 0; k < 2 * sizeof kinds / sizeof *kinds; k++) {
            for (size_t i = 0; i < counts[c]; i++) {
                int64_t above = (int64_t)below(&random, kinds[k / 2]) - 25;
                int64_t least = (int64_t)below(&random, k % 2 ? 7 : 1000000);
                items[i] = (mt_timed){above * (INT64_C(1) << 48) + least, i};
            }
            assert_int_equal(mt_sort_by_time(items, counts[c], NULL), MT_OK);
            for (size_t i = 1; i < counts[c]; i++)
                if (items[i - 1].time_ns > items[i].time_ns ||
                    (items[i - 1].time_ns == items[i].time_ns &&
                     items[i - 1].place >= items[i].place))
                    fail();
        }
}

/* Doubles that are whole, up to 2^53 and beyond, and a -0 among them, which stays one. */
static void test_sort_whole(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    static const double most[] = {10, 1e6, 9007199254740992, 1e300};
    for (size_t m = 0; m < sizeof most / sizeof *most; m++)
        for (int zero = 0; zero < 2; zero++) {
            static double values[COUNT], wanted[COUNT];
            uint64_t random = 9;
            for (size_t i = 0; i < COUNT; i++)
                values[i] = floor((double)below(&random, 1 << 30) / (1 << 29) * most[m] - most[m]);
            if (zero)
                values[COUNT / 2] = -0.0;
            memcpy(wanted, values, sizeof wanted);
            qsort(wanted, COUNT, sizeof *wanted, mt_by_double);
            mt_sort(values, COUNT);
            int negative_zeros = 0;
            for (size_t i = 0; i < COUNT; i++) {
                assert_true(values[i] == wanted[i]);
                negative_zeros += values[i] == 0 && signbit(values[i]);
            }
            assert_int_equal(negative_zeros, zero);
        }
}

/* Sorting takes memory and gives it back, uncounted: a count that fell each time would tell Lua's
 * collector that there is nothing to collect. */
static void test_nothing_is_held(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    double *values = malloc(COUNT * sizeof *values);
    mt_keyed *items = malloc(COUNT * sizeof *items);
    size_t before = mt_memory_held();
    uint64_t random = 7;
    for (size_t i = 0; i < COUNT; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        values[i] = (double)(random >> 40);
        items[i] = (mt_keyed){(double)(random % 7) - 3, -values[i]};
    }
    void *other = mt_allocate(1, 1 << 20); /* for the count to fall from */
    mt_sort(values, COUNT);
    mt_sort_keyed(items, COUNT);
    for (size_t i = 1; i < COUNT; i++) {
        assert_true(values[i - 1] <= values[i]);
        assert_true(items[i - 1].key < items[i].key ||
                    (items[i - 1].key == items[i].key && items[i - 1].value <= items[i].value));
    }
    assert_true(mt_memory_held() - before >= 1 << 20);
    mt_free(other);
    assert_int_equal(mt_memory_held(), before);
    free(values);
    free(items);
}

/* The groups of a table are those of sorted items. */
static void assert_table(const double *keys, const double *values, size_t count) {
    mt_group_table table = {0};
    mt_keyed *items = malloc(count * sizeof *items);
    size_t filled = 0, place = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(keys[i]) && !isnan(values[i]))
            items[filled++] = (mt_keyed){keys[i], values[i]};
    for (size_t i = 0, step; i < count; i += step) {
        step = count - i < 7 ? count - i : 7;
        assert_int_equal(mt_group_table_add(&table, keys + i, values + i, step), 1);
    }
    mt_sort_keyed(items, filled);
    for (size_t i = 0; i < filled;) {
        mt_group group;
        i = mt_next_group(items, filled, i, &group);
        while (table.groups[place].count == 0)
            place++;
        assert_memory_equal(&table.groups[place++], &group, sizeof group);
    }
    for (; place < table.places; place++)
        assert_int_equal(table.groups[place].count, 0);
    mt_group_table_free(&table);
    free(items);
}

static void test_group_table(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    static double keys[COUNT], values[COUNT];
    uint64_t random = 5;
    for (int way = 0; way < 4; way++) { /* rising, falling, in no order, few */
        for (size_t i = 0; i < COUNT; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            double any = (double)(random >> 50); /* below 2^14 */
            keys[i] = way == 0   ? (double)i - 100
                      : way == 1 ? -(double)i / 2 * 2
                      : way == 2 ? any - 9000
                                 : (double)(random % 3);
            keys[i] = i % 97 == 96 ? NAN : floor(keys[i]);
            values[i] = i % 89 == 88 ? NAN : any - 8000;
        }
        assert_table(keys, values, COUNT);
    }
}

/* What has to be sorted is told: fractions, large numbers, sums that are not exact, keys far apart. */
static void test_group_table_refuses(void **state) {
    (void)state;
    static const double cases[][2][2] = {{{0, 0.5}, {1, 1}},
                                         {{0, 1}, {1, 0.25}},
                                         {{0, 0x1p53}, {1, 1}},
                                         {{0, 1}, {0x1p52, 0x1p52}},
                                         {{0, 1}, {1, INFINITY}},
                                         {{0, INFINITY}, {1, 1}},
                                         {{0, MT_GROUP_PLACES}, {1, 1}},
                                         {{0, -MT_GROUP_PLACES}, {1, 1}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mt_group_table table = {0};
        assert_int_equal(mt_group_table_add(&table, cases[i][0], cases[i][1], 2), 0);
        mt_group_table_free(&table);
    }
    mt_group_table table = {0};
    static const double key = 3, value = 4;
    mt_memory_fail_at(1, 0);
    assert_int_equal(mt_group_table_add(&table, &key, &value, 1), -1);
    mt_memory_fail_at(0, 0);
    assert_int_equal(mt_group_table_add(&table, &key, &value, 1), 1);
    mt_group_table_free(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort),          cmocka_unit_test(test_sort_many),
        cmocka_unit_test(test_stable),        cmocka_unit_test(test_by_number),
        cmocka_unit_test(test_sort_failures), cmocka_unit_test(test_sort_doubles),
        cmocka_unit_test(test_select),        cmocka_unit_test(test_alike_above),
        cmocka_unit_test(test_sort_whole),    cmocka_unit_test(test_nothing_is_held),
        cmocka_unit_test(test_group_table),   cmocka_unit_test(test_group_table_refuses),
    };
    return cmocka_run_group_tests_name("sort", tests, NULL, NULL);
}
