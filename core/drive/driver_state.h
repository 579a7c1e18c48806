/* What a driver is: what its two threads share and what belongs to either. Private to driver.c (the
 * caller's side) and loop.c (the thread). */
#ifndef MT_DRIVE_DRIVER_STATE_H
#define MT_DRIVE_DRIVER_STATE_H

#include "base/heap.h"
#include "drive/driver.h"
#include "drive/transport.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <sys/types.h>

/* A request that waits for its time; `number` keeps equal times in the order of their coming. */
typedef struct mt_due_request {
    int64_t time_ns;
    uint64_t number;
    mt_outgoing *prepared;
} mt_due_request;

static inline int mt_due_is_sooner(const mt_due_request *a, const mt_due_request *b) {
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
}
MT_HEAP(mt_due_heap, mt_due_request, mt_due_is_sooner)

/* A moment at which a flight's time is looked at. One that has ended leaves its item behind, which
 * its serial tells. */
typedef struct mt_check {
    int64_t time_ns;
    mt_flight *flight;
    uint32_t serial;
} mt_check;

static inline int mt_check_is_sooner(const mt_check *a, const mt_check *b) {
    return a->time_ns < b->time_ns;
}
MT_HEAP(mt_check_heap, mt_check, mt_check_is_sooner)

enum { MT_FLIGHTS_A_BLOCK = 64 };

typedef struct mt_flight_block {
    struct mt_flight_block *next;
    mt_flight flights[MT_FLIGHTS_A_BLOCK];
} mt_flight_block;

struct mt_driver {
    mt_driver_options options;
    const mt_transport_kind *kind;
    void *transport; /* of the kind */
    mt_transport_host host;
    struct event_base *base;
    pthread_t thread;
    _Atomic pid_t thread_id; /* 0: it has not begun to run */

    /* From the caller to the thread, and back. */
    mt_pile offered;  /* mt_outgoing */
    mt_pile results;  /* mt_flight, ended */
    mt_pile returned; /* mt_flight, whose exchange was taken */
    mt_pile spent;    /* mt_outgoing, for the caller to free */
    _Atomic size_t waiting_bytes;
    _Atomic int thread_sleeps; /* the thread is in the kernel: who gives it work wakes it */
    _Atomic int caller_sleeps;
    _Atomic int wants_room; /* an offer was refused */
    _Atomic int has_orders, must_quit, must_stop;
    _Atomic int64_t grace_until_ns;
    _Atomic int grace_failure;
    int wake_thread, wake_caller; /* eventfds */
    mt_counter offered_count, begun, ended, unsent, stalled_ns, longest_turn_ns;
    int has_realtime;

    /* The caller's. */
    mt_pile_item *taken; /* results that came over and were not handed out yet */

    /* The thread's. */
    struct event wake_event, timer_event;
    int timer;        /* a timerfd */
    int64_t armed_ns; /* when it goes off; MT_NEVER: it does not */
    mt_due_heap due;
    mt_check_heap checks;
    mt_pile_item *arrived;                      /* offered, not sorted in yet */
    mt_pile_item *first_slotted, *last_slotted; /* wait for a slot, in order */
    mt_flight_block *blocks;
    mt_pile_item *free_flights;
    uint64_t due_number, slots_used;
    int64_t recheck_ns;    /* between two looks at a flight's time, at most */
    int64_t polled_ns;     /* before the last look at the sockets */
    int64_t turn_began_ns; /* the loop's turn; MT_NEVER: the thread sleeps */
    int64_t beat_ns;       /* by then it wakes, whatever there is to do */
    int has_timeouts, has_stopped, has_graced, has_news, lacks_memory;
};

/* What its transport calls. */
mt_transport_host mt_driver_host(mt_driver *driver);

/* The thread's function; `driver` is a mt_driver. */
void *mt_driver_run(void *driver);

#endif
