#include "stats/distance.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

/* |i / a_count - j / b_count| in whole numbers, over a_count * b_count. */
static wide difference(size_t i, size_t a_count, size_t j, size_t b_count) {
    wide first = (wide)i * b_count, second = (wide)j * a_count;
    return first > second ? first - second : second - first;
}

double mt_ks_distance(const double *a, size_t a_count, const double *b, size_t b_count) {
    wide largest = 0;
    size_t i = 0, j = 0;
    if (a_count == 0 || b_count == 0)
        return NAN;
    /* Once one of them is used up the shares only come together again. */
    while (i < a_count && j < b_count) {
        double value = a[i] < b[j] ? a[i] : b[j];
        while (i < a_count && a[i] <= value)
            i++;
        while (j < b_count && b[j] <= value)
            j++;
        wide here = difference(i, a_count, j, b_count);
        if (here > largest)
            largest = here;
    }
    return (double)largest / ((double)a_count * (double)b_count);
}
