#include "prefix/model/alike.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

/* A group is IN_A_ROW neighbours in order of distance. A kind with fewer than FEW members is
 * grouped more narrowly: no distance is more than `nearly_one` times the group's least. */
enum { IN_A_ROW = 16, FEW = 128 };

/* So many and more are sorted number by number. */
enum { MANY = 256 };

static const double nearly_one = 1.02;

uint64_t mt_alike_kind(uint32_t shared, uint32_t returning, uint32_t beyond, uint32_t visits) {
    return (uint64_t)shared << 32 | (uint64_t)(visits > 1) << 2 | (uint64_t)(returning > 0) << 1 |
           (beyond > 0);
}

static int compare(const void *a, const void *b) {
    const mt_alike *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* One of a list by its place, with the number that it is sorted by. */
typedef struct placed {
    int64_t key;
    uint32_t place;
} placed;

static int are_items_in_order(const mt_alike *list, uint32_t count) {
    for (uint32_t i = 1; i < count; i++)
        if (list[i].item <= list[i - 1].item)
            return 0;
    return 1;
}

/* By distance, then by kind, of which equal ones keep their order: that of items, if they are in it. 0 where
 * they are not, or memory is out, or Ctrl-C came: then the list is as it was, and qsort's turn. As it can do
 * without the memory, it is not asked of the hook that counts allocations. */
static int sort_by_numbers(mt_alike *list, uint32_t count) {
    if (!are_items_in_order(list, count))
        return 0;
    placed *places = mt_resize(NULL, count * sizeof *places);
    mt_alike *before = mt_resize(NULL, count * sizeof *before);
    int is_sorted = places && before;
    for (uint32_t i = 0; is_sorted && i < count; i++)
        places[i] = (placed){mt_order_of_double(list[i].distance), i};
    is_sorted = is_sorted && mt_sort_by_number(places, count, sizeof *places, NULL) == MT_OK;
    for (uint32_t i = 0; is_sorted && i < count; i++)
        places[i].key = (int64_t)(list[places[i].place].kind ^ UINT64_C(1) << 63);
    is_sorted = is_sorted && mt_sort_by_number(places, count, sizeof *places, NULL) == MT_OK;
    if (is_sorted) {
        memcpy(before, list, count * sizeof *list);
        for (uint32_t i = 0; i < count; i++)
            list[i] = before[places[i].place];
    }
    (void)mt_resize(places, 0);
    (void)mt_resize(before, 0);
    return is_sorted;
}

/* The end of the group that begins at `begin`, in a kind that is [kind_begin, kind_end). */
static uint32_t end_of_group(const mt_alike *list, uint32_t begin, uint32_t kind_begin,
                             uint32_t kind_end) {
    uint32_t stop = kind_end - begin >= 2 * IN_A_ROW ? begin + IN_A_ROW : kind_end;
    if (kind_end - kind_begin >= FEW)
        return stop;
    uint32_t at = begin + 1;
    while (at < stop && list[at].distance <= nearly_one * list[begin].distance)
        at++;
    return at;
}

static void sort_visits(mt_alike *list, uint32_t begin, uint32_t end, uint32_t *scratch) {
    uint32_t count = 0;
    for (uint32_t i = begin; i < end; i++) { /* a group is a few */
        uint32_t visits = list[i].visits, at = count++;
        for (; at > 0 && scratch[at - 1] > visits; at--)
            scratch[at] = scratch[at - 1];
        scratch[at] = visits;
    }
    for (uint32_t i = begin; i < end; i++)
        list[i].visits = scratch[i - begin];
}

uint32_t mt_alike_group(mt_alike *list, uint32_t count, uint32_t *group_ends, uint32_t *scratch) {
    uint32_t groups = 0;
    if (count > 0 && (count < MANY || !sort_by_numbers(list, count)))
        qsort(list, count, sizeof *list, compare);
    for (uint32_t begin = 0, end = 0; begin < count; begin = end) {
        while (end < count && list[end].kind == list[begin].kind)
            end++;
        for (uint32_t at = begin; at < end; at = group_ends[groups++]) {
            group_ends[groups] = end_of_group(list, at, begin, end);
            mt_assert(at < group_ends[groups] && group_ends[groups] <= end);
            sort_visits(list, at, group_ends[groups], scratch);
        }
    }
    return groups;
}
