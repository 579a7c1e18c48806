/* What the benchmarks of driving share: a server to drive, in a process of its own, made for nothing
 * but speed; arguments; figures. The server answers each request by the head of an event stream at
 * once, then CHUNKS events, one each INTERVAL, and the last with [DONE]. What an event says is when it was
 * sent: a space and the nanoseconds of the monotonic clock, in 19 digits. */
#ifndef MT_TESTS_BENCH_DRIVING_H
#define MT_TESTS_BENCH_DRIVING_H

#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DRIVING_EVENTS = 1024, DRIVING_BODY = 2048 };

#define DRIVING_CONTENT "\"content\":\" "
#define DRIVING_NOW "0000000000000000000"
#define DRIVING_EVENT                                                                              \
    "data: {\"choices\":[{\"index\":0,\"delta\":{" DRIVING_CONTENT DRIVING_NOW "\"}}]}\n\n"
#define DRIVING_LAST                                                                               \
    "data: {\"choices\":[{\"index\":0,\"delta\":{" DRIVING_CONTENT DRIVING_NOW "\"},"              \
    "\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n"

static inline int64_t driving_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

enum { DRIVING_DIGITS = sizeof DRIVING_NOW - 1 };

static inline void driving_write_stamp(char *digits, int64_t stamp_ns) {
    for (int i = DRIVING_DIGITS; i-- > 0; stamp_ns /= 10)
        digits[i] = (char)('0' + stamp_ns % 10);
}

static inline int64_t driving_read_stamp(const char *digits) {
    int64_t stamp_ns = 0;
    for (int i = 0; i < DRIVING_DIGITS; i++)
        stamp_ns = stamp_ns * 10 + (digits[i] - '0');
    return stamp_ns;
}

/* RATE SECONDS CHUNKS INTERVAL_US, from argv[1] on. */
typedef struct driving {
    double rate;
    int64_t count, interval_ns;
    int chunks, port;
    pid_t child;
} driving;

/* --- the server ----------------------------------------------------------------------------------- */

typedef struct driving_stream {
    int fd, chunks_left;
    int64_t unread; /* bytes of the request */
    int64_t
        due_ns; /* of the next event: the same interval for all, so that the queue is in order */
    struct driving_stream *next;
} driving_stream;

static inline void driving_chunk(char *into, size_t *length, const char *text, int is_last) {
    *length += (size_t)sprintf(into + *length, "%zx\r\n%s\r\n%s", strlen(text), text,
                               is_last ? "0\r\n\r\n" : "");
}

static inline void driving_serve(int listener, const driving *d) {
    static driving_stream *free_streams, *first, *last;
    char event[256], end[512],
        head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n";
    size_t event_length = 0, end_length = 0;
    driving_chunk(event, &event_length, DRIVING_EVENT, 0);
    driving_chunk(end, &end_length, DRIVING_LAST, 1);
    char *event_stamp = strstr(event, DRIVING_NOW), *end_stamp = strstr(end, DRIVING_NOW);
    int loop = epoll_create1(0);
    struct epoll_event ready[DRIVING_EVENTS], what = {.events = EPOLLIN};
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &what);
    for (;;) {
        int64_t now = driving_now(), rest = first ? first->due_ns - now : 1000000000;
        struct timespec patience = {0, rest < 0 ? 0 : rest > 999999999 ? 999999999 : rest};
        int count = epoll_pwait2(loop, ready, DRIVING_EVENTS, &patience, NULL);
        for (int i = 0; i < count; i++) {
            driving_stream *s = ready[i].data.ptr;
            static char bytes[65536];
            if (!s) { /* the listener's */
                for (int fd, on = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                    s = free_streams ? free_streams : malloc(sizeof *s);
                    free_streams = free_streams ? free_streams->next : NULL;
                    *s = (driving_stream){.fd = fd};
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    what = (struct epoll_event){.events = EPOLLIN, .data.ptr = s};
                    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &what);
                }
                continue;
            }
            ssize_t got = recv(s->fd, bytes, sizeof bytes, 0);
            if (got < 0)
                continue;
            if (got == 0) {
                close(s->fd);
                s->fd = -1;
                if (s->chunks_left == 0) { /* else it is in the queue */
                    s->next = free_streams;
                    free_streams = s;
                }
                continue;
            }
            if (s->unread == 0)
                s->unread = DRIVING_BODY;
            s->unread -= got;
            if (s->unread == 0) {
                (void)!send(s->fd, head, sizeof head - 1, MSG_NOSIGNAL);
                s->chunks_left = d->chunks;
                s->due_ns = driving_now() + d->interval_ns;
                s->next = NULL;
                *(first ? &last->next : &first) = s;
                last = s;
            }
        }
        for (now = driving_now(); first && first->due_ns <= now;) {
            driving_stream *s = first;
            first = s->next;
            s->chunks_left--;
            if (s->fd < 0) {
                s->chunks_left = 0;
                s->next = free_streams;
                free_streams = s;
                continue;
            }
            driving_write_stamp(s->chunks_left ? event_stamp : end_stamp, driving_now());
            (void)!send(s->fd, s->chunks_left ? event : end,
                        s->chunks_left ? event_length : end_length, MSG_NOSIGNAL);
            if (s->chunks_left > 0) {
                s->due_ns += d->interval_ns;
                s->next = NULL;
                *(first ? &last->next : &first) = s;
                last = s;
            }
        }
    }
}

/* --- the measuring side --------------------------------------------------------------------------- */

/* Starts the server. */
static inline driving driving_begin(char **argv) {
    driving d = {.rate = atof(argv[1]), .chunks = atoi(argv[3])};
    d.count = (int64_t)(d.rate * atof(argv[2]));
    d.interval_ns = atol(argv[4]) * 1000;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bench_require(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                      listen(listener, 4096) == 0 &&
                      getsockname(listener, (struct sockaddr *)&address, &length) == 0,
                  "driving: no port to listen on");
    d.port = ntohs(address.sin_port);
    d.child = fork();
    bench_require(d.child >= 0, "driving: no second process");
    if (d.child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        driving_serve(listener, &d);
    }
    close(listener);
    return d;
}

static inline void driving_end(driving *d) {
    kill(d->child, SIGKILL);
}

/* A request of DRIVING_BODY bytes in all; the length of its head is the same for all lengths of four
 * digits. */
static inline void driving_request(char *bytes) {
    static const char form[] = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                               "Content-Type: application/json\r\nContent-Length: %04d\r\n\r\n";
    int length = snprintf(NULL, 0, form, 0);
    sprintf(bytes, form, DRIVING_BODY - length);
    memset(bytes + length, ' ', (size_t)(DRIVING_BODY - length));
}

static inline int driving_compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Prints NAME_p50 and NAME_p99 in seconds. */
static inline void driving_quantiles(const char *name, double *values, int64_t count) {
    bench_require(count > 0, "driving: nothing was measured");
    qsort(values, (size_t)count, sizeof *values, driving_compare);
    printf("%s_p50 %.9f\n%s_p99 %.9f\n", name, values[count / 2], name, values[count * 99 / 100]);
}

static inline double driving_thread_cpu(void) {
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (double)cpu.tv_sec + 1e-9 * (double)cpu.tv_nsec;
}

#endif
