#include "stats/groups.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b) {
    const mt_keyed *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return (left->value > right->value) - (left->value < right->value);
}

void mt_sort_keyed(mt_keyed *items, size_t count) {
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
