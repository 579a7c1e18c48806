/* The requests of agents in Dynamo's record, and who waited for whom, which the record does not
 * say: it follows from their times, as Dynamo's own replay infers it. Private to this folder.
 *
 * The requests of a session follow one another by their begin. The first one of a session with a
 * parent waits for the parent's request that ended last before it began; the parent's first request
 * that began after the session's last answer waits for that answer. How long a request waits beyond
 * those is what the record shows, and the part of it in which a tool of the session was at work is
 * told apart. (Dynamo's guide "Agent Simulation" and its converter request_trace_to_mooncake,
 * 2026.) */
#ifndef MT_TRACE_LOG_DYNAMO_GRAPH_H
#define MT_TRACE_LOG_DYNAMO_GRAPH_H

#include "base/error.h"
#include "base/text.h"
#include "text/texts.h"

enum { MT_DYNAMO_NONE = -1 };

typedef struct mt_dynamo_request {
    uint32_t id, session, model; /* in the texts: tokens; model a text, UINT32_MAX: none */
    uint64_t line;
    int64_t begin_ns, end_ns;
    uint64_t input, output;
    size_t ids_begin, id_count; /* in mt_dynamo_graph.ids */
    /* Found by mt_dynamo_arrange; requests by their place. */
    int64_t before; /* of the session, else of the parent's who started it; MT_DYNAMO_NONE */
    int begins;     /* it is its session's first */
    int64_t joined; /* a sub-agent's last one; the next is that one's next_joined */
    int64_t next_joined;
    int64_t started; /* a sub-agent's first one; the next is that one's next_started */
    int64_t next_started;
    int64_t wait_ns, tool_ns; /* after those; tool_ns of it, or rather beside it, with a tool */
} mt_dynamo_request;

typedef struct mt_dynamo_tool {
    uint32_t session;
    int64_t begin_ns, end_ns;
} mt_dynamo_tool;

typedef struct mt_dynamo_session {
    int64_t parent;      /* session; MT_DYNAMO_NONE */
    int64_t last;        /* its latest request so far; */
    int64_t last_ending; /* and the one whose answer ended last */
    int64_t first;
    size_t tools_begin, tools_end; /* once tools are sorted */
} mt_dynamo_session;

/* Zero it, add to it, arrange, free it. Memory: what it says above, a request, tool and session. */
typedef struct mt_dynamo_graph {
    mt_texts request_ids, session_ids, models;
    mt_dynamo_request *requests; /* in the order of their begin, once they are arranged */
    mt_dynamo_tool *tools;
    mt_dynamo_session *sessions;
    uint64_t *ids;
    size_t request_count, request_capacity, tool_count, tool_capacity;
    size_t session_capacity, id_count, id_capacity;
} mt_dynamo_graph;

/* The number of a session by its token, a new one at first. MT_ERROR_MEMORY. */
mt_code mt_dynamo_session_of(mt_dynamo_graph *graph, const char *token, size_t length,
                             uint32_t *number, mt_error *error);

/* All are there: puts the requests in order and finds who waits for whom. MT_ERROR_MEMORY. */
mt_code mt_dynamo_arrange(mt_dynamo_graph *graph, mt_error *error);

void mt_dynamo_free(mt_dynamo_graph *graph);

#endif
