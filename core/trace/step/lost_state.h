/* What is known of requests that were left out. Private to lost.c, which looks, and lost_step.c. */
#ifndef MT_TRACE_STEP_LOST_STATE_H
#define MT_TRACE_STEP_LOST_STATE_H

#include "trace/step/lost.h"

#include "text/json_items.h"
#include "text/texts.h"

/* Marks of a name: a kept request has it, a kept request names it, it is counted. */
enum { MT_LOST_KEPT = 1, MT_LOST_NAMED = 2, MT_LOST_TOLD = 4 };

enum { MT_LOST_UNKNOWN, MT_LOST_ON_THE_WAY, MT_LOST_KNOWN }; /* a row's time */

/* A request of the whole. */
typedef struct mt_lost_row {
    int64_t time_ns;   /* when it comes, where that is known */
    int64_t wait_ns;   /* after those that it waits for */
    int64_t answer_ns; /* what its answer takes */
    uint64_t edge_end; /* edges[edge_end of the row before ..edge_end) are names it waits for */
    uint32_t before;   /* the session's row before it, plus 1; 0: none */
    uint8_t state;
} mt_lost_row;

struct mt_lost {
    uint64_t references;
    mt_service service;
    mt_lost_counts counts;
    int may_time;
    mt_texts names;        /* request ids, as they are written */
    uint8_t *marks;        /* of each */
    uint32_t *row_of_name; /* of the whole, plus 1; 0: it has none */
    mt_texts sessions;     /* of the whole */
    uint32_t *last_of_session;
    mt_lost_row *rows;
    uint32_t *edges, *way;
    size_t mark_capacity, name_capacity, session_capacity, row_count, row_capacity, edge_count;
    size_t edge_capacity, way_capacity;
};

/* The name's number, a new one at first: 0 or -1 (memory). */
int mt_lost_number(mt_lost *lost, mt_span name, uint32_t *number);

/* Finds out when a row of the whole comes: its time_ns. 0 or -1 (memory). */
int mt_lost_find_time(mt_lost *lost, uint32_t row);

/* How long a request waits after those that it waits for. */
int64_t mt_lost_wait(const mt_request *request);

int64_t mt_lost_sum(int64_t a, int64_t b); /* at most INT64_MAX */

#endif
