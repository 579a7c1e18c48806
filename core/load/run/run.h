/* The execution of a plan: requests in time order, a batch at a time, in memory that does not grow
 * with their number.
 *
 * Streams are merged by (time, stream name, index in stream); then blocks get their ids, in that
 * order. A stream's times, lengths and shared prefixes depend only on (seed, its name); id numbers
 * depend on the merge.
 *
 * A live run is a live source (trace/source/source.h) that hands out a request when it is asked for
 * one, in the order in which they are due as far as is known. The request of a turn is made when the
 * answer before it has come, with the lengths that this had. Hash ids are then no numbers by first
 * appearance, for that would depend on the answers: they are 63 random bits, the same for the same
 * block of one seed.
 *
 * Its parts: lane.h (a stream), lanes.h (the merge), draft.h (a request before its ids are known),
 * session.h (what a session carries from turn to turn), context.h (its context), names.h
 * (what it and its requests are called), run.c (batches and ids). */
#ifndef MT_LOAD_RUN_RUN_H
#define MT_LOAD_RUN_RUN_H

#include "load/plan.h"
#include "trace/source/source.h"

typedef struct mt_run_options {
    uint64_t seed;
    double duration;        /* seconds: no plain request or session begins at or after it */
    uint64_t most;          /* requests to make in all */
    uint64_t most_at_once;  /* requests of one time from which on it fails (MT_ERROR_VALUE) */
    double factor;          /* all rates times this */
    int tags;               /* fill request.stream */
    int compact;            /* separators inside request.extra */
    int whole_milliseconds; /* times are floor(1000 * t) ms instead of the nearest nanosecond */
    int live; /* sessions and closed loops wait for real answers; without such it means nothing */
} mt_run_options;

/* seed 0, 60 s, no limits, factor 1, nothing else. */
mt_run_options mt_run_defaults(void);

/* The plan's requests; retains the plan. A source of shards (trace/step/steps.h) over it needs no
 * memory. NULL on failure. */
mt_source *mt_source_run(mt_plan *plan, const mt_run_options *options, mt_error *error);

#endif
