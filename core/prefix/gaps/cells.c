#include "prefix/gaps/state.h"

#define SECOND INT64_C(1000000000)

/* What people count requests by, a factor of 4 to 12 from one to the next. */
static const int64_t clock_lengths[] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    SECOND,
    10 * SECOND,
    60 * SECOND,
    300 * SECOND,
    3600 * SECOND,
    21600 * SECOND,
    86400 * SECOND,
    604800 * SECOND,
};

enum { MOST_PARTS = 24, USUAL_PARTS = 12 };

/* The next length above `length`: one of the clock where there is a multiple. */
static int64_t length_after(int64_t length) {
    for (size_t i = 0; i < sizeof clock_lengths / sizeof *clock_lengths; i++) {
        if (clock_lengths[i] <= length || clock_lengths[i] % length != 0)
            continue;
        int64_t parts = clock_lengths[i] / length;
        if (parts > MOST_PARTS) {
            int64_t divisor = USUAL_PARTS;
            while (parts % divisor != 0)
                divisor--;
            parts = divisor;
        }
        return length * parts;
    }
    return length > INT64_MAX / 8 ? INT64_MAX : 8 * length;
}

/* Whether the largest cells may be as long as `length`. They are only moved in what lies within
 * them, so they are what keeps the course: an hour, or more where that holds next to nothing. */
static int may_be_largest(int64_t length, int64_t below, int64_t lap_length, size_t count) {
    double requests = (double)count * ((double)below / (double)lap_length);
    return length <= lap_length / 8 && (length <= 3600 * SECOND || requests < 16);
}

void mt_gaps_cells_make(mt_gaps_cells *cells, int64_t tick, int64_t lap_length, size_t count) {
    cells->length[0] = tick;
    cells->count = 1;
    while (cells->count < MT_GAPS_LENGTHS) {
        int64_t length = cells->length[cells->count - 1];
        int64_t next = length_after(length);
        if (!may_be_largest(next, length, lap_length, count))
            return;
        cells->length[cells->count++] = next;
    }
}
