/* What a transport is: how bytes get to an endpoint and back. direct.c is one (HTTP/1.1 on raw sockets,
 * kernel stamps), curl/ the other (libcurl: TLS, HTTP/2, proxies). All of it runs in the driver's
 * thread, but `open` and `warm`, which run before there is one, `look`, and `close`, which runs when
 * it has ended. */
#ifndef MT_DRIVE_TRANSPORT_H
#define MT_DRIVE_TRANSPORT_H

#include "drive/answer.h"
#include "drive/driver.h"

struct event_base;

/* Where a request is: which of the timeouts runs. */
typedef enum mt_phase {
    MT_PHASE_CONNECTING, /* until the connection stands */
    MT_PHASE_WAITING,    /* until the first byte of the answer */
    MT_PHASE_ANSWERING
} mt_phase;

/* A request on its way. The driver makes it and watches its time; the transport moves it. */
typedef struct mt_flight {
    mt_pile_item item; /* the driver's, as are `serial` to `uses_slot` */
    mt_exchange exchange;
    mt_outgoing *prepared; /* NULL once the transport has given it back (`spent`) */
    mt_incoming_answer answer;
    void *connection;    /* the transport's */
    int64_t progress_ns; /* the transport says when a byte went or came last, for the timeouts */
    int64_t cancel_ns;
    uint32_t serial; /* tells this use of the flight from the ones before */
    uint8_t is_live, uses_slot;
    uint8_t phase; /* mt_phase, which the transport moves on */
} mt_flight;

/* What a transport tells the driver. */
typedef struct mt_transport_host {
    /* The exchange is complete but for what the driver fills; the flight is the driver's again.
     * `prepared` is freed if it is still there. */
    void (*ended)(void *context, mt_flight *flight);
    /* No byte of the request can be needed any more. */
    void (*spent)(void *context, mt_outgoing *prepared);
    /* To be called at the end of each callback that the loop makes: what is due leaves first. */
    void (*turn)(void *context);
    void *context;
} mt_transport_host;

/* What a kind keeps of its own is a `void *`, made by open and handed to the others. */
typedef struct mt_transport_kind {
    const char *name;
    /* Fails as mt_driver_start does. `options` and `host` outlive it. */
    void *(*open)(struct event_base *base, const mt_driver_options *options,
                  const mt_transport_host *host, mt_error *error);
    /* Begins to send now; `ended` follows exactly once, perhaps from inside. */
    void (*send)(void *transport, mt_flight *flight);
    /* Gives it up; `ended` follows from inside, with that failure. */
    void (*cancel)(void *transport, mt_flight *flight, mt_failure failure);
    /* Opens up to `count` connections ahead to each endpoint; blocks until they are open or have
     * failed. Those that failed are counted and are no error. */
    mt_code (*warm)(void *transport, size_t count, mt_error *error);
    /* Fills connections, connections_opened, handshakes_failed, resent, has_kernel_stamps. */
    void (*look)(const void *transport, mt_driver_load *load);
    /* Nothing is in flight. */
    void (*close)(void *transport);
} mt_transport_kind;

extern const mt_transport_kind mt_transport_direct; /* direct.c */

/* A counter that one thread moves and any thread may read. */
typedef _Atomic uint64_t mt_counter;

static inline void mt_count(mt_counter *counter, int64_t by) {
    atomic_store_explicit(counter,
                          atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)by,
                          memory_order_relaxed);
}

static inline uint64_t mt_counted(const mt_counter *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
