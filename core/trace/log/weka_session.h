/* A session of kv-cache-tester as its requests and who waits for whom. Private to this folder.
 *
 * Requests of the session, and those of each sub-agent, follow one another by their t. A
 * sub-agent's first one waits for the last of its parent's that began no later than it; the first
 * of the parent's that begins when the sub-agent has ended (duration_ms after its t, or with its
 * last answer) waits for that last answer too. A sub-agent's t count from its own t where some
 * sub-agent of the session has a request with an earlier one than its own; else from the session's,
 * as its own does. */
#ifndef MT_TRACE_LOG_WEKA_SESSION_H
#define MT_TRACE_LOG_WEKA_SESSION_H

#include "base/text.h"
#include "trace/log/lines.h"

enum { MT_WEKA_NONE = -1 };

/* An agent: 0 is the session's own. */
typedef struct mt_weka_agent {
    int64_t parent;     /* agent; MT_WEKA_NONE */
    uint64_t children;  /* so far */
    int64_t start_ns;   /* its t */
    int64_t end_ns;     /* by its duration_ms; INT64_MIN: it says none */
    size_t name;        /* in mt_weka_session.names, a string token, */
    size_t name_length; /* of this length */
    uint64_t turns;     /* so far */
} mt_weka_agent;

typedef struct mt_weka_request {
    size_t agent;
    uint64_t turn;    /* of its agent, from 0 */
    int64_t begin_ns; /* since the session's start */
    int64_t end_ns;   /* of its answer; INT64_MIN: not known */
    int64_t think_ns; /* INT64_MIN: not known */
    uint64_t input, output;
    mt_span ids, model; /* as they stand in the text; length 0: none */
    const char *at;     /* the request in the text, */
    uint64_t line;      /* so many lines behind its beginning */
    int64_t before; /* the agent's request before it, else the one that started it; MT_WEKA_NONE */
    int64_t joined; /* a sub-agent's last one; the next is that one's next_joined */
    int64_t next_joined, last_joined;
    int64_t started; /* a sub-agent's first one; the next is that one's next_started */
    int64_t next_started, last_started;
} mt_weka_request;

/* Zero it, read one session after the other into it, free it. */
typedef struct mt_weka_session {
    mt_span id; /* a token */
    uint64_t block_size;
    int ids_are_global;
    mt_weka_agent *agents;
    mt_weka_request *requests; /* in the order of their begin, parents before sub-agents */
    mt_text names;
    size_t agent_count, agent_capacity, request_count, request_capacity;
} mt_weka_session;

/* Fails with the message about what stands at `at` in the JSON, as a bad row. -1 */
typedef int (*mt_weka_bad)(void *context, const char *at, mt_error *error, const char *message);

/* Reads the session's object, which stays the caller's and must outlive what is read. 0 or -1. */
int mt_weka_read(mt_weka_session *session, const mt_json *json, mt_weka_bad bad, void *context,
                 mt_error *error);

void mt_weka_free(mt_weka_session *session);

#endif
