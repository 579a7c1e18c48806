/* The driver's thread. What is due leaves first: the clock is compared with the next due time after
 * each callback of the loop (`turn`), whatever else there is to read. */
#define _GNU_SOURCE /* gettid, pthread_setname_np */
#include "base/assert.h"
#include "base/error.h"
#include "drive/driver_state.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    SENDS_A_TURN = 64,           /* then answers are read, too */
    SPIN_NS = 60 * 1000,         /* a timer wakes some 40 us late */
    STALL_NS = 5 * 1000 * 1000,  /* a turn that is worth a word */
    BEAT_NS = 100 * 1000 * 1000, /* between two wakes, at most: a thread that was stopped notices */
    PATIENCE_NS = 10 * 1000 * 1000 /* when out of memory */
};
/* Between two looks at a flight's time, at most, so that what ended leaves the heap. */
static const int64_t recheck_most_ns = 2000000000;

/* --- flights ------------------------------------------------------------------------------------ */

static mt_flight *take_flight(mt_driver *driver) {
    if (!driver->free_flights)
        driver->free_flights = mt_pile_take(&driver->returned);
    if (!driver->free_flights) {
        mt_flight_block *block = mt_allocate_zero(1, sizeof *block);
        if (!block)
            return NULL;
        block->next = driver->blocks;
        driver->blocks = block;
        for (int i = 0; i < MT_FLIGHTS_A_BLOCK; i++) {
            block->flights[i].item.next = driver->free_flights;
            driver->free_flights = &block->flights[i].item;
        }
    }
    mt_flight *flight = (mt_flight *)driver->free_flights;
    driver->free_flights = flight->item.next;
    return flight;
}

/* The request is the caller's to free. */
static void spent(void *context, mt_outgoing *prepared) {
    mt_pile_put(&((mt_driver *)context)->spent, &prepared->item);
}

static void hand_over(mt_driver *driver, mt_flight *flight) {
    if (flight->prepared)
        spent(driver, flight->prepared);
    flight->prepared = NULL;
    mt_answer_free(&flight->answer);
    mt_pile_put(&driver->results, &flight->item);
    driver->has_news = 1;
}

static void ended(void *context, mt_flight *flight) {
    mt_driver *driver = context;
    mt_assert(flight->is_live);
    if (flight->uses_slot)
        driver->slots_used--;
    flight->is_live = 0;
    flight->serial++;
    mt_count(&driver->ended, 1);
    hand_over(driver, flight);
}

/* What the next deadline of a flight is, and the failure it would be; INT64_MAX: none. */
static int64_t deadline_of(const mt_driver *driver, const mt_flight *flight, mt_failure *failure) {
    const mt_driver_options *options = &driver->options;
    int64_t soonest = INT64_MAX;
    if (flight->cancel_ns != MT_NEVER) {
        soonest = flight->cancel_ns;
        *failure = MT_FAILURE_CANCELLED_AFTER;
    }
    const struct {
        int64_t from_ns, timeout_ns;
        mt_failure failure;
    } phases[] = {
        [MT_PHASE_CONNECTING] = {flight->progress_ns, options->connect_timeout_ns,
                                 MT_FAILURE_CONNECT_TIMEOUT},
        [MT_PHASE_WAITING] = {flight->progress_ns, options->first_timeout_ns,
                              MT_FAILURE_FIRST_TIMEOUT},
        [MT_PHASE_ANSWERING] = {flight->progress_ns, options->gap_timeout_ns,
                                MT_FAILURE_GAP_TIMEOUT},
        {flight->exchange.begun_ns, options->total_timeout_ns, MT_FAILURE_TOTAL_TIMEOUT},
    };
    const int looked_at[] = {MT_PHASE_ANSWERING + 1, flight->phase};
    for (int i = 0; i < 2; i++) {
        int at = looked_at[i];
        if (phases[at].timeout_ns > 0 && phases[at].timeout_ns < soonest - phases[at].from_ns) {
            soonest = phases[at].from_ns + phases[at].timeout_ns;
            *failure = phases[at].failure;
        }
    }
    return soonest;
}

/* A flight has one item in the heap. It is looked at again when its time may have come, were it to
 * enter another phase right now: the shortest timeout from now, if not sooner. */
static void look_again(mt_driver *driver, mt_flight *flight, int64_t now_ns, int64_t deadline_ns) {
    if (deadline_ns > now_ns + driver->recheck_ns)
        deadline_ns = now_ns + driver->recheck_ns;
    /* Room was made when it began, and one item a flight is all. */
    (void)mt_check_heap_push(&driver->checks, (mt_check){deadline_ns, flight, flight->serial});
}

/* By the clock of before the last look at the sockets: what came while the thread was held up is no
 * reason to give up. */
static void give_up_late(mt_driver *driver) {
    int64_t now = driver->polled_ns;
    while (driver->checks.count > 0 && driver->checks.items[0].time_ns <= now) {
        mt_check check = mt_check_heap_pop(&driver->checks);
        if (!check.flight->is_live || check.flight->serial != check.serial)
            continue;
        mt_failure failure = MT_FAILURE_NONE;
        int64_t deadline = deadline_of(driver, check.flight, &failure);
        if (deadline <= now)
            driver->kind->cancel(driver->transport, check.flight, failure);
        else
            look_again(driver, check.flight, now, deadline);
    }
}

static void give_up_all(mt_driver *driver, mt_failure failure) {
    for (mt_flight_block *block = driver->blocks; block; block = block->next)
        for (int i = 0; i < MT_FLIGHTS_A_BLOCK; i++)
            if (block->flights[i].is_live)
                driver->kind->cancel(driver->transport, &block->flights[i], failure);
}

/* --- sending ------------------------------------------------------------------------------------ */

static mt_flight *flight_for(mt_driver *driver, mt_outgoing *prepared) {
    mt_flight *flight = NULL;
    if (MT_GROW(driver->checks.items, driver->checks.capacity, driver->checks.count + 1) == 0)
        flight = take_flight(driver);
    if (!flight) {
        driver->lacks_memory = 1;
        return NULL;
    }
    mt_exchange_begin(&flight->exchange, prepared->ticket, prepared->due_ns);
    flight->exchange.endpoint = prepared->endpoint;
    flight->prepared = prepared;
    atomic_fetch_sub(&driver->waiting_bytes, prepared->length);
    if (atomic_load(&driver->wants_room))
        driver->has_news = 1;
    return flight;
}

/* Of a request that could not be made. */
static void end_unmade(mt_driver *driver, mt_flight *flight, int64_t now_ns) {
    mt_exchange *exchange = &flight->exchange;
    const mt_outgoing *prepared = flight->prepared;
    exchange->failure = prepared->failure;
    exchange->end_ns = now_ns;
    mt_quote(prepared->bytes, prepared->length, exchange->text, sizeof exchange->text);
    ended(driver, flight);
}

/* 0 when there is no memory for it now. */
static int begin(mt_driver *driver, mt_outgoing *prepared, int64_t now_ns, int uses_slot) {
    mt_flight *flight = flight_for(driver, prepared);
    if (!flight)
        return 0;
    mt_exchange *exchange = &flight->exchange;
    exchange->begun_ns = flight->progress_ns = now_ns;
    if (uses_slot)
        exchange->due_ns = now_ns;
    else if (prepared->was_late)
        exchange->noted |= MT_WAS_STARVED;
    flight->cancel_ns =
        prepared->cancel_after_ns > 0 ? exchange->due_ns + prepared->cancel_after_ns : MT_NEVER;
    flight->answer.wants_gaps = driver->options.want_gaps != 0;
    flight->answer.wants_text = driver->options.want_texts != 0;
    flight->phase = MT_PHASE_CONNECTING;
    flight->uses_slot = uses_slot != 0;
    flight->answer.keeps_events = driver->options.keep_events != 0;
    flight->is_live = 1;
    driver->slots_used += flight->uses_slot;
    mt_count(&driver->begun, 1);
    mt_failure failure;
    if (driver->has_timeouts || flight->cancel_ns != MT_NEVER)
        look_again(driver, flight, now_ns, deadline_of(driver, flight, &failure));
    if (prepared->failure)
        end_unmade(driver, flight, now_ns);
    else
        driver->kind->send(driver->transport, flight);
    return 1;
}

/* What was offered goes to the due times or waits for a slot. */
static void sort_in(mt_driver *driver) {
    if (!driver->arrived)
        driver->arrived = mt_pile_take(&driver->offered);
    while (driver->arrived) {
        mt_outgoing *prepared = (mt_outgoing *)driver->arrived;
        mt_pile_item *next = driver->arrived->next;
        if (prepared->due_ns == MT_NEVER) {
            prepared->item.next = NULL;
            if (driver->last_slotted)
                driver->last_slotted->next = &prepared->item;
            else
                driver->first_slotted = &prepared->item;
            driver->last_slotted = &prepared->item;
        } else {
            mt_due_request due = {prepared->due_ns, driver->due_number, prepared};
            if (mt_due_heap_push(&driver->due, due) != 0) {
                driver->lacks_memory = 1;
                return;
            }
            driver->due_number++;
        }
        driver->arrived = next;
    }
}

static int has_slotted(const mt_driver *driver) {
    return driver->first_slotted && driver->slots_used < driver->options.slots;
}

static mt_outgoing *take_slotted(mt_driver *driver) {
    mt_outgoing *prepared = (mt_outgoing *)driver->first_slotted;
    driver->first_slotted = prepared->item.next;
    if (!driver->first_slotted)
        driver->last_slotted = NULL;
    return prepared;
}

static void begin_slotted(mt_driver *driver) {
    for (int sends = 0; has_slotted(driver) && sends < SENDS_A_TURN; sends++) {
        mt_pile_item *first = driver->first_slotted, *second = first->next;
        if (!begin(driver, take_slotted(driver), mt_now_ns(), 1)) {
            driver->first_slotted = first;
            first->next = second;
            if (!second)
                driver->last_slotted = first;
            return;
        }
    }
}

static void turn(void *context) {
    mt_driver *driver = context;
    int64_t now = mt_now_ns();
    if (driver->turn_began_ns == MT_NEVER) /* awake: since the alarm, if it was for that */
        driver->turn_began_ns =
            driver->armed_ns != MT_NEVER && driver->armed_ns < now ? driver->armed_ns : now;
    driver->lacks_memory = 0;
    if (driver->arrived || !mt_pile_is_empty(&driver->offered))
        sort_in(driver);
    if (atomic_load(&driver->must_stop)) /* said before what has just been sorted in was offered */
        return;
    for (int sends = 0; driver->due.count > 0 && sends < SENDS_A_TURN; sends++) {
        now = mt_now_ns();
        if (driver->due.items[0].time_ns > now)
            break;
        if (!begin(driver, driver->due.items[0].prepared, now, 0))
            break;
        (void)mt_due_heap_pop(&driver->due);
    }
    begin_slotted(driver);
}

/* --- the end of a run --------------------------------------------------------------------------- */

static int return_unsent(mt_driver *driver, mt_outgoing *prepared) {
    mt_flight *flight = flight_for(driver, prepared);
    if (!flight)
        return 0;
    flight->exchange.failure = MT_FAILURE_NOT_SENT;
    flight->exchange.end_ns = mt_now_ns();
    mt_count(&driver->unsent, 1);
    hand_over(driver, flight);
    return 1;
}

static void stop_sending(mt_driver *driver) {
    driver->has_stopped = 1;
    sort_in(driver);
    while (driver->due.count > 0 && return_unsent(driver, driver->due.items[0].prepared))
        (void)mt_due_heap_pop(&driver->due);
    while (driver->first_slotted) {
        mt_pile_item *next = driver->first_slotted->next;
        if (!return_unsent(driver, (mt_outgoing *)driver->first_slotted))
            break;
        driver->first_slotted = next;
    }
    if (!driver->first_slotted)
        driver->last_slotted = NULL;
    if (!driver->has_graced && mt_now_ns() >= atomic_load(&driver->grace_until_ns)) {
        driver->has_graced = 1;
        give_up_all(driver, (mt_failure)atomic_load(&driver->grace_failure));
    }
}

static void quit(mt_driver *driver) {
    give_up_all(driver, MT_FAILURE_CANCELLED_RUN_END);
    while (driver->due.count > 0)
        spent(driver, mt_due_heap_pop(&driver->due).prepared);
    for (mt_pile_item *item; (item = driver->first_slotted);) {
        driver->first_slotted = item->next;
        spent(driver, (mt_outgoing *)item);
    }
    for (mt_pile_item *item; (item = driver->arrived);) {
        driver->arrived = item->next;
        spent(driver, (mt_outgoing *)item);
    }
}

/* --- the loop ----------------------------------------------------------------------------------- */

static void arm(mt_driver *driver, int64_t time_ns) {
    if (time_ns == driver->armed_ns)
        return;
    struct itimerspec when = {
        .it_value = {.tv_sec = time_ns / 1000000000, .tv_nsec = time_ns % 1000000000}};
    timerfd_settime(driver->timer, TFD_TIMER_ABSTIME, &when, NULL);
    driver->armed_ns = time_ns;
}

/* When the thread must be awake; now_ns: it may not sleep at all. */
static int64_t wake_time(const mt_driver *driver, int64_t now_ns) {
    int64_t wake = driver->beat_ns;
    if (driver->lacks_memory)
        wake = now_ns + PATIENCE_NS;
    else if (!driver->has_stopped) {
        if (has_slotted(driver))
            return now_ns;
        if (driver->due.count > 0 && driver->due.items[0].time_ns < wake)
            wake = driver->due.items[0].time_ns - (driver->options.spin ? SPIN_NS : 0);
    }
    if (driver->checks.count > 0 && driver->checks.items[0].time_ns < wake)
        wake = driver->checks.items[0].time_ns;
    if (driver->has_stopped && !driver->has_graced) {
        int64_t grace = atomic_load(&driver->grace_until_ns);
        wake = grace < wake ? grace : wake;
    }
    return wake <= now_ns ? now_ns : wake;
}

static void end_turn(mt_driver *driver, int64_t now_ns) {
    if (driver->turn_began_ns == MT_NEVER)
        return;
    int64_t took = now_ns - driver->turn_began_ns;
    driver->turn_began_ns = MT_NEVER;
    if (took > STALL_NS)
        mt_count(&driver->stalled_ns, took);
    if (took > (int64_t)mt_counted(&driver->longest_turn_ns))
        atomic_store_explicit(&driver->longest_turn_ns, (uint64_t)took, memory_order_relaxed);
}

static void tell_caller(mt_driver *driver) {
    if (!driver->has_news)
        return;
    driver->has_news = 0;
    if (atomic_exchange(&driver->caller_sleeps, 0))
        (void)eventfd_write(driver->wake_caller, 1);
}

/* What is ready now and no more: without EVLOOP_ONCE libevent looks again for as long as there is something, and
 * answers that never end would keep timeouts and the caller's orders out. */
enum { ONE_LOOK = EVLOOP_ONCE | EVLOOP_NONBLOCK };

/* One turn of the loop: waits for something unless there is something to do, and does all of it. */
static void loop_once(mt_driver *driver) {
    int64_t now = mt_now_ns();
    end_turn(driver, now);
    if (driver->beat_ns <= now)
        driver->beat_ns = now + BEAT_NS;
    int64_t wake = wake_time(driver, now);
    driver->polled_ns = now;
    if (wake == now) {
        driver->turn_began_ns = now;
        event_base_loop(driver->base, ONE_LOOK);
        return;
    }
    arm(driver, wake);
    /* Said first, looked at afterwards; who offers does it the other way round. */
    atomic_store(&driver->thread_sleeps, 1);
    int has_work = !mt_pile_is_empty(&driver->offered) || atomic_load(&driver->has_orders);
    event_base_loop(driver->base, has_work ? ONE_LOOK : EVLOOP_ONCE);
    atomic_store(&driver->thread_sleeps, 0);
}

static void on_descriptor(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    turn(context);
}

/* Both are edge-triggered: nobody has to read them. */
static void watch_descriptors(mt_driver *driver) {
    event_assign(&driver->wake_event, driver->base, driver->wake_thread,
                 EV_READ | EV_PERSIST | EV_ET, on_descriptor, driver);
    event_assign(&driver->timer_event, driver->base, driver->timer, EV_READ | EV_PERSIST | EV_ET,
                 on_descriptor, driver);
    event_add(&driver->wake_event, NULL);
    event_add(&driver->timer_event, NULL);
}

static void learn_timeouts(mt_driver *driver) {
    const mt_driver_options *options = &driver->options;
    const int64_t timeouts[] = {options->connect_timeout_ns, options->first_timeout_ns,
                                options->gap_timeout_ns, options->total_timeout_ns};
    driver->recheck_ns = recheck_most_ns;
    for (int i = 0; i < 4; i++) {
        driver->has_timeouts |= timeouts[i] > 0;
        if (timeouts[i] > 0 && timeouts[i] < driver->recheck_ns)
            driver->recheck_ns = timeouts[i];
    }
}

mt_transport_host mt_driver_host(mt_driver *driver) {
    return (mt_transport_host){.ended = ended, .spent = spent, .turn = turn, .context = driver};
}

void *mt_driver_run(void *context) {
    mt_driver *driver = context;
    pthread_setname_np(pthread_self(), "moontide-drive");
    atomic_store(&driver->thread_id, gettid());
    watch_descriptors(driver);
    learn_timeouts(driver);
    for (;;) {
        atomic_store(&driver->has_orders, 0); /* before they are looked at */
        if (atomic_load(&driver->must_quit))
            break;
        turn(driver);
        give_up_late(driver);
        if (atomic_load(&driver->must_stop))
            stop_sending(driver);
        tell_caller(driver);
        loop_once(driver);
    }
    quit(driver);
    event_del(&driver->wake_event);
    event_del(&driver->timer_event);
    return NULL;
}
