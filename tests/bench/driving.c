/* driving RATE SECONDS CHUNKS INTERVAL_US [spin] [gaps] [fifo] [curl] [stamps] [page]: requests at a constant rate through the
 * driver, over the transport through libcurl if asked for. Prints, in seconds and bytes, processor time a request (of the driver's thread), schedule
 * lag, read lag, the wait for a processor, and the largest resident memory; the last is of this process,
 * without the server. With `stamps` also the arrival errors: how much later than the server sent an event its
 * stamp says that it came, of the first, the second and the last event of each answer. With `page` ten readers in another process listen
 * to a page that is told something each second. */
#define _GNU_SOURCE /* epoll_pwait2, in the header */
#include "drive/driver.h"
#include "base/memory.h"
#include "drive/curl/curl.h"
#include "drive/page/page.h"
#include "driving.h"

static int has_word(char **words, const char *word) {
    for (; *words; words++)
        if (strcmp(*words, word) == 0)
            return 1;
    return 0;
}

static double peak_bytes(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return 1024.0 * (double)used.ru_maxrss;
}

typedef struct figures {
    double *lags, *read_lags, *errors; /* errors: NULL, or room for three of each answer */
    int64_t error_count;
    int64_t done, failed;
} figures;

/* The answer is one stamp of the server's after the other, each after a space. */
static void add_errors(figures *f, const mt_exchange *e) {
    enum { STAMP = 1 + DRIVING_DIGITS };
    size_t count = e->answer_length / STAMP;
    if (e->failure != MT_FAILURE_NONE || count < 3)
        return;
    const int64_t arrivals[] = {e->first_content_ns, e->second_content_ns, e->last_content_ns};
    const size_t places[] = {0, 1, count - 1};
    for (int i = 0; i < 3; i++)
        f->errors[f->error_count++] =
            1e-9 * (double)(arrivals[i] - driving_read_stamp(e->answer + places[i] * STAMP + 1));
}

static void take_all(mt_driver *driver, figures *f) {
    for (mt_exchange e; mt_driver_take(driver, &e);) {
        if (e.failure != MT_FAILURE_NONE && f->failed++ == 0)
            fprintf(stderr, "driving: %s %d %s\n", mt_failure_name((mt_failure)e.failure),
                    e.os_error, e.text);
        f->lags[f->done] =
            1e-9 * (double)((e.sent_ns == MT_NEVER ? e.end_ns : e.sent_ns) - e.due_ns);
        f->read_lags[f->done++] = 1e-9 * (double)e.read_lag_ns;
        if (f->errors)
            add_errors(f, &e);
        mt_free(e.gaps);
        mt_free(e.answer);
    }
}

/* A page with its ten readers, and when something is to be said next. */
typedef struct audience {
    mt_page *page; /* NULL: nobody listens */
    pid_t readers;
    int64_t next_ns;
} audience;

enum { READERS = 10 };

static void read_for_ever(int port) {
    static const char request[] = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int loop = epoll_create1(0);
    for (int i = 0; i < READERS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bench_require(connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                          send(fd, request, sizeof request - 1, 0) == (ssize_t)sizeof request - 1,
                      "driving: the page does not answer");
        struct epoll_event what = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &what);
    }
    for (struct epoll_event ready;;) {
        static char bytes[65536];
        if (epoll_wait(loop, &ready, 1, -1) == 1 &&
            recv(ready.data.fd, bytes, sizeof bytes, 0) <= 0)
            _exit(0);
    }
}

static audience gather(void) {
    audience a = {0};
    mt_error error;
    mt_page_options options = {.host = "127.0.0.1", .token = "bench", .html = {"", 0}};
    a.page = mt_page_open(&options, &error);
    bench_require(a.page != NULL, error.message);
    a.readers = fork();
    bench_require(a.readers >= 0, "driving: no third process");
    if (a.readers == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        read_for_ever(mt_page_port(a.page));
    }
    while (mt_page_listeners(a.page) < READERS)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    return a;
}

/* As much as a run says each second. */
static void tell(audience *a) {
    int64_t now_ns = driving_now();
    if (!a->page || now_ns < a->next_ns)
        return;
    a->next_ns = now_ns + 1000000000;
    char json[600];
    memset(json, ' ', sizeof json);
    memcpy(json, "{}", 2);
    mt_page_say(a->page, NULL, (mt_span){json, sizeof json}, NULL);
}

static void leave(audience *a) {
    if (a->readers > 0)
        kill(a->readers, SIGKILL);
    mt_page_free(a->page, 0);
}

int main(int argc, char **argv) {
    bench_require(argc >= 5, "driving: see its source");
    driving d = driving_begin(argv);
    char url[64], request[DRIVING_BODY + 1];
    const char *urls[] = {url};
    snprintf(url, sizeof url, "http://127.0.0.1:%d", d.port);
    driving_request(request);
    size_t head_length = (size_t)(strstr(request, "\r\n\r\n") + 4 - request);
    mt_driver_options options = mt_driver_defaults();
    options.urls = urls;
    options.url_count = 1;
    options.spin = has_word(argv + 5, "spin");
    options.want_gaps = has_word(argv + 5, "gaps");
    options.want_texts = has_word(argv + 5, "stamps");
    options.realtime = has_word(argv + 5, "fifo");
    if (has_word(argv + 5, "curl"))
        options.transport = &mt_transport_curl;
    options.total_timeout_ns = 600000000000;
    options.gap_timeout_ns = 60000000000;
    mt_error error;
    audience listening = {0};
    if (has_word(argv + 5, "page"))
        listening = gather();
    mt_driver *driver = mt_driver_start(&options, &error);
    bench_require(driver != NULL, error.message);

    figures f = {.lags = mt_allocate((size_t)d.count, sizeof(double)),
                 .read_lags = mt_allocate((size_t)d.count, sizeof(double))};
    if (options.want_texts)
        f.errors = mt_allocate((size_t)d.count, 3 * sizeof(double));
    int64_t start = driving_now() + 100000000;
    for (int64_t i = 0; i < d.count; i++) {
        mt_outgoing *prepared = mt_outgoing_new(DRIVING_BODY);
        memcpy(prepared->bytes, request, DRIVING_BODY);
        prepared->head_length = head_length;
        prepared->due_ns = start + (int64_t)((double)i * 1e9 / d.rate);
        while (prepared->due_ns - driving_now() > 500000000) { /* half a second ahead */
            mt_driver_wait(driver, driving_now() + 20000000);
            take_all(driver, &f);
            tell(&listening);
        }
        while (!mt_driver_offer(driver, prepared))
            mt_driver_wait(driver, driving_now() + 20000000);
    }
    while (f.done < d.count) {
        struct timespec rest = {0, 5000000};
        nanosleep(&rest, NULL);
        take_all(driver, &f);
    }
    mt_driver_load load;
    mt_driver_look(driver, &load);
    printf("cpu %.9f\n", 1e-9 * (double)load.cpu_ns / (double)d.count);
    driving_quantiles("lag", f.lags, d.count);
    driving_quantiles("read_lag", f.read_lags, d.count);
    if (f.errors)
        driving_quantiles("arrival_error", f.errors, f.error_count);
    printf("failed %ld\nstalled %.9f\nlongest_turn %.9f\nrun_queue %.9f\nconnections %ld\n"
           "has_realtime %d\npeak %.0f\n",
           (long)f.failed, 1e-9 * (double)load.stalled_ns, 1e-9 * (double)load.longest_turn_ns,
           1e-9 * (double)load.run_queue_ns, (long)load.connections, load.has_realtime,
           peak_bytes());
    mt_driver_free(driver);
    driving_end(&d);
    leave(&listening);
    mt_free(f.lags);
    mt_free(f.read_lags);
    mt_free(f.errors);
    return 0;
}
