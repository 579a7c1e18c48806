/* Columns give back what was appended, absent members included, also after a failed append. */
#include "trace_support.h"

#include "base/memory.h"
#include "trace/columns.h"

enum { REQUESTS = 3000, MOST_IDS = 20 };

typedef struct stored {
    mt_request request;
    uint64_t ids[MOST_IDS];
    char session[16], stream[16], extra[32];
} stored;

/* Members come up late and stop again, so that columns begin and end in the middle. */
static void make(stored *s, size_t i, uint64_t *random) {
    memset(s, 0, sizeof *s);
    mt_request *request = &s->request;
    request->has = (unsigned)(next_random(random) & (i < 100 ? 0x07 : i < 200 ? 0x0F : 0xFF));
    if (request->has & MT_HAS_TIME)
        request->time_ns = (int64_t)(next_random(random) >> 1);
    if (request->has & MT_HAS_DELAY)
        request->delay_ns = (int64_t)(next_random(random) >> 1);
    if (request->has & MT_HAS_INPUT_LENGTH)
        request->input_length = next_random(random);
    if (request->has & MT_HAS_OUTPUT_LENGTH)
        request->output_length = next_random(random);
    if (request->has & MT_HAS_TURN)
        request->turn = below(random, 10);
    if (request->has & MT_HAS_HASH_IDS) {
        request->hash_count = (size_t)below(random, MOST_IDS);
        for (size_t k = 0; k < request->hash_count; k++)
            s->ids[k] = next_random(random);
        request->hash_ids = s->ids;
    }
    if (request->has & MT_HAS_SESSION) {
        snprintf(s->session, sizeof s->session, "\"%d\"", (int)below(random, 500));
        request->session = (mt_span){s->session, strlen(s->session)};
    }
    if (request->has & MT_HAS_STREAM) {
        snprintf(s->stream, sizeof s->stream, "\"s%d\"", (int)below(random, 3));
        request->stream = (mt_span){s->stream, strlen(s->stream)};
    }
    if (i > 300 && below(random, 2)) {
        snprintf(s->extra, sizeof s->extra, "\"x\": %d", (int)i);
        request->extra = (mt_span){s->extra, strlen(s->extra)};
    }
    request->line = i < 50 ? 0 : i;
}

static void assert_stored(const mt_columns *columns, size_t i, const mt_request *expected) {
    mt_request request;
    mt_columns_get(columns, i, &request);
    assert_int_equal(mt_columns_has(columns, i), expected->has);
    assert_same_request(&request, expected);
    assert_int_equal(request.turn, expected->turn);
    assert_int_equal(request.line, expected->line);
}

static void test_round_trip(void **state) {
    (void)state;
    uint64_t random = 3, total = 0;
    mt_columns columns = {0};
    stored *all = malloc(REQUESTS * sizeof *all);
    for (size_t i = 0; i < REQUESTS; i++) {
        make(&all[i], i, &random);
        assert_int_equal(mt_columns_append(&columns, &all[i].request, NULL), MT_OK);
        total += all[i].request.hash_count;
    }
    assert_int_equal(columns.count, REQUESTS);
    assert_int_equal(columns.hash_total, total);
    assert_int_equal(columns.streams.count, 3);
    for (size_t i = 0; i < REQUESTS; i++)
        assert_stored(&columns, i, &all[i].request);
    mt_columns_free(&columns);
    assert_int_equal(columns.count, 0);
    free(all);
}

static void test_unused_columns_take_nothing(void **state) {
    (void)state;
    mt_columns columns = {0};
    mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(mt_columns_append(&columns, &request, NULL), MT_OK);
    assert_null(columns.delay_ns.data);
    assert_null(columns.hash_ends.data);
    assert_null(columns.hash_ids.data);
    assert_null(columns.session.data);
    assert_null(columns.extra_ends.data);
    assert_null(columns.line.data);
    mt_columns_free(&columns);
    mt_columns_free(&columns);
}

/* Every allocation of every append fails once, and what is there stays right. */
static void test_memory_runs_out(void **state) {
    (void)state;
    uint64_t random = 5, failures = 0;
    mt_columns columns = {0};
    stored *all = malloc(600 * sizeof *all);
    for (size_t i = 0; i < 600; i++) {
        make(&all[i], i, &random);
        for (uint64_t n = 1;; n++) {
            mt_error error;
            size_t sessions = columns.sessions.count;
            mt_memory_fail_at(n, 0);
            mt_code code = mt_columns_append(&columns, &all[i].request, &error);
            mt_memory_fail_at(0, 0);
            if (code == MT_OK)
                break;
            failures++;
            assert_int_equal(code, MT_ERROR_MEMORY);
            assert_int_equal(columns.count, i);
            assert_int_equal(columns.sessions.count, sessions);
            if (i > 0)
                assert_stored(&columns, i - 1, &all[i - 1].request);
        }
    }
    assert_true(failures > 1);
    for (size_t i = 0; i < 600; i++)
        assert_stored(&columns, i, &all[i].request);
    mt_columns_free(&columns);
    free(all);
}

/* A column that was made before another one could not be has room for what follows without it, too. */
static void test_column_of_a_failed_append(void **state) {
    (void)state;
    enum { BEFORE = 100, BEHIND = 5000 };
    mt_columns columns = {0};
    mt_request plain = {.has = MT_HAS_TIME, .time_ns = 7};
    mt_request both = {.has = MT_HAS_TIME | MT_HAS_DELAY | MT_HAS_TURN, .delay_ns = 5, .turn = 2};
    for (int i = 0; i < BEFORE; i++)
        assert_int_equal(mt_columns_append(&columns, &plain, NULL), MT_OK);
    mt_memory_fail_at(2, 0);
    assert_int_equal(mt_columns_append(&columns, &both, NULL), MT_ERROR_MEMORY);
    mt_memory_fail_at(0, 0);
    assert_non_null(columns.delay_ns.data);
    assert_null(columns.turn.data);
    for (int i = 0; i < BEHIND; i++) {
        plain.time_ns = i;
        assert_int_equal(mt_columns_append(&columns, &plain, NULL), MT_OK);
        assert_true(columns.count <= columns.delay_ns.capacity);
    }
    assert_stored(&columns, BEFORE + BEHIND - 1, &plain);
    assert_int_equal(columns.count, BEFORE + BEHIND);
    mt_columns_free(&columns);
}

static void test_texts(void **state) {
    (void)state;
    mt_texts texts = {0};
    uint32_t number;
    char text[16];
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 5000; i++) {
            snprintf(text, sizeof text, "t%u", i);
            assert_int_equal(mt_texts_intern(&texts, text, i == 0 ? 0 : strlen(text), &number), 0);
            assert_non_null(mt_texts_get(&texts, 0).text); /* where it is the only one, too */
            assert_int_equal(number, i);
        }
    assert_int_equal(texts.count, 5000);
    assert_int_equal(mt_texts_get(&texts, 0).length, 0);
    assert_span(mt_texts_get(&texts, 4999), "t4999");
    mt_texts_truncate(&texts, 10);
    assert_int_equal(mt_texts_intern(&texts, "t4999", 5, &number), 0);
    assert_int_equal(number, 10);
    assert_int_equal(mt_texts_intern(&texts, "t7", 2, &number), 0);
    assert_int_equal(number, 7);
    mt_texts_truncate(&texts, 0);
    assert_int_equal(mt_texts_intern(&texts, "t7", 2, &number), 0);
    assert_int_equal(number, 0);
    mt_texts_free(&texts);
}

static void assert_chosen(const mt_columns *columns, const unsigned char *wanted) {
    mt_columns kept = {0}, one_by_one = {0};
    for (size_t i = 0; i < columns->count; i++) {
        mt_request request;
        mt_columns_get(columns, i, &request);
        if (wanted[i])
            assert_int_equal(mt_columns_append(&one_by_one, &request, NULL), MT_OK);
    }
    assert_int_equal(mt_columns_choose(columns, wanted, &kept, NULL), MT_OK);
    assert_int_equal(kept.count, one_by_one.count);
    assert_int_equal(kept.hash_total, one_by_one.hash_total);
    assert_int_equal(kept.sessions.count, one_by_one.sessions.count);
    assert_int_equal(kept.streams.count, one_by_one.streams.count);
    assert_int_equal(kept.session.data == NULL, one_by_one.session.data == NULL);
    assert_int_equal(kept.turn.data == NULL, one_by_one.turn.data == NULL);
    for (size_t i = 0; i < kept.count; i++) {
        mt_request request;
        mt_columns_get(&one_by_one, i, &request);
        assert_stored(&kept, i, &request);
        if (kept.session.data)
            assert_int_equal(((const uint32_t *)kept.session.data)[i],
                             ((const uint32_t *)one_by_one.session.data)[i]);
    }
    /* They are columns like others: one can be appended. */
    mt_request more = {.has = MT_HAS_TIME, .time_ns = 7};
    assert_int_equal(mt_columns_append(&kept, &more, NULL), MT_OK);
    assert_stored(&kept, kept.count - 1, &more);
    mt_columns_free(&kept);
    mt_columns_free(&one_by_one);
}

/* Some of them, all, none, and the first ones, which have few members. */
static void test_choose(void **state) {
    (void)state;
    uint64_t random = 11;
    unsigned char wanted[REQUESTS];
    mt_columns columns = {0};
    for (size_t i = 0; i < REQUESTS; i++) {
        stored one;
        make(&one, i, &random);
        assert_int_equal(mt_columns_append(&columns, &one.request, NULL), MT_OK);
    }
    for (unsigned way = 0; way < 5; way++) {
        for (size_t i = 0; i < REQUESTS; i++)
            wanted[i] = way == 0   ? below(&random, 2) == 0
                        : way == 1 ? 1
                        : way == 2 ? 0
                        : way == 3 ? i < 90
                                   : below(&random, 50) == 0;
        assert_chosen(&columns, wanted);
    }
    /* Each allocation fails in turn: nothing is kept, nothing lost. */
    mt_code code = MT_ERROR_MEMORY;
    uint64_t n = 1;
    for (; code != MT_OK; n++) {
        mt_columns kept = {0};
        mt_error error;
        mt_memory_fail_at(n, 0);
        code = mt_columns_choose(&columns, wanted, &kept, &error);
        mt_memory_fail_at(0, 0);
        assert_true(code == MT_OK ||
                    (code == MT_ERROR_MEMORY && kept.count == 0 && !kept.has.data));
        mt_columns_free(&kept);
    }
    assert_true(n > 10);
    mt_columns_free(&columns);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_unused_columns_take_nothing),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_column_of_a_failed_append),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
