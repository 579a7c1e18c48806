/* How long answers take, as a plan has it: seconds to the first token, and for each token. Each of
 * the two is a number of seconds, drawn, or a caller's function of the tokens in flight. */
#ifndef MT_LOAD_PROCESS_SERVICE_H
#define MT_LOAD_PROCESS_SERVICE_H

#include "base/error.h"
#include "random/distribution.h"

/* Called once an answer: `in_flight` tokens (prompts and answers) are held by the answers under way,
 * its own included. It may fail with its own error. */
typedef struct mt_service_function {
    void *context; /* retained by the maker, released with the service; NULL: there is none */
    void (*retain)(void *context);
    void (*release)(void *context);
    mt_code (*call)(void *context, uint64_t in_flight, double *seconds, mt_error *error);
} mt_service_function;

typedef struct mt_service_part {
    mt_distribution *seconds; /* not below 0; NULL: a function */
    mt_service_function function;
} mt_service_part;

typedef struct mt_session_service mt_session_service;

/* Retains its parts. NULL on failure (MT_ERROR_VALUE: times below 0). */
mt_session_service *mt_service_new(const mt_service_part *first_token,
                                   const mt_service_part *per_token, mt_error *error);
mt_session_service *mt_service_retain(mt_session_service *service); /* returns it; NULL for NULL */
void mt_service_release(mt_session_service *service);               /* NULL is allowed */

/* Does it depend on the tokens in flight? Then its mean is not known. */
int mt_service_follows_load(const mt_session_service *service);

/* Are its times drawn of a distribution that follows curves of time? */
int mt_service_follows_time(const mt_session_service *service);

/* Seconds on average for an answer of so many tokens; where a function decides, 0 of that part. */
double mt_service_mean(const mt_session_service *service, double tokens);

/* Seconds of one answer; random stands at its item. */
mt_code mt_service_draw(const mt_session_service *service, mt_random *random, double time,
                        uint64_t in_flight, uint64_t tokens, double *seconds, mt_error *error);

/* ", service={ttft=..., per_token=...}", cut to size. */
void mt_service_text(const mt_session_service *service, char *buffer, size_t size);

#endif
