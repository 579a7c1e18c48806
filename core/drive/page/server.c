/* The thread: it waits for connections, for what they ask and for what is said. */
#define _GNU_SOURCE /* accept4 */
#include "drive/page/state.h"

#include "base/memory.h"
#include "base/thread.h"
#include "drive/driver.h" /* mt_now_ns */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64, NICENESS = 10, TURN_MS = 1000, NS_A_MS = 1000000 };

static const int64_t second_ns = 1000000000;
static const int64_t question_ns = 10000000000; /* how long a request may take to come */
static const int64_t unread_ns = 60000000000;   /* how long a reader may take nothing */

/* --- the thread ----------------------------------------------------------------------------------- */

static void accept_all(mt_page *page, int64_t now_ns) {
    int fd;
    while ((fd = accept4(page->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        mt_page_welcome(page, fd, now_ns);
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        page->accepts_from_ns = now_ns + second_ns;
}

static int is_too_slow(const mt_page_reader *reader, int64_t now_ns) {
    int64_t patience_ns = reader->state == MT_READER_ASKING ? question_ns : unread_ns;
    return now_ns - reader->since_ns > patience_ns;
}

/* How long to wait: until the end, or a look at who is too slow. */
static int wait_ms(int64_t ends_ns, int64_t now_ns) {
    int64_t left_ns = ends_ns - now_ns;
    if (left_ns <= 0) /* less than that would be for ever */
        return 0;
    return left_ns < (int64_t)TURN_MS * NS_A_MS ? (int)(left_ns / NS_A_MS) + 1 : TURN_MS;
}

/* Waits for one of the readers' sockets, a connection, or something said; then attends to all of them.
 * Gives how many have not taken everything. */
static int turn(mt_page *page, int64_t ends_ns) {
    struct pollfd waits[2 + MT_PAGE_READERS];
    int64_t now_ns = mt_now_ns();
    int accepts = now_ns >= page->accepts_from_ns && ends_ns == INT64_MAX;
    waits[0] = (struct pollfd){.fd = accepts ? page->listener : -1, .events = POLLIN};
    waits[1] = (struct pollfd){.fd = page->wake, .events = POLLIN};
    for (int i = 0; i < MT_PAGE_READERS; i++) {
        const mt_page_reader *reader = &page->readers[i];
        short events = POLLIN;
        if (mt_page_has_unsent(reader)) /* who sends on without reading is not read either */
            events = POLLOUT;
        waits[2 + i] = (struct pollfd){.fd = reader->state == MT_READER_FREE ? -1 : reader->fd,
                                       .events = events};
    }
    (void)poll(waits, 2 + MT_PAGE_READERS, wait_ms(ends_ns, now_ns));
    now_ns = mt_now_ns();
    uint64_t times;
    (void)!read(page->wake, &times, sizeof times);
    int unread = 0;
    for (int i = 0; i < MT_PAGE_READERS; i++) {
        mt_page_reader *reader = &page->readers[i];
        if (reader->state == MT_READER_FREE)
            continue;
        mt_page_attend(page, reader, waits[2 + i].revents & (POLLIN | POLLHUP | POLLERR), now_ns);
        if (reader->state != MT_READER_FREE && is_too_slow(reader, now_ns))
            mt_page_dismiss(page, reader);
        unread += mt_page_has_unsent(reader);
    }
    if (waits[0].revents)
        accept_all(page, now_ns);
    return unread;
}

static void *serve(void *context) {
    mt_page *page = context;
    (void)!nice(NICENESS); /* of this thread, on Linux */
    int64_t ends_ns;
    int unread;
    do {
        pthread_mutex_lock(&page->lock);
        ends_ns = page->ends_ns;
        pthread_mutex_unlock(&page->lock);
        unread = turn(page, ends_ns);
    } while (ends_ns == INT64_MAX || (unread > 0 && mt_now_ns() < ends_ns));
    for (int i = 0; i < MT_PAGE_READERS; i++)
        if (page->readers[i].state != MT_READER_FREE)
            mt_page_dismiss(page, &page->readers[i]);
    return NULL;
}

static void wake(mt_page *page) {
    uint64_t once = 1;
    (void)!write(page->wake, &once, sizeof once);
}

/* --- opening and closing ------------------------------------------------------------------------ */

static mt_code listen_at(mt_page *page, const char *host, uint16_t port, mt_error *error) {
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int is_four = inet_pton(AF_INET, host, &four.sin_addr) == 1;
    if (!is_four && inet_pton(AF_INET6, host, &six.sin6_addr) != 1)
        return mt_fail(error, MT_ERROR_VALUE,
                       "host must be an address of this machine, not '%.100s'", host);
    char where[128];
    snprintf(where, sizeof where, is_four ? "%.100s:%u" : "[%.100s]:%u", host, (unsigned)port);
    const struct sockaddr *address =
        is_four ? (const struct sockaddr *)&four : (const struct sockaddr *)&six;
    socklen_t size = is_four ? sizeof four : sizeof six;
    int one = 1;
    page->listener =
        socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (page->listener < 0)
        return mt_fail_errno(error, where, "cannot listen", errno);
    setsockopt(page->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(page->listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* inherited */
    struct sockaddr_in6 bound = {0};
    socklen_t bound_size = sizeof bound;
    if (bind(page->listener, address, size) != 0 || listen(page->listener, BACKLOG) != 0 ||
        getsockname(page->listener, (struct sockaddr *)&bound, &bound_size) != 0)
        return mt_fail_errno(error, where, "cannot listen", errno);
    page->port = ntohs(bound.sin6_port); /* at the same place in both */
    return MT_OK;
}

mt_code mt_page_draw_token(char *token, mt_error *error) {
    unsigned char drawn[MT_PAGE_DRAWN / 2];
    if (getrandom(drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
        return mt_fail_errno(error, "the page", "cannot draw a token", errno);
    for (size_t i = 0; i < sizeof drawn; i++)
        snprintf(token + 2 * i, 3, "%02x", (unsigned)drawn[i]);
    return MT_OK;
}

static int is_token(const char *text) {
    size_t length = strlen(text);
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-._~";
    return length > 0 && length <= MT_PAGE_TOKEN && strspn(text, allowed) == length;
}

static mt_code start_thread(mt_page *page, mt_error *error) {
    page->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (page->wake < 0)
        return mt_fail_errno(error, "the page", "cannot wait for connections", errno);
    int status = mt_thread_start(&page->thread, serve, page);
    if (status != 0)
        return mt_fail_errno(error, "the page", "cannot start its thread", status);
    page->is_running = 1;
    return MT_OK;
}

mt_page *mt_page_open(const mt_page_options *options, mt_error *error) {
    if (!is_token(options->token))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "the token must be 1 to %d letters, digits, '-', '.', '_' or '~'",
                               MT_PAGE_TOKEN));
    mt_page *page = mt_new(sizeof *page, "the page", error);
    if (!page)
        return NULL;
    memcpy(page->token, options->token, strlen(options->token));
    page->guards_all = options->guards_all;
    page->listener = page->wake = -1;
    page->ends_ns = INT64_MAX;
    pthread_mutex_init(&page->lock, NULL);
    for (int i = 0; i < MT_PAGE_READERS; i++)
        page->readers[i].fd = -1;
    page->html = mt_copy_text(options->html.text, options->html.length);
    page->html_length = options->html.length;
    mt_code code = page->html ? MT_OK : mt_fail_memory(error, "the page");
    if (code == MT_OK)
        code = listen_at(page, options->host, options->port, error);
    if (code == MT_OK)
        code = start_thread(page, error);
    if (code == MT_OK)
        return page;
    mt_page_free(page, 0);
    return NULL;
}

uint16_t mt_page_port(const mt_page *page) {
    return page->port;
}

/* --- what is said ----------------------------------------------------------------------------------- */

mt_code mt_page_say(mt_page *page, const char *name, mt_span json, mt_error *error) {
    pthread_mutex_lock(&page->lock);
    mt_code code = mt_page_note(&page->history, name, json, error);
    pthread_mutex_unlock(&page->lock);
    wake(page);
    return code;
}

mt_code mt_page_show(mt_page *page, mt_span metrics, mt_error *error) {
    mt_text text = {0};
    if (mt_text_add(&text, metrics.text, metrics.length) != 0)
        return mt_fail_memory(error, "the page's metrics");
    pthread_mutex_lock(&page->lock);
    mt_text old = page->metrics;
    page->metrics = text;
    pthread_mutex_unlock(&page->lock);
    mt_free(old.bytes);
    return MT_OK;
}

int mt_page_listeners(mt_page *page) {
    pthread_mutex_lock(&page->lock);
    int listeners = page->listeners;
    pthread_mutex_unlock(&page->lock);
    return listeners;
}

void mt_page_free(mt_page *page, int64_t patience_ns) {
    if (!page)
        return;
    if (page->is_running) {
        pthread_mutex_lock(&page->lock);
        page->ends_ns = mt_now_ns() + patience_ns;
        pthread_mutex_unlock(&page->lock);
        wake(page);
        pthread_join(page->thread, NULL);
    }
    if (page->listener >= 0)
        close(page->listener);
    if (page->wake >= 0)
        close(page->wake);
    mt_page_forget(&page->history);
    mt_free(page->metrics.bytes);
    mt_free(page->html);
    pthread_mutex_destroy(&page->lock);
    mt_free(page);
}
