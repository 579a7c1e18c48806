#define _GNU_SOURCE /* ppoll */
#include "base/assert.h"
#include "base/thread.h"
#include "drive/driver_state.h"
#include "drive/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const int64_t second_ns = 1000000000;

mt_driver_options mt_driver_defaults(void) {
    return (mt_driver_options){
        .ring_bytes = (size_t)64 << 20,
        .spin = mt_processors() > 1,
    };
}

mt_outgoing *mt_outgoing_new(size_t length) {
    if (length > SIZE_MAX - sizeof(mt_outgoing))
        return NULL;
    mt_outgoing *prepared = mt_allocate(sizeof *prepared + length, 1);
    if (prepared)
        *prepared = (mt_outgoing){.due_ns = MT_NEVER, .length = length};
    return prepared;
}

/* --- start and end ------------------------------------------------------------------------------ */

static mt_code open_loop(mt_driver *driver, mt_error *error) {
    struct event_config *config = event_config_new();
    if (config) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        driver->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (!driver->base)
        return mt_fail(error, MT_ERROR_IO, "cannot make an event loop");
    driver->wake_thread = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    driver->wake_caller = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    driver->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (driver->wake_thread < 0 || driver->wake_caller < 0 || driver->timer < 0)
        return mt_fail(error, MT_ERROR_IO, "cannot make a timer: %s", strerror(errno));
    return MT_OK;
}

/* First in, first out, above all that is not: where the system allows it. */
static int ask_realtime(pthread_t thread) {
    struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    return pthread_setschedparam(thread, SCHED_FIFO, &param) == 0;
}

static mt_code start_thread(mt_driver *driver, mt_error *error) {
    int failure = mt_thread_start(&driver->thread, mt_driver_run, driver);
    if (failure)
        return mt_fail(error, MT_ERROR_IO, "cannot start a thread: %s", strerror(failure));
    if (driver->options.realtime)
        driver->has_realtime = ask_realtime(driver->thread);
    return MT_OK;
}

static void close_descriptor(int fd) {
    if (fd >= 0)
        close(fd);
}

static void free_exchanges(mt_pile_item *first) {
    for (mt_pile_item *item = first; item; item = item->next) {
        mt_exchange *exchange = &((mt_flight *)item)->exchange;
        mt_free(exchange->gaps);
        mt_free(exchange->answer);
        mt_free(exchange->kept);
    }
}

static void free_prepared(mt_pile_item *first) {
    while (first) {
        mt_pile_item *next = first->next;
        mt_free(first);
        first = next;
    }
}

/* The thread has ended or never was. */
static void dispose(mt_driver *driver) {
    if (driver->transport)
        driver->kind->close(driver->transport);
    if (driver->base)
        event_base_free(driver->base);
    close_descriptor(driver->wake_thread);
    close_descriptor(driver->wake_caller);
    close_descriptor(driver->timer);
    free_exchanges(driver->taken);
    free_exchanges(mt_pile_take(&driver->results));
    free_prepared(mt_pile_take(&driver->spent));
    free_prepared(mt_pile_take(&driver->offered));
    mt_free(driver->due.items);
    mt_free(driver->checks.items);
    while (driver->blocks) {
        mt_flight_block *next = driver->blocks->next;
        mt_free(driver->blocks);
        driver->blocks = next;
    }
    mt_free(driver);
}

mt_driver *mt_driver_start(const mt_driver_options *options, mt_error *error) {
    mt_driver *driver = mt_allocate_zero(1, sizeof *driver);
    if (!driver) {
        mt_fail_memory(error, "a driver");
        return NULL;
    }
    driver->options = *options;
    driver->wake_thread = driver->wake_caller = driver->timer = -1;
    driver->armed_ns = driver->turn_began_ns = MT_NEVER;
    driver->grace_until_ns = INT64_MAX;
    driver->kind = options->transport ? options->transport : &mt_transport_direct;
    driver->host = mt_driver_host(driver);
    if (open_loop(driver, error) != MT_OK)
        goto failed;
    mt_descriptors_reserve(driver->timer, mt_descriptor_limit());
    driver->transport = driver->kind->open(driver->base, &driver->options, &driver->host, error);
    if (!driver->transport ||
        driver->kind->warm(driver->transport, options->connections, error) != MT_OK ||
        start_thread(driver, error) != MT_OK)
        goto failed;
    return driver;

failed:
    dispose(driver);
    return NULL;
}

static void wake_thread(mt_driver *driver) {
    if (atomic_exchange(&driver->thread_sleeps, 0))
        (void)eventfd_write(driver->wake_thread, 1);
}

/* What was said before reaches the thread, asleep or not. */
static void give_orders(mt_driver *driver) {
    atomic_store(&driver->has_orders, 1);
    wake_thread(driver);
}

void mt_driver_free(mt_driver *driver) {
    if (!driver)
        return;
    atomic_store(&driver->must_quit, 1);
    give_orders(driver);
    pthread_join(driver->thread, NULL);
    dispose(driver);
}

/* --- requests and results ----------------------------------------------------------------------- */

static int has_room(mt_driver *driver, size_t length) {
    size_t waiting = atomic_load(&driver->waiting_bytes);
    return waiting == 0 ||
           (waiting < driver->options.ring_bytes && length <= driver->options.ring_bytes - waiting);
}

int mt_driver_offer(mt_driver *driver, mt_outgoing *prepared) {
    mt_assert(prepared->endpoint < driver->options.url_count);
    free_prepared(mt_pile_take(&driver->spent));
    if (!has_room(driver, prepared->length)) {
        atomic_store(&driver->wants_room, 1);
        return 0;
    }
    prepared->was_late = prepared->due_ns != MT_NEVER && prepared->due_ns < mt_now_ns();
    atomic_fetch_add(&driver->waiting_bytes, prepared->length);
    mt_count(&driver->offered_count, 1);
    mt_pile_put(&driver->offered, &prepared->item);
    wake_thread(driver);
    return 1;
}

int mt_driver_take(mt_driver *driver, mt_exchange *exchange) {
    if (!driver->taken) {
        driver->taken = mt_pile_take(&driver->results);
        free_prepared(mt_pile_take(&driver->spent));
    }
    if (!driver->taken)
        return 0;
    mt_flight *flight = (mt_flight *)driver->taken;
    driver->taken = driver->taken->next;
    *exchange = flight->exchange;
    mt_pile_put(&driver->returned, &flight->item);
    return 1;
}

static int has_news(mt_driver *driver) {
    return driver->taken || !mt_pile_is_empty(&driver->results) ||
           (atomic_load(&driver->wants_room) &&
            atomic_load(&driver->waiting_bytes) <= driver->options.ring_bytes / 2);
}

void mt_driver_wait(mt_driver *driver, int64_t until_ns) {
    /* Said first, looked at afterwards: the thread does it the other way round, so that one of the
     * two sees the other. */
    atomic_store(&driver->caller_sleeps, 1);
    int64_t rest_ns = until_ns - mt_now_ns();
    if (!has_news(driver) && until_ns != MT_NEVER && rest_ns > 0) {
        struct pollfd news = {.fd = driver->wake_caller, .events = POLLIN};
        struct timespec rest = {.tv_sec = rest_ns / second_ns, .tv_nsec = rest_ns % second_ns};
        if (ppoll(&news, 1, &rest, NULL) > 0) {
            eventfd_t count;
            (void)eventfd_read(driver->wake_caller, &count);
        }
    }
    atomic_store(&driver->caller_sleeps, 0);
    if (has_news(driver))
        atomic_store(&driver->wants_room, 0);
}

void mt_driver_stop_sending(mt_driver *driver, int64_t grace_until_ns, mt_failure failure) {
    if (grace_until_ns < atomic_load(&driver->grace_until_ns)) {
        atomic_store(&driver->grace_failure, (int)failure);
        atomic_store(&driver->grace_until_ns, grace_until_ns);
    }
    atomic_store(&driver->must_stop, 1);
    give_orders(driver);
}

/* --- a look ------------------------------------------------------------------------------------- */

/* The second number of schedstat is the time in which it could have run and did not. */
static int64_t run_queue_ns(pid_t thread_id) {
    char path[64], text[96];
    snprintf(path, sizeof path, "/proc/self/task/%ld/schedstat", (long)thread_id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    long long waited;
    text[length < 0 ? 0 : length] = '\0';
    return sscanf(text, "%*d %lld", &waited) == 1 ? waited : -1;
}

void mt_driver_watch(mt_driver *driver) {
    atomic_store_explicit(&driver->longest_turn_ns, 0, memory_order_relaxed);
}

void mt_driver_look(const mt_driver *driver, mt_driver_load *load) {
    *load = (mt_driver_load){
        .ended = mt_counted(&driver->ended),
        .begun = mt_counted(&driver->begun),
        .stalled_ns = (int64_t)mt_counted(&driver->stalled_ns),
        .longest_turn_ns = (int64_t)mt_counted(&driver->longest_turn_ns),
        .run_queue_ns = -1,
        .has_realtime = driver->has_realtime,
    };
    uint64_t gone = load->begun + mt_counted(&driver->unsent);
    load->offered = mt_counted(&driver->offered_count);
    load->waiting = load->offered > gone ? load->offered - gone : 0;
    pid_t thread_id = atomic_load(&((mt_driver *)driver)->thread_id);
    if (thread_id)
        load->run_queue_ns = run_queue_ns(thread_id);
    clockid_t clock;
    struct timespec cpu;
    if (pthread_getcpuclockid(driver->thread, &clock) == 0 && clock_gettime(clock, &cpu) == 0)
        load->cpu_ns = cpu.tv_sec * second_ns + cpu.tv_nsec;
    driver->kind->look(driver->transport, load);
}
