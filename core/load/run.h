/* The execution of a plan: requests in time order, a batch at a time, in memory that does not grow
 * with their number.
 *
 * Streams are merged by (time, stream name, index in stream); then blocks get their ids, in that
 * order. A stream's times, lengths and shared prefixes depend only on (seed, its name); id numbers
 * depend on the merge. */
#ifndef MT_LOAD_RUN_H
#define MT_LOAD_RUN_H

#include "base/output.h"
#include "load/plan.h"
#include "trace/record.h"
#include "trace/writer.h"

typedef struct mt_run mt_run;

typedef struct mt_run_options {
    uint64_t seed;
    double duration;        /* seconds: no plain request or session begins at or after it */
    uint64_t most;          /* requests to make in all, over all shards */
    double factor;          /* all rates times this */
    uint64_t shard, shards; /* this run yields shard 0..shards-1 of shards >= 1 */
    int tags;               /* fill request.stream */
    int compact;            /* separators inside request.extra */
    int whole_milliseconds; /* times are floor(1000 * t) ms instead of the nearest nanosecond */
} mt_run_options;

/* seed 0, 60 s, no limit, factor 1, one shard, nothing else. */
mt_run_options mt_run_defaults(void);

/* Retains the plan. NULL on failure. */
mt_run *mt_run_open(mt_plan *plan, const mt_run_options *options, mt_error *error);

/* The next request: 1 with *request filled (valid until the next call), 0 at the end, -1 on
 * failure. Polls for Ctrl-C. */
int mt_run_next(mt_run *run, mt_request *request, mt_error *error);

/* Writes at most `most` of the requests that are left; *written counts them also when it fails, and
 * is below `most` at the end. */
mt_code mt_run_write(mt_run *run, mt_output *output, const mt_trace_format *format, uint64_t most,
                     uint64_t *written, mt_error *error);

/* One bin of a picture over time. */
typedef struct mt_run_bin { /* input and output: tokens, summed */
    uint64_t requests;
    double input;
    uint64_t outputs; /* requests that have an output_length */
    double output;
} mt_run_bin;

/* Counts the requests that are left into `count` equal bins over [0, duration); what comes later
 * (late turns of sessions) is left out. */
mt_code mt_run_count(mt_run *run, double duration, mt_run_bin *bins, size_t count, mt_error *error);

/* XXH3-64 over the lines (written with `format`) of the first `most` requests that are left. */
mt_code mt_run_digest(mt_run *run, const mt_trace_format *format, uint64_t most, uint64_t *digest,
                      mt_error *error);

void mt_run_close(mt_run *run); /* NULL is allowed */

#endif
