#include "drive/scrape.h"

#include "base/memory.h"
#include "base/thread.h"
#include "drive/driver.h" /* mt_now_ns */
#include "drive/endpoint.h"
#include "drive/http/message.h"
#include "drive/http/url.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PIECE = 65536,         /* bytes of one read */
    MOST_BYTES = 64 << 20, /* of one answer */
    REQUEST_BYTES = 4096,  /* of the request */
    NS_A_MS = 1000000
};

static const int64_t patience_ns = 3000000000; /* of one look */

struct mt_scraper {
    char *url;
    char request[REQUEST_BYTES];
    size_t request_length;
    mt_endpoint endpoint;
    int fd; /* kept between two looks; -1: none */
    char *text;
    size_t text_length, text_capacity;
    mt_scrape *looks;
    size_t count, capacity;
    uint64_t failures;
    mt_error first_failure;
    int64_t every_ns;
    pthread_t thread;
    int is_running; /* the thread is to be joined */
    int is_ending;  /* under the lock, as are the looks while the thread runs */
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* ---- one answer --------------------------------------------------------------------------------- */

static mt_code fail_io(mt_scraper *scraper, mt_error *error, const char *what, int reason) {
    if (scraper->fd >= 0)
        close(scraper->fd);
    scraper->fd = -1;
    return mt_fail(error, MT_ERROR_IO, "%s: %s%s%s", scraper->url, what, reason ? ": " : "",
                   reason ? strerror(reason) : "");
}

/* Waits until the socket can do it: 0, or an errno. */
static int wait_for(int fd, short events, int64_t end_ns) {
    struct pollfd wait = {.fd = fd, .events = events};
    for (;;) {
        int64_t left_ns = end_ns - mt_now_ns();
        if (left_ns <= 0)
            return ETIMEDOUT;
        int ready = poll(&wait, 1, (int)(left_ns / NS_A_MS) + 1);
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return errno;
    }
}

/* 0, or an errno. */
static int send_request(mt_scraper *scraper, int64_t end_ns) {
    for (size_t sent = 0; sent < scraper->request_length;) {
        ssize_t count = send(scraper->fd, scraper->request + sent, scraper->request_length - sent,
                             MSG_NOSIGNAL);
        if (count >= 0)
            sent += (size_t)count;
        else if (errno == EAGAIN) {
            int reason = wait_for(scraper->fd, POLLOUT, end_ns);
            if (reason)
                return reason;
        } else if (errno != EINTR)
            return errno;
    }
    return 0;
}

static mt_code keep(mt_scraper *scraper, mt_span body, mt_error *error) {
    if (scraper->text_length + body.length > MOST_BYTES)
        return fail_io(scraper, error, "the answer is longer than 64 MiB", 0);
    if (MT_GROW(scraper->text, scraper->text_capacity, scraper->text_length + body.length) != 0) {
        fail_io(scraper, error, "", 0);
        return mt_fail_memory(error, "metrics");
    }
    memcpy(scraper->text + scraper->text_length, body.text, body.length);
    scraper->text_length += body.length;
    return MT_OK;
}

/* What the bytes say: MT_HTTP_MORE or MT_HTTP_END with MT_OK. */
static mt_code take_bytes(mt_scraper *scraper, mt_http *http, mt_span unread, int *state,
                          mt_error *error) {
    mt_span body;
    for (;;) {
        *state = mt_http_next(http, &unread, &body);
        if (*state == MT_HTTP_MORE || *state == MT_HTTP_END)
            return MT_OK;
        if (*state == MT_HTTP_BAD)
            return fail_io(scraper, error, mt_http_problem_text((mt_http_problem)http->problem), 0);
        mt_code code = *state == MT_HTTP_BODY ? keep(scraper, body, error) : MT_OK;
        if (code != MT_OK)
            return code;
    }
}

static mt_code read_answer(mt_scraper *scraper, mt_http *http, int64_t end_ns, mt_error *error) {
    char piece[PIECE];
    int state = MT_HTTP_MORE;
    scraper->text_length = 0;
    mt_http_begin(http, MT_HTTP_ANSWER);
    while (state != MT_HTTP_END) {
        ssize_t count = recv(scraper->fd, piece, sizeof piece, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            int reason = errno == EAGAIN ? wait_for(scraper->fd, POLLIN, end_ns) : errno;
            if (reason)
                return fail_io(scraper, error, "no answer", reason);
            continue;
        }
        if (count == 0 && mt_http_close(http) == MT_HTTP_END)
            break;
        if (count == 0)
            return fail_io(scraper, error, mt_http_problem_text((mt_http_problem)http->problem), 0);
        mt_code code = take_bytes(scraper, http, (mt_span){piece, (size_t)count}, &state, error);
        if (code != MT_OK)
            return code;
    }
    if (!http->keeps_alive) {
        close(scraper->fd);
        scraper->fd = -1;
    }
    return MT_OK;
}

static mt_code ask(mt_scraper *scraper, mt_http *http, int64_t end_ns, mt_error *error) {
    if (scraper->fd < 0)
        mt_endpoint_shake(&scraper->endpoint, mt_descriptor_limit(), 1, end_ns - mt_now_ns(),
                          &scraper->fd);
    if (scraper->fd < 0) {
        int reason = -scraper->fd;
        return fail_io(scraper, error, "no connection", reason);
    }
    int reason = send_request(scraper, end_ns);
    if (reason)
        return fail_io(scraper, error, "the request could not be sent", reason);
    return read_answer(scraper, http, end_ns, error);
}

/* ---- looks -------------------------------------------------------------------------------------- */

static int is_json(const mt_scraper *scraper) {
    return scraper->text_length > 0 && (scraper->text[0] == '[' || scraper->text[0] == '{');
}

/* A server closes idle connections when it likes: a look that fails on a kept one is made once more. */
static mt_code look(mt_scraper *scraper, mt_error *error) {
    mt_http http = {0};
    mt_scrape one = {.at_ns = mt_now_ns()};
    int was_kept = scraper->fd >= 0;
    mt_code code = ask(scraper, &http, one.at_ns + patience_ns, error);
    if (code == MT_ERROR_IO && was_kept)
        code = ask(scraper, &http, one.at_ns + patience_ns, error);
    if (code != MT_OK)
        return code;
    if (http.status != 200)
        return mt_fail(error, MT_ERROR_IO, "%s: status %d", scraper->url, http.status);
    if (mt_server_metrics_read((mt_span){scraper->text, scraper->text_length}, one.values) == 0)
        return mt_fail(error, MT_ERROR_INPUT, "%s: none of its metrics is known%s", scraper->url,
                       is_json(scraper)
                           ? ": it is JSON (TensorRT-LLM has the text at /prometheus/metrics)"
                           : "");
    pthread_mutex_lock(&scraper->lock);
    if (MT_GROW(scraper->looks, scraper->capacity, scraper->count + 1) == 0)
        scraper->looks[scraper->count++] = one;
    else
        code = mt_fail_memory(error, "metrics");
    pthread_mutex_unlock(&scraper->lock);
    return code;
}

static void look_on(mt_scraper *scraper) {
    mt_error error;
    if (look(scraper, &error) != MT_OK && scraper->failures++ == 0)
        scraper->first_failure = error;
}

/* Until the moment, or the end: is it the end? */
static int sleep_until(mt_scraper *scraper, int64_t moment_ns) {
    struct timespec moment = {.tv_sec = moment_ns / 1000000000, .tv_nsec = moment_ns % 1000000000};
    pthread_mutex_lock(&scraper->lock);
    while (!scraper->is_ending &&
           pthread_cond_timedwait(&scraper->changed, &scraper->lock, &moment) == 0)
        ;
    int is_ending = scraper->is_ending;
    pthread_mutex_unlock(&scraper->lock);
    return is_ending;
}

static void *work(void *context) {
    mt_scraper *scraper = context;
    for (int64_t next_ns = mt_now_ns() + scraper->every_ns; !sleep_until(scraper, next_ns);) {
        look_on(scraper);
        next_ns += scraper->every_ns;
        if (next_ns < mt_now_ns())
            next_ns = mt_now_ns(); /* a slow server is not asked twice for one second */
    }
    return NULL;
}

/* ---- its life ----------------------------------------------------------------------------------- */

static mt_code write_request(mt_scraper *scraper, const char *url, mt_error *error) {
    mt_url parts;
    mt_code code = mt_url_read(url, &parts, error);
    if (code != MT_OK)
        return code;
    if (parts.is_secure)
        return mt_fail(error, MT_ERROR_VALUE,
                       "%.200s: metrics are read over http:// only: name the server's own address",
                       url);
    mt_span path = parts.path.length > 0 ? parts.path : (mt_span){"/metrics", 8};
    int length =
        snprintf(scraper->request, sizeof scraper->request,
                 "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nAccept: text/plain\r\n\r\n", (int)path.length,
                 path.text, (int)parts.authority.length, parts.authority.text);
    if (length < 0 || (size_t)length >= sizeof scraper->request)
        return mt_fail(error, MT_ERROR_VALUE, "%.60s...: the URL is too long", url);
    scraper->request_length = (size_t)length;
    return MT_OK;
}

static mt_code start_thread(mt_scraper *scraper, mt_error *error) {
    int reason = mt_thread_start(&scraper->thread, work, scraper);
    if (reason)
        return mt_fail(error, MT_ERROR_IO, "cannot make a thread: %s", strerror(reason));
    scraper->is_running = 1;
    return MT_OK;
}

mt_scraper *mt_scraper_start(const char *url, int64_t every_ns, mt_error *error) {
    mt_scraper *scraper = mt_new(sizeof *scraper, "metrics", error);
    if (!scraper)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&scraper->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&scraper->lock, NULL);
    scraper->fd = -1;
    scraper->every_ns = every_ns;
    scraper->url = mt_copy_text(url, strlen(url));
    mt_code code =
        scraper->url ? write_request(scraper, url, error) : mt_fail_memory(error, "a URL");
    if (code == MT_OK)
        code = mt_endpoint_open(&scraper->endpoint, url, error);
    if (code == MT_OK)
        code = look(scraper, error);
    if (code == MT_OK)
        code = start_thread(scraper, error);
    if (code == MT_OK)
        return scraper;
    mt_scraper_free(scraper);
    return NULL;
}

static void end_thread(mt_scraper *scraper) {
    if (!scraper->is_running)
        return;
    pthread_mutex_lock(&scraper->lock);
    scraper->is_ending = 1;
    pthread_cond_signal(&scraper->changed);
    pthread_mutex_unlock(&scraper->lock);
    pthread_join(scraper->thread, NULL);
    scraper->is_running = 0;
}

void mt_scraper_stop(mt_scraper *scraper) {
    if (!scraper->is_running)
        return;
    end_thread(scraper);
    look_on(scraper);
}

mt_scrape mt_scraper_last(mt_scraper *scraper) {
    pthread_mutex_lock(&scraper->lock);
    mt_scrape last = scraper->looks[scraper->count - 1]; /* the first was made at the start */
    pthread_mutex_unlock(&scraper->lock);
    return last;
}

size_t mt_scraper_looks(const mt_scraper *scraper, const mt_scrape **looks) {
    *looks = scraper->looks;
    return scraper->count;
}

uint64_t mt_scraper_failures(const mt_scraper *scraper, const char **why) {
    *why = scraper->failures > 0 ? scraper->first_failure.message : "";
    return scraper->failures;
}

void mt_scraper_free(mt_scraper *scraper) {
    if (!scraper)
        return;
    end_thread(scraper);
    if (scraper->fd >= 0)
        close(scraper->fd);
    mt_endpoint_close(&scraper->endpoint);
    pthread_cond_destroy(&scraper->changed);
    pthread_mutex_destroy(&scraper->lock);
    mt_free(scraper->url);
    mt_free(scraper->text);
    mt_free(scraper->looks);
    mt_free(scraper);
}
