/* How much an amount that comes at moments (tokens, say) varies from one window of time to the
 * next. */
#ifndef MT_STATS_VARIATION_H
#define MT_STATS_VARIATION_H

#include "stats/groups.h"

#include <stdint.h>

typedef struct mt_variation {
    uint64_t windows;                /* whole windows that are counted */
    double mean;                     /* amount per window; NaN where there is no whole window */
    double coefficient_of_variation; /* sample deviation over mean; NaN for one window, or mean 0 */
} mt_variation;

/* Amounts by the window they come in: items[0..count), keys being the windows' numbers in ascending
 * order, each as often as need be. Counted are the windows from the first key to the last, without
 * the last, which is incomplete, as in stats/dispersion.h; those without items count as 0. */
void mt_vary(const mt_keyed *items, size_t count, mt_variation *result);

#endif
