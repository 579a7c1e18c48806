/* The direct transport: HTTP/1.1 over raw sockets, one for each request in flight, kept open for the
 * next. */
#include "base/memory.h"
#include "drive/connection.h"
#include "drive/endpoint.h"
#include "drive/stamp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { READ_BYTES = 64 * 1024 };

static const int64_t handshake_most_ns = 5000000000;

typedef struct direct_transport {
    const mt_driver_options *options;
    const mt_transport_host *host;
    mt_endpoint *endpoints;
    mt_pool pool;
    int descriptor_limit;
    mt_counter opened, handshakes_failed, resent, has_kernel_stamps;
    char buffer[READ_BYTES];
} direct_transport;

/* --- the end of an exchange --------------------------------------------------------------------- */

static void end_flight(direct_transport *transport, mt_flight *flight, mt_failure failure,
                       int os_error, int64_t end_ns) {
    flight->exchange.failure = (int)failure;
    flight->exchange.os_error = os_error;
    flight->exchange.end_ns = end_ns;
    flight->connection = NULL;
    transport->host->ended(transport->host->context, flight);
}

/* With its connection. */
static void fail(mt_direct_connection *c, mt_failure failure, int os_error) {
    direct_transport *transport = c->pool->owner;
    mt_flight *flight = c->flight;
    mt_connection_free(c);
    end_flight(transport, flight, failure, os_error, mt_now_ns());
}

static void dial(direct_transport *transport, mt_flight *flight);

/* The connection ended before a byte of the answer. One that was open before the request may have
 * been closed by the server while the request was on its way: then it is sent once more. */
static void fail_before_byte(mt_direct_connection *c, mt_failure failure, int os_error) {
    mt_flight *flight = c->flight;
    if (!c->was_open || flight->exchange.noted & MT_WAS_RESENT) {
        fail(c, failure, os_error);
        return;
    }
    direct_transport *transport = c->pool->owner;
    mt_connection_free(c);
    flight->exchange.noted |= MT_WAS_RESENT;
    flight->exchange.noted &= ~(unsigned)MT_WAS_REUSED;
    flight->phase = MT_PHASE_CONNECTING;
    flight->progress_ns = mt_now_ns();
    mt_count(&transport->resent, 1);
    dial(transport, flight);
}

static void finish(mt_direct_connection *c, int how, int64_t arrival_ns, int os_error,
                   int may_stay) {
    direct_transport *transport = c->pool->owner;
    mt_flight *flight = c->flight;
    mt_failure failure = mt_answer_end(&flight->answer, &flight->exchange, how, arrival_ns);
    if (may_stay)
        mt_connection_rest(c, mt_now_ns());
    else
        mt_connection_free(c);
    end_flight(transport, flight, failure, os_error, arrival_ns);
}

/* --- reading ------------------------------------------------------------------------------------ */

/* What the parser found wrong. */
static void fail_at(mt_direct_connection *c, int64_t arrival_ns) {
    mt_exchange *exchange = &c->flight->exchange;
    mt_http_problem problem = (mt_http_problem)c->http.problem;
    if (problem == MT_HTTP_CLOSED_IN_BODY) {
        int is_in_chunk = !c->http.is_chunked || c->http.left > 0;
        finish(c, is_in_chunk ? MT_ANSWER_IN_CHUNK : MT_ANSWER_CUT, arrival_ns, 0, 0);
        return;
    }
    const char *text = mt_http_problem_text(problem);
    memcpy(exchange->text, text, strlen(text) + 1);
    fail(c,
         problem == MT_HTTP_BAD_CHUNK            ? MT_FAILURE_BAD_CHUNK
         : problem == MT_HTTP_CLOSED_IN_HEADER   ? MT_FAILURE_RESET_IN_HEADER
         : problem == MT_HTTP_CLOSED_BEFORE_BYTE ? MT_FAILURE_CLOSED_BEFORE_BYTE
                                                 : MT_FAILURE_NOT_HTTP,
         0);
}

/* What was read goes through the parser. */
static void take_bytes(mt_direct_connection *c, mt_span unread, int64_t arrival_ns) {
    mt_flight *flight = c->flight;
    mt_span body;
    mt_answer_read(&flight->answer);
    for (;;)
        switch (mt_http_next(&c->http, &unread, &body)) {
        case MT_HTTP_MORE:
            return;
        case MT_HTTP_HEAD:
            mt_answer_head(&flight->answer, &flight->exchange, c->http.status,
                           c->http.content_type);
            break;
        case MT_HTTP_BODY:
            mt_answer_body(&flight->answer, &flight->exchange, body, arrival_ns);
            break;
        case MT_HTTP_END:
            finish(c, MT_ANSWER_WHOLE, arrival_ns, 0,
                   c->http.keeps_alive && unread.length == 0 && !(c->watched & EV_WRITE) &&
                       !c->has_refused);
            return;
        default:
            fail_at(c, arrival_ns);
            return;
        }
}

/* The other side has closed (os_error 0), or the connection has broken. */
static void take_end(mt_direct_connection *c, int os_error) {
    mt_exchange *exchange = &c->flight->exchange;
    int64_t now = mt_now_ns();
    if (exchange->first_byte_ns == MT_NEVER)
        fail_before_byte(c, os_error ? MT_FAILURE_RESET_BEFORE_BYTE : MT_FAILURE_CLOSED_BEFORE_BYTE,
                         os_error);
    else if (os_error && exchange->status == 0)
        fail(c, MT_FAILURE_RESET_IN_HEADER, os_error);
    else if (os_error)
        finish(c, MT_ANSWER_RESET, now, os_error, 0);
    else if (mt_http_close(&c->http) == MT_HTTP_END)
        finish(c, MT_ANSWER_WHOLE, now, 0, 0);
    else
        fail_at(c, now);
}

/* What is noted of a read, and when its bytes came: never before what came earlier, for two clocks
 * may differ by a little. */
static int64_t note_read(direct_transport *transport, mt_flight *flight, size_t length,
                         const mt_stamp *stamp) {
    mt_exchange *exchange = &flight->exchange;
    int64_t arrival = stamp->arrival_ns;
    int64_t least = flight->phase == MT_PHASE_ANSWERING ? flight->progress_ns : exchange->begun_ns;
    if (arrival < least)
        arrival = least;
    if (stamp->lag_ns < 0)
        exchange->noted &= ~(unsigned)MT_HAS_KERNEL_STAMPS;
    else if (exchange->first_byte_ns == MT_NEVER)
        exchange->noted |= MT_HAS_KERNEL_STAMPS;
    if (stamp->lag_ns >= 0 && !mt_counted(&transport->has_kernel_stamps))
        mt_count(&transport->has_kernel_stamps, 1);
    if (stamp->lag_ns > exchange->read_lag_ns)
        exchange->read_lag_ns = stamp->lag_ns;
    if (exchange->first_byte_ns == MT_NEVER)
        exchange->first_byte_ns = arrival;
    exchange->bytes_received += (uint64_t)length;
    flight->progress_ns = arrival;
    flight->phase = MT_PHASE_ANSWERING;
    return arrival;
}

static void read_some(mt_direct_connection *c) {
    direct_transport *transport = c->pool->owner;
    mt_flight *flight = c->flight;
    mt_stamp stamp;
    ssize_t length = mt_stamp_receive(c->fd, transport->buffer, READ_BYTES, &stamp);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (!flight) { /* idle: closed, or something nobody asked for */
        mt_connection_drop(c);
        return;
    }
    if (length <= 0) {
        take_end(c, length < 0 ? errno : 0);
        return;
    }
    int64_t arrival = note_read(transport, flight, (size_t)length, &stamp);
    if (flight->prepared && !(c->watched & EV_WRITE)) { /* it will not be sent once more */
        transport->host->spent(transport->host->context, flight->prepared);
        flight->prepared = NULL;
    }
    take_bytes(c, (mt_span){transport->buffer, (size_t)length}, arrival);
}

/* --- writing ------------------------------------------------------------------------------------ */

/* Writing has failed: before there was a connection that is all; after, an answer may lie there to be
 * read, or the reason for which there is none. */
static void fail_writing(mt_direct_connection *c, int os_error) {
    direct_transport *transport = c->pool->owner;
    if (!c->is_connected) {
        mt_count(&transport->handshakes_failed, 1);
        fail(c, mt_connect_failure(os_error), os_error);
        return;
    }
    c->has_refused = 1;
    mt_connection_watch(c, EV_READ);
}

static void has_connected(mt_direct_connection *c) {
    direct_transport *transport = c->pool->owner;
    if (c->is_connected)
        return;
    c->is_connected = 1;
    c->flight->phase = MT_PHASE_WAITING;
    mt_count(&transport->opened, 1);
}

/* As much as the kernel takes now. The first bytes are tried at once, connected or not: where the
 * other side is near the handshake is over already. */
static void write_some(mt_direct_connection *c) {
    mt_flight *flight = c->flight;
    mt_outgoing *prepared = flight->prepared;
    while (c->written < prepared->length) {
        ssize_t length =
            send(c->fd, prepared->bytes + c->written, prepared->length - c->written, MSG_NOSIGNAL);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno == EAGAIN) {
            mt_connection_watch(c, c->is_connected ? EV_READ | EV_WRITE : EV_WRITE);
            return;
        }
        if (length < 0) {
            fail_writing(c, errno);
            return;
        }
        has_connected(c);
        c->written += (size_t)length;
        flight->exchange.bytes_sent = c->written;
        flight->progress_ns = mt_now_ns();
    }
    if (flight->exchange.sent_ns == MT_NEVER)
        flight->exchange.sent_ns = flight->progress_ns;
    mt_connection_watch(c, EV_READ);
}

static void on_ready(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    mt_direct_connection *c = context;
    direct_transport *transport = c->pool->owner;
    /* Writing may end the connection; then there is nothing to read. What can still be read comes
     * again: the loop asks by level. */
    if (what & EV_WRITE && !c->has_refused)
        write_some(c);
    else if (what & EV_READ)
        read_some(c);
    transport->host->turn(transport->host->context);
}

/* --- sending ------------------------------------------------------------------------------------ */

static void launch(mt_direct_connection *c, mt_flight *flight) {
    c->flight = flight;
    c->written = 0;
    flight->connection = c;
    mt_http_begin(&c->http, MT_HTTP_ANSWER);
    write_some(c);
}

/* On a fresh connection. */
static void dial(direct_transport *transport, mt_flight *flight) {
    size_t endpoint = flight->exchange.endpoint;
    mt_endpoint *where = &transport->endpoints[endpoint];
    int fd = mt_endpoint_connect(where, transport->descriptor_limit);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE) && mt_pool_drop_one(&transport->pool))
        fd = mt_endpoint_connect(where, transport->descriptor_limit);
    mt_direct_connection *c = fd < 0 ? NULL : mt_connection_new(&transport->pool, fd, endpoint);
    if (!c) {
        int failure = fd < 0 ? errno : ENOMEM;
        mt_count(&transport->handshakes_failed, 1);
        end_flight(transport, flight, mt_connect_failure(failure), failure, mt_now_ns());
        return;
    }
    launch(c, flight);
}

static void direct_send(void *own, mt_flight *flight) {
    direct_transport *transport = own;
    mt_exchange *exchange = &flight->exchange;
    mt_direct_connection *c =
        mt_pool_take(&transport->pool, exchange->endpoint, exchange->begun_ns);
    if (!c) {
        dial(transport, flight);
        return;
    }
    exchange->noted |= MT_WAS_REUSED;
    flight->phase = MT_PHASE_WAITING;
    launch(c, flight);
}

static void direct_cancel(void *own, mt_flight *flight, mt_failure failure) {
    direct_transport *transport = own;
    (void)transport;
    fail(flight->connection, failure, 0);
}

/* --- start and end ------------------------------------------------------------------------------ */

static void direct_close(void *own) {
    direct_transport *transport = own;
    mt_pool_close(&transport->pool);
    for (size_t i = 0; transport->endpoints && i < transport->options->url_count; i++)
        mt_endpoint_close(&transport->endpoints[i]);
    mt_free(transport->endpoints);
    mt_free(transport);
}

static int64_t handshake_timeout(const direct_transport *transport) {
    int64_t wanted = transport->options->connect_timeout_ns;
    return wanted > 0 && wanted < handshake_most_ns ? wanted : handshake_most_ns;
}

static mt_code adopt(direct_transport *transport, size_t endpoint, const int *fds, size_t count,
                     mt_error *error) {
    mt_code code = MT_OK;
    for (size_t i = 0; i < count; i++) {
        if (fds[i] < 0) {
            mt_count(&transport->handshakes_failed, 1);
            continue;
        }
        mt_direct_connection *c = mt_connection_new(&transport->pool, fds[i], endpoint);
        if (!c) {
            code = mt_fail_memory(error, "connections");
            continue;
        }
        c->is_connected = 1;
        mt_count(&transport->opened, 1);
        mt_connection_rest(c, mt_now_ns());
    }
    return code;
}

static mt_code open_endpoint(direct_transport *transport, size_t i, mt_error *error) {
    mt_endpoint *where = &transport->endpoints[i];
    const char *url = transport->options->urls[i];
    int fds[MT_HANDSHAKES_AT_ONCE];
    mt_code code = mt_endpoint_open(where, url, error);
    if (code != MT_OK)
        return code;
    size_t count = where->count;
    code = mt_endpoint_probe(where, transport->descriptor_limit, url, handshake_timeout(transport),
                             fds, error);
    return code != MT_OK ? code : adopt(transport, i, fds, count, error);
}

static void *direct_open(struct event_base *base, const mt_driver_options *options,
                         const mt_transport_host *host, mt_error *error) {
    direct_transport *transport = mt_allocate_zero(1, sizeof *transport);
    if (!transport) {
        mt_fail_memory(error, "a transport");
        return NULL;
    }
    transport->options = options;
    transport->host = host;
    transport->pool.base = base;
    transport->pool.on_ready = on_ready;
    transport->pool.owner = transport;
    transport->descriptor_limit = mt_descriptor_limit();
    transport->endpoints = mt_allocate_zero(options->url_count, sizeof *transport->endpoints);
    mt_code code = transport->endpoints ? mt_pool_open(&transport->pool, options->url_count, error)
                                        : mt_fail_memory(error, "endpoints");
    for (size_t i = 0; transport->endpoints && code == MT_OK && i < options->url_count; i++)
        code = open_endpoint(transport, i, error);
    if (code == MT_OK)
        return transport;
    direct_close(transport);
    return NULL;
}

static mt_code direct_warm(void *own, size_t count, mt_error *error) {
    direct_transport *transport = own;
    int fds[MT_HANDSHAKES_AT_ONCE];
    for (size_t i = 0; i < transport->options->url_count; i++)
        for (size_t left = count; left > 0;) {
            size_t now = left < MT_HANDSHAKES_AT_ONCE ? left : MT_HANDSHAKES_AT_ONCE;
            mt_endpoint_shake(&transport->endpoints[i], transport->descriptor_limit, now,
                              handshake_timeout(transport), fds);
            mt_code code = adopt(transport, i, fds, now, error);
            if (code != MT_OK)
                return code;
            left -= now;
        }
    return MT_OK;
}

static void direct_look(const void *own, mt_driver_load *load) {
    const direct_transport *transport = own;
    load->connections = mt_counted(&transport->pool.open);
    load->connections_opened = mt_counted(&transport->opened);
    load->handshakes_failed = mt_counted(&transport->handshakes_failed);
    load->resent = mt_counted(&transport->resent);
    load->has_kernel_stamps = mt_counted(&transport->has_kernel_stamps) != 0;
}

const mt_transport_kind mt_transport_direct = {
    .name = "direct",
    .open = direct_open,
    .send = direct_send,
    .cancel = direct_cancel,
    .warm = direct_warm,
    .look = direct_look,
    .close = direct_close,
};
