/* Sockets and the loop. Edge-triggered epoll: a connection is registered once. One timer is armed for
 * what is due next, and only when that becomes sooner or has come. */
#define _GNU_SOURCE /* accept4 */
#include "drive/mock/state.h"

#include "base/interrupt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 1 << 18,
    BODY_LIMIT = 1 << 26,
    UNSENT_LIMIT = 1 << 24, /* of a client that does not read */
    KEPT_BYTES = 1 << 14,   /* a connection's buffer, while it is idle */
    EVENTS = 256,
    CHUNKS_A_TURN = 256, /* then sockets are looked at */
    BACKLOG = 4096,
    REFUSED_PERIOD_MS = 1000
};

static int64_t clock_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t mt_mock_look_at_clock(mt_mock *mock) {
    mock->now_ns = clock_ns(CLOCK_MONOTONIC);
    return mock->now_ns;
}

static void fail(mt_mock *mock, const char *what, int number) {
    if (!mock->fails)
        mt_fail_errno(&mock->error, NULL, what, number);
    mock->fails = 1;
}

/* --- lists -------------------------------------------------------------------------------------- */

void mt_list_append(mt_connection_list *list, mt_connection *connection) {
    connection->in_list = 1;
    connection->newer = NULL;
    connection->older = list->newest;
    *(list->newest ? &list->newest->newer : &list->oldest) = connection;
    list->newest = connection;
    list->count++;
}

void mt_list_remove(mt_connection_list *list, mt_connection *connection) {
    if (!connection->in_list)
        return;
    connection->in_list = 0;
    *(connection->older ? &connection->older->newer : &list->oldest) = connection->newer;
    *(connection->newer ? &connection->newer->older : &list->newest) = connection->older;
    list->count--;
}

/* --- connections -------------------------------------------------------------------------------- */

static mt_connection *take_connection(mt_mock *mock) {
    if (!mock->free) {
        mt_connection_block *block = mt_allocate_zero(1, sizeof *block);
        if (!block)
            return NULL;
        block->next = mock->blocks;
        mock->blocks = block;
        for (int i = 0; i < MT_CONNECTIONS_A_BLOCK; i++) {
            block->connections[i].state = MT_CONNECTION_CLOSED;
            block->connections[i].older = mock->free;
            mock->free = &block->connections[i];
        }
    }
    mt_connection *connection = mock->free;
    mock->free = connection->older;
    return connection;
}

static void shrink(mt_bytes *bytes, size_t kept) {
    bytes->length = 0;
    if (bytes->capacity > kept) {
        mt_free(bytes->data);
        *bytes = (mt_bytes){0};
    }
}

static void watch_listener(mt_mock *mock, int is_wanted) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &mock->listener};
    if (mock->is_listening == is_wanted)
        return;
    mock->is_listening = (uint8_t)is_wanted;
    if (epoll_ctl(mock->poll, is_wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, mock->listener, &event) !=
        0)
        fail(mock, "epoll_ctl", errno);
}

void mt_connection_close(mt_mock *mock, mt_connection *connection, int is_reset) {
    int was_under_way = connection->state != MT_CONNECTION_READING;
    if (connection->state == MT_CONNECTION_CLOSED)
        return;
    if (was_under_way)
        mt_flight_drop(mock, connection);
    else
        mt_list_remove(&mock->idle, connection);
    struct linger at_once = {1, 0};
    if (is_reset)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(connection->fd);
    connection->state = MT_CONNECTION_CLOSED;
    connection->serial++;
    shrink(&connection->body, 0);
    shrink(&connection->early, 0);
    shrink(&connection->unsent, 0);
    connection->older = mock->closed;
    mock->closed = connection;
    if (mock->has_no_slots) {
        mock->has_no_slots = 0;
        watch_listener(mock, 1);
    }
}

/* Sends what waits in `unsent`. */
static void flush(mt_mock *mock, mt_connection *connection) {
    mt_bytes *unsent = &connection->unsent;
    ssize_t sent = send(connection->fd, unsent->data + connection->sent,
                        unsent->length - connection->sent, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            mt_connection_close(mock, connection, 0);
        return;
    }
    connection->sent += (size_t)sent;
    if (connection->sent < unsent->length)
        return;
    connection->sent = 0;
    shrink(unsent, 0);
    if (connection->is_ending)
        mt_connection_close(mock, connection, 0);
}

void mt_connection_send(mt_mock *mock, mt_connection *connection) {
    mt_bytes *out = &mock->out, *unsent = &connection->unsent;
    ssize_t sent = 0;
    if (out->length > 0 && unsent->length == 0) {
        sent = send(connection->fd, out->data, out->length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            out->length = 0;
            mt_connection_close(mock, connection, 0);
            return;
        }
        sent = sent < 0 ? 0 : sent;
    }
    if ((size_t)sent < out->length)
        mt_bytes_put(unsent, out->data + sent, out->length - (size_t)sent);
    if (out->has_failed || unsent->has_failed) {
        mt_fail_memory(&mock->error, "an answer");
        mock->fails = 1;
    }
    out->length = 0;
    if (unsent->length > UNSENT_LIMIT)
        mt_connection_close(mock, connection, 1);
}

static void close_when_sent(mt_mock *mock, mt_connection *connection) {
    connection->is_ending = 1;
    if (connection->state != MT_CONNECTION_CLOSED && connection->unsent.length == 0)
        mt_connection_close(mock, connection, 0);
}

void mt_connection_send_and_close(mt_mock *mock, mt_connection *connection) {
    mt_connection_send(mock, connection);
    close_when_sent(mock, connection);
}

void mt_connection_wait(mt_mock *mock, mt_connection *connection, int64_t due_ns) {
    mt_due_chunk due = {due_ns, connection, connection->serial};
    if (mt_due_heap_push(&mock->due, due) != 0) {
        mt_fail_memory(&mock->error, "what is due");
        mock->fails = 1;
    }
}

/* --- reading ------------------------------------------------------------------------------------ */

static void refuse_and_close(mt_mock *mock, mt_connection *connection, int status,
                             const char *message) {
    connection->closes = 1;
    mt_mock_refuse(mock, connection, status, message);
    mock->counts.refused--; /* it was none for the model */
}

static void begin_answer(mt_mock *mock, mt_connection *connection, mt_span body) {
    uint64_t most = mock->options.requests_per_connection;
    most = most ? most : mock->dialect->requests_a_connection;
    connection->closes =
        !connection->http.keeps_alive || (most > 0 && connection->served + 1 >= most);
    mt_list_remove(&mock->idle, connection);
    mt_mock_look_at_clock(mock);
    mt_mock_route(mock, connection, body);
}

/* A piece of a body. Returns the whole body when this piece is all of it and needs no copy. */
static mt_span take_body(mt_mock *mock, mt_connection *connection, mt_span piece) {
    int64_t length = connection->http.content_length;
    if (connection->body.length == 0 && !connection->http.is_chunked &&
        length == (int64_t)piece.length)
        return piece;
    if (connection->body.length + piece.length > BODY_LIMIT)
        refuse_and_close(mock, connection, 413, "the body is too large");
    else
        mt_bytes_put(&connection->body, piece.text, piece.length);
    if (connection->body.has_failed) {
        mt_fail_memory(&mock->error, "a request's body");
        mock->fails = 1;
    }
    return (mt_span){"", 0};
}

/* Bytes that came. What follows a request that is being answered is kept for later. */
static void feed(mt_mock *mock, mt_connection *connection, mt_span unread) {
    mt_span piece, whole = {"", 0};
    connection->is_fed = 1;
    while (connection->state == MT_CONNECTION_READING && !connection->is_ending && !mock->fails) {
        int what = mt_http_next(&connection->http, &unread, &piece);
        if (what == MT_HTTP_MORE)
            break;
        if (what == MT_HTTP_HEAD) {
            whole = (mt_span){"", 0};
            if (connection->http.expects) {
                mt_bytes_text(&mock->out, "HTTP/1.1 100 Continue\r\n\r\n");
                mt_connection_send(mock, connection);
            }
        } else if (what == MT_HTTP_BODY) {
            whole = take_body(mock, connection, piece);
        } else if (what == MT_HTTP_END) {
            if (connection->body.length > 0)
                whole = (mt_span){connection->body.data, connection->body.length};
            begin_answer(mock, connection, whole);
        } else {
            refuse_and_close(mock, connection, 400, mt_http_problem_text(connection->http.problem));
        }
    }
    connection->is_fed = 0;
    if (connection->state != MT_CONNECTION_CLOSED && unread.length > 0 && !connection->is_ending)
        mt_bytes_put(&connection->early, unread.text, unread.length);
}

static void read_more(mt_mock *mock, mt_connection *connection) {
    while (connection->state == MT_CONNECTION_READING && !connection->is_ending && !mock->fails) {
        ssize_t length = recv(connection->fd, mock->input, READ_BYTES, 0);
        if (length > 0) {
            feed(mock, connection, (mt_span){mock->input, (size_t)length});
            if (length < READ_BYTES)
                return;
        } else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
            mt_connection_close(mock, connection, 0);
        } else if (errno == EAGAIN) {
            return;
        }
    }
    connection->has_input = 1;
}

void mt_connection_answered(mt_mock *mock, mt_connection *connection) {
    if (connection->state == MT_CONNECTION_CLOSED)
        return;
    connection->served++;
    if (connection->closes) {
        close_when_sent(mock, connection);
        return;
    }
    mt_http_begin(&connection->http, MT_HTTP_REQUEST);
    shrink(&connection->body, KEPT_BYTES);
    connection->idle_ns = mock->now_ns;
    if (mock->idle_s > 0)
        mt_list_append(&mock->idle, connection);
    if (connection->is_fed)
        return;
    if (connection->early.length > 0) {
        mt_bytes early = connection->early;
        connection->early = (mt_bytes){0};
        feed(mock, connection, (mt_span){early.data, early.length});
        mt_free(early.data);
    }
    if (connection->has_input) {
        connection->has_input = 0;
        read_more(mock, connection);
    }
}

/* --- accepting ---------------------------------------------------------------------------------- */

static void accept_one(mt_mock *mock, int fd) {
    mt_connection *connection = take_connection(mock);
    if (!connection) {
        close(fd);
        mt_fail_memory(&mock->error, "a connection");
        mock->fails = 1;
        return;
    }
    uint32_t serial = connection->serial;
    *connection = (mt_connection){.fd = fd, .serial = serial};
    mt_http_begin(&connection->http, MT_HTTP_REQUEST);
    mock->counts.connections++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = connection};
    if (epoll_ctl(mock->poll, EPOLL_CTL_ADD, fd, &event) != 0)
        fail(mock, "epoll_ctl", errno);
}

static void accept_all(mt_mock *mock) {
    for (int i = 0; i < EVENTS && !mock->fails; i++) {
        int fd = accept4(mock->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(mock, fd);
        } else if (errno == EMFILE || errno == ENFILE) {
            mock->has_no_slots = 1;
            watch_listener(mock, 0);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* The share of "refused": for so long in each second nobody listens. */
static double refused_share(const mt_mock *mock) {
    double share = 0;
    for (size_t i = 0; i < mock->options.fault_count; i++)
        if (mock->options.faults[i].kind == MT_FAILURE_REFUSED)
            share += mock->options.faults[i].share;
    return share;
}

/* Stops listening or begins again; the other follows. */
static void change_listening(mt_mock *mock) {
    double share = refused_share(mock);
    int is_wanted = !mock->is_listening;
    if (is_wanted && listen(mock->listener, BACKLOG) != 0)
        fail(mock, "listen", errno);
    watch_listener(mock, is_wanted);
    if (!is_wanted)
        shutdown(mock->listener, SHUT_RDWR); /* stays bound */
    double lasts_ms = REFUSED_PERIOD_MS * (is_wanted ? 1 - share : share);
    mt_due_chunk due = {mock->now_ns + (int64_t)(lasts_ms * 1e6), NULL, 0};
    if (share < 1 && mt_due_heap_push(&mock->due, due) != 0) {
        mt_fail_memory(&mock->error, "what is due");
        mock->fails = 1;
    }
}

/* --- the loop ----------------------------------------------------------------------------------- */

static void serve_due(mt_mock *mock) {
    for (int i = 0; i < CHUNKS_A_TURN && mock->due.count > 0 && !mock->fails; i++) {
        mt_due_chunk *first = &mock->due.items[0];
        int is_void = first->connection && first->connection->serial != first->serial;
        if (!is_void && first->due_ns > mt_mock_look_at_clock(mock))
            return;
        mt_due_chunk due = mt_due_heap_pop(&mock->due);
        if (is_void)
            continue;
        if (due.connection)
            mt_flight_due(mock, due.connection);
        else
            change_listening(mock);
    }
}

static int64_t idle_ends_ns(const mt_mock *mock) {
    return mock->idle.oldest ? mock->idle.oldest->idle_ns + (int64_t)(mock->idle_s * 1e9)
                             : INT64_MAX;
}

static void close_idle(mt_mock *mock) {
    while (idle_ends_ns(mock) <= mock->now_ns) {
        mt_connection *connection = mock->idle.oldest;
        if (connection->unsent.length == 0) {
            mt_connection_close(mock, connection, 0);
            continue;
        }
        mt_list_remove(&mock->idle, connection); /* not idle: it still reads its answer */
        connection->idle_ns = mock->now_ns;
        mt_list_append(&mock->idle, connection);
    }
}

static void arm(mt_mock *mock, int64_t due_ns) {
    if (due_ns >= mock->armed_ns || due_ns == INT64_MAX)
        return;
    mock->armed_ns = due_ns;
    struct itimerspec time = {{0, 0}, {due_ns / 1000000000, due_ns % 1000000000}};
    if (timerfd_settime(mock->timer, TFD_TIMER_ABSTIME, &time, NULL) != 0)
        fail(mock, "timerfd_settime", errno);
}

static void take_event(mt_mock *mock, const struct epoll_event *event) {
    uint64_t expirations;
    if (event->data.ptr == &mock->listener) {
        accept_all(mock);
        return;
    }
    if (event->data.ptr == &mock->timer) {
        if (read(mock->timer, &expirations, sizeof expirations) > 0)
            mock->armed_ns = INT64_MAX;
        return;
    }
    mt_connection *connection = event->data.ptr;
    if (connection->state == MT_CONNECTION_CLOSED)
        return;
    if (connection->unsent.length > 0 && (event->events & EPOLLOUT))
        flush(mock, connection);
    if (event->events & EPOLLIN) {
        if (connection->state == MT_CONNECTION_READING)
            read_more(mock, connection);
        else
            connection->has_input = 1;
    }
    if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        mt_connection_close(mock, connection, 0); /* nobody is there to read an answer */
}

static void turn(mt_mock *mock) {
    struct epoll_event events[EVENTS];
    int64_t next = mock->due.count > 0 ? mock->due.items[0].due_ns : INT64_MAX;
    int64_t idle = idle_ends_ns(mock);
    next = idle < next ? idle : next;
    int is_due = next <= mock->now_ns;
    if (!is_due)
        arm(mock, next);
    int count = epoll_pwait(mock->poll, events, EVENTS, is_due ? 0 : -1, &mock->signals);
    if (count < 0 && errno != EINTR)
        fail(mock, "epoll_wait", errno);
    mt_mock_look_at_clock(mock);
    if (count > 0)
        mock->now_s = clock_ns(CLOCK_REALTIME_COARSE) / 1000000000;
    for (int i = 0; i < count && !mock->fails; i++)
        take_event(mock, &events[i]);
    serve_due(mock);
    mt_flight_start_waiting(mock);
    close_idle(mock);
    while (mock->closed) {
        mt_connection *connection = mock->closed;
        mock->closed = connection->older;
        connection->older = mock->free;
        mock->free = connection;
    }
}

mt_code mt_mock_run(mt_mock *mock, mt_error *error) {
    mt_mock_look_at_clock(mock);
    mock->begun_ns = mock->now_ns;
    mock->now_s = clock_ns(CLOCK_REALTIME) / 1000000000;
    double share = refused_share(mock);
    if (share > 0) {
        mock->is_listening = share >= 1; /* bound already, not yet listening */
        if (share < 1)
            change_listening(mock);
    } else {
        watch_listener(mock, 1);
    }
    /* Signals are let in while it waits: none comes between a look at the flag and the wait. */
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ending, &mock->signals);
    while (!mock->fails && !mt_interrupted())
        turn(mock);
    pthread_sigmask(SIG_SETMASK, &mock->signals, NULL);
    mt_error log_error = {0};
    mt_output *log = mock->log;
    mock->log = NULL;
    if (log && mt_output_finish(log, &log_error) != MT_OK && !mock->fails) {
        mock->error = log_error;
        mock->fails = 1;
    }
    if (!mock->fails)
        return MT_OK;
    if (error)
        *error = mock->error;
    return mock->error.code;
}

/* --- opening and closing ------------------------------------------------------------------------ */

mt_mock_options mt_mock_defaults(void) {
    return (mt_mock_options){
        .host = "127.0.0.1", .dialect = "vllm", .load_factor = 1, .block_size = 16, .idle_s = -1};
}

/* The soft limit of descriptors becomes the hard one. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static mt_code bind_listener(mt_mock *mock, mt_error *error) {
    const mt_mock_options *options = &mock->options;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(options->port)};
    int is_four = inet_pton(AF_INET, options->host, &four.sin_addr) == 1;
    if (!is_four && inet_pton(AF_INET6, options->host, &six.sin6_addr) != 1)
        return mt_fail(error, MT_ERROR_VALUE,
                       "host must be an address of this machine, not '%.100s'", options->host);
    int one = 1;
    char where[128];
    snprintf(where, sizeof where, is_four ? "%.100s:%u" : "[%.100s]:%u", options->host,
             (unsigned)options->port);
    mock->listener =
        socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (mock->listener < 0)
        return mt_fail_errno(error, where, "cannot listen", errno);
    setsockopt(mock->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    /* Connections that are accepted inherit it. */
    setsockopt(mock->listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const struct sockaddr *address =
        is_four ? (const struct sockaddr *)&four : (const struct sockaddr *)&six;
    socklen_t size = is_four ? sizeof four : sizeof six;
    if (bind(mock->listener, address, size) != 0 ||
        (refused_share(mock) < 1 && listen(mock->listener, BACKLOG) != 0))
        return mt_fail_errno(error, where, "cannot listen", errno);
    struct sockaddr_in6 bound = {0};
    socklen_t bound_size = sizeof bound;
    if (getsockname(mock->listener, (struct sockaddr *)&bound, &bound_size) != 0)
        return mt_fail_errno(error, where, "cannot listen", errno);
    mock->port = ntohs(bound.sin6_port); /* at the same place in both */
    return MT_OK;
}

static mt_code open_files(mt_mock *mock, mt_error *error) {
    mock->poll = epoll_create1(EPOLL_CLOEXEC);
    mock->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &mock->timer};
    if (mock->poll < 0 || mock->timer < 0 ||
        epoll_ctl(mock->poll, EPOLL_CTL_ADD, mock->timer, &event) != 0)
        return mt_fail_errno(error, NULL, "cannot wait for connections", errno);
    mt_code code = bind_listener(mock, error);
    if (code != MT_OK || !mock->options.log)
        return code;
    static const char head[] = "request,event,tokens,time_ns\n";
    mock->log = mt_output_open(mock->options.log, error);
    return mock->log ? mt_output_write(mock->log, head, sizeof head - 1, error) : mt_code_of(error);
}

/* The value of a distribution that has only one; negative when it has more. */
static double only_value(const mt_distribution *distribution) {
    double low = mt_distribution_lowest(distribution);
    int has_one =
        low == mt_distribution_highest(distribution) && !mt_distribution_varies(distribution);
    return has_one ? fmax(low, 0) : -1;
}

mt_mock *mt_mock_open(const mt_mock_options *options, mt_error *error) {
    mt_mock *mock = mt_allocate_zero(1, sizeof *mock);
    if (!mock) {
        mt_fail_memory(error, "the server");
        return NULL;
    }
    mock->options = *options;
    mock->listener = mock->poll = mock->timer = -1;
    mock->armed_ns = INT64_MAX;
    mock->dialect = mt_dialect_by_name(options->dialect);
    mock->itl_fixed_ms = only_value(options->itl);
    double chunk = only_value(options->tokens_per_chunk);
    mock->chunk_fixed = chunk < 0 ? 0 : chunk < 1 ? 1 : (uint64_t)fmin(floor(chunk + 0.5), 1e9);
    mock->time_key = mt_random_key_of(options->seed, "mock", 4, "times", 5);
    mock->fault_key = mt_random_key_of(options->seed, "mock", 4, "failures", 8);
    mock->input = mt_allocate(READ_BYTES, 1);
    mock->cache = options->kv_blocks > 0 ? mt_mock_cache_new(options->kv_blocks) : NULL;
    if (mock->dialect)
        mock->idle_s = options->idle_s < 0 ? mock->dialect->idle_s : options->idle_s;
    mt_code code = MT_OK;
    if (!mock->dialect)
        code = mt_fail(error, MT_ERROR_VALUE, "there is no dialect '%.50s'", options->dialect);
    else if (!mock->input || (options->kv_blocks > 0 && !mock->cache))
        code = mt_fail_memory(error, "the server");
    raise_descriptor_limit();
    if (code != MT_OK || open_files(mock, error) != MT_OK) {
        mt_mock_free(mock);
        return NULL;
    }
    return mock;
}

uint16_t mt_mock_port(const mt_mock *mock) {
    return mock->port;
}

void mt_mock_look(const mt_mock *mock, mt_mock_counts *counts) {
    *counts = mock->counts;
}

void mt_mock_free(mt_mock *mock) {
    if (!mock)
        return;
    for (mt_connection_block *block = mock->blocks, *next; block; block = next) {
        next = block->next;
        for (int i = 0; i < MT_CONNECTIONS_A_BLOCK; i++) {
            mt_connection *connection = &block->connections[i];
            if (connection->state != MT_CONNECTION_CLOSED)
                close(connection->fd);
            mt_free(connection->body.data);
            mt_free(connection->early.data);
            mt_free(connection->unsent.data);
        }
        mt_free(block);
    }
    int files[] = {mock->listener, mock->poll, mock->timer};
    for (size_t i = 0; i < 3; i++)
        if (files[i] >= 0)
            close(files[i]);
    mt_output_abandon(mock->log);
    mt_mock_cache_free(mock->cache);
    mt_free(mock->due.items);
    mt_free(mock->tokens.items);
    mt_free(mock->out.data);
    mt_free(mock->page.data);
    mt_free(mock->input);
    mt_free(mock);
}
