#include "stats/dispersion.h"

#include "base/assert.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

/* The window that a time lies in: rounded down, below 0 too. */
static int64_t window_of(int64_t time, int64_t width) {
    return time / width - (time % width < 0);
}

/* The sample variance of n counts: (n * sum of squares - square of sum) / (n * (n - 1)), in whole
 * numbers as long as they hold it. */
static double sample_variance(uint64_t sum, wide squares, uint64_t windows) {
    wide spread, square = (wide)sum * sum;
    double n = (double)windows;
    if (!__builtin_mul_overflow(squares, (wide)windows, &spread))
        return (double)(spread - square) / n / (n - 1);
    return ((double)squares - (double)square / n) / (n - 1);
}

void mt_disperse(const int64_t *times_ns, size_t count, int64_t window_ns, mt_dispersion *result) {
    wide squares = 0;
    *result = (mt_dispersion){0};
    if (count > 0) {
        int64_t first = window_of(times_ns[0], window_ns);
        int64_t last = window_of(times_ns[count - 1], window_ns);
        result->windows = (uint64_t)last - (uint64_t)first;
        for (size_t i = 0; i < count;) {
            int64_t window = window_of(times_ns[i], window_ns);
            size_t from = i;
            if (window == last) {
                result->last_requests = count - i;
                result->last_ns = (int64_t)((uint64_t)times_ns[count - 1] -
                                            (uint64_t)window * (uint64_t)window_ns);
                break;
            }
            /* Every later window ends below the last one's times, so its end cannot overflow. */
            for (int64_t end = (window + 1) * window_ns; times_ns[i] < end;)
                i++;
            mt_assert(i > from); /* ascending: each round passes one time at least */
            uint64_t requests = i - from;
            result->requests += requests;
            squares += (wide)requests * requests;
            if (requests > result->peak)
                result->peak = requests;
        }
    }
    if (result->windows > 0 && result->last_requests > result->peak)
        result->peak = result->last_requests;
    uint64_t windows = result->windows;
    result->mean = windows ? (double)result->requests / (double)windows : NAN;
    result->variance = windows > 1 ? sample_variance(result->requests, squares, windows) : NAN;
    result->variance_over_mean = result->variance / result->mean;
    result->coefficient_of_variation = sqrt(result->variance) / result->mean;
}
