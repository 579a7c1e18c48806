/* Two finished runs against each other: what each measured, and how sure it is that they differ, by the
 * bootstrap over blocks (stats/bootstrap.h).
 *
 * Only what was due in the window counts. A block is a stretch of requests in the order in which they
 * were due; where rows are turns of sessions it is a stretch of whole sessions, in the order of their
 * first turns. Rates over time are counted in as many equal stretches of the time from the first
 * request to the last answer; of a run with a window in stretches of the window, and of all that ended in
 * them (mt_ended), as in the run's own report.
 *
 * Runs are paired when they sent the same requests: nine in ten at least of either have their like in
 * the other, by number, or by session and turn, and each of those has the same line of the trace and
 * the same planned lengths there. Then both are resampled alike. Scripts with different seeds draw
 * different requests, even where all have one length: that the caller knows, and says. */
#ifndef MT_DRIVE_MEASURE_CONTRAST_H
#define MT_DRIVE_MEASURE_CONTRAST_H

#include "drive/measure/requests.h"

typedef struct mt_difference {
    double first, second; /* of either run; NaN: it has none */
    double low, high;     /* where second - first is, 95 % sure; NaN: that cannot be said */
} mt_difference;

/* The statistics of a metric: the mean, then mt_percentiles. */
enum { MT_CONTRAST_STATISTICS = 1 + MT_PERCENTILES };

/* What is one number of a run. */
typedef struct mt_contrast_rate {
    const char *key;
    int over_time;    /* counted in stretches of time, else of requests */
    int above, below; /* which sums of contrast.c */
} mt_contrast_rate;

enum { MT_CONTRAST_RATES = 6 };
extern const mt_contrast_rate mt_contrast_rates[MT_CONTRAST_RATES];

typedef struct mt_contrast mt_contrast;

typedef struct mt_contrast_basis {
    int is_paired, by_session;
    uint64_t matched;  /* requests that have their like in the other run */
    uint64_t units[2]; /* requests, or sessions, of either run */
    uint32_t blocks[2];
} mt_contrast_basis;

/* The window of a run, on the clock of its moments; begin >= end: it has none. */
typedef struct mt_contrast_window {
    int64_t begin_ns, end_ns;
    int is_of_parts; /* a part that began apart has it so much later */
} mt_contrast_window;

typedef struct mt_contrast_options {
    const mt_objective *objectives; /* by which goodput is counted; borrowed */
    size_t objective_count;
    uint64_t seed;
    int drawn_apart; /* requests that are of no line of a trace were drawn by other seeds, and have no like */
    const char *
        by; /* only requests of which this member (mt_run_requests_member) has in either run the value
                        that is asked for; NULL: all */
    mt_span values[2];
    mt_contrast_window windows[2]; /* of either run */
} mt_contrast_options;

/* Both are borrowed. options NULL: all as zeroed. MT_ERROR_MEMORY, _INTERRUPTED: NULL. */
mt_contrast *mt_contrast_new(const mt_run_requests *first, const mt_run_requests *second,
                             const mt_contrast_options *options, mt_error *error);

void mt_contrast_free(mt_contrast *contrast);

const mt_contrast_basis *mt_contrast_basis_of(const mt_contrast *contrast);

/* The differences of a metric's statistics. counts[0..2): values of either run. */
mt_code mt_contrast_metric(mt_contrast *contrast, int metric, uint64_t *counts,
                           mt_difference *differences, mt_error *error);

/* The same of the times between chunks, ms: within a bin of stats/log_histogram.h, as in the run's own
 * report. */
mt_code mt_contrast_gaps(mt_contrast *contrast, uint64_t *counts, mt_difference *differences,
                         mt_error *error);

/* The difference of a rate. */
mt_code mt_contrast_of_rate(mt_contrast *contrast, const mt_contrast_rate *rate,
                            mt_difference *difference, mt_error *error);

#endif
