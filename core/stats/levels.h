/* A quantity that jumps and slopes over time, averaged over equal steps: requests in flight, tokens
 * held. Each jump or bend costs the same, however long what it begins goes on. */
#ifndef MT_STATS_LEVELS_H
#define MT_STATS_LEVELS_H

#include <stddef.h>

/* What changes within a step: the area up to the step's end, and the level and slope there. */
typedef struct mt_level_step {
    double area, level, slope;
} mt_level_step;

/* Zero it, set `step`, use it, free it. */
typedef struct mt_levels {
    double step; /* seconds, above 0 */
    mt_level_step *steps;
    size_t count, capacity; /* steps up to the last change */
} mt_levels;

/* From `time` on (seconds, 0 or more) the quantity is higher by `jump` and grows by `slope` a
 * second more. 0, or -1 when out of memory with all as it was. */
int mt_levels_change(mt_levels *levels, double time, double jump, double slope);

/* An amount that is there at one instant: its area falls into one step. 0 or -1. */
int mt_levels_instant(mt_levels *levels, double time, double amount);

/* The mean of each step into means[0..count). What rounding leaves of nothing is 0. */
void mt_levels_means(const mt_levels *levels, double *means);

void mt_levels_free(mt_levels *levels);

#endif
