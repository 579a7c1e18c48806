#include "prefix/gaps/state.h"

#define SECOND INT64_C(1000000000)

static const int64_t usual_windows[] = {SECOND,      3 * SECOND,   10 * SECOND,  30 * SECOND,
                                        60 * SECOND, 180 * SECOND, 300 * SECOND, 1800 * SECOND};

/* A variance over fewer windows, or of hardly any requests in each, is not worth a choice. */
static const double fewest_windows = 4;
static const double fewest_held = 0.1;

void mt_gaps_windows_make(mt_gaps_windows *windows, const int64_t *times, size_t count) {
    double duration = (double)(times[count - 1] - times[0]);
    mt_gaps_tally tally = {.held = {0}};
    windows->count = 0;
    for (size_t i = 0; i < sizeof usual_windows / sizeof *usual_windows; i++) {
        double fitting = duration / (double)usual_windows[i];
        if (fitting >= fewest_windows && (double)count / fitting >= fewest_held)
            windows->length[windows->count++] = usual_windows[i];
    }
    for (size_t i = 0; i < count; i++)
        mt_gaps_tally_add(windows, &tally, times[i] - times[0]);
    for (size_t w = 0; w < windows->count; w++) {
        double expected = (double)count * (double)count * (double)windows->length[w] / duration;
        double deviations = tally.squares[w] - expected;
        windows->weight[w] = deviations > 1 ? 1 / deviations : 1;
    }
}

double mt_gaps_tally_distance(const mt_gaps_windows *windows, const mt_gaps_tally *a,
                              const mt_gaps_tally *b, const int64_t ahead[MT_GAPS_WINDOWS]) {
    double sum = 0;
    for (size_t w = 0; w < windows->count; w++) {
        double to_come = 2 * (double)(a->held[w] - b->held[w]) * (double)ahead[w];
        double apart = (a->squares[w] - b->squares[w] + to_come) * windows->weight[w];
        sum += apart * apart;
    }
    return sum;
}
