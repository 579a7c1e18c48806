/* Sorting: numbers, times, and whatever has a time. */
#ifndef MT_BASE_SORT_H
#define MT_BASE_SORT_H

#include "base/error.h"

/* Sorts doubles ascending (no NaN among them); those in order already cost one look. Many in O(count)
 * with as much memory again, where there is that. */
void mt_sort(double *values, size_t count);

/* The same in place, O(n log n) at worst. */
void mt_sort_in_place(double *values, size_t count);

/* Number `rank`, from 0, of the values as if they were sorted (no NaN; rank below count), which then lie in
 * another order. O(count) on average, O(count log count) at worst. */
double mt_select(double *values, size_t count, size_t rank);

/* A double as a whole number that compares as the double does (no NaN; -0 is before 0), and back. */
int64_t mt_order_of_double(double number);
double mt_double_of_order(int64_t order);

/* Sorts times (or other whole numbers) ascending, in place; those in order already cost one look.
 * Otherwise O(count) with as much memory again: MT_ERROR_MEMORY, MT_ERROR_INTERRUPTED (the times
 * are then in no order). */
mt_code mt_sort_times(int64_t *times, size_t count, mt_error *error);

/* The same with the caller's memory, for MT_SORT_PLACES and as many times again; nothing stops it. The times
 * are int64_t, in memory that may otherwise be of another type. */
enum { MT_SORT_PLACES = 2048 };
void mt_sort_times_with(void *times, int64_t *scratch, size_t count);

/* Orders for qsort: what begins with a number of that type, by it, ascending (no NaN). */
int mt_by_double(const void *a, const void *b);
int mt_by_u64(const void *a, const void *b);
int mt_by_u32(const void *a, const void *b);

typedef struct mt_timed {
    int64_t time_ns;
    size_t place; /* of what has this time, wherever the caller keeps it */
} mt_timed;

/* The same for whatever has a time; equal times keep their order. */
mt_code mt_sort_by_time(mt_timed *items, size_t count, mt_error *error);

/* The same for items of `size` bytes that each begin with an int64_t, in the place of a time. */
mt_code mt_sort_by_number(void *items, size_t count, size_t size, mt_error *error);

#endif
