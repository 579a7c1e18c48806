/* When the driver sends, over each transport: slots, cancelling, stopping, the grace, its end at any time; its ring,
 * and memory that is out. */
#include "base/memory.h"
#include "drive_support.h"
#include "sweep.h"
#include "driver_support.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <cmocka.h>

/* --- when ---------------------------------------------------------------------------------------- */

static int answer_counting(server *s, int fd, int number) {
    int now = atomic_fetch_add(&s->busy, 1) + 1;
    for (int most = s->busiest;
         now > most && !atomic_compare_exchange_weak(&s->busiest, &most, now);) {
    }
    sleep_ms(3);
    atomic_fetch_sub(&s->busy, 1);
    return answer_stream(s, fd, number);
}

static void test_slots(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_counting);
    d->options.slots = 4;
    start(d);
    for (int i = 0; i < 100; i++)
        offer(d, request(d, MT_NEVER, 10));
    collect(d);
    assert_int_equal(4, d->server.busiest);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[i].failure);
        assert_int_equal(d->exchanges[i].begun_ns, d->exchanges[i].due_ns);
        if (i > 0) /* in the order of their offers */
            assert_true(d->exchanges[i - 1].begun_ns <= d->exchanges[i].begun_ns);
    }
    end(d);
}

static void test_starved(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    start(d);
    offer(d, request(d, mt_now_ns() - ms, 10));
    offer(d, request(d, mt_now_ns() + 50 * ms, 10));
    collect(d);
    assert_true(d->exchanges[0].noted & MT_WAS_STARVED);
    assert_false(d->exchanges[1].noted & MT_WAS_STARVED);
    end(d);
}

static void test_cancelled_after(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, say_text_and_stall);
    d->server.text = HEAD "\r\n" EVENT("a");
    d->options.slots = 1;
    start(d);
    for (int i = 0; i < 3; i++) {
        mt_outgoing *prepared = request(d, i < 2 ? mt_now_ns() + i * 20 * ms : MT_NEVER, 10);
        prepared->cancel_after_ns = 400 * ms; /* time enough for what comes before */
        offer(d, prepared);
    }
    collect(d);
    for (int i = 0; i < 3; i++) {
        mt_exchange *e = &d->exchanges[i];
        assert_int_equal(MT_FAILURE_CANCELLED_AFTER, e->failure);
        assert_true(e->end_ns - e->due_ns >= 400 * ms);
        assert_int_equal(1, e->contents); /* what came before is kept */
    }
    end(d);
}

static void test_stop_sending(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, say_text_and_stall);
    d->server.text = HEAD "\r\n" EVENT("a");
    d->options.slots = 1;
    start(d);
    for (int i = 0; i < 4; i++) /* 0 and 1 leave, 2 and 3 wait for the slot */
        offer(d, request(d, i == 0 ? mt_now_ns() : MT_NEVER, 10));
    for (int i = 4; i < 8; i++)
        offer(d, request(d, mt_now_ns() + 3600000 * ms, 10));
    while (d->server.requests < 2)
        sleep_ms(1);
    mt_driver_stop_sending(d->driver, mt_now_ns() + 3600000 * ms, MT_FAILURE_CANCELLED_RUN_END);
    int64_t until = mt_now_ns() + 50 * ms;
    mt_driver_stop_sending(d->driver, until, MT_FAILURE_CANCELLED_INTERRUPT);
    offer(d, request(d, mt_now_ns(), 10)); /* too late */
    collect(d);
    for (int i = 0; i < 9; i++) {
        mt_exchange *e = &d->exchanges[i];
        assert_int_equal(i < 2 ? MT_FAILURE_CANCELLED_INTERRUPT : MT_FAILURE_NOT_SENT, e->failure);
        assert_true(i < 2 ? e->end_ns >= until : e->begun_ns == MT_NEVER);
    }
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    assert_int_equal(2, load.begun);
    assert_int_equal(2, load.ended);
    assert_int_equal(0, load.waiting);
    end(d);
}

/* What is in flight may end within the grace. */
static void test_grace(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_slowly);
    start(d);
    for (int i = 0; i < 5; i++)
        offer(d, request(d, mt_now_ns(), 10));
    while (d->server.requests < 5)
        sleep_ms(1);
    mt_driver_stop_sending(d->driver, mt_now_ns() + 3600000 * ms, MT_FAILURE_CANCELLED_RUN_END);
    collect(d);
    for (int i = 0; i < 5; i++)
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[i].failure);
    end(d);
}

static void on_signal(int number) {
    (void)number;
}

static void *send_signal(void *thread) {
    sleep_ms(50);
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
    return NULL;
}

static void test_waiting(void **state) {
    (void)state;
    const int64_t long_ns = 30000 * ms;
    drive *d = drive_new();
    begin(d, answer_slowly);
    start(d);
    int64_t before = mt_now_ns();
    mt_driver_wait(d->driver, before + 30 * ms); /* until a time */
    assert_true(mt_now_ns() >= before + 30 * ms);
    offer(d, request(d, mt_now_ns(), 10));
    while (take_all(d) == 0) /* until a result */
        mt_driver_wait(d->driver, before + long_ns);
    assert_true(mt_now_ns() < before + long_ns);

    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t self = pthread_self(), other;
    pthread_create(&other, NULL, send_signal, &self);
    mt_driver_wait(d->driver, before + long_ns); /* until a signal */
    assert_true(mt_now_ns() < before + long_ns);
    pthread_join(other, NULL);
    end(d);
}

/* Ended in the midst of everything, nothing is lost from memory (the sanitizers see). */
static void test_free_at_any_time(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        drive *d = drive_new();
        begin(d, i % 2 ? say_text_and_stall : answer_stream);
        d->server.text = HEAD "\r\n" EVENT("a") EVENT("b");
        d->options.slots = 2;
        start(d);
        for (int j = 0; j < 40; j++)
            offer(d, request(d, j % 3 ? mt_now_ns() + j * ms : MT_NEVER, 10));
        sleep_ms(i);
        end(d);
    }
}

/* All kinds of ends in some order. */
static int answer_anyhow(server *s, int fd, int number) {
    static const char *const texts[] = {HEAD "\r\n" EVENT("a"),
                                        JSON_HEAD("429 Busy") "{}",
                                        CHUNKED "zz\r\n",
                                        "HTTP/1.1 200 OK\r\nCont",
                                        "",
                                        "<html>"};
    unsigned draw = (unsigned)atomic_load(&s->requests) * 2654435761u >> 20;
    unsigned kind = draw % 16;
    if (kind < 8)
        return kind < 2 ? answer_and_close(s, fd, number) : answer_stream(s, fd, number);
    server_say(fd, texts[kind % 6]);
    if (draw & 256)
        server_will_reset(fd);
    if (draw & 512)
        server_stall(fd);
    return 0;
}

static void test_whatever_happens(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_anyhow);
    d->options.slots = 8;
    d->options.first_timeout_ns = 30 * ms;
    d->options.gap_timeout_ns = 20 * ms;
    d->options.total_timeout_ns = 50 * ms;
    start(d);
    int64_t now = mt_now_ns();
    for (int i = 0; i < 900; i++) {
        mt_outgoing *prepared =
            request(d, i % 3 ? now + i * 7919 % 400 * ms : MT_NEVER, (size_t)(i * 31 % 5000));
        prepared->cancel_after_ns = i % 5 ? 0 : 5 * ms;
        offer(d, prepared);
    }
    sleep_ms(300);
    mt_driver_stop_sending(d->driver, mt_now_ns() + 10 * ms, MT_FAILURE_CANCELLED_RUN_END);
    collect(d);
    int kinds[MT_FAILURES] = {0}, different = 0;
    for (uint64_t i = 0; i < d->offered; i++) {
        mt_exchange *e = &d->exchanges[i];
        different += kinds[e->failure]++ == 0;
        assert_true(e->end_ns != MT_NEVER);
        assert_int_equal(e->failure == MT_FAILURE_NOT_SENT, e->begun_ns == MT_NEVER);
        assert_true(e->contents == 0 || e->gap_count == e->contents - 1);
    }
    assert_true(different > 5);
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    assert_int_equal(load.begun, load.ended);
    assert_int_equal(d->offered, load.begun + (uint64_t)kinds[MT_FAILURE_NOT_SENT]);
    assert_int_equal(0, load.waiting);
    end(d);
}

/* --- the ring and memory -------------------------------------------------------------------------- */

static void test_the_ring_is_bounded(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    d->options.ring_bytes = 10000;
    start(d);
    int64_t due = mt_now_ns() + 30 * ms;
    int refused = 0;
    for (int i = 0; i < 40; i++) {
        mt_outgoing *prepared = request(d, due, 3000);
        while (!mt_driver_offer(d->driver, prepared)) {
            refused++;
            mt_driver_wait(d->driver, mt_now_ns() + 1000 * ms);
            (void)take_all(d);
        }
    }
    assert_true(refused >= 1 && refused < 4000); /* it waits */
    collect(d);
    offer(d, request(d, mt_now_ns() + 5 * ms, 50000)); /* alone it may be as large as it likes */
    collect(d);
    end(d);
}

static void test_no_memory_at_the_start(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    d->options.connections = 2;
    for (sweep all = {0}; sweep_next(&all);) {
        mt_driver_free(mt_driver_start(&d->options, &all.error));
        all.code = all.error.code;
    }
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    end(d);
}

static void test_memory_runs_out_for_a_while(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    d->options.slots = 5;
    start(d);
    mt_outgoing *requests[50];
    for (int i = 0; i < 50; i++)
        requests[i] = request(d, i % 2 ? mt_now_ns() + i * ms : MT_NEVER, 10);
    mt_memory_fail_at(1, 1);
    for (int i = 0; i < 50; i++)
        offer(d, requests[i]);
    sleep_ms(60);
    assert_int_equal(0, take_all(d));
    mt_memory_fail_at(0, 0);
    collect(d);
    for (int i = 0; i < 50; i++)
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[i].failure);
    end(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_starved),
        cmocka_unit_test(test_cancelled_after),
        cmocka_unit_test(test_stop_sending),
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_free_at_any_time),
        cmocka_unit_test(test_whatever_happens),
        cmocka_unit_test(test_the_ring_is_bounded),
        cmocka_unit_test(test_no_memory_at_the_start),
        cmocka_unit_test(test_memory_runs_out_for_a_while),
    };
    int failed = cmocka_run_group_tests_name("direct", tests, use_direct, NULL);
    return failed + cmocka_run_group_tests_name("curl", tests, use_curl, NULL);
}
