/* What a load is, counted over its requests: how many they are, how long, how fast they come, and
 * what a server holds of them over time.
 *
 * A profile takes in requests one by one: as the end of a source, or while they pass
 * (mt_step_watch). Memory: 16 bytes a request for its lengths, the names of sessions and groups,
 * 112 bytes a step of time, 128 with a cache, and the cache. */
#ifndef MT_TRACE_PROFILE_H
#define MT_TRACE_PROFILE_H

#include "base/error.h"
#include "stats/levels.h"
#include "text/texts.h"
#include "trace/record.h"

#define MT_PROFILE_MOST_STEPS ((size_t)4000000)
#define MT_PROFILE_MOST_GROUPS ((size_t)10000)

typedef struct mt_profile_options {
    int64_t step_ns;        /* above 0 */
    int64_t from_ns, to_ns; /* where the series begins; the end of what is `within` */
    int from_first;         /* the series begins with the first request instead, rounded down to a
                               whole step */
    int is_served;          /* an answer takes ttft and per_token: what is in flight is known */
    double ttft, per_token; /* seconds, 0 or more */
    const char *by;         /* a member's name: totals by its values. NULL: none */
    int no_series;          /* requests in any order: nothing is known over time */
    int counts_only;        /* no lengths and names of sessions are kept: memory does not grow with
                               the number of requests */
} mt_profile_options;

/* Sums over some of the requests: those of a bin of time, those with one value of a member. */
typedef struct mt_time_bin {
    uint64_t requests;
    uint64_t inputs, outputs; /* requests that have an input_length, an output_length */
    double input, output;     /* sums of those, tokens */
} mt_time_bin;

void mt_time_bin_add(mt_time_bin *bin, const mt_request *request);

/* A cache that is fed with requests (prefix/analysis/fed.h): *hits becomes how many of a request's
 * leading blocks it held. */
typedef struct mt_profile_cache {
    void *state; /* NULL: none */
    mt_code (*access)(void *state, const mt_request *request, size_t *hits, mt_error *error);
    void (*release)(void *state);
} mt_profile_cache;

enum { MT_PROFILE_CACHES = 8 };

/* Of a step of time, or of all of it. */
typedef struct mt_profile_hits {
    uint64_t blocks, hits;
} mt_profile_hits;

/* Lengths, in order once mt_profile_finish was called. */
typedef struct mt_profile_lengths {
    double *values;
    size_t count, capacity;
} mt_profile_lengths;

typedef struct mt_profile {
    mt_profile_options options; /* `by` is a copy */
    uint64_t references;
    uint64_t requests, timed, within; /* all; with a time; with a time before to_ns */
    uint64_t without_session;
    int64_t first_ns, last_ns, origin_ns; /* the least and the largest time; step 0 */
    mt_profile_lengths inputs, outputs;
    mt_texts sessions, groups; /* raw JSON tokens; "" is the group of those without the member */
    mt_time_bin *group_sums;
    mt_time_bin *steps;
    size_t step_count, step_capacity, group_capacity;
    mt_profile_cache caches[MT_PROFILE_CACHES];
    mt_profile_hits totals[MT_PROFILE_CACHES];
    size_t cache_count;
    mt_profile_hits *hits; /* where there are caches, of the first: step_count of them */
    size_t hits_capacity;
    mt_levels in_flight, kv_tokens, made; /* requests; tokens of prompts and answers that requests
                                             in flight hold; output tokens a second */
} mt_profile;

/* NULL on failure. The options are copied. */
mt_profile *mt_profile_new(const mt_profile_options *options, mt_error *error);

/* From now on hits of the cache are counted, of the first one in each step too. The profile owns the
 * cache; to be called before the first request, up to MT_PROFILE_CACHES times. */
void mt_profile_add_cache(mt_profile *profile, mt_profile_cache cache);

/* Takes in one request. What its cache refuses is refused with it. MT_ERROR_INPUT: it has no
 * output_length although answers are served, it comes before the series begins, or the series would
 * be longer than MT_PROFILE_MOST_STEPS. MT_ERROR_VALUE: too many come at once. */
mt_code mt_profile_add(mt_profile *profile, const mt_request *request, mt_error *error);

/* Puts the lengths in order; more may be added afterwards. */
void mt_profile_finish(mt_profile *profile);

mt_profile *mt_profile_retain(mt_profile *profile); /* returns it */
void mt_profile_release(mt_profile *profile);       /* NULL is allowed */

#endif
