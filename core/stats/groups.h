/* Values grouped by a number each. */
#ifndef MT_STATS_GROUPS_H
#define MT_STATS_GROUPS_H

#include <stddef.h>

/* A value and the key of its group. Neither is NaN. */
typedef struct mt_keyed {
    double key, value;
} mt_keyed;

/* What the values of one key are like. */
typedef struct mt_group {
    double key;
    size_t count; /* at least 1 */
    double sum, min, max;
} mt_group;

/* Brings the values of a group together: by key, ascending, those of one key by value, so that
 * sums do not depend on the order they came in. Many take as much memory again for a while. */
void mt_sort_keyed(mt_keyed *items, size_t count);

/* The group that begins at item `first` < count of sorted items. Gives where the next one begins,
 * `count` after the last. */
size_t mt_next_group(const mt_keyed *items, size_t count, size_t first, mt_group *group);

#endif
