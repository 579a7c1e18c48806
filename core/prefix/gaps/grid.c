#include "prefix/gaps/state.h"

#include "base/sort.h"
#include "stats/grid.h"

#include <stdlib.h>

/* A clock's tick is looked for in so many instants, evenly chosen, but in no fewer than LEAST. */
enum { SAMPLE = 4096, LEAST = 32 };

/* Of a tick's parts, those that must hold nearly all of the instants. */
enum { TICK_PARTS = 32, TICK_WIDTH = 8 };

typedef struct sample {
    int64_t times[SAMPLE];
    int64_t gaps[SAMPLE]; /* to the instant before, all above 0 */
    size_t count;
} sample;

static int64_t common_divisor(const int64_t *times, size_t count) {
    int64_t divisor = 0;
    for (size_t i = 1; i < count && divisor != 1; i++)
        divisor = mt_common_divisor(divisor, times[i] - times[i - 1]);
    return divisor;
}

size_t mt_gaps_instants(const int64_t *times, size_t count) {
    size_t instants = 1;
    for (size_t i = 1; i < count; i++)
        instants += times[i] != times[i - 1];
    return instants;
}

static void take_sample(sample *taken, const int64_t *times, size_t count) {
    size_t stride = mt_gaps_instants(times, count) / SAMPLE + 1;
    size_t instant = 0;
    taken->count = 0;
    for (size_t i = 1; i < count; i++) {
        if (times[i] == times[i - 1] || ++instant % stride != 0)
            continue;
        taken->times[taken->count] = times[i];
        taken->gaps[taken->count++] = times[i] - times[i - 1];
    }
}

/* Whether nearly all instants lie in a quarter of a tick; then *cut is where, within a tick, the
 * farthest from that quarter is. */
static int is_tick(const sample *taken, int64_t tick, int64_t *cut) {
    size_t held[TICK_PARTS] = {0};
    for (size_t i = 0; i < taken->count; i++)
        held[(size_t)((double)(taken->times[i] % tick) / (double)tick * TICK_PARTS) % TICK_PARTS]++;
    size_t best = 0;
    size_t most = 0;
    for (size_t from = 0; from < TICK_PARTS; from++) {
        size_t sum = 0;
        for (size_t i = 0; i < TICK_WIDTH; i++)
            sum += held[(from + i) % TICK_PARTS];
        if (sum > most || (sum == most && held[from] < held[best])) {
            most = sum;
            best = from;
        }
    }
    /* Instants on the first parts only: the middle of the others is opposite. */
    size_t opposite = (best + TICK_WIDTH + (TICK_PARTS - TICK_WIDTH) / 2) % TICK_PARTS;
    *cut = (int64_t)((double)tick / TICK_PARTS * (double)opposite);
    return (double)most >= 0.95 * (double)taken->count;
}

/* The roundest number near `tick`, a multiple of `divisor` (twice at least), that is a tick. */
static int round_tick(const sample *taken, double tick, int64_t divisor, mt_gaps_grid *grid) {
    double unit = 1;
    while (unit * 10 <= tick)
        unit *= 10;
    for (; unit >= tick * 1e-5; unit /= 10) {
        double whole = unit < (double)divisor ? (double)divisor : unit;
        int64_t near = (int64_t)((double)(int64_t)(tick / whole + 0.5) * whole);
        if (near < 2 * divisor || near % divisor != 0)
            continue;
        if (is_tick(taken, near, &grid->cut_ns)) {
            grid->period_ns = near;
            return 1;
        }
    }
    return 0;
}

/* `guess` made better: the mean over the whole source of what each gap holds of it. */
static double mean_tick(const int64_t *times, size_t count, int64_t guess) {
    int64_t ticks = 0;
    for (size_t i = 1; i < count; i++)
        ticks += (times[i] - times[i - 1] + guess / 2) / guess;
    return (double)times[count - 1] / (double)(ticks > 0 ? ticks : 1);
}

mt_gaps_grid mt_gaps_grid_of(const int64_t *times, size_t count) {
    mt_gaps_grid grid = {.period_ns = common_divisor(times, count)};
    sample taken;
    take_sample(&taken, times, count);
    if (taken.count < LEAST)
        return grid;
    qsort(taken.gaps, taken.count, sizeof *taken.gaps, mt_by_u64);
    static const size_t places[] = {10, 4, 2};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        mt_gaps_grid tick;
        double mean = mean_tick(times, count, taken.gaps[taken.count / places[i]]);
        if (round_tick(&taken, mean, grid.period_ns, &tick))
            return tick;
    }
    return grid;
}
