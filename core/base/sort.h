/* Sorting numbers: what distributions, percentiles and clocks all begin with. */
#ifndef MT_BASE_SORT_H
#define MT_BASE_SORT_H

#include <stddef.h>

/* Sorts doubles ascending (no NaN among them), in place, O(n log n) at worst. */
void mt_sort(double *values, size_t count);

#endif
