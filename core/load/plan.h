/* A plan: named streams of requests, each a process, lengths, a prompt source and fields.
 *
 * The plan is what a script returns, made concrete; it holds no random numbers and does not know
 * where its requests go. It is executed by load/run/run.h. */
#ifndef MT_LOAD_PLAN_H
#define MT_LOAD_PLAN_H

#include "base/error.h"
#include "load/fields.h"
#include "load/lengths.h"
#include "load/process/branch.h"
#include "load/process/given.h"
#include "load/prompt/prompt.h"

/* Of the sub-agents of one level. */
typedef struct mt_stream_branch {
    mt_lengths *lengths; /* all new input */
    mt_prompt *prompt;   /* how their first prompts begin; NULL: with what their parents' have */
    mt_fields *fields;   /* beside those of what started them, or in their place; may be NULL */
} mt_stream_branch;

typedef struct mt_stream {
    const char *name; /* unique in the plan */
    mt_process *process;
    mt_lengths *lengths;
    /* Of a session's first turn, with the stream's own prompt. NULL: as lengths. */
    mt_lengths *first;
    mt_prompt *prompt;
    mt_fields *fields; /* may be NULL */
    /* One entry a class of lengths, used in place of the stream's own. An entry or the whole list
     * may be NULL: as the stream's. */
    mt_prompt *const *class_prompts;
    mt_fields *const *class_fields;
    const mt_stream_branch *branches; /* one a level of the process's; NULL: it has none */
    double factor;                    /* multiplies its rates, beside the run's own */
    double pace; /* what its lengths, classes, fields and picks read of curves they read at its
                      times multiplied by this: its process runs so many times faster than it was
                      written. 0: 1 */
    double end;  /* seconds: it begins nothing at or after this; INFINITY: as the run */
} mt_stream;

typedef struct mt_plan mt_plan;

#define MT_PLAN_BLOCK_SIZE_LIMIT ((uint64_t)1 << 31)

/* block_size in tokens, 1 to the limit. NULL on failure. */
mt_plan *mt_plan_new(uint64_t block_size, mt_error *error);

/* Adds a stream; names and lists are copied, values retained. MT_ERROR_VALUE: a second stream of
 * one name; lengths beside prompts that decide them, or neither; sessions whose lengths are not all
 * new input; `first` without sessions; branches beside a process without, or without some. */
mt_code mt_plan_add(mt_plan *plan, const mt_stream *stream, mt_error *error);

size_t mt_plan_stream_count(const mt_plan *plan);
const mt_stream *mt_plan_stream(const mt_plan *plan, size_t index); /* in order of addition */
uint64_t mt_plan_block_size(const mt_plan *plan);

/* The prompt source of a class. */
mt_prompt *mt_stream_prompt(const mt_stream *stream, size_t class_index);

mt_plan *mt_plan_retain(mt_plan *plan); /* returns it */
void mt_plan_release(mt_plan *plan);    /* NULL is allowed */

typedef struct mt_expectation {
    double requests, sessions; /* requests is NAN where nobody knows (a script's own process) */
    double input_mean, output_mean; /* tokens; output over the requests that have one. Sessions
                                       count as if none ended at max_input, and as if they
                                       read all curves where they begin */
    double output_share;            /* of requests that have an output_length */
    double shared_mean;             /* tokens of the shared part that prompts use */
    double whole_shared_mean;       /* of them, in whole blocks */
    double inside;                  /* share of requests that lie wholly inside the shared part */
    double remembered;              /* block keys that will have to be remembered, roughly */
    double clamped_at;              /* seconds: where the rate first was negative; -1: nowhere */
} mt_expectation;

/* What stream number `index` delivers on average over `duration` seconds with all rates times
 * `factor`. It needs no random numbers but the noise of curves. */
mt_code mt_plan_expect(const mt_plan *plan, size_t index, uint64_t seed, double duration,
                       double factor, mt_expectation *expectation, mt_error *error);

/* About how many keys a run of the whole plan has to remember, with at most `most` requests a
 * stream. */
double mt_plan_remembered(const mt_plan *plan, uint64_t seed, double duration, double factor,
                          uint64_t most);

#endif
