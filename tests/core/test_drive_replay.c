/* A replay against a server that answers: rows that wait for others, by sessions and by names, and what is
 * left of a run when memory runs out anywhere in it. */
#include "drive/replay.h"
#include "drive_support.h"
#include "load/run/run.h"
#include "file_support.h"
#include "plan_support.h"
#include "sweep.h"

#include <math.h>
#include <signal.h>

/* A server, and what its requests are made with. A driver that was stopped sends no more: each run has its
 * own. */
typedef struct house {
    drive *drive;
    mt_head_options head;
    mt_token_texts tokens;
} house;

static void open_house(house *h) {
    mt_error error;
    h->drive = drive_over(NULL);
    h->drive->options.want_texts = 1;
    h->drive->options.slots = 4;
    begin(h->drive, answer_stream);
    h->head = (mt_head_options){.host = "localhost", .path = "/v1/chat/completions"};
    assert_int_equal(mt_token_texts_make(&h->tokens, 1, 999, &error), MT_OK);
}

static void close_house(house *h) {
    mt_token_texts_free(&h->tokens);
    end(h->drive);
}

static mt_replay_options options_of(house *h) {
    static const mt_objective objective = {.metric = 0, .limit = 1e6};
    return (mt_replay_options){
        .body = {.model = "\"m\"",
                 .output_field = "max_tokens",
                 .block_size = 64,
                 .tokens = h->tokens},
        .heads = &h->head,
        .head_count = 1,
        .live_history = 1,
        .window_begin_ns = INT64_MIN,
        .window_end_ns = INT64_MAX,
        .objectives = &objective,
        .objective_count = 1,
        .by = "kind",
        .input_bytes = UINT64_MAX,
    };
}

static void new_driver(house *h) {
    mt_driver_free(h->drive->driver);
    start(h->drive);
}

/* The same in a sweep, of which it is no part. */
static void new_driver_beside(house *h, const sweep *all) {
    mt_memory_fail_at(0, 0);
    new_driver(h);
    mt_memory_fail_at(all->n, all->sticky);
}

/* What came of a run. */
typedef struct outcome {
    mt_replay_progress progress;
    uint64_t due, groups;
    mt_code code;
    mt_error error;
} outcome;

/* Goes through the source, which it frees; after a failure the run is stopped and what was sent comes back,
 * as the command does it. */
static outcome replay_all(house *h, mt_source *source, const mt_replay_options *options) {
    outcome got = {.code = MT_OK};
    mt_error error = {0};
    mt_replay *replay = mt_replay_new(source, h->drive->driver, options, &error);
    if (!replay) {
        mt_source_free(source);
        return (outcome){.code = error.code, .error = error};
    }
    mt_replay_start(replay, mt_now_ns());
    int64_t patience = mt_now_ns() + 20000 * ms;
    for (int status; (status = mt_replay_step(replay, mt_now_ns() + 100 * ms, &error)) != 0;) {
        assert_true(mt_now_ns() < patience);
        if (status < 0 && got.code == MT_OK) {
            got.code = error.code;
            got.error = error;
        }
        if (status < 0)
            mt_replay_stop(replay, mt_now_ns() + 5000 * ms, MT_FAILURE_CANCELLED_RUN_END);
    }
    mt_replay_look(replay, &got.progress);
    assert_int_equal(0, got.progress.held);
    const mt_results *results = mt_replay_results(replay), *outside = mt_replay_outside(replay);
    got.due = results->due + outside->due;
    assert_int_equal(got.due, got.progress.done + got.progress.failed + got.progress.cancelled +
                                  got.progress.not_sent);
    got.groups = mt_replay_group_count(replay);
    mt_replay_free(replay);
    mt_source_free(source);
    return got;
}

static const char rows[] =
    "{\"timestamp\": 0, \"input_length\": 100, \"output_length\": 3, \"hash_ids\": [1, 2], "
    "\"session_id\": \"a\", \"request_id\": \"first\", \"kind\": \"x\"}\n"
    "{\"timestamp\": 1, \"input_length\": 100, \"output_length\": 3, \"hash_ids\": [1, 3], "
    "\"kind\": \"y\"}\n"
    "{\"timestamp\": 2, \"input_length\": 130, \"output_length\": 3, \"hash_ids\": [1, 4, 5], "
    "\"session_id\": \"a\", \"delay\": 1, \"request_id\": \"second\"}\n"
    "{\"timestamp\": 3, \"input_length\": 50, \"output_length\": 3, \"hash_ids\": [7], "
    "\"wait_for\": [\"first\", \"second\"], \"tool_wait_ms\": 1, \"kind\": \"x\"}\n"
    "{\"timestamp\": 3, \"input_length\": 50, \"output_length\": 3, \"hash_ids\": [8], "
    "\"session_id\": \"b\"}\n";

enum { ROWS = 5 };

static uint64_t lines_in(const char *path) {
    FILE *file = fopen(path, "rb");
    uint64_t count = 0;
    assert_non_null(file);
    for (int byte; (byte = getc(file)) != EOF;)
        count += byte == '\n';
    fclose(file);
    return count;
}

static void test_rows(void **state) {
    house h;
    mt_error error;
    open_house(&h);
    write_file(in_folder(state, "t.jsonl"), rows, sizeof rows - 1);
    for (int slots = 0; slots <= 2; slots += 2) {
        new_driver(&h);
        mt_replay_options options = options_of(&h);
        options.slots = (uint64_t)slots;
        options.lines = mt_output_open(in_folder(state, "lines"), &error);
        options.record = mt_output_open(in_folder(state, "record"), &error);
        outcome got =
            replay_all(&h, mt_source_open(in_folder(state, "t.jsonl"), 0, &error), &options);
        if (got.code != MT_OK)
            fail_msg("%s", got.error.message);
        assert_int_equal(ROWS, got.due);
        assert_int_equal(ROWS, got.progress.done);
        assert_int_equal(3, got.groups); /* x, y, and those without */
        assert_int_equal(MT_OK, mt_output_finish(options.lines, &error));
        assert_int_equal(MT_OK, mt_output_finish(options.record, &error));
        assert_int_equal(ROWS, lines_in(in_folder(state, "lines")));
        assert_int_equal(ROWS, lines_in(in_folder(state, "record")));
    }
    close_house(&h);
}

/* ---- memory runs out ---------------------------------------------------------------------------- */

/* The three files of a run; 0 when one cannot be opened. */
static int open_outputs(void **state, mt_replay_options *options, mt_error *error) {
    options->lines = mt_output_open(in_folder(state, "lines"), error);
    if (options->lines)
        options->record = mt_output_open(in_folder(state, "record"), error);
    if (options->record)
        options->inputs = mt_output_open(in_folder(state, "inputs"), error);
    return options->inputs != NULL;
}

/* What a file cannot take is noted and not fatal, the driver's thread tries again, and a request for whose
 * connection there is no memory fails. */
static void test_memory_runs_out(void **state) {
    house h;
    open_house(&h);
    write_file(in_folder(state, "t.jsonl"), rows, sizeof rows - 1);
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
        new_driver_beside(&h, &all);
        mt_replay_options options = options_of(&h);
        if (open_outputs(state, &options, &all.error)) {
            mt_source *source = mt_source_open(in_folder(state, "t.jsonl"), 0, &all.error);
            outcome got = {.code = all.error.code, .error = all.error};
            if (source)
                got = replay_all(&h, source, &options);
            all.error = got.error;
            if (source && got.code == MT_OK)
                assert_int_equal(ROWS, got.progress.done + got.progress.failed);
            if (got.progress.write_failures > 0)
                assert_int_equal(MT_ERROR_MEMORY, got.progress.write_error.code);
        }
        all.code = all.error.code;
        mt_output_abandon(options.lines);
        mt_output_abandon(options.record);
        mt_output_abandon(options.inputs);
    }
    close_house(&h);
}

/* Sessions whose turns wait for the answers. */
static mt_plan *talk(void) {
    mt_session_shape shape = {.turns = fixed(3), .think = fixed(0.001), .per_token = 1};
    mt_curve *rate = mt_curve_constant(1000, INFINITY, NULL);
    mt_process *starts = mt_process_even(rate, 0, NULL);
    mt_process *process = mt_process_sessions(starts, &shape, NULL);
    assert_non_null(process);
    mt_curve_release(rate);
    mt_process_release(starts);
    mt_distribution_release(shape.turns);
    mt_distribution_release(shape.think);
    mt_plan *plan = new_plan(64);
    add_stream(plan, "talk", process, lengths_of(fixed(100), 1, fixed(3)), unique_prompt(), NULL);
    return plan;
}

static void test_memory_runs_out_live(void **state) {
    (void)state;
    house h;
    open_house(&h);
    mt_plan *plan = talk();
    mt_run_options live = mt_run_defaults();
    live.duration = 0.002;
    live.live = 1;
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
        new_driver_beside(&h, &all);
        mt_replay_options options = options_of(&h);
        mt_source *source = mt_source_run(plan, &live, &all.error);
        all.code = all.error.code;
        if (!source)
            continue;
        outcome got = replay_all(&h, source, &options);
        all.code = got.code;
        all.error = got.error;
        if (got.code == MT_OK)
            assert_int_equal(6, got.progress.done + got.progress.failed);
    }
    mt_plan_release(plan);
    close_house(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_memory_runs_out, make_folder, remove_folder),
        cmocka_unit_test(test_memory_runs_out_live),
    };
    signal(SIGPIPE, SIG_IGN); /* the server's */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
