/* What came of a run: every metric's values, the counts by outcome, and a line a request. */
#ifndef MT_DRIVE_MEASURE_RESULTS_H
#define MT_DRIVE_MEASURE_RESULTS_H

#include "base/file/output.h"
#include "base/span.h"
#include "drive/measure/measure.h"
#include "drive/measure/sample.h"

/* An objective of each request: the metric may not be above the limit. What was not measured keeps none, but for the
 * times between tokens (ITL, time to second token) of an answer of fewer than two tokens, which has none. */
typedef struct mt_objective {
    int metric; /* its place among mt_measures */
    double limit;
} mt_objective;

/* What is counted of a request: of one that has just ended (mt_results_add), or of the line that was
 * written of it (drive/measure/requests.h). Both give the same figures. */
typedef struct mt_request_outcome {
    int failure, status; /* MT_FAILURE_NONE: done */
    mt_span text;        /* of a failure */
    int was_resent, is_flagged, has_usage;
    double output_tokens;                       /* of the answer */
    double input_tokens;                        /* counted by the server, or planned; of a failed
                                                   one planned */
    double prompt_tokens, cached_tokens;        /* by the server; NaN where it did not say both */
    int64_t due_ns, begun_ns, sent_ns, last_ns; /* last: the answer's end; MT_NEVER */
    /* Of one that failed: its last token-bearing event, MT_NEVER where it had none, and its end. */
    int64_t stood_from_ns, stood_until_ns;
    const uint32_t *gaps; /* as in mt_exchange */
    uint32_t gap_count;
    double values[MT_MEASURES]; /* NaN: it does not have the metric */
} mt_request_outcome;

/* Failures of one name. */
typedef struct mt_failure_count {
    int failure, status; /* of MT_FAILURE_STATUS and OVERLOAD: which */
    uint64_t count;
    char text[MT_EXCHANGE_TEXT]; /* of the first of them */
} mt_failure_count;

/* What ended in a span of a run's time, whenever it was due: of this throughputs of windows and phases are
 * made, over the span's length. Its requests themselves, those that were due in it, do not say what the
 * server did in it: at its beginning it still answers earlier ones, and at its end not yet the last.
 * Of a whole run, where nothing is before and after, both are the same. */
typedef struct mt_ended {
    uint64_t done, good; /* their last token came in the span */
    double output_tokens, input_tokens;
    int64_t
        in_flight_ns; /* that all that were done at some time were in flight in the span, together */
} mt_ended;

/* Zero it, set the objectives, add exchanges, free it. */
typedef struct mt_results {
    const mt_objective *objectives; /* the caller's */
    size_t objective_count;
    mt_sample samples[MT_MEASURES];
    mt_log_histogram *gaps; /* between token-bearing events, ms; NULL before the first */
    uint64_t due, done, failed, cancelled, not_sent; /* due = the sum of the others */
    uint64_t good;                                   /* done within every objective */
    uint64_t lacking[MT_MEASURES]; /* done, and lack this metric, of which there is an objective */
    uint64_t resent, flagged;      /* flagged: done, and the stream ended without [DONE] */
    uint64_t usage_said, cached_said;    /* done ones whose server counted tokens, cached tokens */
    double prompt_tokens, cached_tokens; /* of those whose server counted cached tokens */
    double output_tokens, input_tokens,
        failed_input;                       /* totals: OSL and ISL of done, ISL of failed */
    int64_t first_begun_ns, last_answer_ns; /* of done ones; MT_NEVER */
    int64_t first_due_ns, last_due_ns, last_sent_ns; /* of all that were due */
    int64_t longest_late_ns; /* how long after its due time one was taken up, at most */
    mt_failure_count *failures;
    size_t failure_count, failure_capacity;
    mt_ended ended; /* by mt_results_count_ended; else 0 */
} mt_results;

void mt_results_begin(mt_results *results, const mt_objective *objectives, size_t count);

/* What is counted of the exchange, whose text and gaps it points to. */
void mt_results_describe(const mt_exchange *exchange, const mt_asked *asked,
                         mt_request_outcome *counted);

/* Counts a request. MT_ERROR_MEMORY. */
mt_code mt_results_count(mt_results *results, const mt_request_outcome *counted, mt_error *error);

/* Counts an exchange: both of them. */
mt_code mt_results_add(mt_results *results, const mt_exchange *exchange, const mt_asked *asked,
                       mt_error *error);

/* Counts the request in `ended`, and in nothing else, by the span begin_ns <= t < end_ns since start_ns, of
 * a run that began then. INT64_MIN, INT64_MAX: the span has no beginning, no end. */
void mt_results_count_ended(mt_results *results, const mt_request_outcome *counted,
                            int64_t start_ns, int64_t begin_ns, int64_t end_ns);

/* Adds all of `other`, of the same objectives. */
mt_code mt_results_merge(mt_results *results, const mt_results *other, mt_error *error);

void mt_results_free(mt_results *results);

/* "status_404" where the failure has a status, else mt_failure_name; `name` has 32 bytes. */
const char *mt_results_failure_name(int failure, int status, char *name);

/* Writes the line of profile_export.jsonl of the exchange. `epoch_ns` added to a monotonic time makes
 * it a time since 1970. request_id, correlation_id: texts of 36 characters. conversation: the row's
 * session_id as raw JSON; "null" where it has none. */
mt_code mt_results_write_line(mt_output *output, const mt_exchange *exchange, const mt_asked *asked,
                              int64_t epoch_ns, const char *request_id, const char *correlation_id,
                              const char *conversation, size_t conversation_length,
                              mt_error *error);

#endif
