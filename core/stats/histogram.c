#include "stats/histogram.h"

size_t mt_histogram_bin(const double *edges, size_t bins, double value) {
    if (!(value >= edges[0] && value <= edges[bins]))
        return MT_NO_BIN;
    size_t low = 0, high = bins; /* edges[low] <= value; edges[high] > value, or it is the last */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (edges[middle] <= value)
            low = middle;
        else
            high = middle;
    }
    return low;
}
