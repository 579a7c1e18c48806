/* The listener and the loop. Edge-triggered epoll: a connection is registered once. One timer is armed for
 * what is due next, and only when that becomes sooner or has come. */
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

/* --- listening --------------------------------------------------------------------------------- */

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
        mt_mock_fail_errno(mock, "listen", errno);
    mt_mock_watch_listener(mock, is_wanted);
    if (!is_wanted)
        shutdown(mock->listener, SHUT_RDWR); /* stays bound */
    double lasts_ms = REFUSED_PERIOD_MS * (is_wanted ? 1 - share : share);
    mt_due_chunk due = {mock->now_ns + (int64_t)(lasts_ms * 1e6), NULL, 0};
    if (share < 1 && mt_due_heap_push(&mock->due, due) != 0) {
        mt_mock_fail_memory(mock, "what is due");
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
        mt_mock_fail_errno(mock, "timerfd_settime", errno);
}

static void take_event(mt_mock *mock, const struct epoll_event *event) {
    if (event->data.ptr == &mock->listener) {
        mt_mock_accept(mock);
        return;
    }
    if (event->data.ptr == &mock->timer) {
        mock->armed_ns = INT64_MAX; /* edge-triggered: need not be read */
        return;
    }
    mt_connection *connection = event->data.ptr;
    if (connection->state == MT_CONNECTION_CLOSED)
        return;
    if (connection->unsent.length > 0 && (event->events & EPOLLOUT))
        mt_connection_flush(mock, connection);
    if (event->events & EPOLLIN) {
        if (connection->state == MT_CONNECTION_READING)
            mt_connection_read(mock, connection);
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
        mt_mock_fail_errno(mock, "epoll_wait", errno);
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
        mt_mock_watch_listener(mock, 1);
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
    return (mt_mock_options){.host = "127.0.0.1",
                             .dialect = "vllm",
                             .load_factor = 1,
                             .block_size = 16,
                             .idle_s = -1,
                             .ping_s = -1};
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
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &mock->timer};
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

/* So many in a window of so long are the rate: the whole ones of a second, or one. 0, or -1: out of memory. */
static int limit_rate(mt_mock *mock) {
    enum { MOST = 1 << 16 }; /* a larger rate has a shorter window */
    double rate = mock->options.rate_limit;
    if (rate <= 0)
        return 0;
    mock->let_most = rate < 1 ? 1 : rate < MOST ? (size_t)rate : MOST;
    mock->rate_window_ns = (int64_t)fmin((double)mock->let_most / rate * 1e9, 9e18);
    mock->let_ns = mt_allocate(mock->let_most, sizeof *mock->let_ns);
    for (size_t i = 0; mock->let_ns && i < mock->let_most; i++)
        mock->let_ns[i] = MT_NEVER;
    return mock->let_ns ? 0 : -1;
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
    mock->input = mt_allocate(MT_MOCK_READ_BYTES, 1);
    mock->cache = options->kv_blocks > 0 ? mt_mock_cache_new(options->kv_blocks) : NULL;
    if (mock->dialect) {
        mock->idle_s = options->idle_s < 0 ? mock->dialect->idle_s : options->idle_s;
        mock->ping_s = options->ping_s < 0 ? mock->dialect->ping_s : options->ping_s;
    }
    mt_code code = MT_OK;
    if (!mock->dialect)
        code = mt_fail(error, MT_ERROR_VALUE, "there is no dialect '%.50s'", options->dialect);
    else if (!mock->input || limit_rate(mock) != 0 || (options->kv_blocks > 0 && !mock->cache))
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
    mt_free(mock->let_ns);
    mt_free(mock);
}
