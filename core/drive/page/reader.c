/* One connection: a request, its answer, and for who listens the events. Each answer closes its connection. */
#include "drive/page/state.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 4096, SEND_BUFFER = 131072 };

void mt_page_dismiss(mt_page *page, mt_page_reader *reader) {
    if (reader->state == MT_READER_LISTENING) {
        pthread_mutex_lock(&page->lock);
        page->listeners--;
        pthread_mutex_unlock(&page->lock);
    }
    close(reader->fd);
    mt_free(reader->out.bytes);
    *reader = (mt_page_reader){.fd = -1};
}

int mt_page_has_unsent(const mt_page_reader *reader) {
    return reader->out_sent < reader->out.length || reader->body.length > 0;
}

/* --- answers ------------------------------------------------------------------------------------ */

/* Whoever is out of memory for an answer is let go without one. */
static void put(mt_page_reader *reader, const char *text, size_t length) {
    if (length > 0 && mt_text_add(&reader->out, text, length) != 0)
        reader->out.length = 0;
}

/* The page may ask its own server, and nobody may show it inside another page. */
static void say_head(mt_page_reader *reader, const char *status, const char *type,
                     const char *more) {
    char head[512];
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
                          "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
                          "Referrer-Policy: no-referrer\r\nConnection: close\r\n%s\r\n",
                          status, type, more);
    put(reader, head, (size_t)length);
    reader->state = MT_READER_ANSWERED;
}

static void say_length(mt_page_reader *reader, const char *status, const char *type,
                       size_t length) {
    char more[48];
    snprintf(more, sizeof more, "Content-Length: %zu\r\n", length);
    say_head(reader, status, type, more);
}

static void say_text(mt_page_reader *reader, const char *status, const char *text) {
    say_length(reader, status, "text/plain; charset=utf-8", strlen(text));
    if (reader->http.method != MT_HTTP_METHOD_HEAD)
        put(reader, text, strlen(text));
}

static void say_page(const mt_page *page, mt_page_reader *reader) {
    say_length(reader, "200 OK", "text/html; charset=utf-8", page->html_length);
    if (reader->http.method != MT_HTTP_METHOD_HEAD)
        reader->body = (mt_span){page->html, page->html_length};
}

static void say_metrics(mt_page *page, mt_page_reader *reader) {
    pthread_mutex_lock(&page->lock);
    say_length(reader, "200 OK", "text/plain; version=0.0.4; charset=utf-8", page->metrics.length);
    if (reader->http.method != MT_HTTP_METHOD_HEAD)
        put(reader, page->metrics.bytes, page->metrics.length);
    pthread_mutex_unlock(&page->lock);
}

static void begin_events(mt_page *page, mt_page_reader *reader) {
    say_head(reader, "200 OK", "text/event-stream; charset=utf-8", "");
    reader->state = MT_READER_LISTENING;
    pthread_mutex_lock(&page->lock);
    page->listeners++;
    pthread_mutex_unlock(&page->lock);
}

/* As Ctrl-C does it, also for a process that was started to ignore that. What would end the process at once
 * is not done: it is the figures that are waited for. */
static void stop_the_work(void) {
    if (mt_interrupt_flag >= mt_interrupt_patience)
        return;
    struct sigaction action;
    if (sigaction(SIGINT, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        mt_interrupt_flag++;
    else
        kill(getpid(), SIGINT);
}

/* The comparison takes the same time wherever the two differ. */
static int has_token(const mt_page *page, const char *query) {
    static const char name[] = "token=";
    if (strncmp(query, name, sizeof name - 1) != 0)
        return 0;
    const char *given = query + sizeof name - 1;
    size_t length = strlen(page->token), given_length = strcspn(given, "&");
    unsigned difference = given_length != length;
    for (size_t i = 0; i < given_length && i < length; i++)
        difference |= (unsigned char)given[i] ^ (unsigned char)page->token[i];
    return difference == 0;
}

static void answer(mt_page *page, mt_page_reader *reader) {
    char *target = reader->http.target, *query = strchr(target, '?');
    int knows_token = query && has_token(page, query + 1);
    size_t length = query ? (size_t)(query - target) : strlen(target);
    int asks =
        reader->http.method == MT_HTTP_METHOD_GET || reader->http.method == MT_HTTP_METHOD_HEAD;
#define IS(path) (length == sizeof(path) - 1 && memcmp(target, path, length) == 0)
    int is_stop = IS("/stop"), is_known = IS("/") || IS("/events") || IS("/metrics") || is_stop;
    if (IS("/favicon.ico"))
        say_text(reader, "204 No Content", "");
    else if (!is_known)
        say_text(reader, "404 Not Found", "there is /, /events, /metrics and /stop\n");
    else if (is_stop ? reader->http.method != MT_HTTP_METHOD_POST : !asks)
        say_text(reader, "405 Method Not Allowed", is_stop ? "POST it\n" : "GET it\n");
    else if (!knows_token && (is_stop || page->guards_all))
        say_text(reader, "403 Forbidden",
                 "the address must end in ?token=TOKEN, as it was told at the start\n");
    else if (is_stop) {
        stop_the_work();
        say_text(reader, "200 OK", "asked\n");
    } else if (IS("/events"))
        begin_events(page, reader);
    else if (IS("/metrics"))
        say_metrics(page, reader);
    else
        say_page(page, reader);
#undef IS
}

/* --- bytes in and out ----------------------------------------------------------------------------- */

static void take_bytes(mt_page *page, mt_page_reader *reader, mt_span unread) {
    mt_span body;
    while (reader->state == MT_READER_ASKING) {
        switch (mt_http_next(&reader->http, &unread, &body)) {
        case MT_HTTP_MORE:
            return;
        case MT_HTTP_END:
            answer(page, reader);
            break;
        case MT_HTTP_BAD:
            say_text(reader, "400 Bad Request",
                     mt_http_problem_text((mt_http_problem)reader->http.problem));
            break;
        default: /* of a body nothing is wanted */
            break;
        }
    }
}

/* 0 when the connection is over. */
static int read_some(mt_page *page, mt_page_reader *reader) {
    char piece[PIECE];
    ssize_t length = recv(reader->fd, piece, sizeof piece, 0);
    if (length < 0)
        return errno == EAGAIN || errno == EINTR;
    if (length == 0) /* half closed: who has asked may still read the answer */
        return reader->state == MT_READER_ANSWERED && mt_page_has_unsent(reader);
    take_bytes(page, reader, (mt_span){piece, (size_t)length});
    return 1;
}

/* 0 when the connection is over. */
static int send_some(mt_page_reader *reader, int64_t now_ns) {
    while (mt_page_has_unsent(reader)) {
        int has_out = reader->out_sent < reader->out.length;
        const char *from = has_out ? reader->out.bytes + reader->out_sent : reader->body.text;
        size_t left = has_out ? reader->out.length - reader->out_sent : reader->body.length;
        ssize_t sent = send(reader->fd, from, left, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        reader->since_ns = now_ns;
        if (has_out)
            reader->out_sent += (size_t)sent;
        else
            reader->body = (mt_span){from + sent, left - (size_t)sent};
    }
    reader->out.length = reader->out_sent = 0;
    return 1;
}

/* Puts events that it has not heard into `out`, which is empty: 0 when there are none. */
static int fetch_events(mt_page *page, mt_page_reader *reader) {
    pthread_mutex_lock(&page->lock);
    const mt_page_event *event;
    while ((event = mt_page_after(&page->history, reader->heard)) &&
           (reader->out.length == 0 || reader->out.length + event->length <= MT_PAGE_UNREAD)) {
        put(reader, event->text, event->length);
        reader->heard = event->number;
    }
    pthread_mutex_unlock(&page->lock);
    return reader->out.length > 0;
}

void mt_page_attend(mt_page *page, mt_page_reader *reader, int can_read, int64_t now_ns) {
    int goes_on = !can_read || read_some(page, reader);
    do {
        goes_on = goes_on && send_some(reader, now_ns);
    } while (goes_on && reader->state == MT_READER_LISTENING && !mt_page_has_unsent(reader) &&
             fetch_events(page, reader));
    int is_done = reader->state == MT_READER_ANSWERED && !mt_page_has_unsent(reader);
    if (!goes_on || is_done)
        mt_page_dismiss(page, reader);
    else if (reader->state == MT_READER_LISTENING && !mt_page_has_unsent(reader))
        reader->since_ns = now_ns;
}

void mt_page_welcome(mt_page *page, int fd, int64_t now_ns) {
    int bytes = SEND_BUFFER;
    for (int i = 0; i < MT_PAGE_READERS; i++) {
        mt_page_reader *reader = &page->readers[i];
        if (reader->state != MT_READER_FREE)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        *reader = (mt_page_reader){.fd = fd, .state = MT_READER_ASKING, .since_ns = now_ns};
        mt_http_begin(&reader->http, MT_HTTP_REQUEST);
        return;
    }
    close(fd);
}
