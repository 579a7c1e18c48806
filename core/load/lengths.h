/* Lengths of requests: ISL (or new input) and OSL, drawn together.
 *
 * A lengths source is an immutable, reference-counted value: one pair of distributions, or weighted
 * classes of request whose weights may be curves. A class may bring its own prompt source and
 * fields (the stream that uses it asks which class was drawn). Lengths are drawn, rounded to whole
 * tokens, then moved into what is allowed: input at least 1, output at least 0.
 *
 * Makers retain what they are given. They return NULL and fill error. */
#ifndef MT_LOAD_LENGTHS_H
#define MT_LOAD_LENGTHS_H

#include "base/error.h"
#include "load/curve/curve.h"
#include "load/lengths_rule.h"
#include "random/distribution.h"

typedef struct mt_lengths mt_lengths;
typedef struct mt_lengths_state mt_lengths_state;

typedef struct mt_length_pair {
    /* Tokens of the whole prompt, or (input_is_new) of what is new beyond the shared part. NULL:
     * the prompt source decides it, and the output too unless there is one here. */
    mt_distribution *input;
    int input_is_new;
    mt_distribution *output; /* tokens; NULL: the record has no output_length */
    /* In place of these distributions, which are NULL then; or NULL. */
    mt_length_rule *input_rule, *output_rule;
} mt_length_pair;

typedef struct mt_length_draw {
    uint64_t input;
    int input_is_new;
    int has_output;
    uint64_t output;
    size_t class_index; /* 0 for a single pair */
} mt_length_draw;

mt_lengths *mt_lengths_pair(const mt_length_pair *pair, mt_error *error);

/* count >= 1 classes. pairs[i] is drawn with the probability weights[i](t) over the sum of all
 * weights, t being the request's own time. Negative weights count as 0. When all weights are 0 at a
 * request's time, drawing fails (MT_ERROR_VALUE, with the time). A weight that ends must last as
 * long as requests or sessions begin; for the turns after that it keeps its last value. */
mt_lengths *mt_lengths_classes(const mt_length_pair *pairs, mt_curve *const *weights, size_t count,
                               mt_error *error);

/* `count` >= 1 pairs of input (>= 1) and output tokens, one drawn whole for each request, each as
 * likely; outputs[i] = UINT64_MAX: the request has no output_length. Copied. */
mt_lengths *mt_lengths_recorded(const uint64_t *inputs, const uint64_t *outputs, size_t count,
                                mt_error *error);

mt_lengths *mt_lengths_retain(mt_lengths *lengths); /* returns it */
void mt_lengths_release(mt_lengths *lengths);       /* NULL is allowed */
size_t mt_lengths_class_count(const mt_lengths *lengths);
const mt_length_pair *mt_lengths_class(const mt_lengths *lengths, size_t class_index);

/* Does the class say how long prompts are (else a prompt source must decide it)? */
int mt_lengths_gives_input(const mt_lengths *lengths, size_t class_index);

/* MT_ERROR_VALUE, naming the class, when a weight ends before `end` (seconds), until which requests
 * or sessions begin. */
mt_code mt_lengths_check_end(const mt_lengths *lengths, double end, mt_error *error);

/* A state that draws, fastest at times that do not decrease; checks the end as above. */
mt_lengths_state *mt_lengths_open(mt_lengths *lengths, uint64_t seed, double end, mt_error *error);

/* Has a class a rule in place of a distribution: are its means unknown? */
int mt_lengths_have_rules(const mt_lengths *lengths);

/* Has one a rule that goes by turns? */
int mt_lengths_need_turns(const mt_lengths *lengths);

/* Draws for a request; random stands at its item. MT_ERROR_VALUE where a length
 * or a weight is not a finite number, or all weights are 0. */
mt_code mt_lengths_draw(mt_lengths_state *state, mt_random *random, const mt_length_event *event,
                        mt_length_draw *draw, mt_error *error);

void mt_lengths_close(mt_lengths_state *state); /* NULL is allowed */

typedef struct mt_lengths_mean {
    double input;        /* of the whole prompts, `shared` tokens added to new ones */
    double output;       /* over the classes that have one; 0 when none has */
    double output_share; /* of requests that have an output_length */
    double inside;       /* share of requests whose `input` (not new) fits the shared tokens */
} mt_lengths_mean;

/* Means at `time`, class i having shared[i] tokens before its new input; shares[i] becomes the
 * probability of class i then. Both have one entry a class. */
mt_code mt_lengths_mean_at(const mt_lengths *lengths, uint64_t seed, double time,
                           const double *shared, double *shares, mt_lengths_mean *mean,
                           mt_error *error);

/* Do the means depend on time? 0: no; 1: the weights do; 2: distributions do, whose means take a
 * tenth of a millisecond and more. */
int mt_lengths_vary(const mt_lengths *lengths);

/* Do the lengths that are drawn depend on the time? Constant weights do not. */
int mt_lengths_follow_time(const mt_lengths *lengths);

/* Seconds after which a curve in a distribution of lengths has ended and keeps its last value, or a class's
 * weight has ended, the first of several; INFINITY: none ends. */
double mt_lengths_duration(const mt_lengths *lengths);

/* A drawn length as whole tokens: rounded to the nearest, moved into [low, 2^53]. */
uint64_t mt_whole_tokens(double value, uint64_t low);

#endif
