/* Radix sort by bytes from the lowest (Knuth, "The art of computer programming", volume 3, section
 * 5.2.5): stable, and a byte in which all times agree costs nothing. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sort.h"

#include <string.h>

enum { BYTES = sizeof(int64_t), VALUES = 256 };

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

/* Byte number `byte` of a time, such that bytes compare as times do: the sign bit turned over. */
static unsigned byte_of(int64_t time, unsigned byte) {
    return (unsigned)((((uint64_t)time ^ (UINT64_C(1) << 63)) >> (8 * byte)) % VALUES);
}

FOR_EACH_SIZE int is_sorted(timed_items items) {
    for (size_t i = 1; i < items.count; i++)
        if (time_of(items, i) < time_of(items, i - 1))
            return 0;
    return 1;
}

/* Deals the items into `to` by one byte, equal ones in their order. */
FOR_EACH_SIZE void deal(timed_items items, char *to, unsigned byte) {
    size_t places[VALUES] = {0};
    for (size_t i = 0; i < items.count; i++)
        places[byte_of(time_of(items, i), byte)]++;
    size_t before = 0;
    for (unsigned value = 0; value < VALUES; value++) {
        size_t count = places[value];
        places[value] = before;
        before += count;
    }
    for (size_t i = 0; i < items.count; i++) {
        size_t place = places[byte_of(time_of(items, i), byte)]++;
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

/* Sorts the items with as much memory again; 0, or -1 when it stopped for Ctrl-C, which it does only
 * if it may. */
FOR_EACH_SIZE int deal_all(timed_items items, char *other, int may_stop) {
    char *original = items.bytes, *to = other;
    uint64_t differ = differing_bits(items);
    int stopped = 0;
    for (unsigned byte = 0; byte < BYTES && !stopped; byte++) {
        if ((differ >> (8 * byte)) % VALUES == 0)
            continue;
        if ((stopped = may_stop && mt_interrupted()))
            break;
        deal(items, to, byte);
        char *dealt = to;
        to = items.bytes;
        items.bytes = dealt;
    }
    if (items.bytes != original)
        memcpy(original, items.bytes, items.count * items.size);
    return stopped ? -1 : 0;
}

FOR_EACH_SIZE mt_code sort_items(timed_items items, mt_error *error) {
    if (is_sorted(items))
        return MT_OK;
    char *other = mt_allocate(items.count, items.size);
    if (!other)
        return mt_fail_memory(error, "sorting times");
    int stopped = deal_all(items, other, 1);
    mt_free(other);
    return stopped ? mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted") : MT_OK;
}

void mt_sort_times_with(int64_t *times, int64_t *scratch, size_t count) {
    timed_items items = {(char *)times, count, sizeof *times};
    if (!is_sorted(items))
        deal_all(items, (char *)scratch, 0);
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
