#include "drive/connection.h"

#include "base/assert.h"
#include "base/memory.h"

#include <unistd.h>

/* Servers close a connection after 5 s without a request (uvicorn, cpp-httplib): none is used again
 * after 4 s. */
enum { DROPS_AT_ONCE = 4 };
static const int64_t idle_most_ns = 4000000000;

mt_code mt_pool_open(mt_pool *pool, size_t endpoints, mt_error *error) {
    pool->idle = mt_allocate_zero(endpoints, sizeof *pool->idle);
    if (!pool->idle)
        return mt_fail_memory(error, "connections");
    pool->endpoints = endpoints;
    return MT_OK;
}

void mt_pool_close(mt_pool *pool) {
    while (mt_pool_drop_one(pool)) {
    }
    while (pool->unused) {
        mt_direct_connection *next = pool->unused->older;
        mt_free(pool->unused);
        pool->unused = next;
    }
    mt_free(pool->idle);
}

mt_direct_connection *mt_connection_new(mt_pool *pool, int fd, size_t endpoint) {
    mt_direct_connection *c = pool->unused;
    if (c)
        pool->unused = c->older;
    else
        c = mt_allocate(1, sizeof *c);
    if (!c) {
        close(fd);
        return NULL;
    }
    *c = (mt_direct_connection){.pool = pool, .fd = fd, .endpoint = (uint16_t)endpoint};
    mt_count(&pool->open, 1);
    return c;
}

void mt_connection_free(mt_direct_connection *c) {
    mt_connection_watch(c, 0);
    close(c->fd);
    mt_count(&c->pool->open, -1);
    c->older = c->pool->unused;
    c->pool->unused = c;
}

void mt_connection_watch(mt_direct_connection *c, short what) {
    if (c->watched == what)
        return;
    if (c->watched)
        event_del(&c->event);
    c->watched = what;
    if (!what)
        return;
    event_assign(&c->event, c->pool->base, c->fd, (short)(what | EV_PERSIST), c->pool->on_ready, c);
    event_add(&c->event, NULL);
}

/* --- the idle ones ------------------------------------------------------------------------------ */

static void leave_idle(mt_direct_connection *c) {
    mt_assert(!c->flight);
    mt_idle *idle = &c->pool->idle[c->endpoint];
    *(c->newer ? &c->newer->older : &idle->newest) = c->older;
    *(c->older ? &c->older->newer : &idle->oldest) = c->newer;
    c->newer = c->older = NULL;
}

void mt_connection_drop(mt_direct_connection *c) {
    leave_idle(c);
    mt_connection_free(c);
}

static int is_old(const mt_direct_connection *c, int64_t now_ns) {
    return now_ns - c->idle_since_ns > idle_most_ns;
}

/* A few at once: to close thousands takes a second, in which nothing is sent. Each call brings one at
 * most, so that they do go. */
static void drop_old(mt_idle *idle, int64_t now_ns) {
    for (int i = 0; i < DROPS_AT_ONCE && idle->oldest && is_old(idle->oldest, now_ns); i++)
        mt_connection_drop(idle->oldest);
}

void mt_connection_rest(mt_direct_connection *c, int64_t now_ns) {
    mt_idle *idle = &c->pool->idle[c->endpoint];
    drop_old(idle, now_ns);
    c->flight = NULL;
    c->idle_since_ns = now_ns;
    c->older = idle->newest;
    c->newer = NULL;
    *(idle->newest ? &idle->newest->newer : &idle->oldest) = c;
    idle->newest = c;
    mt_connection_watch(c, EV_READ);
}

mt_direct_connection *mt_pool_take(mt_pool *pool, size_t endpoint, int64_t now_ns) {
    mt_idle *idle = &pool->idle[endpoint];
    drop_old(idle, now_ns);
    mt_direct_connection *c = idle->newest;
    if (!c || is_old(c, now_ns))
        return NULL;
    leave_idle(c);
    c->was_open = 1;
    return c;
}

int mt_pool_drop_one(mt_pool *pool) {
    mt_direct_connection *oldest = NULL;
    for (size_t i = 0; i < pool->endpoints; i++) {
        mt_direct_connection *c = pool->idle[i].oldest;
        if (c && (!oldest || c->idle_since_ns < oldest->idle_since_ns))
            oldest = c;
    }
    if (oldest)
        mt_connection_drop(oldest);
    return oldest != NULL;
}
