/* Answers whose events are kept for an adapter: every split gives the same, and what the adapter says of
 * them is what the exchange has in the end. */
#include "drive/answer.h"
#include "drive/http/message.h"

#include "base/memory.h"
#include "file_support.h"

#include <string.h>

/* Says what an event is by its first letter: c content, l tokens without text, u usage, d done, e error, o
 * overload; x cannot be read. "{" is passed over. */
static mt_code read_letter(void *context, mt_span event, mt_said *said, mt_error *error) {
    static const char busy[] = "busy";
    ++*(int *)context;
    switch (event.text[event.text[0] == '{']) {
    case 'c':
        said->says = MT_SAYS_CONTENT;
        said->tokens = 2;
        break;
    case 'l':
        said->says = MT_SAYS_LIVE;
        said->tokens = 1;
        break;
    case 'u':
        said->prompt_tokens = 9;
        said->completion_tokens = 5;
        break;
    case 'd':
        said->says = MT_SAYS_DONE;
        break;
    case 'e':
        said->says = MT_SAYS_ERROR;
        break;
    case 'o':
        said->says = MT_SAYS_ERROR;
        said->error_message = (mt_span){busy, 4};
        said->error_status = 503;
        break;
    case 'x':
        return mt_fail(error, MT_ERROR_CALLBACK, "what is this");
    default:
        break;
    }
    return MT_OK;
}

/* An answer in pieces of `size` bytes, a millisecond apart, each a read of its own. */
static mt_code hear(const char *text, size_t size, int content, int how, mt_exchange *exchange,
                    int *events) {
    mt_incoming_answer answer = {.keeps_events = 1, .wants_gaps = 1};
    mt_error error;
    size_t length = strlen(text);
    int64_t now = 0;
    mt_exchange_begin(exchange, 1, 0);
    mt_answer_head(&answer, exchange, 200, content);
    for (size_t at = 0; at < length; at += size) {
        mt_answer_read(&answer);
        mt_span piece = {text + at, size < length - at ? size : length - at};
        mt_answer_body(&answer, exchange, piece, now += 1000000);
    }
    exchange->failure = mt_answer_end(&answer, exchange, how, now);
    mt_answer_free(&answer);
    assert_int_equal(exchange->contents, 0);
    *events = 0;
    return mt_answer_read_kept(exchange, read_letter, events, &error);
}

static void forget(mt_exchange *exchange) {
    mt_free(exchange->gaps);
    mt_free(exchange->kept);
}

static void test_every_split(void **state) {
    (void)state;
    struct {
        const char *text;
        int content;
    } rows[] = {
        {"data: c1\n\ndata: nothing\n\ndata: l\n\ndata: c\n\ndata: u\n\ndata: d\n\n",
         MT_HTTP_CONTENT_EVENTS},
        {"{c1}\n{n}\n\n{l}\r\n{c}\n{u}\n{d}", MT_HTTP_CONTENT_OTHER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t size = 1; size <= strlen(rows[i].text); size++) {
            mt_exchange exchange;
            int events;
            assert_int_equal(
                hear(rows[i].text, size, rows[i].content, MT_ANSWER_WHOLE, &exchange, &events),
                MT_OK);
            assert_int_equal(exchange.failure, MT_FAILURE_NONE);
            assert_int_equal(events, 6);
            assert_int_equal(exchange.events, 6);
            assert_int_equal(exchange.contents, 3);
            assert_int_equal(exchange.gap_count, 2);
            assert_int_equal(exchange.prompt_tokens, 9);
            assert_int_equal(exchange.completion_tokens, 5);
            assert_int_equal(exchange.cached_tokens, MT_COUNT_ABSENT);
            assert_int_equal(exchange.noted & MT_SAW_DONE, MT_SAW_DONE);
            assert_true(exchange.first_content_ns >= 1000000);
            assert_int_equal(exchange.last_content_ns - exchange.first_content_ns,
                             100 * (int64_t)(exchange.gaps[0] + exchange.gaps[1]));
            if (size == strlen(rows[i].text))
                assert_int_equal(exchange.together, 2);
            else if (size == 1)
                assert_int_equal(exchange.together, 0);
            forget(&exchange);
        }
}

static void test_verdicts(void **state) {
    (void)state;
    struct {
        const char *text;
        int content, how, failure, completion;
    } rows[] = {
        {"data: c\n\ndata: c\n\n", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_WHOLE, MT_FAILURE_NONE, 4},
        {"data: c\n\ndata: c\n\n", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_CUT, MT_FAILURE_TRUNCATED, 4},
        {"data: c\n\ndata: d\n\n", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_CUT, MT_FAILURE_NONE, 2},
        {"data: c\n\ndata: d\n\n", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_RESET, MT_FAILURE_NONE, 2},
        {"data: c\n\ndata: c", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_IN_CHUNK,
         MT_FAILURE_CLOSED_MID_EVENT, 2},
        {"data: d\n\n", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_WHOLE, MT_FAILURE_NO_CONTENT, -1},
        {"data: c\n\ndata: e\n\n", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_WHOLE, MT_FAILURE_ERROR_EVENT,
         2},
        {"data: o\n\ndata: c\n\n", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_WHOLE, MT_FAILURE_OVERLOAD, 2},
        {"data: c\n\nerror: {\"message\":\"busy\"}\n\n", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_WHOLE,
         MT_FAILURE_ERROR_EVENT, 2},
        {"{c}\n{c", MT_HTTP_CONTENT_OTHER, MT_ANSWER_CUT, MT_FAILURE_TRUNCATED, 2},
        {"{c\n}", MT_HTTP_CONTENT_JSON, MT_ANSWER_WHOLE, MT_FAILURE_NONE, 2},
        {"", MT_HTTP_CONTENT_EVENTS, MT_ANSWER_WHOLE, MT_FAILURE_NO_CONTENT, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mt_exchange exchange;
        int events;
        assert_int_equal(hear(rows[i].text, 5, rows[i].content, rows[i].how, &exchange, &events),
                         MT_OK);
        assert_int_equal(exchange.failure, rows[i].failure);
        assert_int_equal(exchange.completion_tokens, rows[i].completion);
        if (rows[i].failure == MT_FAILURE_OVERLOAD)
            assert_string_equal(exchange.text, "busy");
        forget(&exchange);
    }
}

static void test_reader_fails(void **state) {
    (void)state;
    mt_exchange exchange;
    int events;
    assert_int_equal(hear("data: c\n\ndata: x\n\ndata: c\n\n", 100, MT_HTTP_CONTENT_EVENTS,
                          MT_ANSWER_WHOLE, &exchange, &events),
                     MT_ERROR_CALLBACK);
    assert_int_equal(events, 2);
    forget(&exchange);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_reader_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
