/* Phases of a run: spans of its time, one after the other from its start on, each with results of its
 * own. They say how it went before, in and after what a load does to a server.
 *
 * A request is of the phase in which it was due (of which another tool's results do not say that: begun). A gap
 * between two chunks of an answer is of the phase in which its middle lies, whenever its request was due, outside
 * the window too: so the longest gap of a phase tells what the phase did to the streams that it found running. Of an
 * answer that failed the time from its last chunk to its end is such a gap, and no other: a stream that stalled for
 * good stood still at least until it was given up. An answer is counted in the `ended` of the phase in which its last
 * token came, whenever it was due.
 *
 * Time to recover. A request that failed counts as if its first token had never come. The base is the median TTFT of
 * the first phase. Of the requests that were due after the end of a later phase, in the order in which they were due,
 * each MT_RECOVERY_REQUESTS successive ones make a window. The first window whose median is at most
 * MT_RECOVERY_FACTOR times the base is the recovery: it came when the first request of that window was due, and at
 * once (0) where that is the first request after the phase. */
#ifndef MT_DRIVE_MEASURE_PHASES_H
#define MT_DRIVE_MEASURE_PHASES_H

#include "drive/measure/results.h"

enum { MT_RECOVERY_REQUESTS = 10 };
#define MT_RECOVERY_FACTOR 1.1

typedef struct mt_run_phase {
    int64_t begin_ns, end_ns; /* since the start of the run; INT64_MAX: it has no end */
    mt_results results;
    int64_t longest_gap_ns; /* 0 when there was none */
} mt_run_phase;

/* When a request was due, since the start of the run, and the time to its first token in ms: infinite
 * where it failed. */
typedef struct mt_first_token {
    int64_t due_ns;
    double ms;
} mt_first_token;

/* Zero it, begin it, count, free it. 16 bytes a request beside the results. */
typedef struct mt_run_phases {
    mt_run_phase *list;
    size_t count;
    mt_first_token *firsts;
    size_t first_count, first_capacity;
    int is_sorted;  /* firsts are, and base_ms is known: */
    double base_ms; /* the first phase's median; infinite: there is none */
} mt_run_phases;

/* ends_ns: where each phase ends and the next one begins, ascending; the last one may be INT64_MAX.
 * MT_ERROR_MEMORY. */
mt_code mt_run_phases_begin(mt_run_phases *phases, const int64_t *ends_ns, size_t count,
                            const mt_objective *objectives, size_t objective_count,
                            mt_error *error);

/* Counts a request of a run that began at start_ns, on the clock of the request's moments.
 * MT_ERROR_MEMORY. */
mt_code mt_run_phases_count(mt_run_phases *phases, const mt_request_outcome *counted,
                            int64_t start_ns, mt_error *error);

/* Counts a request in what ended in each phase (mt_results.ended), and its gaps: also of one that was due outside the
 * window. */
void mt_run_phases_count_ended(mt_run_phases *phases, const mt_request_outcome *counted,
                               int64_t start_ns);

typedef enum mt_recovery {
    MT_RECOVERY_UNKNOWN, /* it is the first phase, or has no end; or fewer than MT_RECOVERY_REQUESTS of the
                            first phase have a TTFT, or not more than half of them; or fewer than
                            MT_RECOVERY_REQUESTS were due after this one */
    MT_RECOVERY_DONE, /* *seconds after the end of the phase */
    MT_RECOVERY_NEVER /* not until *seconds after it, when the last request was due */
} mt_recovery;

/* Whether and when the run has recovered from phase i. */
mt_recovery mt_run_phases_recovery(mt_run_phases *phases, size_t i, double *seconds);

void mt_run_phases_free(mt_run_phases *phases);

#endif
