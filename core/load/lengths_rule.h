/* Lengths by a rule: one distribution a turn of a session, or what a caller's function says.
 *
 * A rule is an immutable, reference-counted value, and has no formula: what it is on average is
 * counted in a run. Makers retain what they are given. They return NULL and fill error. */
#ifndef MT_LOAD_LENGTHS_RULE_H
#define MT_LOAD_LENGTHS_RULE_H

#include "base/error.h"
#include "random/distribution.h"

/* The request whose length it is. */
typedef struct mt_length_event {
    double time;      /* seconds since the start */
    uint64_t input;   /* asked for its output: the tokens of its input or new_input; else 0 */
    int has_session;  /* else what follows is 0 */
    uint64_t session; /* within its stream, by first appearance */
    uint64_t turn;    /* from 0 */
    uint64_t history; /* tokens that were said before */
} mt_length_event;

typedef struct mt_length_rule mt_length_rule;

/* Turn k has the k-th of count >= 1 distributions, and the last one goes on. */
mt_length_rule *mt_length_rule_turns(mt_distribution *const *turns, size_t count, mt_error *error);

/* A caller's function, called once a request; it may fail with its own error. *random stands at the
 * request's item, and is left where the function left it. */
typedef struct mt_length_function {
    void *context; /* retained by the maker, released with the rule */
    void (*retain)(void *context);
    void (*release)(void *context);
    mt_code (*call)(void *context, mt_random *random, const mt_length_event *event, uint64_t low,
                    double *tokens, mt_error *error); /* whole tokens, at least `low` */
} mt_length_function;

mt_length_rule *mt_length_rule_function(const mt_length_function *function, mt_error *error);

mt_length_rule *mt_length_rule_retain(mt_length_rule *rule); /* returns it */
void mt_length_rule_release(mt_length_rule *rule);           /* NULL is allowed */

/* Is it of turns, which only sessions have? */
int mt_length_rule_needs_turns(const mt_length_rule *rule);

/* Roughly what it is on average (of turns: the last one's mean); 0 when nobody knows. */
double mt_length_rule_mean(const mt_length_rule *rule);

/* Seconds after which a curve in its turns' distributions has ended; INFINITY: none does. */
double mt_length_rule_duration(const mt_length_rule *rule);

/* A length, not rounded; `low` is the least that makes sense. */
mt_code mt_length_rule_draw(const mt_length_rule *rule, mt_random *random,
                            const mt_length_event *event, uint64_t low, double *tokens,
                            mt_error *error);

#endif
