#include "stats/groups.h"

#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
    const mt_keyed *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return (left->value > right->value) - (left->value < right->value);
}

/* A whole number that is ordered as the double is; 0 and -0 are one. */
static uint64_t ordered_bits(double number) {
    const uint64_t SIGN = UINT64_C(1) << 63;
    uint64_t bits;
    number += 0.0;
    memcpy(&bits, &number, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS, PASSES = 64 / DIGIT_BITS, MANY = 256 };

static double number_of(const mt_keyed *item, int is_by_key) {
    return is_by_key ? item->key : item->value;
}

/* One pass a digit, the lowest first, over digits in which items differ at all: *items and *other change
 * places in each. */
static void sort_by_digits(mt_keyed **items, mt_keyed **other, size_t count, int is_by_key) {
    size_t places[PASSES][DIGITS] = {{0}};
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = ordered_bits(number_of(&(*items)[i], is_by_key));
        for (unsigned pass = 0; pass < PASSES; pass++)
            places[pass][bits >> (pass * DIGIT_BITS) & (DIGITS - 1)]++;
    }
    uint64_t first = ordered_bits(number_of(&(*items)[0], is_by_key));
    for (unsigned pass = 0; pass < PASSES; pass++) {
        size_t *place = places[pass], sum = 0;
        if (place[first >> (pass * DIGIT_BITS) & (DIGITS - 1)] == count)
            continue;
        for (size_t digit = 0; digit < DIGITS; digit++) {
            size_t here = place[digit];
            place[digit] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++) {
            uint64_t bits = ordered_bits(number_of(&(*items)[i], is_by_key));
            (*other)[place[bits >> (pass * DIGIT_BITS) & (DIGITS - 1)]++] = (*items)[i];
        }
        mt_keyed *sorted = *other;
        *other = *items;
        *items = sorted;
    }
}

/* Few are sorted in place, and many where memory is out. */
void mt_sort_keyed(mt_keyed *items, size_t count) {
    mt_keyed *room = count >= MANY ? mt_resize(NULL, count * sizeof *room) : NULL;
    mt_keyed *sorted = items, *other = room;
    if (!room) {
        if (count > 1)
            qsort(items, count, sizeof *items, ascending);
        return;
    }
    sort_by_digits(&sorted, &other, count, 0);
    sort_by_digits(&sorted, &other, count, 1);
    if (sorted != items)
        memcpy(items, sorted, count * sizeof *items);
    (void)mt_resize(room, 0);
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
