/* Lists of whole numbers as traces have them, 64 bytes at a time. */
#ifndef MT_TEXT_NUMBER_LIST_H
#define MT_TEXT_NUMBER_LIST_H

#include <stddef.h>
#include <stdint.h>

/* Most numbers that end in 64 bytes. */
enum { MT_NUMBERS_AT_ONCE = 32 };

typedef struct mt_number_list {
    uint64_t *values;
    size_t count, capacity;
    int is_spaced; /* the caller's to set; cleared at a ',' without one blank behind it */
    int is_closed; /* the ']' was passed */
} mt_number_list;

/* Reads numbers, appended to values[0..capacity), of a JSON list from a number's start on: plain
 * ones of digits only that fit 64 bits, with ',' or ', ' between them. Returns the position after
 * the ']', which is then passed, or the start of a number from which on it leaves the list to a
 * reader that knows more: because of what stands in it or near it, or because fewer than
 * MT_NUMBERS_AT_ONCE values have room. Behind `at` stands a byte that is none of a list's, and with
 * it at least 64 bytes that can be read. */
const char *mt_number_list_read(mt_number_list *list, const char *at);

/* Passes over a list that mt_number_list_read would read to its end, without its numbers: their count in *count,
 * and the position after the ']'. NULL where it is another list, one without ', ' between all numbers, or
 * one in which a number has more than 19 digits: what such a list is, reading it says. */
const char *mt_number_list_pass(const char *at, size_t *count);

#endif
