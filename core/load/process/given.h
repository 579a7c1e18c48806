/* Requests of a caller's own: times, lengths, sessions and prompts from a function. */
#ifndef MT_LOAD_PROCESS_GIVEN_H
#define MT_LOAD_PROCESS_GIVEN_H

#include "load/lengths.h"
#include "load/process/process.h"

struct mt_prompt;

/* Texts and the prompt are the caller's, valid until the next one is asked for. */
typedef struct mt_given_request {
    double time;         /* seconds since the start; never decreasing */
    const char *session; /* requests of one session carry what was said; NULL: it has none */
    size_t session_length;
    mt_length_draw lengths;   /* in sessions the input is new */
    struct mt_prompt *prompt; /* how it begins; NULL: as the stream says */
} mt_given_request;

typedef struct mt_request_function {
    void *context; /* retained by the maker, released with the process */
    void (*retain)(void *context);
    void (*release)(void *context);
    mt_code (*make)(void *context, const mt_process_context *run, void **state, mt_error *error);
    /* 1 with *request filled, 0 at the end, -1 on failure, with its own error. */
    int (*next)(void *state, mt_given_request *request, mt_error *error);
    void (*close)(void *state);
} mt_request_function;

/* Times are as they are: a rate factor other than 1 is MT_ERROR_VALUE, and answers are not waited
 * for. */
mt_process *mt_process_given(const mt_request_function *function, mt_error *error);

/* Does it give lengths with its requests? */
int mt_process_gives_lengths(const mt_process *process);

#endif
