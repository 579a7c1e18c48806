/* The requests of a finished run, as its profile_export.jsonl has them, a line each: ours, or
 * AIPerf's.
 *
 * Of ours the lines say all that the run itself counted: mt_results_add_row for every row, in their
 * order, gives the run's results, digit for digit. Members that a line lacks are absent; members
 * and metrics that are not known here are passed over. A metric in another unit of time than ours
 * is converted.
 *
 * Memory: 144 bytes a row, 8 for each metric that any row has, 4 a gap between chunks. */
#ifndef MT_DRIVE_MEASURE_REQUESTS_H
#define MT_DRIVE_MEASURE_REQUESTS_H

#include "drive/measure/results.h"
#include "text/texts.h"

/* benchmark_phase: due in the window, before or after it, or before the run. */
enum { MT_PHASE_PROFILING, MT_PHASE_OUTSIDE, MT_PHASE_WARMUP };

/* Moments are nanoseconds since 1970, MT_NEVER where they never came. Texts are numbers from 1 on,
 * 0: none (mt_run_requests_text). */
typedef struct mt_run_request {
    uint64_t
        number;    /* session_num: which request of the run, from 0; its place where none is said */
    uint64_t line; /* trace_line: in its trace, from 1; 0: none */
    uint64_t turn; /* turn_index */
    uint64_t chunks;   /* token-bearing events */
    uint64_t place;    /* where its line begins in its file, in bytes */
    uint64_t length;   /* bytes of the line, without its end */
    int64_t due_ns;    /* credit_issued_ns */
    int64_t begun_ns;  /* request_start_ns */
    int64_t sent_ns;   /* request_sent_ns */
    int64_t answer_ns; /* request_ack_ns: the first byte of the answer */
    int64_t end_ns;    /* request_end_ns */
    int64_t chunk_ns;  /* last_chunk_ns: of one that failed, its last token-bearing event */
    uint64_t gap;      /* the first of its gaps among mt_run_requests.gaps */
    uint32_t gap_count;
    uint32_t session;       /* text: conversation_id as raw JSON */
    uint32_t fields;        /* text: the row's own short members, as an object's members without
                                 braces */
    uint32_t name, message; /* texts of a failure: as error.type has it; what was said */
    uint32_t part; /* its shard, where the line says it; else as the reader's caller says */
    int16_t failure, status; /* mt_failure; HTTP's status, 0: none */
    uint16_t endpoint;
    uint8_t phase; /* MT_PHASE_... */
    uint8_t was_resent, saw_done;
    uint8_t usage_said;   /* 1 too where the line does not tell, as another tool's */
    uint8_t lacks_number; /* no session_num is said: a lost shard's request */
} mt_run_request;

/* Zero it, read into it, free it. */
typedef struct mt_run_requests {
    mt_run_request *rows;
    size_t count, capacity;
    double *metrics[MT_MEASURES]; /* of each row, NaN: absent; NULL: no row has the metric */
    double *error_inputs;         /* error_isl, the planned ISL of failed ones; likewise */
    uint32_t
        *gaps; /* of all rows, one row's beside one another: units of 100 ns, as in mt_exchange */
    size_t gap_count, gap_capacity;
    int64_t *apart_ns; /* of each part: how long after the run it began; NULL: all began with it */
    size_t part_count;
    mt_texts texts;
} mt_run_requests;

/* Appends the lines of the file as rows of part `part`. A line that is none of a request fails with
 * file, line and column. *cut (NULL: that is a failure, which says so) becomes 1 where the last
 * line has no end and is no whole request: it is left out. Polls for Ctrl-C. MT_ERROR_IO, _INPUT,
 * _MEMORY, _INTERRUPTED. */
mt_code mt_run_requests_read(mt_run_requests *requests, const char *path, uint32_t part, int *cut,
                             mt_error *error);

/* The text of that number; valid until the next read. */
mt_span mt_run_requests_text(const mt_run_requests *requests, uint32_t number);

/* The value of a member of row i as raw JSON, by which results may be grouped: session_id, stream,
 * or one of its own that its line repeats; of MT_BY_ENDPOINT the number of its URL, in `text`. Length 0 where
 * it has none. */
mt_span mt_run_requests_member(const mt_run_requests *requests, size_t i, const char *name,
                               char text[MT_ENDPOINT_ROOM]);

/* The metric of row i, NaN where it has none. */
double mt_run_requests_metric(const mt_run_requests *requests, size_t i, int metric);

/* What is counted of row i, whose text and gaps it points to. */
void mt_run_requests_describe(const mt_run_requests *requests, size_t i,
                              mt_request_outcome *counted);

/* Counts row i, of whichever phase. */
mt_code mt_results_add_row(mt_results *results, const mt_run_requests *requests, size_t i,
                           mt_error *error);

/* Says how long after the run each of `count` parts began: windows and phases of a part are on its own clock.
 * Other parts began with the run. MT_ERROR_MEMORY. */
mt_code mt_run_requests_set_apart(mt_run_requests *requests, const int64_t *apart_ns, size_t count,
                                  mt_error *error);

/* How long after the run the part of row i began, in nanoseconds. */
int64_t mt_run_requests_apart(const mt_run_requests *requests, size_t i);

void mt_run_requests_free(mt_run_requests *requests);

#endif
