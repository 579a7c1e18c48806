/* Rows of a replay between being read and having ended, and who waits for whom. Private to
 * core/drive. */
#ifndef MT_DRIVE_ROWS_H
#define MT_DRIVE_ROWS_H

#include "drive/measure/measure.h"
#include "drive/prompt/conversation.h"
#include "text/texts.h"
#include "trace/record.h"

typedef struct mt_row mt_row;

/* Somebody who waits for a row. */
typedef struct mt_waiter {
    mt_row *row;
    struct mt_waiter *next;
} mt_waiter;

/* A session of the replay. */
typedef struct mt_replay_session {
    mt_row *last;       /* its latest row, while that has not ended */
    uint64_t turns;     /* rows read so far */
    int64_t end_ns;     /* of the latest that has ended; MT_NEVER */
    int64_t planned_ns; /* timestamp of its latest row; MT_NEVER */
    mt_conversation conversation;
} mt_replay_session;

/* A row that others may name by its request_id. */
typedef struct mt_named_row {
    int is_there; /* a row of that name has been read */
    int has_ended;
    int64_t end_ns;
    mt_waiter *waiters;
} mt_named_row;

struct mt_row {
    mt_asked asked;
    mt_replay_session *session; /* NULL: none */
    uint64_t offer;             /* which one the driver got, from 1; 0: not yet */
    uint64_t name;              /* its place among the named rows, plus 1; 0: none */
    int64_t due_ns;             /* monotonic; MT_NEVER until it is known */
    int64_t wait_ns;            /* after the last of those it waits for has ended */
    int64_t base_ns;            /* when that was; MT_NEVER */
    uint32_t pending;           /* how many it still waits for */
    int misses_name;            /* at the end: it waits for a name that no row has */
    uint32_t endpoint;
    uint64_t answer_ticket; /* of a live source (trace/source/source.h); 0: it wants no answer */
    mt_waiter *waiters;     /* the session's next turn */
    mt_row *before, *after; /* all rows that have not ended */
    size_t bytes;           /* of this block */
    uint32_t group;         /* its results by member, plus 1; 0: none */
    mt_request request;     /* its spans and ids lie behind the row */
};

/* A copy of the request as a row, in one block; NULL when out of memory. mt_free frees it. */
mt_row *mt_row_copy(const mt_request *request);

#endif
