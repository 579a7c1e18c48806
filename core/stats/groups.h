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

/* Groups of items whose keys are whole and not far from one another, and whose sums are exact in any
 * order: they need no sorting, for each key has a place in a list. Zero it, add items, free it. */
typedef struct mt_group_table {
    mt_group *groups; /* of key `low` first; those without items have a count of 0 */
    size_t places;
    double low;
    double magnitude; /* sum of the values without their signs */
} mt_group_table;

enum { MT_GROUP_PLACES = 1 << 16 }; /* keys farther from one another are sorted */

/* Adds the items neither of which is NaN: 1. 0 when they are others than that, and have to be sorted
 * with all that were added before; -1 when memory is out. */
int mt_group_table_add(mt_group_table *table, const double *keys, const double *values,
                       size_t count);

void mt_group_table_free(mt_group_table *table);

#endif
