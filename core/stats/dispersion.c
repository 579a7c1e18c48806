#include "stats/dispersion.h"

#include "base/assert.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

/* The window that a time lies in: rounded down, below 0 too. */
static int64_t window_of(int64_t time, int64_t width) {
    return time / width - (time % width < 0);
}

/* Requests in the windows counted so far. */
typedef struct totals {
    uint64_t requests, peak;
    wide squares;
} totals;

static void add_window(totals *sum, uint64_t requests) {
    sum->requests += requests;
    sum->squares += (wide)requests * requests;
    if (requests > sum->peak)
        sum->peak = requests;
}

/* The sample variance of n counts: (n * sum of squares - square of sum) / (n * (n - 1)), in whole
 * numbers as long as they hold it. */
static double sample_variance(const totals *sum, uint64_t windows) {
    wide spread, square = (wide)sum->requests * sum->requests;
    double n = (double)windows;
    if (!__builtin_mul_overflow(sum->squares, (wide)windows, &spread))
        return (double)(spread - square) / n / (n - 1);
    return ((double)sum->squares - (double)square / n) / (n - 1);
}

void mt_disperse(const int64_t *times_ns, size_t count, int64_t window_ns, mt_dispersion *result) {
    totals sum = {0, 0, 0};
    uint64_t windows = 0;
    if (count > 0) {
        int64_t first = window_of(times_ns[0], window_ns);
        int64_t last = window_of(times_ns[count - 1], window_ns);
        windows = (uint64_t)last - (uint64_t)first;
        for (size_t i = 0; i < count;) {
            int64_t window = window_of(times_ns[i], window_ns);
            size_t from = i;
            if (window == last)
                break;
            /* Every later window ends below the last one's times, so its end cannot overflow. */
            for (int64_t end = (window + 1) * window_ns; times_ns[i] < end;)
                i++;
            mt_assert(i > from); /* ascending: each round passes one time at least */
            add_window(&sum, i - from);
        }
    }
    *result = (mt_dispersion){.windows = windows, .requests = sum.requests, .peak = sum.peak};
    result->mean = windows ? (double)sum.requests / (double)windows : NAN;
    result->variance = windows > 1 ? sample_variance(&sum, windows) : NAN;
    result->variance_over_mean = result->variance / result->mean;
    result->coefficient_of_variation = sqrt(result->variance) / result->mean;
}
