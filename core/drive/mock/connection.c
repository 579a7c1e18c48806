/* Connections: their bytes in, their bytes out, their end. */
#define _GNU_SOURCE /* accept4 */
#include "drive/mock/state.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BODY_LIMIT = 1 << 26,
    UNSENT_LIMIT = 1 << 24, /* of a client that does not read */
    KEPT_BYTES = 1 << 14,   /* a connection's buffer, while it is idle */
    ACCEPTED_A_TURN = 256
};

void mt_mock_fail_errno(mt_mock *mock, const char *what, int number) {
    if (!mock->fails)
        mt_fail_errno(&mock->error, NULL, what, number);
    mock->fails = 1;
}

void mt_mock_fail_memory(mt_mock *mock, const char *what) {
    if (!mock->fails)
        mt_fail_memory(&mock->error, what);
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

void mt_mock_watch_listener(mt_mock *mock, int is_wanted) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &mock->listener};
    if (mock->is_listening == is_wanted)
        return;
    mock->is_listening = (uint8_t)is_wanted;
    if (epoll_ctl(mock->poll, is_wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, mock->listener, &event) !=
        0)
        mt_mock_fail_errno(mock, "epoll_ctl", errno);
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
        mt_mock_watch_listener(mock, 1);
    }
}

/* Sends what waits in `unsent`. */
void mt_connection_flush(mt_mock *mock, mt_connection *connection) {
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
        mt_mock_fail_memory(mock, "an answer");
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
        mt_mock_fail_memory(mock, "what is due");
    }
}

/* --- reading ------------------------------------------------------------------------------------ */

static void refuse_and_close(mt_mock *mock, mt_connection *connection, int status,
                             const char *message) {
    connection->closes = 1;
    mt_mock_say_error(mock, connection, status, message);
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
        mt_mock_fail_memory(mock, "a request's body");
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

void mt_connection_read(mt_mock *mock, mt_connection *connection) {
    while (connection->state == MT_CONNECTION_READING && !connection->is_ending && !mock->fails) {
        ssize_t length = recv(connection->fd, mock->input, MT_MOCK_READ_BYTES, 0);
        if (length > 0) {
            feed(mock, connection, (mt_span){mock->input, (size_t)length});
            if (length < MT_MOCK_READ_BYTES)
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
        mt_connection_read(mock, connection);
    }
}

/* --- accepting ---------------------------------------------------------------------------------- */

static void accept_one(mt_mock *mock, int fd) {
    mt_connection *connection = take_connection(mock);
    if (!connection) {
        close(fd);
        mt_mock_fail_memory(mock, "a connection");
        return;
    }
    uint32_t serial = connection->serial;
    *connection = (mt_connection){.fd = fd, .serial = serial};
    mt_http_begin(&connection->http, MT_HTTP_REQUEST);
    mock->counts.connections++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = connection};
    if (epoll_ctl(mock->poll, EPOLL_CTL_ADD, fd, &event) != 0)
        mt_mock_fail_errno(mock, "epoll_ctl", errno);
}

void mt_mock_accept(mt_mock *mock) {
    for (int i = 0; i < ACCEPTED_A_TURN && !mock->fails; i++) {
        int fd = accept4(mock->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(mock, fd);
        } else if (errno == EMFILE || errno == ENFILE) {
            mock->has_no_slots = 1;
            mt_mock_watch_listener(mock, 0);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}
