/* Steps that change lengths, ids and session rows. */
#include "steps_support.h"
#include "trace_support.h"

#include <math.h>

/* ---- lengths ---- */

static const char two[] =
    "{\"timestamp\": 0, \"input_length\": 1500, \"output_length\": 10, \"hash_ids\": [4, 5, 6]}\n"
    "{\"timestamp\": 1, \"input_length\": 1024, \"hash_ids\": [4, 5]}\n"
    "{\"output_length\": 3}\n"
    "{\"input_length\": 1, \"hash_ids\": []}\n";

static void test_scale_by_hand(void **state) {
    mt_error error;
    /* Doubled: block 4 is followed by its second half, stride 3. */
    gives(state, mt_step_scale(source_of(state, "in.jsonl", two), 2, 0.5, 512, &error),
          "{\"timestamp\": 0, \"input_length\": 3000, \"output_length\": 5, \"hash_ids\": [12, 13, "
          "15, 16, 18, 19]}\n"
          "{\"timestamp\": 1, \"input_length\": 2048, \"hash_ids\": [12, 13, 15, 16]}\n"
          "{\"output_length\": 2}\n"
          "{\"input_length\": 2, \"hash_ids\": []}\n");
    /* Halved: a new block ends where the second of two old ones does. */
    gives(state, mt_step_scale(source_of(state, "in.jsonl", two), 0.5, 1, 512, &error),
          "{\"timestamp\": 0, \"input_length\": 750, \"output_length\": 10, \"hash_ids\": [10, "
          "12]}\n"
          "{\"timestamp\": 1, \"input_length\": 512, \"hash_ids\": [10]}\n"
          "{\"output_length\": 3}\n"
          "{\"input_length\": 1, \"hash_ids\": []}\n");
    gives(state, mt_step_scale(source_of(state, "in.jsonl", two), 1, 1, 512, &error), two);
    gives(state,
          mt_step_scale(source_of(state, "in.jsonl", "{\"hash_ids\": [1]}\n"), 2, 1, 512, &error),
          "{\"hash_ids\": [3, 4]}\n");
    fails_after(
        state,
        mt_step_scale(source_of(state, "in.jsonl", "{\"input_length\": 5000, \"hash_ids\": [1]}\n"),
                      2, 1, 512, &error),
        "", MT_ERROR_INPUT, 1, "--fit-ids");
    fails_after(
        state,
        mt_step_scale(source_of(state, "in.jsonl", "{\"hash_ids\": [9223372036854775807]}\n"), 2, 1,
                      512, &error),
        "", MT_ERROR_VALUE, 1, "--renumber");
    fails_after(
        state,
        mt_step_scale(source_of(state, "in.jsonl", "{\"output_length\": 18446744073709551615}\n"),
                      1, 2, 512, &error),
        "", MT_ERROR_VALUE, 1, "9e18");
    refused(mt_step_scale(source_of(state, "in.jsonl", two), 0, 1, 512, &error), &error, "above 0");
    refused(mt_step_scale(source_of(state, "in.jsonl", two), 1, 1, 0, &error), &error,
            "block size");
}

enum { BLOCK = 16, PROMPTS = 60, MOST_BLOCKS = 40 };

typedef struct prompt {
    uint64_t tokens, ids[4 * MOST_BLOCKS];
    size_t count;
} prompt;

/* Whole blocks that two prompts share from the start. */
static size_t shared(const prompt *a, const prompt *b) {
    size_t n = 0;
    while (n < a->count && n < b->count && a->ids[n] == b->ids[n])
        n++;
    return n;
}

/* Prompts that branch off one another at random places, prefix ids. */
static void make_prompts(prompt *prompts) {
    uint64_t random = 2, next = 0;
    for (size_t i = 0; i < PROMPTS; i++) {
        prompt *p = &prompts[i];
        p->count = 1 + (size_t)below(&random, MOST_BLOCKS);
        p->tokens = (p->count - 1) * BLOCK + 1 + below(&random, BLOCK);
        const prompt *from = i > 0 ? &prompts[below(&random, i)] : p;
        /* A short last block is nobody else's. */
        size_t whole = i > 0 ? (size_t)(from->tokens / BLOCK) : 0;
        size_t known = (size_t)below(&random, whole + 1);
        size_t mine = (size_t)(p->tokens / BLOCK);
        known = known < mine ? known : mine;
        for (size_t k = 0; k < p->count; k++)
            p->ids[k] = k < known ? from->ids[k] : next++;
    }
}

/* Any factor: as many ids as blocks, one parent an id, and what was shared is scaled. */
static void test_scale_keeps_prefixes(void **state) {
    (void)state;
    static const double factors[] = {0.05, 0.3, 0.5, 0.99, 1.01, 1.4, 1.5, 2, 2.75, 3};
    static prompt before[PROMPTS], after[PROMPTS];
    make_prompts(before);
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
        mt_columns columns = {0};
        mt_error error;
        for (size_t i = 0; i < PROMPTS; i++) {
            mt_request request = {.has = MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS,
                                  .input_length = before[i].tokens,
                                  .hash_ids = before[i].ids,
                                  .hash_count = before[i].count};
            assert_int_equal(mt_columns_append(&columns, &request, &error), MT_OK);
        }
        mt_source *source =
            mt_step_scale(mt_source_columns(&columns, &error), factors[f], 1, BLOCK, &error);
        mt_request request;
        for (size_t i = 0; i < PROMPTS; i++) {
            assert_int_equal(mt_source_next(source, &request, &error), 1);
            assert_int_equal(request.hash_count, (request.input_length + BLOCK - 1) / BLOCK);
            after[i].count = request.hash_count;
            memcpy(after[i].ids, request.hash_ids, request.hash_count * sizeof *request.hash_ids);
        }
        for (size_t a = 0; a < PROMPTS; a++)
            for (size_t b = 0; b < a; b++) {
                size_t common = shared(&before[a], &before[b]), now = shared(&after[a], &after[b]);
                assert_int_equal(now, (size_t)floor((double)common * factors[f]));
                /* What is not shared at its place is shared nowhere. */
                for (size_t i = now; i < after[a].count; i++)
                    for (size_t k = 0; k < after[b].count; k++)
                        assert_true(after[a].ids[i] != after[b].ids[k]);
            }
        mt_source_free(source);
        mt_columns_free(&columns);
    }
}

static void test_fit(void **state) {
    mt_error error;
    static const char odd[] = "{\"input_length\": 655, \"hash_ids\": [1, 2, 3]}\n"
                              "{\"input_length\": 1100, \"hash_ids\": [1]}\n"
                              "{\"input_length\": 9000, \"hash_ids\": []}\n"
                              "{\"input_length\": 512, \"hash_ids\": [4]}\n";
    gives(state, mt_step_fit(source_of(state, "in.jsonl", odd), 512, 100, &error),
          "{\"input_length\": 655, \"hash_ids\": [1, 2]}\n"
          "{\"input_length\": 1100, \"hash_ids\": [1, 100, 101]}\n"
          "{\"input_length\": 9000, \"hash_ids\": []}\n"
          "{\"input_length\": 512, \"hash_ids\": [4]}\n");
    fails_after(
        state,
        mt_step_fit(source_of(state, "in.jsonl", "{\"input_length\": 1e15, \"hash_ids\": [1]}\n"),
                    1, 0, &error),
        "", MT_ERROR_INPUT, 1, "too many are missing");
    refused(mt_step_fit(source_of(state, "in.jsonl", odd), 0, 0, &error), &error, "block size");
}

static void test_renumber(void **state) {
    mt_error error;
    static const char wild[] =
        "{\"hash_ids\": [18446744073709551615, 7], \"session_id\": \"secret\"}\n"
        "{\"hash_ids\": [9, 7], \"session_id\": 5, \"stream\": \"acme\", \"model\": \"m\"}\n"
        "{\"hash_ids\": [18446744073709551615, 8], \"session_id\": \"secret\"}\n";
    gives(state, mt_step_renumber(source_of(state, "in.jsonl", wild), 0, &error),
          "{\"hash_ids\": [0, 1], \"session_id\": \"secret\"}\n"
          "{\"hash_ids\": [2, 3], \"session_id\": 5, \"stream\": \"acme\", \"model\": \"m\"}\n"
          "{\"hash_ids\": [0, 4], \"session_id\": \"secret\"}\n");
    gives(state, mt_step_renumber(source_of(state, "in.jsonl", wild), 1, &error),
          "{\"hash_ids\": [0, 1], \"session_id\": \"s0\"}\n"
          "{\"hash_ids\": [2, 3], \"session_id\": \"s1\", \"stream\": \"stream0\"}\n"
          "{\"hash_ids\": [0, 4], \"session_id\": \"s0\"}\n");
}

/* ---- session rows ---- */

static const char whole_prompts[] =
    "{\"timestamp\": 0, \"input_length\": 20, \"output_length\": 10, \"hash_ids\": [0, 1], "
    "\"session_id\": \"a\"}\n"
    "{\"timestamp\": 1, \"input_length\": 20, \"output_length\": 2, \"hash_ids\": [0, 2], "
    "\"session_id\": \"b\"}\n"
    "{\"timestamp\": 2, \"input_length\": 50, \"output_length\": 9, \"hash_ids\": [0, 3, 4, 5], "
    "\"session_id\": \"a\"}\n"
    "{\"timestamp\": 3, \"input_length\": 16, \"output_length\": 4, \"hash_ids\": [0]}\n"
    "{\"timestamp\": 4, \"input_length\": 79, \"output_length\": 1, \"hash_ids\": [0, 3, 4, 6, "
    "7], \"session_id\": \"a\"}\n";

static const char added[] =
    "{\"timestamp\": 0, \"input_length\": 20, \"output_length\": 10, \"hash_ids\": [0, 1], "
    "\"session_id\": \"a\"}\n"
    "{\"timestamp\": 1, \"input_length\": 20, \"output_length\": 2, \"hash_ids\": [0, 2], "
    "\"session_id\": \"b\"}\n"
    "{\"timestamp\": 2, \"input_length\": 20, \"output_length\": 9, \"hash_ids\": [4, 5], "
    "\"session_id\": \"a\"}\n"
    "{\"timestamp\": 3, \"input_length\": 16, \"output_length\": 4, \"hash_ids\": [0]}\n"
    "{\"timestamp\": 4, \"input_length\": 20, \"output_length\": 1, \"hash_ids\": [6, 7], "
    "\"session_id\": \"a\"}\n";

static mt_source *converted(void **state, const char *lines, mt_rows from, mt_rows to) {
    mt_error error;
    return mt_step_sessions(source_of(state, "in.jsonl", lines), from, to, 16, &error);
}

/* The rows say themselves what they are, and come back the same. */
static void test_sessions(void **state) {
    gives(state, converted(state, whole_prompts, MT_ROWS_UNKNOWN, MT_ROWS_DELTA), added);
    gives(state, converted(state, added, MT_ROWS_UNKNOWN, MT_ROWS_CUMULATIVE), whole_prompts);
    gives(state, converted(state, whole_prompts, MT_ROWS_UNKNOWN, MT_ROWS_CUMULATIVE),
          whole_prompts);
    gives(state, converted(state, added, MT_ROWS_UNKNOWN, MT_ROWS_DELTA), added);
    gives(state, converted(state, whole_prompts, MT_ROWS_CUMULATIVE, MT_ROWS_DELTA), added);
    gives(state, converted(state, added, MT_ROWS_DELTA, MT_ROWS_CUMULATIVE), whole_prompts);
    /* No session has a second turn: both are the same. */
    static const char single[] =
        "{\"input_length\": 5, \"session_id\": 1}\n{\"input_length\": 5}\n";
    gives(state, converted(state, single, MT_ROWS_UNKNOWN, MT_ROWS_DELTA), single);
}

/* A prompt that does not continue its session's history begins a new session. */
static void test_sessions_that_restart(void **state) {
    static const char cut[] =
        "{\"input_length\": 20, \"output_length\": 10, \"session_id\": \"a\"}\n"
        "{\"input_length\": 50, \"output_length\": 10, \"session_id\": \"a\"}\n"
        "{\"input_length\": 30, \"output_length\": 10, \"session_id\": \"a\"}\n"
        "{\"input_length\": 45, \"output_length\": 10, \"session_id\": \"a\"}\n";
    gives(state, converted(state, cut, MT_ROWS_CUMULATIVE, MT_ROWS_DELTA),
          "{\"input_length\": 20, \"output_length\": 10, \"session_id\": \"a\"}\n"
          "{\"input_length\": 20, \"output_length\": 10, \"session_id\": \"a\"}\n"
          "{\"input_length\": 30, \"output_length\": 10, \"session_id\": \"a/2\"}\n"
          "{\"input_length\": 5, \"output_length\": 10, \"session_id\": \"a/2\"}\n");
}

static void test_sessions_refused(void **state) {
    mt_error error;
    /* Two of three longer: neither nine of ten nor fewer than two of three. */
    static const char unclear[] = "{\"input_length\": 10, \"session_id\": 1}\n"
                                  "{\"input_length\": 20, \"session_id\": 1}\n"
                                  "{\"input_length\": 30, \"session_id\": 1}\n"
                                  "{\"input_length\": 5, \"session_id\": 1}\n";
    fails_after(state, converted(state, unclear, MT_ROWS_UNKNOWN, MT_ROWS_DELTA), "",
                MT_ERROR_INPUT, 0, "--sessions cumulative or --sessions delta");
    fails_after(state, converted(state, "{\"session_id\": 1}\n", MT_ROWS_CUMULATIVE, MT_ROWS_DELTA),
                "", MT_ERROR_INPUT, 1, "without input_length");
    static const char huge[] = "{\"input_length\": 9223372036854775807, \"session_id\": 1}\n"
                               "{\"input_length\": 9223372036854775807, \"session_id\": 1}\n";
    fails_after(state, converted(state, huge, MT_ROWS_DELTA, MT_ROWS_CUMULATIVE),
                "{\"input_length\": 9223372036854775807, \"session_id\": 1}\n", MT_ERROR_INPUT, 2,
                "2^63");
    refused(mt_step_sessions(source_of(state, "in.jsonl", ""), MT_ROWS_DELTA, MT_ROWS_UNKNOWN, 16,
                             &error),
            &error, "sessions");
    refused(
        mt_step_sessions(source_of(state, "in.jsonl", ""), MT_ROWS_DELTA, MT_ROWS_DELTA, 0, &error),
        &error, "sessions");
}

/* What pairs of turns speak for. */
static void test_guess(void **state) {
    (void)state;
    assert_int_equal(mt_rows_guess(&(mt_rows_evidence){0}), MT_ROWS_UNKNOWN);
    assert_int_equal(mt_rows_guess(&(mt_rows_evidence){.continued = 8, .apart = 2}),
                     MT_ROWS_CUMULATIVE);
    assert_int_equal(mt_rows_guess(&(mt_rows_evidence){.continued = 2, .apart = 8}), MT_ROWS_DELTA);
    assert_int_equal(mt_rows_guess(&(mt_rows_evidence){.continued = 5, .apart = 5, .longer = 99}),
                     MT_ROWS_UNKNOWN);
    assert_int_equal(mt_rows_guess(&(mt_rows_evidence){.longer = 9, .shorter = 1}),
                     MT_ROWS_CUMULATIVE);
    assert_int_equal(mt_rows_guess(&(mt_rows_evidence){.longer = 6, .shorter = 4}), MT_ROWS_DELTA);
    assert_int_equal(mt_rows_guess(&(mt_rows_evidence){.longer = 8, .shorter = 2}),
                     MT_ROWS_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_scale_by_hand),
        WITH_FOLDER(test_scale_keeps_prefixes),
        WITH_FOLDER(test_fit),
        WITH_FOLDER(test_renumber),
        WITH_FOLDER(test_sessions),
        WITH_FOLDER(test_sessions_that_restart),
        WITH_FOLDER(test_sessions_refused),
        WITH_FOLDER(test_guess),
    };
    return cmocka_run_group_tests_name("reshape", tests, NULL, NULL);
}
