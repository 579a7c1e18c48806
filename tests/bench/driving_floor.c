/* What driving is held against, in the plain way:
 *
 *   driving_floor RATE SECONDS CHUNKS INTERVAL_US [stamps]
 *                 requests at a constant rate over epoll: sent when due, answers read and their end
 *                 looked for, nothing else; `stamps`: also how much later than an event was sent the
 *                 clock after its read says that it came
 *   driving_floor timer SECONDS                     how late a timerfd wakes an idle process
 */
#define _GNU_SOURCE /* epoll_pwait2, in the header */
#include "driving.h"

#include <sys/timerfd.h>

enum { MOST_CONNECTIONS = 32768 };

typedef struct floor_connection {
    int fd;
    struct floor_connection *next; /* idle */
    char tail[5];                  /* the last bytes that came */
} floor_connection;

static floor_connection connections[MOST_CONNECTIONS], *idle;
static int opened;

static floor_connection *take_connection(const driving *d, int loop) {
    floor_connection *c = idle;
    if (c) {
        idle = c->next;
        return c;
    }
    bench_require(opened < MOST_CONNECTIONS, "driving_floor: too many connections");
    c = &connections[opened++];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)d->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bench_require(c->fd >= 0, "driving_floor: no descriptor");
    (void)connect(c->fd, (struct sockaddr *)&address, sizeof address);
    struct epoll_event what = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(loop, EPOLL_CTL_ADD, c->fd, &what);
    return c;
}

static int has_ended(floor_connection *c, const char *bytes, size_t length) {
    for (size_t i = length < 5 ? 0 : length - 5; i < length; i++) {
        memmove(c->tail, c->tail + 1, 4);
        c->tail[4] = bytes[i];
    }
    return memcmp(c->tail, "0\r\n\r\n", 5) == 0;
}

static void arm(int timer, int64_t due_ns) {
    struct itimerspec when = {.it_value = {due_ns / 1000000000, due_ns % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* How much later than they were sent the events that are whole in the piece were read. */
static int64_t add_errors(const char *piece, size_t length, double *errors) {
    static const char content[] = DRIVING_CONTENT;
    int64_t count = 0, now = driving_now();
    for (const char *at = piece, *end = piece + length;
         (at = memmem(at, (size_t)(end - at), content, sizeof content - 1)) &&
         end - at >= (long)sizeof content - 1 + DRIVING_DIGITS;)
        errors[count++] = 1e-9 * (double)(now - driving_read_stamp(at += sizeof content - 1));
    return count;
}

static void measure_requests(char **argv, int wants_errors) {
    driving d = driving_begin(argv);
    char request[DRIVING_BODY + 1];
    static char bytes[65536];
    driving_request(request);
    double *lags = malloc((size_t)d.count * sizeof *lags);
    double *errors = malloc((size_t)(d.count * d.chunks) * sizeof *errors);
    int64_t error_count = 0;
    int loop = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event ready[DRIVING_EVENTS], what = {.events = EPOLLIN | EPOLLET};
    epoll_ctl(loop, EPOLL_CTL_ADD, timer, &what);
    double cpu = driving_thread_cpu();
    int64_t sent = 0, done = 0, start = driving_now() + 100000000, armed = 0;
    while (done < d.count) {
        int64_t due = start + (int64_t)((double)sent * 1e9 / d.rate);
        if (sent < d.count && armed != due)
            arm(timer, armed = due);
        int count = epoll_wait(loop, ready, DRIVING_EVENTS, -1);
        for (int i = -1; i < count; i++) { /* what is due leaves first */
            for (; sent < d.count; sent++) {
                due = start + (int64_t)((double)sent * 1e9 / d.rate);
                if (driving_now() < due)
                    break;
                floor_connection *c = take_connection(&d, loop);
                if (send(c->fd, request, DRIVING_BODY, MSG_NOSIGNAL) != DRIVING_BODY)
                    bench_require(0, "driving_floor: a request was not taken whole");
                lags[sent] = 1e-9 * (double)(driving_now() - due);
            }
            floor_connection *c = i < 0 ? NULL : ready[i].data.ptr;
            ssize_t got = c ? recv(c->fd, bytes, sizeof bytes, 0) : 0;
            bench_require(!c || got != 0, "driving_floor: the server has closed");
            if (got > 0 && wants_errors)
                error_count += add_errors(bytes, (size_t)got, errors + error_count);
            if (got > 0 && has_ended(c, bytes, (size_t)got)) {
                done++;
                c->next = idle;
                idle = c;
            }
        }
    }
    printf("cpu %.9f\n", (driving_thread_cpu() - cpu) / (double)d.count);
    driving_quantiles("lag", lags, d.count);
    if (wants_errors)
        driving_quantiles("arrival_error", errors, error_count);
    driving_end(&d);
}

static void measure_timer(double seconds) {
    enum { INTERVAL_NS = 1000000 };
    int64_t count = (int64_t)(seconds * 1e9) / INTERVAL_NS;
    double *lags = malloc((size_t)count * sizeof *lags);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    int64_t due = driving_now();
    for (int64_t i = 0; i < count; i++) {
        uint64_t times;
        due = driving_now() + INTERVAL_NS;
        arm(timer, due);
        bench_require(read(timer, &times, sizeof times) > 0, "driving_floor: no timer");
        lags[i] = 1e-9 * (double)(driving_now() - due);
    }
    driving_quantiles("wake", lags, count);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "timer") == 0)
        measure_timer(atof(argv[2]));
    else if (argc == 5 || (argc == 6 && strcmp(argv[5], "stamps") == 0))
        measure_requests(argv, argc == 6);
    else
        bench_require(0, "driving_floor: see its source");
    return 0;
}
