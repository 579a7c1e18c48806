/* What can be done to a trace while it passes: each step is a source over the one below it.
 *
 * All constructors take `below` over and return NULL with *error filled on failure, `below` freed;
 * NULL below gives NULL. So steps are put on one another and only the last is looked at. A value
 * out of its range is MT_ERROR_VALUE. Failures of mt_source_next about a request name file and
 * line. Requests that lack what a step changes pass unchanged. Memory does not grow with the
 * trace's length except where it says so. */
#ifndef MT_TRACE_STEP_STEPS_H
#define MT_TRACE_STEP_STEPS_H

#include "stats/summary.h"
#include "trace/profile.h"
#include "trace/source/source.h"
#include "trace/turns.h"

/* ---- which requests: select.c, shard.c ---- */

/* The first `most`. */
mt_source *mt_step_first(mt_source *below, uint64_t most, mt_error *error);

/* Those with start_ns <= time < end_ns. All must have a time, and times must not decrease.
 * needs_some: when none lies in the window it is MT_ERROR_INPUT with the times there are. */
mt_source *mt_step_window(mt_source *below, int64_t start_ns, int64_t end_ns, int needs_some,
                          mt_error *error);

/* Those that keep(context, ...) says 1 to; 0: leave it out; -1: *error is filled. release(context)
 * is called at the end, also when the step cannot be made. */
typedef struct mt_filter {
    int (*keep)(void *context, const mt_request *request, mt_error *error);
    void (*release)(void *context);
    void *context;
} mt_filter;
mt_source *mt_step_where(mt_source *below, const mt_filter *filter, mt_error *error);

/* About `share` (0 to 1) of them: of sessions, whole ones by the text of session_id; of requests
 * without one, each by its position. A smaller share of the same seed is part of a larger. */
mt_source *mt_step_thin(mt_source *below, double share, uint64_t seed, mt_error *error);

/* Shard 0 <= shard < shards: the requests whose ordinal modulo `shards` is `shard`, an ordinal
 * being given to a component at its first request and to each request that belongs to none. A
 * component is a session, and all sessions and requests that wait for one another by request_id,
 * wait_for and branches. Where components that have their ordinals turn out to be one whose shards
 * differ, it is MT_ERROR_INPUT: mt_step_shard_look avoids it. Memory: a text and 24 bytes a session
 * and a request id; none directly over a plan's run. How it divides: trace/step/shard.h. shard.c */
mt_source *mt_step_shard(mt_source *below, uint64_t shard, uint64_t shards, mt_error *error);

/* Looks whole components up in `ahead`, which has the same requests as `step`, a source of
 * mt_step_shard that has given nothing yet: reads it to its end, and frees it. Returns the step;
 * NULL when it fails, and both are freed. */
mt_source *mt_step_shard_look(mt_source *step, mt_source *ahead, mt_error *error);

/* Blocks `factor` (1 or more) times as large, of requests with one id a block: each id that is left
 * is that of the last block which the new one is made of. A member `block_size` becomes `size`, the
 * new blocks' tokens. Memory: a request. reblock.c */
mt_source *mt_step_reblock(mt_source *below, uint64_t factor, uint64_t size, mt_error *error);

/* All of them, each taken in by the profile (trace/profile.h), which is retained: watch.c */
mt_source *mt_step_watch(mt_source *below, mt_profile *profile, mt_error *error);

/* ---- when: moment.c, delays.c, dequantize.c, sort.c, repeat.c ---- */

/* by_ns later. A time below 0 is MT_ERROR_VALUE. */
mt_source *mt_step_shift(mt_source *below, int64_t by_ns, mt_error *error);

/* All earlier by the first time there is, so that the trace starts at 0. */
mt_source *mt_step_from_zero(mt_source *below, mt_error *error);

/* Times and delays, and the member tool_wait_ms, divided by ratio (> 0), rounded to nanoseconds. */
mt_source *mt_step_speed(mt_source *below, double ratio, mt_error *error);

/* nanoseconds / ratio, rounded half away from zero; 0, or -1 when it does not fit. */
int mt_scale_time(int64_t nanoseconds, double ratio, int64_t *scaled);

/* Times spread uniformly over the ticks of their clock (stats/grid.h), which come every period_ns
 * and at offset_ns. period_ns 0: the grid is found in the first MT_AHEAD_REQUESTS, and it is
 * MT_ERROR_INPUT when they have none. Times must not decrease; requests without one stay behind
 * those before them. Memory: the requests of one tick. */
mt_source *mt_step_dequantize(mt_source *below, int64_t period_ns, int64_t offset_ns, uint64_t seed,
                              mt_error *error);

/* How long an answer takes, nanoseconds: to its first token, and for each token of it. */
typedef struct mt_service {
    int64_t first_ns, token_ns;
} mt_service;

/* What an answer of so many tokens takes, nanoseconds; INT64_MAX beyond. */
int64_t mt_service_answer(const mt_service *service, uint64_t tokens);

/* Turns of sessions that have a delay and no time get one: the delay after the answer to the turn
 * before has ended, which the service says; of a session's first turn, after 0. Then all are put in
 * the order of their times (mt_step_sort). Memory beside that: a text and 12 bytes a session. */
mt_source *mt_step_times_from_delays(mt_source *below, const mt_service *service, mt_error *error);

/* In the order of their times, equal ones as they came; a request without a time stays behind the
 * one before it. Up to `memory` bytes (0: 128 MiB) are sorted at a time, the sorted runs go to a
 * temporary file (trace/source/scratch.h) and are merged. */
mt_source *mt_step_sort(mt_source *below, size_t memory, mt_error *error);

typedef struct mt_repeat {
    uint64_t laps;      /* how often in all, >= 1 */
    int64_t every_ns;   /* from one lap's start to the next; 0: a mean gap after the last request */
    int fresh_ids;      /* later laps get ids of their own, */
    size_t common_root; /* but for the first blocks of every prompt, so many */
    size_t memory;      /* bytes kept in memory (0: 64 MiB); beyond, a temporary file */
} mt_repeat;

/* The trace again and again. Later laps have sessions of their own ("name/2", "name/3"). Times must
 * not all be one unless every_ns is given. */
mt_source *mt_step_repeat(mt_source *below, const mt_repeat *repeat, mt_error *error);

/* ---- lengths and ids: scale.c, fit.c, renumber.c ---- */

/* ISL times `input`, OSL times `output` (> 0), rounded; an ISL stays at least 1. hash_ids are
 * stretched or thinned out with the ISL: two prompts that share a prefix share `input` times as
 * much of it (rounded down to whole blocks) afterwards. block_size: tokens a block, >= 1; hash_ids
 * that are not one a block are MT_ERROR_INPUT where the ISL changes. */
mt_source *mt_step_scale(mt_source *below, double input, double output, uint64_t block_size,
                         mt_error *error);

/* Where hash_ids are more than ceil(ISL / block_size), the last are cut; where they are fewer, ids
 * are added that no other request has, counted from first_free on. Empty ones stay. */
mt_source *mt_step_fit(mt_source *below, uint64_t block_size, uint64_t first_free, mt_error *error);

/* hash_ids numbered 0, 1, 2, ... by first appearance, an id after other ids being another id: so
 * that each has one parent. anonymous: session_id and stream are numbered too ("s0", "stream0") and
 * all other members left out. Memory: 31 to 36 bytes a distinct block; a text a session. */
mt_source *mt_step_renumber(mt_source *below, int anonymous, mt_error *error);

/* ---- session rows: sessions.c ---- */

/* Session rows that are `from` (unknown: guessed by the first MT_AHEAD_REQUESTS, MT_ERROR_INPUT
 * when they do not say) as `to`. input_length and output_length are required of them, and
 * hash_ids, where there are any, must be one a block.
 *
 * To delta: what the turn before had, prompt and answer, is taken off, and the last hash_ids that
 * the rest fills stay. A turn that is not longer than that does not continue its session: it begins
 * a new one ("name/2"). To cumulative: a prompt's blocks begin with the whole ones of the turn
 * before; those of its answer and of the new text are numbered anew, as are all ids, by first
 * appearance. Memory: the last turn of each session, and to cumulative 31 to 36 bytes a block that
 * first turns and requests without a session have. */
mt_source *mt_step_sessions(mt_source *below, mt_rows from, mt_rows to, uint64_t block_size,
                            mt_error *error);

/* The same, guessed at once: *found is what they are, MT_ROWS_UNKNOWN when no session has a second
 * turn. */
mt_source *mt_step_sessions_guessed(mt_source *below, mt_rows to, uint64_t block_size,
                                    mt_rows *found, mt_error *error);

/* ---- prompts: prompts.c ---- */

typedef struct mt_prompts {
    uint64_t block_size;  /* tokens a block, >= 1 */
    uint64_t hash_blocks; /* the largest content that is drawn; UINT64_MAX: none is, all are new */
    uint64_t seed;
    int no_sessions; /* requests with a session are as those without, and lose its name */
} mt_prompts;

/* hash_ids for requests of which only lengths are known, numbered by first appearance from 0.
 *
 * A request that has hash_ids keeps them, renumbered. The turns of a session share a growing
 * prefix: the tokens of a session are one sequence, to which each turn adds what its prompt has
 * beyond the earlier turns' prompts and answers, and then its answer; a prompt is as much of that
 * sequence's beginning as its length says. A block that a prompt ends in counts as another one than
 * the whole block. The blocks of all other requests are drawn uniformly from 0..hash_blocks, by a
 * generator keyed by the seed and addressed by the request's place in its logs (or else in the
 * trace), and hashed one after the other: they depend neither on filters nor on the requests after
 * it. Without drawing they are shared with no other request.
 *
 * turn is set where there is a session. input_length is required; hash_ids must be one a block.
 *
 * `ahead`: the same requests once more, read to their end at once and freed, on failure too. It
 * changes no id, but then only what comes again is remembered: 4 to 8 bytes of memory a request.
 * NULL: 27 to 32 bytes a distinct block. Beside that 8 bytes a whole block of the sessions. */
mt_source *mt_step_prompts(mt_source *below, mt_source *ahead, const mt_prompts *options,
                           mt_error *error);

/* Different ids that the step of mt_step_prompts at the source or below it has given so far, or is
 * about to give; 0 without one. */
uint64_t mt_source_prompt_ids(const mt_source *source);

/* Requests that have had their blocks drawn, or made new, by it so far. */
uint64_t mt_source_prompts_made(const mt_source *source);

/* ---- looking on: measure.c ---- */

typedef struct mt_step_measures {
    uint64_t requests;
    uint64_t sessions;        /* their first turns, where turns are numbered (prompts does it) */
    uint64_t without_input;   /* requests whose prompt has 0 tokens */
    uint64_t without_output;  /* requests whose output has 0 tokens */
    uint64_t longest;         /* ISL + OSL */
    uint64_t blocks;          /* hash ids */
    mt_summary input, output; /* output: of the requests that have one */
} mt_step_measures;

enum { MT_MEASURE_BINS = 20 };

/* All requests as they come, measured. They are counted in `bins` (0 to MT_MEASURE_BINS) equal bins
 * of the time from 0 to end_ns (> 0), which is in the last one. Memory as a tally's. */
mt_source *mt_step_measure(mt_source *below, int64_t end_ns, size_t bins, mt_error *error);

/* What passed so far, and how many requests came in each bin; NULL when the source is not one of
 * mt_step_measure, or when out of memory. */
const uint64_t *mt_source_measures(mt_source *source, mt_step_measures *measures);

/* ---- several inputs: merge.c, join.c ---- */

/* What equal names in several inputs mean. */
typedef enum mt_inputs {
    MT_INPUTS_APART,     /* nothing: ids are changed, sessions and request ids of the second become
                            "name/2" */
    MT_INPUTS_PARTS,     /* the same: they are parts of one trace */
    MT_INPUTS_SHARED_IDS /* equal ids mean the same, equal sessions do not */
} mt_inputs;

/* All inputs by their times, which must not decrease in any; equal times in the order of the
 * inputs. A request without a time follows the one before it. Apart, id i of number k (from 0) of n
 * inputs becomes i * n + k. The list is copied; inputs belong to the source, on failure too. NULL
 * among them gives NULL. */
mt_source *mt_source_merge(mt_source *const *inputs, size_t count, mt_inputs kept, mt_error *error);

/* One input after the other, of which each starts gap_ns (0: when the one before ends; -1: a mean
 * gap later) after the last request of the one before; as parts, times are as they are. Apart, its
 * ids come after the largest of those before. */
mt_source *mt_source_join(mt_source *const *inputs, size_t count, int64_t gap_ns, mt_inputs kept,
                          mt_error *error);

#endif
