/* Grids of recorded clocks: what is one and what is not, and spreading times over one. */
#include "stats/grid.h"

#include "base/memory.h"
#include "random/generator.h"
#include "trace/source/source.h"
#include "skip_support.h"
#include "trace_support.h"
#include "base/sort.h"

#include <math.h>

enum { MANY = 20000 };

static const int64_t ms = 1000000;

/* Poisson arrivals at `rate` a second, seen by a clock that ticks every period_ns from offset_ns on
 * and errs by up to jitter_ms. period 0: a clock of whole milliseconds. */
static void recorded(int64_t *times, size_t count, double rate, int64_t period_ns,
                     int64_t offset_ns, uint64_t jitter_ms) {
    uint64_t state = 7;
    double now = 0;
    for (size_t i = 0; i < count; i++) {
        now += -log(((double)below(&state, 1 << 30) + 1) / (1 << 30)) / rate * 1e9;
        int64_t tick = period_ns ? period_ns : ms;
        int64_t error = (int64_t)below(&state, 2 * jitter_ms + 1) - (int64_t)jitter_ms;
        times[i] = (int64_t)(now / (double)tick) * tick + offset_ns + error * ms;
    }
}

static mt_grid detect(const int64_t *times, size_t count) {
    mt_grid grid;
    assert_int_equal(mt_grid_detect(times, count, &grid, NULL), MT_OK);
    assert_int_equal(grid.times, count);
    return grid;
}

static void test_recorded_clocks(void **state) {
    (void)state;
    static int64_t times[MANY];
    static const struct {
        double rate;
        int64_t period, offset;
        uint64_t jitter;
    } clocks[] = {
        {4, 3000, 0, 0},        {4, 3000, 1200, 1}, {50, 1000, 0, 0}, {0.2, 1000, 0, 0},
        {0.2, 1000, 999, 0},    {1000, 100, 0, 0},  {30, 16, 0, 0},   {5, 500, 250, 2},
        {0.3, 60000, 17000, 2}, {800, 10, 0, 0},
    };
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        /* Far from zero as well: a log of the clock on the wall, in 2026. */
        for (int64_t epoch = 0; epoch <= 1770000000; epoch += 1770000000) {
            recorded(times, MANY, clocks[i].rate, clocks[i].period * ms,
                     clocks[i].offset * ms + epoch * 1000 * ms, clocks[i].jitter);
            mt_grid grid = detect(times, MANY);
            assert_int_equal(grid.period_ns, clocks[i].period * ms);
            int64_t offset = (epoch * 1000 + clocks[i].offset) % clocks[i].period;
            int64_t apart = llabs(grid.offset_ns / ms - offset);
            assert_true(apart <= (int64_t)clocks[i].jitter ||
                        clocks[i].period - apart <= (int64_t)clocks[i].jitter + 1);
            assert_in_range(grid.off, 0, MANY / 100);
        }
    }
}

static void test_no_grid(void **state) {
    (void)state;
    static int64_t times[MANY];
    static const double rates[] = {0.01, 0.5, 3, 20, 300, 5000};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        recorded(times, MANY, rates[i], 0, 0, 0);
        assert_int_equal(detect(times, MANY).period_ns, 0);
    }
    /* Evenly spaced: on a grid, but nothing was put together. */
    for (size_t i = 0; i < MANY; i++)
        times[i] = (int64_t)i * 100 * ms;
    assert_int_equal(detect(times, MANY).period_ns, 0);
    /* A count a second, evenly spread in it: how sin places its requests. */
    for (size_t i = 0; i < MANY; i++)
        times[i] = (int64_t)(i / 7) * 1000 * ms + (int64_t)(i % 7 * 1000 / 7) * ms;
    assert_int_equal(detect(times, MANY).period_ns, 0);
    /* One instant, two, nothing, few. */
    memset(times, 0, sizeof times);
    assert_int_equal(detect(times, MANY).period_ns, 0);
    times[MANY - 1] = 3000 * ms;
    assert_int_equal(detect(times, MANY).period_ns, 0);
    assert_int_equal(detect(times, 0).period_ns, 0);
}

/* Three times a second: one less than a grid needs, and enough. */
static void test_least_times(void **state) {
    (void)state;
    int64_t times[20];
    for (size_t i = 0; i < 20; i++)
        times[i] = (int64_t)(i / 3) * 1000 * ms;
    assert_int_equal(detect(times, 19).period_ns, 0);
    assert_int_equal(detect(times, 20).period_ns, 1000 * ms);
    /* Few instants are no grid, however many the times are. */
    for (size_t i = 0; i < 20; i++)
        times[i] = (int64_t)(i / 5) * 1000 * ms;
    assert_int_equal(detect(times, 20).period_ns, 0);
}

static void test_common_divisor(void **state) {
    (void)state;
    static const int64_t known[][3] = {{60, 36, 12}, {36, 60, 12}, {7, 5, 1},
                                       {0, 5, 5},    {5, 0, 5},    {0, 0, 0}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(mt_common_divisor(known[i][0], known[i][1]), known[i][2]);
}

/* 99 in 100 make a grid, 90 do not. */
static void test_times_off_the_grid(void **state) {
    (void)state;
    static int64_t times[MANY];
    recorded(times, MANY, 4, 3000 * ms, 0, 0);
    for (size_t i = 0; i < MANY; i += 200)
        times[i] += 700 * ms;
    mt_grid grid = detect(times, MANY);
    assert_int_equal(grid.period_ns, 3000 * ms);
    assert_int_equal(grid.off, MANY / 200);
    for (size_t i = 5; i < MANY; i += 10)
        times[i] += 700 * ms;
    assert_int_equal(detect(times, MANY).period_ns, 0);
}

static void test_conversation_trace(void **state) {
    (void)state;
    mt_source *reader = mt_source_open(real_data("mooncake_conversation_trace.jsonl"), 0, NULL);
    assert_non_null(reader);
    static int64_t times[MANY];
    size_t count = 0;
    mt_request request;
    while (mt_source_next(reader, &request, NULL) == 1)
        times[count++] = request.time_ns;
    mt_source_free(reader);
    assert_int_equal(count, 12031);
    mt_grid grid = detect(times, count);
    assert_int_equal(grid.period_ns, 3000 * ms);
    assert_int_equal(grid.offset_ns, 0);
    assert_int_equal(grid.instants, 1180);
    assert_int_equal(grid.off, 0);
}

static void test_ticks(void **state) {
    (void)state;
    mt_grid grid = {.period_ns = 1000, .offset_ns = 100};
    assert_int_equal(mt_grid_tick(&grid, 100), 0);
    assert_int_equal(mt_grid_tick(&grid, 599), 0);
    assert_int_equal(mt_grid_tick(&grid, 600), 1);
    assert_int_equal(mt_grid_tick(&grid, 1099), 1);
    assert_int_equal(mt_grid_tick(&grid, -399), 0);
    assert_int_equal(mt_grid_tick(&grid, -401), -1);
}

/* Uniform over the period after the tick, in order; by the seed; a tick at a time the same. */
static void test_spread(void **state) {
    (void)state;
    static int64_t times[MANY], whole[MANY], again[MANY];
    static double places[MANY];
    recorded(times, MANY, 4, 3000 * ms, 0, 0);
    mt_grid grid = detect(times, MANY);
    memcpy(whole, times, sizeof whole);
    assert_int_equal(mt_grid_spread(&grid, 3, whole, MANY, NULL), MT_OK);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(whole[i] >= times[i] && whole[i] < times[i] + 3000 * ms);
        assert_true(i == 0 || whole[i] >= whole[i - 1]);
        places[i] = (double)(whole[i] - times[i]) / (3000e6);
    }
    mt_sort(places, MANY);
    double distance = 0;
    for (size_t i = 0; i < MANY; i++) {
        double above = (double)(i + 1) / MANY - places[i];
        distance = fmax(distance, fmax(above, 1.0 / MANY - above));
    }
    assert_true(distance < 1.63 / sqrt(MANY)); /* p = 0.01 */
    for (size_t i = 0, end; i < MANY; i = end) {
        for (end = i; end < MANY && times[end] == times[i]; end++)
            again[end] = times[end];
        assert_int_equal(mt_grid_spread(&grid, 3, again + i, end - i, NULL), MT_OK);
    }
    assert_memory_equal(whole, again, sizeof whole);
    memcpy(again, times, sizeof again);
    assert_int_equal(mt_grid_spread(&grid, 4, again, MANY, NULL), MT_OK);
    assert_memory_not_equal(whole, again, sizeof whole);
    assert_int_equal(detect(whole, MANY).period_ns, 0);
}

static void test_spread_edges(void **state) {
    (void)state;
    mt_grid grid = {.period_ns = 3000 * ms, .offset_ns = 2999 * ms}, none = {0};
    mt_error error;
    int64_t times[] = {0, 0, 1 * ms, 3000 * ms};
    assert_int_equal(mt_grid_spread(&none, 0, times, 4, NULL), MT_OK);
    assert_int_equal(times[2], 1 * ms);
    assert_int_equal(mt_grid_spread(&grid, 0, times, 4, NULL), MT_OK);
    assert_true(times[0] >= 0 && times[2] < 2999 * ms && times[3] >= 2999 * ms);
    assert_int_equal(mt_grid_spread(&grid, 0, times, 0, NULL), MT_OK);
    int64_t back[] = {9000 * ms, 3000 * ms}, within[] = {9000 * ms, 8999 * ms};
    assert_int_equal(mt_grid_spread(&grid, 0, back, 2, &error), MT_ERROR_VALUE);
    assert_int_equal(mt_grid_spread(&grid, 0, within, 2, &error), MT_ERROR_VALUE);
    int64_t late[] = {INT64_MAX - 5};
    assert_int_equal(mt_grid_spread(&grid, 0, late, 1, &error), MT_ERROR_VALUE);
}

static void test_out_of_memory(void **state) {
    (void)state;
    int64_t times[100];
    mt_grid grid;
    mt_error error;
    recorded(times, 100, 4, 3000 * ms, 0, 0);
    mt_memory_fail_at(1, 0);
    assert_int_equal(mt_grid_detect(times, 100, &grid, &error), MT_ERROR_MEMORY);
    mt_memory_fail_at(0, 0);
    grid = detect(times, 100);
    mt_memory_fail_at(1, 0);
    assert_int_equal(mt_grid_spread(&grid, 0, times, 100, &error), MT_ERROR_MEMORY);
    mt_memory_fail_at(0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_clocks),
        cmocka_unit_test(test_no_grid),
        cmocka_unit_test(test_least_times),
        cmocka_unit_test(test_common_divisor),
        cmocka_unit_test(test_times_off_the_grid),
        cmocka_unit_test(test_conversation_trace),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_spread_edges),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("grid", tests, NULL, NULL);
}
