/* The direct transport's connections: those in use, and those that are idle until the next request.
 * Private to this room. */
#ifndef MT_DRIVE_CONNECTION_H
#define MT_DRIVE_CONNECTION_H

#include "drive/http/message.h"
#include "drive/transport.h"

#include <event2/event.h>
#include <event2/event_struct.h>

typedef struct mt_pool mt_pool;

typedef struct mt_direct_connection {
    struct event event;
    mt_http http;
    mt_flight *flight; /* NULL: idle */
    mt_pool *pool;
    struct mt_direct_connection *newer, *older; /* the pool's */
    int64_t idle_since_ns;
    size_t written; /* bytes of the request */
    int fd;
    uint16_t endpoint;
    short watched;    /* EV_...; 0: nothing */
    uint8_t was_open; /* before this request */
    uint8_t is_connected;
    uint8_t has_refused; /* no byte of the request can be written any more */
} mt_direct_connection;

/* The idle ones of an endpoint: the newest is used next, the oldest closed first. */
typedef struct mt_idle {
    mt_direct_connection *newest, *oldest;
} mt_idle;

struct mt_pool {
    struct event_base *base;
    event_callback_fn on_ready; /* gets the connection */
    void *owner;
    mt_idle *idle; /* of each endpoint */
    size_t endpoints;
    mt_direct_connection *unused; /* memory for the next ones */
    mt_counter open;
};

/* base, on_ready and owner are set, the rest is zero. MT_OK or MT_ERROR_MEMORY. */
mt_code mt_pool_open(mt_pool *pool, size_t endpoints, mt_error *error);

/* Closes the idle ones; there are no others. */
void mt_pool_close(mt_pool *pool);

/* A connection of this socket, which it closes in the end (now, when it returns NULL: out of memory). */
mt_direct_connection *mt_connection_new(mt_pool *pool, int fd, size_t endpoint);

/* Closes one that is not idle. */
void mt_connection_free(mt_direct_connection *connection);

/* Asks the loop for what is wanted of the socket: EV_READ, EV_WRITE. */
void mt_connection_watch(mt_direct_connection *connection, short what);

/* Makes it idle: the flight is not its any more, and a server's close is seen. */
void mt_connection_rest(mt_direct_connection *connection, int64_t now_ns);

/* Closes an idle one. */
void mt_connection_drop(mt_direct_connection *connection);

/* The endpoint's newest idle one, which is idle no longer; NULL when there is none, or when it has been idle
 * for so long that the server may be closing it. */
mt_direct_connection *mt_pool_take(mt_pool *pool, size_t endpoint, int64_t now_ns);

/* Closes the one that has been idle longest, of all endpoints: 1, or 0 when none is idle. */
int mt_pool_drop_one(mt_pool *pool);

#endif
