/* Many doubles are sorted as whole numbers, digit by digit (base/sort_times.c). Few, and any where memory
 * is out, in place by introsort (Musser 1997): quicksort that turns to heapsort when it goes too deep,
 * insertion sort for short runs. */
#include "base/assert.h"
#include "base/sort.h"

#include "base/heap.h"

#include <math.h>
#include <string.h>

enum { SHORT_RUN = 24, MANY = 1024 };

static void insertion_sort(double *values, size_t count) {
    for (size_t i = 1; i < count; i++) {
        double value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

static int is_larger(const double *a, const double *b) {
    return *a > *b;
}

MT_HEAP(largest_heap, double, is_larger)

static void heap_sort(double *values, size_t count) {
    largest_heap heap = {.items = values, .count = count, .capacity = count};
    for (size_t i = count / 2; i-- > 0;)
        largest_heap_sift_down(&heap, i);
    for (size_t end = count; end-- > 1;) {
        double largest = largest_heap_pop(&heap);
        values[end] = largest;
    }
}

static double median_of_three(double a, double b, double c) {
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* Hoare's partition: returns at, 0 < at < count, with values[0..at) <= values[at..count). */
static size_t partition(double *values, size_t count) {
    double pivot = median_of_three(values[0], values[count / 2], values[count - 1]);
    size_t low = 0;
    size_t high = count - 1;
    for (;;) {
        while (values[low] < pivot)
            low++;
        while (values[high] > pivot)
            high--;
        if (low >= high) {
            mt_assert(low < count);
            return low > 0 ? low : 1;
        }
        double swapped = values[low];
        values[low++] = values[high];
        values[high--] = swapped;
    }
}

static void sort_to_depth(double *values, size_t count, unsigned depth) {
    while (count > SHORT_RUN) {
        if (depth-- == 0) {
            heap_sort(values, count);
            return;
        }
        size_t at = partition(values, count);
        if (at < count - at) { /* the shorter side by recursion: the stack stays small */
            sort_to_depth(values, at, depth);
            values += at;
            count -= at;
        } else {
            sort_to_depth(values + at, count - at, depth);
            count = at;
        }
    }
    insertion_sort(values, count);
}

/* Deeper than that quicksort goes by bad luck only. */
static unsigned depth_of(size_t count) {
    unsigned depth = 0;
    for (; count > 1; count /= 2)
        depth += 2;
    return depth;
}

void mt_sort_in_place(double *values, size_t count) {
    sort_to_depth(values, count, depth_of(count));
}

/* Quickselect (Hoare 1961): of the two sides of each partition only the one that the rank lies in is looked
 * at again. */
double mt_select(double *values, size_t count, size_t rank) {
    mt_assert(rank < count);
    for (unsigned depth = depth_of(count); count > SHORT_RUN && depth > 0; depth--) {
        size_t at = partition(values, count);
        if (rank < at) {
            count = at;
        } else {
            values += at;
            count -= at;
            rank -= at;
        }
    }
    mt_sort_in_place(values, count);
    return values[rank];
}

/* Below zero larger bits are a smaller number, so all but the sign are turned over. */
static int64_t turned(int64_t bits) {
    return bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1);
}

int64_t mt_order_of_double(double number) {
    int64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return turned(bits);
}

double mt_double_of_order(int64_t order) {
    double number;
    order = turned(order);
    memcpy(&number, &order, sizeof number);
    return number;
}

/* Writes the values as whole numbers, in their place, where all of them are whole, as lengths are: such
 * differ in fewer bits than doubles do, and there is less to sort by. 0, with all as they were, where one
 * is not (or is -0, which 0 is not). */
static int become_whole(double *values, size_t count) {
    static const double most = 9007199254740992; /* 2^53 */
    for (size_t i = 0; i < count; i++)
        if (!(fabs(values[i]) <= most) || (double)(int64_t)values[i] != values[i] ||
            (values[i] == 0 && signbit(values[i])))
            return 0;
    for (size_t i = 0; i < count; i++) {
        int64_t whole = (int64_t)values[i];
        memcpy(&values[i], &whole, sizeof whole);
    }
    return 1;
}

static void become_orders(double *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t order = mt_order_of_double(values[i]);
        memcpy(&values[i], &order, sizeof order);
    }
}

static int is_sorted(const double *values, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (values[i] < values[i - 1])
            return 0;
    return 1;
}

void mt_sort(double *values, size_t count) {
    if (is_sorted(values, count))
        return;
    /* An array of whole numbers. It can do without it, so no hook counts it. */
    int64_t *scratch =
        count >= MANY ? mt_resize(NULL, (count + MT_SORT_PLACES) * sizeof *scratch) : NULL;
    if (!scratch) {
        mt_sort_in_place(values, count);
        return;
    }
    int are_whole = become_whole(values, count);
    if (!are_whole)
        become_orders(values, count);
    mt_sort_times_with(values, scratch, count);
    for (size_t i = 0; i < count; i++) {
        int64_t number;
        memcpy(&number, &values[i], sizeof number);
        values[i] = are_whole ? (double)number : mt_double_of_order(number);
    }
    (void)mt_resize(scratch, 0);
}

int mt_by_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int mt_by_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int mt_by_u32(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
