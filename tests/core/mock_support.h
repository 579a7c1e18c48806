/* A mock in a thread of its own, and a slow and simple client of it. */
#ifndef MOCK_SUPPORT_H
#define MOCK_SUPPORT_H

#include "base/interrupt.h"
#include "drive/event.h"
#include "drive/http/message.h"
#include "drive/http/sse.h"
#include "drive/mock/mock.h"

#include "distribution_makers.h"
#include "file_support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

/* A fixed number of milliseconds or tokens. */
static inline mt_distribution *always(double value) {
    mt_distribution *made = mt_distribution_fixed(mt_number(value), NULL);
    assert_non_null(made);
    return made;
}

/* No waiting. */
static inline mt_mock_options quick(void) {
    mt_mock_options options = mt_mock_defaults();
    options.queue = UINT64_MAX;
    return options;
}

typedef struct running_mock {
    mt_mock *mock;
    pthread_t thread;
    mt_code code;
    mt_error error;
    _Atomic int is_over;
    mt_distribution *made[3];
} running_mock;

static inline void wake(int number) {
    (void)number;
}

static inline void *serve(void *context) {
    running_mock *self = context;
    self->code = mt_mock_run(self->mock, &self->error);
    self->is_over = 1;
    return NULL;
}

/* What times the options leave out are 0, chunks are of a token. */
static inline void start_mock(running_mock *self, mt_mock_options options) {
    *self = (running_mock){.code = MT_OK};
    const mt_distribution **wanted[] = {&options.ttft, &options.itl, &options.tokens_per_chunk};
    for (int i = 0; i < 3; i++)
        if (!*wanted[i])
            *wanted[i] = self->made[i] = always(i == 2);
    mt_error error = {0};
    self->mock = mt_mock_open(&options, &error);
    if (!self->mock)
        fail_msg("%s", error.message);
    struct sigaction action = {.sa_handler = wake};
    sigaction(SIGUSR1, &action, NULL);
    mt_interrupt_flag = 0;
    assert_int_equal(pthread_create(&self->thread, NULL, serve, self), 0);
}

static inline void pause_ms(int ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

static inline int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* As Ctrl-C; what it counted. */
static inline mt_mock_counts stop_mock(running_mock *self) {
    mt_mock_counts counts;
    mt_interrupt_flag = 1;
    while (!self->is_over) {
        pthread_kill(self->thread, SIGUSR1);
        pause_ms(1);
    }
    pthread_join(self->thread, NULL);
    mt_interrupt_flag = 0;
    mt_mock_look(self->mock, &counts);
    mt_mock_free(self->mock);
    for (int i = 0; i < 3; i++)
        mt_distribution_release(self->made[i]);
    return counts;
}

/* --- the client --------------------------------------------------------------------------------- */

static inline int connect_to(const running_mock *mock) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(mt_mock_port(mock->mock))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    struct timeval patience = {10, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static inline void send_text(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static inline void send_request(int fd, const char *target, const char *body) {
    char *text = malloc(strlen(body) + 512);
    if (*body)
        sprintf(text, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s", target,
                strlen(body), body);
    else
        sprintf(text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    send_text(fd, text);
    free(text);
}

enum { ANSWER_BYTES = 1 << 18, ANSWER_EVENTS = 64 };

/* One answer. */
typedef struct heard {
    mt_http http;
    int os_error; /* of a read that failed */
    char body[ANSWER_BYTES];
    size_t length;
    int events;
    unsigned says[ANSWER_EVENTS]; /* of each event */
    char
        shape[256]; /* the events in letters: R role, C content, L live, F finish, U usage, E error,
                        D done, - none of them; parted by spaces */
    mt_said said;   /* of the last event with a usage or an error, or of the whole body */
} heard;

static inline void hear_event(heard *answer, mt_span data) {
    mt_said said;
    if (mt_said_read(data.text, data.length, &said) != 0)
        fail_msg("no JSON: %.*s", (int)data.length, data.text);
    char letters[16], *to = letters;
    static const struct {
        unsigned bit;
        char letter;
    } known[] = {{MT_SAYS_ROLE, 'R'},   {MT_SAYS_CONTENT, 'C'}, {MT_SAYS_LIVE, 'L'},
                 {MT_SAYS_FINISH, 'F'}, {MT_SAYS_USAGE, 'U'},   {MT_SAYS_ERROR, 'E'},
                 {MT_SAYS_DONE, 'D'}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (said.says & known[i].bit)
            *to++ = known[i].letter;
    if (to == letters)
        *to++ = '-';
    *to = '\0';
    if (answer->events > 0)
        strcat(answer->shape, " ");
    if (strlen(answer->shape) < sizeof answer->shape - 20)
        strcat(answer->shape, letters);
    answer->events++;
    if (said.says & (MT_SAYS_USAGE | MT_SAYS_ERROR))
        answer->said = said;
}

/* Reads until the answer is whole or cannot become so. */
static inline heard *hear(int fd) {
    heard *answer = calloc(1, sizeof *answer);
    mt_sse sse = {0};
    mt_http_begin(&answer->http, MT_HTTP_ANSWER);
    for (int what = MT_HTTP_MORE; what != MT_HTTP_END && what != MT_HTTP_BAD;) {
        char bytes[4096];
        ssize_t length = recv(fd, bytes, sizeof bytes, 0);
        if (length <= 0) {
            answer->os_error = length < 0 ? errno : 0;
            mt_http_close(&answer->http);
            break;
        }
        mt_span unread = {bytes, (size_t)length}, body, data;
        while ((what = mt_http_next(&answer->http, &unread, &body)) == MT_HTTP_HEAD ||
               what == MT_HTTP_BODY) {
            if (what == MT_HTTP_HEAD)
                continue;
            assert_true(answer->length + body.length < ANSWER_BYTES);
            memcpy(answer->body + answer->length, body.text, body.length);
            answer->length += body.length;
            if (answer->http.content_type == MT_HTTP_CONTENT_EVENTS)
                while (mt_sse_next(&sse, &body, &data) == MT_SSE_EVENT)
                    hear_event(answer, data);
        }
        assert_true(what == MT_HTTP_BAD || unread.length == 0);
    }
    mt_sse_free(&sse);
    if (answer->http.content_type == MT_HTTP_CONTENT_JSON)
        mt_said_read(answer->body, answer->length, &answer->said);
    return answer;
}

/* A request on a connection of its own. */
static inline heard *ask(const running_mock *mock, const char *target, const char *body) {
    int fd = connect_to(mock);
    assert_true(fd >= 0);
    send_request(fd, target, body);
    heard *answer = hear(fd);
    close(fd);
    return answer;
}

#define CHAT "/v1/chat/completions"
#define TEXT "/v1/completions"

#define CHAT_STREAM                                                                                \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"max_tokens\":3,\"stream\":true,"      \
    "\"stream_options\":{\"include_usage\":true}}"
#define TEXT_STREAM                                                                                \
    "{\"prompt\":\"a b\",\"max_tokens\":3,\"stream\":true,\"stream_options\":{\"include_usage\":"  \
    "true}}"

#endif
