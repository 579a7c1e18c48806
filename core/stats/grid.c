#include "stats/grid.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/sort.h"
#include "random/generator.h"

#include <math.h>

enum { LEAST_TIMES = 20, LEAST_INSTANTS = 5, ANCHORS = 5, DIVISORS = 3 };

/* Nanoseconds: times nearer than this to a tick lie on it; so near to one another they may be one
 * tick's, which is less than MT_GRID_LEAST. */
static const double nearness = 4e6;
static const double same_tick = 5e6;
static const double millisecond = 1e6;
static const double snapping = 5e4;

/* Least share of times on ticks, and of times that share a tick with another. */
static const double share_on_grid = 0.99;
static const double share_tied = 0.02;

int64_t mt_common_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* round() of a number whose whole part fits an int64_t: the same number, without a call. */
static double nearest_whole(double number) {
    double whole = (double)(int64_t)number, rest = number - whole;
    return whole + (rest >= 0.5) - (rest <= -0.5);
}

/* ---- the period ---- */

/* Gaps between the instants of sorted times, instants nearer than `same_tick` being one; how
 * many. */
static size_t gaps_between(const double *sorted, size_t count, double *gaps) {
    size_t found = 0;
    double start = sorted[0], last = sorted[0];
    for (size_t i = 1; i < count; i++) {
        if (sorted[i] - last > same_tick) {
            gaps[found++] = sorted[i] - start;
            start = sorted[i];
        }
        last = sorted[i];
    }
    return found;
}

/* The commonest of the sorted gaps, those within 2 * nearness being equal. */
static double commonest(const double *gaps, size_t count) {
    double best = 0;
    size_t most = 0, low = 0;
    for (size_t high = 0; high < count; high++) {
        while (gaps[high] - gaps[low] > 2 * nearness)
            low++;
        if (high - low + 1 > most) {
            most = high - low + 1;
            best = gaps[low + (high - low) / 2];
        }
    }
    return best;
}

/* The period near `guess` of which the gaps are multiples, on average: each gap errs by the jitter
 * of two instants, their sum by no more. A whole number of milliseconds where it is near one. */
static double refine(const double *gaps, size_t count, double guess) {
    double sum = 0, periods = 0;
    for (size_t i = 0; i < count; i++) {
        double multiple = nearest_whole(gaps[i] / guess);
        if (multiple >= 1 && fabs(gaps[i] - multiple * guess) <= 2 * nearness) {
            sum += gaps[i];
            periods += multiple;
        }
    }
    double period = periods > 0 ? sum / periods : guess;
    double whole = round(period / millisecond) * millisecond;
    return fabs(period - whole) <= snapping ? whole : round(period);
}

/* ---- the fit ---- */

/* How far a time is from the nearest point of anchor + k * period, signed. */
static double distance(double time, double anchor, double period) {
    double from = time - anchor;
    return from - nearest_whole(from / period) * period;
}

static double tolerance(double period) {
    return fmin(nearness, period / 20);
}

/* Of sorted times: equal ones, which a grid has many of, are looked at once. */
static size_t count_near(const double *sorted, size_t count, double anchor, double period) {
    double most = tolerance(period);
    size_t near = 0;
    int is_near = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1])
            is_near = fabs(distance(sorted[i], anchor, period)) <= most;
        near += (size_t)is_near;
    }
    return near;
}

/* Where the ticks are: the best of some of the times, moved to the middle of what lies near it.
 * `scratch` has room for the times. */
static double find_anchor(const double *sorted, size_t count, double period, double *scratch) {
    double best = sorted[0], d = 0, far = 2 * tolerance(period);
    size_t most = 0, near = 0;
    for (size_t k = 0; k < ANCHORS && most < count; k++) {
        double anchor = sorted[k * (count - 1) / (ANCHORS - 1)];
        size_t fits = count_near(sorted, count, anchor, period);
        if (fits > most) {
            most = fits;
            best = anchor;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1])
            d = distance(sorted[i], best, period);
        if (fabs(d) <= far)
            scratch[near++] = d;
    }
    return near > 0 ? best + mt_select(scratch, near, near / 2) : best;
}

/* Distinct ticks of sorted times. */
static size_t count_ticks(const double *sorted, size_t count, double anchor, double period) {
    size_t ticks = 0;
    double last = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && sorted[i] == sorted[i - 1])
            continue;
        double tick = nearest_whole((sorted[i] - anchor) / period);
        ticks += tick > last;
        last = tick;
    }
    return ticks;
}

/* Do the sorted times, which count from `first`, lie on a grid of this period? Fills *grid if so.
 */
static int fits(const double *sorted, size_t count, double period, int64_t first, double *scratch,
                mt_grid *grid) {
    if (period < (double)MT_GRID_LEAST)
        return 0;
    double anchor = find_anchor(sorted, count, period, scratch);
    size_t near = count_near(sorted, count, anchor, period);
    size_t ticks = count_ticks(sorted, count, anchor, period);
    if ((double)near < share_on_grid * (double)count || ticks < LEAST_INSTANTS ||
        (double)(count - ticks) < share_tied * (double)count)
        return 0;
    int64_t whole = (int64_t)period;
    int64_t offset = (first % whole + (int64_t)llround(anchor) % whole + 2 * whole) % whole;
    int64_t near_zero = (int64_t)tolerance(period);
    if (offset <= near_zero || whole - offset <= near_zero)
        offset = 0;
    mt_assert(0 <= offset && offset < whole && near <= count && ticks <= count);
    *grid = (mt_grid){.period_ns = whole,
                      .offset_ns = offset,
                      .times = count,
                      .instants = ticks,
                      .off = count - near};
    return 1;
}

mt_code mt_grid_detect(const int64_t *times_ns, size_t count, mt_grid *grid, mt_error *error) {
    *grid = (mt_grid){.times = count};
    if (count < LEAST_TIMES)
        return MT_OK;
    double *sorted = mt_allocate(2 * count, sizeof *sorted);
    if (!sorted)
        return mt_fail_memory(error, "times of a grid");
    double *gaps = sorted + count;
    int64_t first = times_ns[0];
    for (size_t i = 1; i < count; i++)
        first = times_ns[i] < first ? times_ns[i] : first;
    /* From the first one, so that a double holds them exactly. */
    for (size_t i = 0; i < count; i++)
        sorted[i] = (double)(times_ns[i] - first);
    mt_sort(sorted, count);
    size_t found = gaps_between(sorted, count, gaps);
    if (found + 1 >= LEAST_INSTANTS) {
        mt_sort(gaps, found);
        double candidates[DIVISORS], guess = commonest(gaps, found);
        for (int k = 0; k < DIVISORS; k++)
            candidates[k] = refine(gaps, found, guess / (k + 1));
        for (int k = 0; k < DIVISORS && grid->period_ns == 0; k++)
            fits(sorted, count, candidates[k], first, gaps, grid);
    }
    mt_free(sorted);
    return MT_OK;
}

/* ---- taking it away ---- */

int64_t mt_grid_tick(const mt_grid *grid, int64_t time_ns) {
    int64_t from = time_ns - grid->offset_ns, period = grid->period_ns;
    int64_t tick = from / period, rest = from % period;
    if (rest < 0) {
        rest += period;
        tick--;
    }
    return rest >= period - rest ? tick + 1 : tick;
}

/* Times of one tick. */
static mt_code spread_tick(const mt_grid *grid, mt_random *random, int64_t tick, int64_t *times_ns,
                           size_t count, double *scratch, mt_error *error) {
    int64_t begin;
    if (__builtin_mul_overflow(tick, grid->period_ns, &begin) ||
        __builtin_add_overflow(begin, grid->offset_ns, &begin) ||
        begin > INT64_MAX - grid->period_ns)
        return mt_fail(error, MT_ERROR_VALUE,
                       "spread over its grid, the time is more than 292 years");
    double period = (double)grid->period_ns;
    if (begin < 0) {
        period += (double)begin;
        begin = 0;
    }
    mt_random_seek(random, (uint64_t)tick);
    for (size_t i = 0; i < count; i++)
        scratch[i] = mt_random_uniform(random);
    mt_sort(scratch, count);
    for (size_t i = 0; i < count; i++)
        times_ns[i] = begin + (int64_t)(scratch[i] * period);
    return MT_OK;
}

mt_code mt_grid_spread(const mt_grid *grid, uint64_t seed, int64_t *times_ns, size_t count,
                       mt_error *error) {
    mt_random random;
    mt_code code = MT_OK;
    if (count == 0 || grid->period_ns == 0)
        return MT_OK;
    double *scratch = mt_allocate(count, sizeof *scratch);
    if (!scratch)
        return mt_fail_memory(error, "times of a grid");
    mt_random_begin(&random, seed, "grid", "spread");
    for (size_t i = 0, end; code == MT_OK && i < count; i = end) {
        int64_t tick = mt_grid_tick(grid, times_ns[i]), before = times_ns[i];
        for (end = i + 1;
             end < count && times_ns[end] >= before && mt_grid_tick(grid, times_ns[end]) == tick;
             end++)
            before = times_ns[end];
        if (end < count && times_ns[end] < before)
            code = mt_fail(error, MT_ERROR_VALUE, "times to be spread must not decrease");
        else
            code = spread_tick(grid, &random, tick, times_ns + i, end - i, scratch, error);
    }
    mt_free(scratch);
    return code;
}
