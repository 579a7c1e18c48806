/* The driver: sends requests when they are due and says what came of each. It runs in a thread of its own that touches no Lua and no file and, in the steady state,
 * allocates nothing. Whoever prepares requests and takes results is one other thread.
 *
 * Open loop: a request with a due time leaves when it is due on the monotonic clock, whatever the
 * server does. Closed loop: a request whose due_ns is MT_NEVER leaves when fewer than `slots` of its
 * kind are in flight; such requests leave in the order in which they were offered. Both may be mixed.
 *
 * Nothing is dropped in silence: each offered request comes back exactly once as an exchange. */
#ifndef MT_DRIVE_DRIVER_H
#define MT_DRIVE_DRIVER_H

#include "base/error.h"
#include "drive/exchange.h"
#include "drive/pile.h"

typedef struct mt_driver mt_driver;

/* How bytes get there (transport.h): mt_transport_direct is http:// over HTTP/1.1, mt_transport_curl
 * (drive/curl/curl.h, a library of its own) also https://, HTTP/2 and proxies. */
struct mt_transport_kind;

typedef struct mt_driver_options {
    const char *const *urls; /* scheme://host[:port][/path]: the base, before the request's path */
    size_t url_count;        /* >= 1 */
    const struct mt_transport_kind *transport; /* NULL: mt_transport_direct */
    const char *ca_file; /* of https://: who may sign certificates, PEM; NULL: the system's */
    int is_insecure;     /* of https://: any certificate will do */
    uint64_t slots;      /* of the closed loop; 0: no request without a due time is sent */
    /* 0: none. Connect: from when the request was taken up; first byte: from the last byte sent;
     * gap: from the last byte that came; total: from when the request was taken up. */
    int64_t connect_timeout_ns, first_timeout_ns, gap_timeout_ns, total_timeout_ns;
    size_t connections; /* opened before the start, for each URL: at most 256 handshakes at once */
    size_t ring_bytes;  /* of requests that wait, beyond which none is taken */
    int want_gaps;      /* fill mt_exchange.gaps */
    int want_texts;     /* fill mt_exchange.answer, which allocates */
    int realtime;       /* try SCHED_FIFO; whether it was had is in the load */
    int spin;           /* the last 60 us before a due time are not slept */
    int keep_events;    /* they are not read but kept in mt_exchange.kept, for an adapter */
} mt_driver_options;

/* No timeouts, no slots, 64 MiB that wait, spin on when there are at least two processors. */
mt_driver_options mt_driver_defaults(void);

/* A request ready to be sent: the whole message, head and body. */
typedef struct mt_outgoing {
    mt_pile_item item; /* the driver's, as is was_late: it was offered after it was due */
    uint64_t ticket;
    int64_t due_ns;             /* monotonic; MT_NEVER: when a slot is free */
    int64_t cancel_after_ns;    /* given up when it has not ended so long after it was due (with
                                   a slot: after it was taken up); 0: never */
    size_t length, head_length; /* bytes; the head's among them */
    uint16_t endpoint;          /* 0..url_count-1 */
    uint8_t was_late;
    uint8_t
        failure; /* mt_failure: not 0, there is nothing to send; when it would leave it ends as this,
                        and its bytes are the text of why */
    char bytes[]; /* "POST /v1/chat/completions HTTP/1.1\r\nHost: ...", as they go out */
} mt_outgoing;

/* For `length` bytes, which the caller fills, as the rest, all 0 and due_ns MT_NEVER; NULL when out of
 * memory. mt_free frees one that was
 * not offered. */
mt_outgoing *mt_outgoing_new(size_t length);

/* Starts the thread and opens the connections that were asked for; each address of a name is tried,
 * and those that accept no connection are left out. The texts of the options are needed no
 * longer afterwards. Raises
 * the process's soft limit of open files to the hard one. Fails (MT_ERROR_IO, MT_ERROR_VALUE)
 * when a URL cannot be understood, a name has no address or nobody accepts a connection. */
mt_driver *mt_driver_start(const mt_driver_options *options, mt_error *error);

/* Hands over a request, which belongs to the driver afterwards. 1; 0 when the ring is full (nothing
 * happened: wait, then try again). Prepare ahead, in due order as far as known: bytes that wait are
 * bounded by `ring_bytes`, but one request may always wait. */
int mt_driver_offer(mt_driver *driver, mt_outgoing *prepared);

/* The next result: 1 with *exchange filled (its gaps and its answer are the caller's), 0 when there is none now. */
int mt_driver_take(mt_driver *driver, mt_exchange *exchange);

/* Waits until there is a result, the ring has room again, until_ns has come or a signal interrupted;
 * whatever is first. */
void mt_driver_wait(mt_driver *driver, int64_t until_ns);

/* No request that has not begun leaves any more; those come back as MT_FAILURE_NOT_SENT. Requests in
 * flight go on until `grace_until_ns`, then they end as `failure` (CANCELLED_RUN_END or
 * CANCELLED_INTERRUPT). A second call with an earlier time shortens the grace. */
void mt_driver_stop_sending(mt_driver *driver, int64_t grace_until_ns, mt_failure failure);

/* A look at the work, for the status line and the verdict; cheap, from any thread. */
typedef struct mt_driver_load {
    uint64_t offered, begun, ended; /* in flight: begun - ended */
    uint64_t waiting;               /* offered, and neither begun nor come back as not sent */
    uint64_t connections, connections_opened, handshakes_failed;
    uint64_t resent;
    int64_t stalled_ns; /* sum of loop turns longer than 5 ms */
    int64_t
        longest_turn_ns; /* also of a wake that came late: since the start, or mt_driver_watch */
    int64_t
        run_queue_ns; /* runnable but not running, of the driver's thread (schedstat); -1 unknown */
    int64_t cpu_ns;   /* of the driver's thread */
    int has_realtime, has_kernel_stamps;
} mt_driver_load;
void mt_driver_look(const mt_driver *driver, mt_driver_load *load);

/* The longest turn is that from now on: what was before is forgotten. */
void mt_driver_watch(mt_driver *driver);

/* Ends what is in flight (as CANCELLED_RUN_END), joins the thread, frees all; NULL is allowed.
 * Results that were not taken are lost. */
void mt_driver_free(mt_driver *driver);

/* CLOCK_MONOTONIC, nanoseconds. */
int64_t mt_now_ns(void);

#endif
