#include "stats/groups.h"

#include "base/memory.h"
#include "base/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
    const mt_keyed *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return (left->value > right->value) - (left->value < right->value);
}

enum { MANY = 256 };

typedef struct ordered {
    int64_t first, second;
} ordered;

/* By value, then by key: equal numbers keep their order. 0, or -1 with the items in whatever order. 0 and
 * -0 are one key. */
static int sort_by_bytes(mt_keyed *items, size_t count) {
    ordered *list = mt_resize(NULL, count * sizeof *list);
    if (!list)
        return -1;
    for (size_t i = 0; i < count; i++)
        list[i] = (ordered){mt_order_of_double(items[i].value + 0.0),
                            mt_order_of_double(items[i].key + 0.0)};
    int failed = mt_sort_by_number(list, count, sizeof *list, NULL) != MT_OK;
    for (size_t i = 0; i < count; i++)
        list[i] = (ordered){list[i].second, list[i].first};
    failed = failed || mt_sort_by_number(list, count, sizeof *list, NULL) != MT_OK;
    for (size_t i = 0; i < count && !failed; i++)
        items[i] =
            (mt_keyed){mt_double_of_order(list[i].first), mt_double_of_order(list[i].second)};
    (void)mt_resize(list, 0);
    return failed ? -1 : 0;
}

/* Few are sorted in place, and many where memory is out or Ctrl-C has come, which others see. */
void mt_sort_keyed(mt_keyed *items, size_t count) {
    if (count >= MANY && sort_by_bytes(items, count) == 0)
        return;
    if (count > 1)
        qsort(items, count, sizeof *items, ascending);
}

size_t mt_next_group(const mt_keyed *items, size_t count, size_t first, mt_group *group) {
    size_t i = first;
    *group = (mt_group){.key = items[first].key, .min = items[first].value};
    for (; i < count && items[i].key == group->key; i++)
        group->sum += items[i].value;
    group->count = i - first;
    group->max = items[i - 1].value;
    return i;
}

/* ---- without sorting ---- */

static const double exact_limit = 0x1p53; /* whole numbers and sums of them are exact below it */

enum { FIRST_PLACES = 64 };

/* Makes the table reach to a key outside of it, and as far again. As mt_group_table_add. */
static int reach(mt_group_table *table, double key) {
    double low = table->low, high = low + (double)table->places; /* places from low to below high */
    if (table->places == 0)
        low = high = key;
    if (key < low)
        low = key - (double)table->places;
    else
        high = fmax(key + 1, low + 2 * (double)table->places);
    high = fmax(high, low + FIRST_PLACES);
    if (!(high - low <= MT_GROUP_PLACES) || !(fabs(low) < exact_limit && fabs(high) < exact_limit))
        return 0;
    mt_group *groups = mt_allocate_zero((size_t)(high - low), sizeof *groups);
    if (!groups)
        return -1;
    if (table->places > 0)
        memcpy(groups + (size_t)(table->low - low), table->groups, table->places * sizeof *groups);
    mt_free(table->groups);
    table->groups = groups;
    table->places = (size_t)(high - low);
    table->low = low;
    return 1;
}

int mt_group_table_add(mt_group_table *table, const double *keys, const double *values,
                       size_t count) {
    for (size_t i = 0; i < count; i++) {
        double key = keys[i], value = values[i], size = fabs(value);
        if (isnan(key) || isnan(value))
            continue;
        table->magnitude += size;
        if (!(fabs(key) < exact_limit && table->magnitude < exact_limit) ||
            (double)(int64_t)key != key || (double)(int64_t)size != size)
            return 0;
        double place = key - table->low;
        if (!(place >= 0 && place < (double)table->places)) {
            int status = reach(table, key);
            if (status <= 0)
                return status;
            place = key - table->low;
        }
        mt_group *group = &table->groups[(size_t)place];
        if (group->count++ == 0)
            *group = (mt_group){key + 0.0, 1, 0, value, value};
        group->sum += value;
        group->min = value < group->min ? value : group->min;
        group->max = value > group->max ? value : group->max;
    }
    return 1;
}

void mt_group_table_free(mt_group_table *table) {
    mt_free(table->groups);
    *table = (mt_group_table){0};
}
