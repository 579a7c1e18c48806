/* What the files of the mock share. Private to them. */
#ifndef MT_DRIVE_MOCK_STATE_H
#define MT_DRIVE_MOCK_STATE_H

#include "base/heap.h"
#include "base/file/output.h"
#include "drive/http/message.h"
#include "drive/mock/api.h"
#include "drive/mock/ask.h"
#include "drive/mock/bytes.h"
#include "drive/mock/cache.h"
#include "drive/mock/mock.h"

#include <signal.h>

enum {
    MT_CONNECTION_READING, /* for a request, or idle */
    MT_CONNECTION_QUEUED,  /* its request waits for a slot */
    MT_CONNECTION_RUNNING, /* its request has a slot */
    MT_CONNECTION_HELD,    /* a failure: nothing more is said, until the client goes */
    MT_CONNECTION_CLOSED   /* to be used again */
};

/* A connection, and the one request that it has at a time. */
typedef struct mt_connection {
    int fd;
    uint32_t serial; /* what was due for another serial is void */
    uint8_t state;
    uint8_t closes;    /* after this answer */
    uint8_t is_ending; /* closed when what is unsent has gone */
    uint8_t in_list;
    uint8_t is_stream, has_head, has_role;
    uint8_t is_fed;                      /* bytes of it are being looked at */
    uint8_t has_input;                   /* there is more to read */
    struct mt_connection *older, *newer; /* in the list of the idle or of those that wait */
    int64_t idle_ns;                     /* since when */
    uint64_t served;                     /* requests on it before this one */
    mt_http http;
    mt_bytes body;   /* of a request that came in parts */
    mt_bytes early;  /* what came while a request was answered */
    mt_bytes unsent; /* what the socket did not take, */
    size_t sent;     /* of which this much has gone since */
    /* The request. */
    mt_answer_text text;
    char model[96];
    int fault, fault_status; /* MT_FAILURE_NONE: none */
    uint8_t has_failed;      /* the fault was brought about */
    int64_t received_ns, last_ns, due_ns;
    uint64_t next_count; /* tokens in the chunk that is due */
    uint64_t blocks;     /* of the cache that it is counted with */
    double itl_ms;       /* each gap; negative: drawn */
    mt_random random;    /* of its times */
} mt_connection;

typedef struct mt_connection_list {
    mt_connection *oldest, *newest;
    uint64_t count;
} mt_connection_list;

void mt_list_append(mt_connection_list *list, mt_connection *connection);
void mt_list_remove(mt_connection_list *list, mt_connection *connection);

typedef struct mt_due_chunk {
    int64_t due_ns;
    mt_connection *connection;
    uint32_t serial;
} mt_due_chunk;

static inline int mt_chunk_is_sooner(const mt_due_chunk *a, const mt_due_chunk *b) {
    return a->due_ns < b->due_ns;
}
MT_HEAP(mt_due_heap, mt_due_chunk, mt_chunk_is_sooner)

enum { MT_LATENCY_BUCKETS = 24 };

/* Seconds, in the buckets of mt_latency_bounds and one above them. */
typedef struct mt_latencies {
    uint64_t counts[MT_LATENCY_BUCKETS + 1];
    double sum;
} mt_latencies;

void mt_latency_add(mt_latencies *latencies, int64_t ns);

enum { MT_CONNECTIONS_A_BLOCK = 64 };

typedef struct mt_connection_block {
    struct mt_connection_block *next;
    mt_connection connections[MT_CONNECTIONS_A_BLOCK];
} mt_connection_block;

struct mt_mock {
    mt_mock_options options;
    const mt_dialect *dialect;
    int listener, poll, timer;
    uint16_t port;
    uint8_t is_listening;  /* the listener is in the poll */
    uint8_t has_no_slots;  /* descriptors ran out: not accepting until one is free */
    int64_t armed_ns;      /* when the timer goes off; INT64_MAX: it does not */
    int64_t begun_ns;      /* when the server began */
    int64_t now_ns, now_s; /* as of the last look; seconds since 1970 */
    double ping_s;         /* the same */
    double idle_s;         /* as asked for, or the dialect's */
    double itl_fixed_ms;   /* negative: it is drawn */
    uint64_t chunk_fixed;  /* tokens; 0: drawn */
    mt_random_key time_key, fault_key;
    mt_connection_block *blocks;
    mt_connection *free, *closed; /* linked by `older`; closed in this turn: not yet to be used */
    mt_connection_list idle, waiting;
    mt_due_heap due;
    uint64_t running;
    /* Of the rate limit: when the last so many were let through, a ring of which `next_let` is the oldest; one
     * more is let through so long after it. */
    int64_t *let_ns, rate_window_ns;
    size_t let_most, next_let;
    mt_mock_cache *cache;
    mt_ask_tokens tokens;
    mt_bytes out;     /* what is being said */
    mt_bytes page;    /* a body that is being put together */
    char *input;      /* one read */
    sigset_t signals; /* blocked while it waits */
    mt_output *log;
    mt_mock_counts counts;
    /* For /metrics. */
    uint64_t queried_tokens, finished_stop, finished_length, used_blocks;
    mt_latencies ttft, itl, e2e, queue;
    mt_error error; /* why it ends; MT_OK: it does not */
    int fails;
};

enum { MT_MOCK_READ_BYTES = 1 << 18 };

/* server.c */
int64_t mt_mock_look_at_clock(mt_mock *mock);

/* connection.c */
/* The server ends, for this reason unless there was one before. */
void mt_mock_fail_errno(mt_mock *mock, const char *what, int number);
void mt_mock_fail_memory(mt_mock *mock, const char *what);
void mt_mock_watch_listener(mt_mock *mock, int is_wanted);
void mt_mock_accept(mt_mock *mock);
/* What the socket has. */
void mt_connection_read(mt_mock *mock, mt_connection *connection);
/* What waits in `unsent`. */
void mt_connection_flush(mt_mock *mock, mt_connection *connection);
/* Sends mock->out and empties it. May close the connection: look at its state. */
void mt_connection_send(mt_mock *mock, mt_connection *connection);
/* Sends mock->out, then closes the connection. */
void mt_connection_send_and_close(mt_mock *mock, mt_connection *connection);
void mt_connection_close(mt_mock *mock, mt_connection *connection, int is_reset);
/* The answer is whole: ready for the next request. */
void mt_connection_answered(mt_mock *mock, mt_connection *connection);
/* Makes `flight_due` come at due_ns. */
void mt_connection_wait(mt_mock *mock, mt_connection *connection, int64_t due_ns);

/* routes.c: a whole request. */
void mt_mock_route(mt_mock *mock, mt_connection *connection, mt_span body);
/* A head for mock->page, and the page, into mock->out. */
void mt_mock_put_answer(mt_mock *mock, const mt_connection *connection, int status,
                        const char *content_type, const char *more_head);
/* An error, which is the answer. */
void mt_mock_say_error(mt_mock *mock, mt_connection *connection, int status, const char *message);
/* The same for a request for an answer of the model: counted and logged as refused. */
void mt_mock_refuse(mt_mock *mock, mt_connection *connection, int status, const char *message);

/* flight.c: requests for an answer of the model. */
void mt_flight_begin(mt_mock *mock, mt_connection *connection, const mt_ask *ask);
void mt_flight_due(mt_mock *mock, mt_connection *connection);
/* Those that wait and have a slot now. */
void mt_flight_start_waiting(mt_mock *mock);
/* All that will be said of the answer was said: frees its slot, and counts it as finished, unless it broke off
 * midway as asked for. */
void mt_flight_over(mt_mock *mock, mt_connection *connection);
/* The connection goes while its request is under way, by the client's will (an abort) or by a failure that was asked
 * for: it is not finished. */
void mt_flight_drop(mt_mock *mock, mt_connection *connection);
/* fault.c */
void mt_fault_draw(const mt_mock *mock, mt_connection *connection);
/* The failure that was drawn is brought about: counted. */
void mt_fault_count(mt_mock *mock, mt_connection *connection);
/* 1 when a failure without an answer was brought about. */
int mt_fault_before_answer(mt_mock *mock, mt_connection *connection);
/* Breaks off a stream, whose first half is in mock->out, as its failure wants. */
void mt_fault_in_stream(mt_mock *mock, mt_connection *connection);
/* The same for a whole answer in mock->page: 1 when that was it, 0 when it is to be sent. */
int mt_fault_in_answer(mt_mock *mock, mt_connection *connection);
/* Goes on with a failure that takes time. */
void mt_fault_due(mt_mock *mock, mt_connection *connection);
/* Is the failure one of the stream's middle, and not of its beginning or end? */
int mt_fault_is_midway(int fault);

/* record.c: the page of /metrics into mock->page; a line of the log. A request has one "received", any number of
 * "tokens", and one of "refused", "end", "aborted" and "failed", as it is counted in mock->counts. */
void mt_mock_metrics(mt_mock *mock);
void mt_mock_log(mt_mock *mock, const mt_connection *connection, const char *event,
                 uint64_t tokens);

#endif
