/* Names of requests that were left out: dropped, and when requests come is kept. */
#include "steps_support.h"
#include "sweep.h"

#include "trace/step/lost.h"

/* a, then b 400 + 100 + 50 ms later at 550, c at 860 after a and b, d at its own time. */
#define A "{\"timestamp\": 0, \"output_length\": 10, \"request_id\": \"a\"}\n"
#define B                                                                                          \
    "{\"output_length\": 5, \"delay\": 100, \"request_id\": \"b\", \"wait_for\": [\"a\"], "        \
    "\"tool_wait_ms\": 50}\n"
#define C                                                                                          \
    "{\"output_length\": 5, \"delay\": 10, \"request_id\": \"c\", \"wait_for\": [\"a\", \"b\"], "  \
    "\"branches\": [\"d\"], \"priority\": 2}\n"
#define D                                                                                          \
    "{\"timestamp\": 4000, \"output_length\": 5, \"wait_for\": [\"c\"], \"request_id\": \"d\"}\n"

static const mt_service service = {200000000, 20000000};

/* The kept of the whole: these lines. */
static mt_lost_counts settles(void **state, const char *whole, const char *kept,
                              const char *lines) {
    mt_error error;
    mt_lost *lost = mt_lost_new(&service, &error);
    assert_int_equal(mt_lost_look_at_kept(lost, source_of(state, "kept.jsonl", kept), &error),
                     MT_OK);
    assert_int_equal(mt_lost_look_at_whole(lost, source_of(state, "whole.jsonl", whole), &error),
                     MT_OK);
    gives(state, mt_step_lost(source_of(state, "kept.jsonl", kept), lost, &error), lines);
    mt_lost_counts counts = mt_lost_count(lost);
    mt_lost_release(lost);
    return counts;
}

static void assert_counts(mt_lost_counts counts, int requests, int names, int times, int delays) {
    assert_int_equal(counts.requests, requests);
    assert_int_equal(counts.names, names);
    assert_int_equal(counts.times, times);
    assert_int_equal(counts.delays, delays);
}

static void test_times(void **state) {
    /* Nobody is left to wait for: the time; the time there is; a longer delay where one is left. */
    assert_counts(settles(state, A B C D, C,
                          "{\"timestamp\": 860, \"output_length\": 5, \"request_id\": \"c\", "
                          "\"priority\": 2}\n"),
                  1, 3, 1, 0);
    assert_counts(settles(state, A B C D, D,
                          "{\"timestamp\": 4000, \"output_length\": 5, \"request_id\": \"d\"}\n"),
                  1, 1, 0, 0);
    assert_counts(settles(state, A B C D, A C D,
                          A "{\"output_length\": 5, \"delay\": 460, \"request_id\": \"c\", "
                            "\"wait_for\": [\"a\"], \"branches\": [\"d\"], \"priority\": 2}\n" D),
                  1, 1, 0, 1);
    /* One without a name waits for several, in any order. */
    assert_counts(settles(state, "{\"wait_for\": [\"b\", \"a\"]}\n" A B,
                          "{\"wait_for\": [\"b\", \"a\"]}\n", "{\"timestamp\": 850}\n"),
                  1, 2, 1, 0);
    /* Of those left out none was the last. */
    assert_counts(settles(state, A B "{\"wait_for\": [\"b\", \"a\"], \"delay\": 7}\n",
                          B "{\"wait_for\": [\"b\", \"a\"], \"delay\": 7}\n",
                          "{\"timestamp\": 550, \"output_length\": 5, \"request_id\": \"b\", "
                          "\"tool_wait_ms\": 50}\n{\"delay\": 7, \"wait_for\": [\"b\"]}\n"),
                  2, 1, 1, 0);
    /* Nor does one get a delay that has none and needs none. */
    assert_counts(settles(state, A B "{\"timestamp\": 9000, \"wait_for\": [\"b\", \"a\"]}\n",
                          B "{\"timestamp\": 9000, \"wait_for\": [\"b\", \"a\"]}\n",
                          "{\"timestamp\": 550, \"output_length\": 5, \"request_id\": \"b\", "
                          "\"tool_wait_ms\": 50}\n{\"timestamp\": 9000, \"wait_for\": [\"b\"]}\n"),
                  2, 1, 1, 0);
}

static void test_sessions(void **state) {
    static const char first[] =
        "{\"timestamp\": 1000, \"output_length\": 5, \"session_id\": \"s\", \"request_id\": 1}\n";
    static const char agent[] =
        "{\"output_length\": 100, \"delay\": 0, \"request_id\": \"x\", \"wait_for\": [1]}\n";
    static const char last[] = "{\"session_id\": \"s\", \"delay\": 20, \"wait_for\": [\"x\"], "
                               "\"tool_wait_ms\": 3.5, \"request_id\": 2}\n";
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s%s", first, agent, last);
    /* The turn before ends at 1300, the sub-agent at 1300 + 2200: it and the tool take their time. */
    char kept[512], lines[512];
    snprintf(kept, sizeof kept, "%s%s", first, last);
    snprintf(
        lines, sizeof lines, "%s%s", first,
        "{\"session_id\": \"s\", \"delay\": 2223.5, \"tool_wait_ms\": 3.5, \"request_id\": 2}\n");
    assert_counts(settles(state, whole, kept, lines), 1, 1, 0, 1);
    /* Without it, and without the sub-agent, the session begins when it went on. */
    assert_counts(settles(state, whole, last,
                          "{\"timestamp\": 3523.5, \"session_id\": \"s\", \"tool_wait_ms\": 3.5, "
                          "\"request_id\": 2}\n"),
                  1, 1, 1, 0);
    /* A turn with a time and no delay comes as far behind the one before as before. */
    snprintf(kept, sizeof kept, "%s%s", first,
             "{\"timestamp\": 9000, \"session_id\": \"s\", \"wait_for\": [\"x\"]}\n");
    snprintf(lines, sizeof lines, "%s%s", first, "{\"timestamp\": 9000, \"session_id\": \"s\"}\n");
    assert_counts(settles(state, whole, kept, lines), 1, 1, 0, 0);
}

static void test_odd(void **state) {
    /* Names that nobody ever had stay; so does what is no list. Circles have some time. */
    static const char odd[] = "{\"timestamp\": 1, \"wait_for\": [\"none\"], \"branches\": \"b\"}\n"
                              "{\"timestamp\": 2, \"wait_for\": null}\n";
    assert_counts(settles(state, A "{\"timestamp\": 1}\n", odd, odd), 0, 0, 0, 0);
    static const char circle[] = "{\"request_id\": \"p\", \"wait_for\": [\"q\", \"p\"]}\n"
                                 "{\"request_id\": \"q\", \"wait_for\": [\"p\"]}\n";
    settles(state, circle, "{\"wait_for\": [\"q\"]}\n", "{\"timestamp\": 400}\n");
    /* All that comes of an answer of 2^64 - 1 tokens is that it takes very long. */
    settles(state,
            "{\"timestamp\": 0, \"output_length\": 18446744073709551615, \"request_id\": 1}\n",
            "{\"wait_for\": [1]}\n", "{\"timestamp\": 9223372036854.775807}\n");
    mt_error error;
    mt_lost *lost = mt_lost_new(&service, &error);
    assert_int_equal(mt_lost_look_at_kept(lost, source_of(state, "kept.jsonl", A D), &error),
                     MT_OK);
    assert_true(mt_lost_names_any(lost));
    assert_false(mt_lost_may_time(lost));
    assert_int_equal(mt_lost_look_at_whole(lost, source_of(state, "bad.jsonl", A "{\n"), &error),
                     MT_ERROR_INPUT);
    mt_lost_release(lost);
    lost = mt_lost_new(&service, &error);
    assert_int_equal(mt_lost_look_at_kept(lost, source_of(state, "kept.jsonl", A B C D), &error),
                     MT_OK);
    assert_false(mt_lost_names_any(lost));
    assert_true(mt_lost_may_time(lost));
    mt_lost_release(lost);
    mt_lost_release(NULL);
}

/* A chain of many, of which the last is kept: its time is found without recursion. */
static void test_long_chain(void **state) {
    enum { LONG = 200000, ROOM = 64 };
    char *text = mt_allocate(LONG + 1, ROOM), *at = text;
    assert_non_null(text);
    at += sprintf(at, "{\"timestamp\": 0, \"request_id\": 0}\n");
    for (int i = 1; i < LONG; i++)
        at += sprintf(at, "{\"delay\": 1, \"request_id\": %d, \"wait_for\": [%d]}\n", i, i - 1);
    char *last = at;
    while (last[-2] != '\n')
        last--;
    last--;
    char kept[ROOM], line[ROOM];
    snprintf(kept, sizeof kept, "%.*s", (int)(at - last), last);
    snprintf(line, sizeof line, "{\"timestamp\": %d, \"request_id\": %d}\n", (LONG - 1) * 201,
             LONG - 1);
    settles(state, text, kept, line);
    mt_free(text);
}

static void test_memory(void **state) {
    mt_source_free(source_of(state, "whole.jsonl", A B C D));
    mt_source_free(source_of(state, "kept.jsonl", A C D));
    for (sweep all = {0}; sweep_next(&all);) {
        mt_error *error = &all.error;
        mt_request request;
        mt_source *source = NULL;
        int status = -1;
        mt_lost *lost = mt_lost_new(&service, error);
        mt_source *kept = lost ? mt_source_open(in_folder(state, "kept.jsonl"), 0, error) : NULL;
        int is_good = kept && mt_lost_look_at_kept(lost, kept, error) == MT_OK;
        mt_source *whole =
            is_good ? mt_source_open(in_folder(state, "whole.jsonl"), 0, error) : NULL;
        if (whole && mt_lost_look_at_whole(lost, whole, error) == MT_OK)
            source = mt_source_open(in_folder(state, "kept.jsonl"), 0, error);
        if (source)
            source = mt_step_lost(source, lost, error);
        while (source && (status = mt_source_next(source, &request, error)) > 0)
            ;
        mt_source_free(source);
        mt_lost_release(lost);
        all.code = status == 0 ? MT_OK : error->code;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_times),      WITH_FOLDER(test_sessions), WITH_FOLDER(test_odd),
        WITH_FOLDER(test_long_chain), WITH_FOLDER(test_memory),
    };
    return cmocka_run_group_tests_name("lost", tests, NULL, NULL);
}
