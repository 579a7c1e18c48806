/* Radix sort by digits from the lowest (Knuth, "The art of computer programming", volume 3, section
 * 5.2.5): stable. Digits are cut from the bits in which not all times agree, as few of them as can be, and
 * a digit in which all agree costs nothing.
 *
 * Where times differ in many bits, the highest of them mostly tell all apart: items are dealt by those alone,
 * and then moved past the few before them that are larger (insertion sort). Only where that are more than
 * it is worth are they dealt by all. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sort.h"

#include <string.h>

/* Bits of a digit at most. By wider ones there is less to deal, but their counts are to be cleared and added
 * up for each, which few times are not worth, and of many times as many places are written to at once as
 * the processor's caches do not hold. */
enum { NARROW = 8, WIDE = 11, FEW = 4096, MANY = 1 << 20 };

/* The highest bits that are dealt by first: enough of them to tell so many apart, of doubles too, of whose
 * bits up to 11 are the exponent's. */
enum { ENOUGH_OF_SOME = 33, ENOUGH_OF_MANY = 44, SOME = 1 << 16 };

/* Items of `size` bytes that begin with their time. All functions are made for each size. */
typedef struct timed_items {
    char *bytes;
    size_t count, size;
} timed_items;

#define FOR_EACH_SIZE static inline __attribute__((always_inline))

FOR_EACH_SIZE int64_t time_of(timed_items items, size_t i) {
    int64_t time;
    memcpy(&time, items.bytes + i * items.size, sizeof time);
    return time;
}

/* A digit of times: so many bits from the bit `from` on. */
typedef struct digit {
    unsigned from, bits;
} digit;

static size_t digit_of(int64_t time, digit one) {
    return (size_t)((uint64_t)time >> one.from) & (((size_t)1 << one.bits) - 1);
}

/* The sign bit, where it is in the digit: digits with it turned over compare as times do. */
static size_t sign_in(digit one) {
    return one.from + one.bits > 63 ? (size_t)1 << (63 - one.from) : 0;
}

FOR_EACH_SIZE int is_sorted(timed_items items) {
    for (size_t i = 1; i < items.count; i++)
        if (time_of(items, i) < time_of(items, i - 1))
            return 0;
    return 1;
}

/* Where items are dealt to: not on the stack, of which a page that is touched first costs as much as dealing
 * a thousand items. */
typedef struct table {
    size_t places[1 << WIDE];
    char items[];
} table;

_Static_assert(sizeof(table) == MT_SORT_PLACES * sizeof(int64_t),
               "the caller's memory has room for it");

/* Deals the items into `to` by one digit, equal ones in their order. */
FOR_EACH_SIZE void deal(timed_items items, char *to, size_t *places, digit by) {
    size_t values = (size_t)1 << by.bits, sign = sign_in(by);
    memset(places, 0, values * sizeof *places);
    for (size_t i = 0; i < items.count; i++)
        places[digit_of(time_of(items, i), by)]++;
    size_t before = 0;
    for (size_t value = 0; value < values; value++) {
        size_t count = places[value ^ sign];
        places[value ^ sign] = before;
        before += count;
    }
    for (size_t i = 0; i < items.count; i++) {
        size_t place = places[digit_of(time_of(items, i), by)]++;
        memcpy(to + place * items.size, items.bytes + i * items.size, items.size);
    }
}

/* The bits in which not all times agree. */
FOR_EACH_SIZE uint64_t differing_bits(timed_items items) {
    uint64_t differ = 0, first = (uint64_t)time_of(items, 0);
    for (size_t i = 1; i < items.count; i++)
        differ |= (uint64_t)time_of(items, i) ^ first;
    return differ;
}

/* Sorts the items by the bits from `from` to `highest` (and none behind it) of those in which they differ; 0,
 * or -1 when it stopped for Ctrl-C, which it does only if it may. */
FOR_EACH_SIZE int deal_from(timed_items items, table *other, uint64_t differ, unsigned from,
                            unsigned highest, int may_stop) {
    char *original = items.bytes, *to = other->items;
    unsigned most = items.count < FEW || items.count > MANY ? NARROW : WIDE;
    unsigned span = highest + 1 - from;
    unsigned digits = (span + most - 1) / most, bits = (span + digits - 1) / digits;
    int stopped = 0;
    for (; from <= highest; from += bits) {
        if ((differ >> from) % (UINT64_C(1) << bits) == 0)
            continue;
        if ((stopped = may_stop && mt_interrupted()))
            break;
        deal(items, to, other->places, (digit){from, bits});
        char *dealt = to;
        to = items.bytes;
        items.bytes = dealt;
    }
    if (items.bytes != original)
        memcpy(original, items.bytes, items.count * items.size);
    return stopped ? -1 : 0;
}

/* Moves each item past the larger ones before it. Not 0 when these were many: it stopped, and nothing is lost.
 * `spare` has room for an item. */
FOR_EACH_SIZE int settle(timed_items items, char *spare) {
    size_t moves = items.count;
    for (size_t i = 1; i < items.count; i++) {
        int64_t time = time_of(items, i);
        if (time >= time_of(items, i - 1))
            continue;
        char *at = items.bytes + i * items.size;
        memcpy(spare, at, items.size);
        size_t place = i;
        do {
            memcpy(at, at - items.size, items.size);
            at -= items.size;
            place--;
        } while (--moves > 0 && place > 0 && time_of(items, place - 1) > time);
        memcpy(at, spare, items.size);
        if (moves == 0)
            return -1;
    }
    return 0;
}

/* Sorts the items, which are not all equal, with as much memory again; 0, or -1 when it stopped for Ctrl-C,
 * which it does only if it may. */
FOR_EACH_SIZE int deal_all(timed_items items, table *other, int may_stop) {
    uint64_t differ = differing_bits(items);
    unsigned lowest = (unsigned)__builtin_ctzll(differ),
             highest = 63 - (unsigned)__builtin_clzll(differ);
    unsigned enough = items.count < SOME ? ENOUGH_OF_SOME : ENOUGH_OF_MANY;
    if (highest + 1 - lowest > enough + NARROW) {
        if (deal_from(items, other, differ, highest + 1 - enough, highest, may_stop) != 0)
            return -1;
        if (settle(items, other->items) == 0)
            return 0;
    }
    return deal_from(items, other, differ, lowest, highest, may_stop);
}

FOR_EACH_SIZE mt_code sort_items(timed_items items, mt_error *error) {
    if (is_sorted(items))
        return MT_OK;
    /* The places first: as many items as have room for them. */
    table *other =
        items.count <= SIZE_MAX - sizeof(table)
            ? mt_allocate(items.count + (sizeof(table) + items.size - 1) / items.size, items.size)
            : NULL;
    if (!other)
        return mt_fail_memory(error, "sorting times");
    int stopped = deal_all(items, other, 1);
    mt_free(other);
    return stopped ? mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted") : MT_OK;
}

void mt_sort_times_with(void *times, int64_t *scratch, size_t count) {
    timed_items items = {times, count, sizeof *scratch};
    if (!is_sorted(items))
        deal_all(items, (table *)scratch, 0);
}

mt_code mt_sort_times(int64_t *times, size_t count, mt_error *error) {
    return sort_items((timed_items){(char *)times, count, sizeof *times}, error);
}

mt_code mt_sort_by_time(mt_timed *items, size_t count, mt_error *error) {
    return sort_items((timed_items){(char *)items, count, sizeof *items}, error);
}

/* The sizes that are sorted often get code of their own. */
mt_code mt_sort_by_number(void *items, size_t count, size_t size, mt_error *error) {
    enum { PAIR = 16, THREE = 24, FOUR = 32 };
    if (size == PAIR)
        return sort_items((timed_items){items, count, PAIR}, error);
    if (size == THREE)
        return sort_items((timed_items){items, count, THREE}, error);
    if (size == FOUR)
        return sort_items((timed_items){items, count, FOUR}, error);
    return sort_items((timed_items){items, count, size}, error);
}
