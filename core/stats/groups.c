#include "stats/groups.h"

#include "base/memory.h"
#include "base/sort.h"

#include <stdlib.h>

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
