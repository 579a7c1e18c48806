#include "prefix/model/alike.h"

#include "base/assert.h"
#include "base/sort.h"

#include <stdlib.h>

/* A group is IN_A_ROW neighbours in order of distance. A kind with fewer than FEW members is
 * grouped more narrowly: no distance is more than `nearly_one` times the group's least. */
enum { IN_A_ROW = 16, FEW = 128 };
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
    for (uint32_t i = begin; i < end; i++)
        scratch[i - begin] = list[i].visits;
    qsort(scratch, end - begin, sizeof *scratch, mt_by_u32);
    for (uint32_t i = begin; i < end; i++)
        list[i].visits = scratch[i - begin];
}

uint32_t mt_alike_group(mt_alike *list, uint32_t count, uint32_t *group_ends, uint32_t *scratch) {
    uint32_t groups = 0;
    if (count > 0)
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
