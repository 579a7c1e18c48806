/* Live runs: requests that wait for real answers, told by a server that is made up here. */
#include "plan_support.h"
#include "sweep.h"

#include "load/run/run.h"
#include "trace/step/steps.h"

#include <stdio.h>

/* A request that was handed out, and its ids; texts are not kept. */
typedef struct sent {
    mt_request request;
    uint64_t ids[64];
    char session[32];
    uint64_t ticket;
} sent;

static const int64_t second = 1000000000;

static mt_process *sessions_of(mt_process *starts, double turns, double think, uint64_t max_input) {
    mt_session_shape shape = {
        .turns = fixed(turns), .think = fixed(think), .rules.max_input = max_input, .per_token = 1};
    mt_process *process = mt_process_sessions(starts, &shape, NULL);
    assert_non_null(process);
    mt_process_release(starts);
    mt_distribution_release(shape.turns);
    mt_distribution_release(shape.think);
    return process;
}

static mt_process *closed_of(uint64_t users, double think) {
    mt_distribution *thoughts = fixed(think);
    mt_process *process = mt_process_closed(users, thoughts, NULL);
    assert_non_null(process);
    mt_distribution_release(thoughts);
    return process;
}

/* A stream of that process: 100 new tokens, answers of 20, blocks of 64, 128 tokens shared. */
static mt_plan *plan_of(mt_process *process) {
    mt_plan *plan = new_plan(64);
    add_stream(plan, "talk", process, lengths_of(fixed(100), 1, fixed(20)), prefix_of(128, 1, NULL),
               NULL);
    return plan;
}

static mt_run_options live_for(double duration) {
    mt_run_options options = mt_run_defaults();
    options.duration = duration;
    options.live = 1;
    return options;
}

static mt_source *run_of(mt_plan *plan, double duration) {
    mt_error error = {0};
    mt_run_options options = live_for(duration);
    mt_source *run = mt_source_run(plan, &options, &error);
    if (!run)
        fail_msg("%s", error.message);
    mt_plan_release(plan);
    return run;
}

static sent take(mt_source *run) {
    mt_error error = {0};
    sent one = {0};
    if (mt_source_next(run, &one.request, &error) != 1)
        fail_msg("no request: %s", error.message);
    one.ticket = mt_source_ticket(run);
    assert_true(one.request.hash_count <= 64);
    memcpy(one.ids, one.request.hash_ids, one.request.hash_count * sizeof *one.ids);
    snprintf(one.session, sizeof one.session, "%.*s", (int)one.request.session.length,
             one.request.session.length > 0 ? one.request.session.text : "");
    return one;
}

static void answer(mt_source *run, const sent *one, int64_t end_ns, uint64_t tokens) {
    const mt_source_answer told = {end_ns, one->request.input_length, tokens};
    mt_error error = {0};
    if (mt_source_settle(run, one->ticket, &told, &error) != MT_OK)
        fail_msg("%s", error.message);
}

/* -1: it is over; -2: it waits. */
static int64_t soonest(mt_source *run) {
    int64_t time_ns;
    int status = mt_source_soonest(run, &time_ns, NULL);
    assert_true(status >= 0);
    return status == 1 ? time_ns : status == MT_SOURCE_WAITS ? -2 : -1;
}

static void assert_over(mt_source *run) {
    mt_request request;
    assert_int_equal(mt_source_next(run, &request, NULL), 0);
    assert_int_equal(soonest(run), -1);
    mt_source_free(run);
}

/* Turns come when the real answer has ended and the user has thought, with its real length behind
 * them; sessions in flight hold nobody up. */
static void test_turns_wait_for_real_answers(void **state) {
    (void)state;
    const double begin[] = {0, 1, 30};
    mt_source *run = run_of(
        plan_of(sessions_of(mt_process_recorded(begin, 3, begin[0], 1, 0, NULL), 2, 2, 0)), 20);
    assert_true(mt_source_is_live(run));
    sent first = take(run), second_session = take(run);
    assert_int_equal(second_session.request.time_ns, second);
    assert_true(first.ticket != 0 && second_session.ticket != 0);
    mt_request none;
    assert_int_equal(mt_source_next(run, &none, NULL), 0); /* the third begins after the end */
    assert_int_equal(soonest(run), -2);
    answer(run, &second_session, 12 * second, 7);
    answer(run, &first, 5 * second, 150);
    assert_int_equal(soonest(run), 7 * second);
    sent turn = take(run);
    assert_string_equal(turn.session, "\"talk-0\"");
    assert_int_equal(turn.request.time_ns, 7 * second);
    assert_int_equal(turn.request.delay_ns, 2 * second);
    assert_int_equal(turn.request.turn, 1);
    assert_int_equal(turn.request.input_length, 228 + 150 + 100);
    assert_int_equal(turn.request.hash_count, 8);
    assert_memory_equal(turn.ids, first.ids, 3 * sizeof *turn.ids); /* whole blocks of 228 */
    assert_int_equal(turn.ticket, 0);                               /* the last of its session */
    turn = take(run);
    assert_int_equal(turn.request.time_ns, 14 * second);
    assert_int_equal(turn.request.input_length, 228 + 7 + 100);
    assert_over(run);
}

/* The same request has the same ids whatever the server did; shared prefixes are shared. */
static void test_ids_do_not_depend_on_answers(void **state) {
    (void)state;
    sent runs[2][4];
    for (int i = 0; i < 2; i++) {
        const double begin[] = {0, 0};
        mt_source *run = run_of(
            plan_of(sessions_of(mt_process_recorded(begin, 2, begin[0], 1, 0, NULL), 2, 1, 0)), 20);
        runs[i][0] = take(run);
        runs[i][1] = take(run);
        answer(run, &runs[i][i], 3 * second, 20);
        answer(run, &runs[i][1 - i], 6 * second, 20);
        runs[i][2 + i] = take(run);
        runs[i][3 - i] = take(run);
        assert_over(run);
    }
    for (int k = 0; k < 4; k++) {
        assert_string_equal(runs[0][k].session, runs[1][k].session);
        assert_int_equal(runs[0][k].request.hash_count, runs[1][k].request.hash_count);
        assert_memory_equal(runs[0][k].ids, runs[1][k].ids,
                            runs[0][k].request.hash_count * sizeof(uint64_t));
    }
    assert_memory_equal(runs[0][0].ids, runs[0][1].ids, 2 * sizeof(uint64_t));
    assert_true(runs[0][0].ids[2] != runs[0][1].ids[2]);
    assert_true(runs[0][2].ids[3] != runs[0][3].ids[3]);
    assert_true(runs[0][0].ids[2] >> 63 == 0);
}

/* Each user has one request under way, and none is due at the end or after it. */
static void test_users_of_a_closed_loop(void **state) {
    (void)state;
    enum { USERS = 5 };
    mt_source *run = run_of(plan_of(closed_of(USERS, 0.5)), 10);
    sent flying[USERS];
    uint64_t count = 0;
    for (int i = 0; i < USERS; i++)
        flying[i] = take(run);
    assert_int_equal(soonest(run), -2);
    for (int i = 0; soonest(run) != -1; i = (i + 1) % USERS, count++) {
        int64_t end = flying[i].request.time_ns + second;
        answer(run, &flying[i], end, 20);
        if (soonest(run) >= 0) {
            flying[i] = take(run);
            assert_int_equal(flying[i].request.time_ns, end + second / 2);
            assert_true(flying[i].request.time_ns < 10 * second);
            assert_true(flying[i].request.has & MT_HAS_DELAY);
        }
    }
    assert_int_equal(count, USERS * 7); /* at 0, 1.5, ..., 9 s */
    assert_over(run);
}

/* A user of sessions has one conversation after the other, also after one that became too long. */
static void test_users_with_sessions(void **state) {
    (void)state;
    mt_source *run = run_of(plan_of(sessions_of(closed_of(1, 3), 5, 1, 400)), 10);
    sent one = take(run);
    assert_string_equal(one.session, "\"talk-0\"");
    answer(run, &one, 2 * second, 20);
    one = take(run);
    assert_int_equal(one.request.time_ns, 3 * second);
    assert_int_equal(one.request.input_length, 348);
    answer(run, &one, 4 * second, 20); /* the next turn would be of 468 tokens, at 5 s */
    one = take(run);
    assert_string_equal(one.session, "\"talk-1\"");
    assert_int_equal(one.request.time_ns, 8 * second);
    assert_int_equal(one.request.turn, 0);
    answer(run, &one, 11 * second, 20); /* a session goes on after the end, but no other begins */
    one = take(run);
    assert_int_equal(one.request.time_ns, 12 * second);
    answer(run, &one, 12 * second, 20);
    assert_over(run);
}

/* Faster: the run's clock and the driver's differ. Shards: the sessions of others end at once. */
static void test_steps_pass_answers_down(void **state) {
    (void)state;
    const double begin[] = {0, 1, 2, 3};
    mt_error error = {0};
    mt_source *run = run_of(
        plan_of(sessions_of(mt_process_recorded(begin, 4, begin[0], 1, 0, NULL), 2, 2, 0)), 20);
    run = mt_step_shard(mt_step_speed(run, 4, &error), 1, 2, &error);
    assert_non_null(run);
    sent one = take(run), other = take(run);
    assert_string_equal(one.session, "\"talk-1\"");
    assert_string_equal(other.session, "\"talk-3\"");
    assert_int_equal(one.request.time_ns, second / 4);
    assert_int_equal(soonest(run), -2);
    answer(run, &one, 2 * second, 20); /* 8 s of the run, and 2 s of thought */
    assert_int_equal(soonest(run), second * 10 / 4);
    one = take(run);
    assert_int_equal(one.request.time_ns, second * 10 / 4);
    assert_int_equal(one.request.delay_ns, second / 2);
    mt_source_free(run); /* one waits, and is freed with it */
}

static void test_other_steps_refuse(void **state) {
    (void)state;
    mt_error error = {0};
    assert_null(mt_step_sort(run_of(plan_of(closed_of(2, 1)), 5), 0, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "wait for real answers"));
    assert_null(mt_step_first(run_of(plan_of(closed_of(2, 1)), 5), 1, &error));
}

/* A plan in which nobody waits is no live source. */
static void test_plain_plans_are_as_ever(void **state) {
    (void)state;
    const double begin[] = {0, 1};
    mt_source *run = run_of(plan_of(mt_process_recorded(begin, 2, begin[0], 1, 0, NULL)), 5);
    mt_request request;
    assert_false(mt_source_is_live(run));
    assert_int_equal(mt_source_next(run, &request, NULL), 1);
    assert_int_equal(request.hash_ids[0], 0);
    mt_source_free(run);
}

/* All there is to do, with answers in an order of their own. */
static mt_code attempt(mt_plan *plan, mt_error *error) {
    mt_run_options options = live_for(4);
    mt_source *run = mt_source_run(plan, &options, error);
    uint64_t tickets[64];
    int64_t due[64], clock = 0;
    size_t waiting = 0;
    int got = run ? 1 : -1;
    while (got >= 0) {
        mt_request request;
        while (waiting < 60 && (got = mt_source_next(run, &request, error)) > 0)
            if (mt_source_ticket(run)) {
                due[waiting] = request.time_ns;
                tickets[waiting++] = mt_source_ticket(run);
            }
        if (got < 0 || waiting == 0)
            break;
        size_t i = waiting / 2;
        clock = due[i] > clock ? due[i] : clock;
        const mt_source_answer told = {clock + second / 3, 300, 20};
        uint64_t ticket = tickets[i];
        tickets[i] = tickets[--waiting];
        due[i] = due[waiting];
        if (mt_source_settle(run, ticket, &told, error) != MT_OK)
            got = -1;
    }
    mt_source_free(run);
    return got >= 0 ? MT_OK : mt_code_of(error);
}

static void test_out_of_memory(void **state) {
    (void)state;
    const double begin[] = {0, 0.5, 1, 2};
    mt_plan *plan = plan_of(sessions_of(closed_of(3, 0.5), 3, 0.2, 600));
    add_stream(plan, "more",
               sessions_of(mt_process_recorded(begin, 4, begin[0], 1, 0, NULL), 3, 0.3, 0),
               lengths_of(fixed(50), 1, fixed(10)), unique_prompt(), NULL);
    add_stream(plan, "plain", mt_process_recorded(begin, 4, begin[0], 1, 0, NULL),
               lengths_of(fixed(50), 1, fixed(10)), unique_prompt(), NULL);
    for (int sticky = 0; sticky < 2; sticky++)
        for (sweep all = {.sticky = sticky}; sweep_next(&all);)
            all.code = attempt(plan, &all.error);
    mt_plan_release(plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_wait_for_real_answers),
        cmocka_unit_test(test_ids_do_not_depend_on_answers),
        cmocka_unit_test(test_users_of_a_closed_loop),
        cmocka_unit_test(test_users_with_sessions),
        cmocka_unit_test(test_steps_pass_answers_down),
        cmocka_unit_test(test_other_steps_refuse),
        cmocka_unit_test(test_plain_plans_are_as_ever),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("run_live", tests, NULL, NULL);
}
