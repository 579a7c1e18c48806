/* The driver against a server that does what a test says, over each transport: an answer, and what is read of
 * it. Each offered request comes back exactly once: `collect` asserts it everywhere. */
#include "drive_support.h"
#include "skip_support.h"
#include "driver_support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A request that could not be made: not sent, and ended when it would have been. */
static void test_an_unmade_request(void **state) {
    (void)state;
    static const char why[] = "no\nprompt";
    for (int has_slot = 0; has_slot < 2; has_slot++) {
        drive *d = drive_new();
        d->options.slots = 1;
        begin(d, answer_stream);
        start(d);
        int64_t due = has_slot ? MT_NEVER : mt_now_ns() + 50 * ms;
        mt_outgoing *unmade = mt_outgoing_new(sizeof why - 1);
        memcpy(unmade->bytes, why, sizeof why - 1);
        unmade->failure = MT_FAILURE_ADAPTER;
        unmade->ticket = d->offered++;
        unmade->due_ns = due;
        offer(d, unmade);
        offer(d, request(d, due, 10)); /* its slot is free again */
        collect(d);
        mt_exchange *e = &d->exchanges[0];
        assert_string_equal("adapter_error", mt_failure_name((mt_failure)e->failure));
        assert_string_equal("no?prompt", e->text);
        assert_true(e->begun_ns >= e->due_ns && e->end_ns == e->begun_ns);
        assert_true(e->sent_ns == MT_NEVER && e->first_byte_ns == MT_NEVER);
        assert_int_equal(0, e->bytes_sent);
        assert_true(has_slot || e->due_ns == due);
        assert_int_equal(MT_FAILURE_NONE, d->exchanges[1].failure);
        mt_driver_load load;
        mt_driver_look(d->driver, &load);
        assert_int_equal(0, load.waiting);
        assert_int_equal(2, load.ended);
        end(d);
    }
}

static void test_a_stream(void **state) {
    (void)state;
    drive *d = drive_one(say_text_and_close, HEAD "\r\n" STREAM);
    mt_exchange *e = &d->exchanges[0];
    assert_string_equal("ok", mt_failure_name((mt_failure)e->failure));
    assert_int_equal(200, e->status);
    assert_int_equal(3, e->contents);
    assert_int_equal(6, e->events);
    assert_int_equal(2, e->together);
    assert_int_equal(2, e->gap_count);
    assert_int_equal(7, e->prompt_tokens);
    assert_int_equal(3, e->completion_tokens);
    assert_int_equal(4, e->cached_tokens);
    assert_int_equal(MT_COUNT_ABSENT, e->reasoning_tokens);
    assert_int_equal(MT_SAW_DONE | MT_SAW_FINISH | MT_WAS_STREAM,
                     e->noted & (MT_SAW_DONE | MT_SAW_FINISH | MT_WAS_STREAM));
    assert_true(e->due_ns <= e->begun_ns && e->begun_ns <= e->sent_ns);
    assert_true(e->begun_ns <= e->first_byte_ns && e->first_byte_ns <= e->first_event_ns);
    assert_true(e->first_event_ns <= e->first_content_ns);
    assert_true(e->first_content_ns <= e->second_content_ns);
    assert_true(e->second_content_ns <= e->last_content_ns && e->last_content_ns <= e->end_ns);
    assert_int_equal(strlen(HEAD "\r\n" STREAM), e->bytes_received);
    assert_int_equal(d->length, e->bytes_sent);
    end(d);
}

static void test_many_on_time(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_stream);
    start(d);
    int64_t now = mt_now_ns();
    for (int i = 0; i < 200; i++)
        offer(d, request(d, now + (i ^ 5) * ms, 2000)); /* not quite in order */
    collect(d);
    for (int i = 0; i < 200; i++) {
        mt_exchange *e = &d->exchanges[i];
        assert_int_equal(MT_FAILURE_NONE, e->failure);
        assert_int_equal(now + (i ^ 5) * ms, e->due_ns);
        assert_true(e->begun_ns >= e->due_ns);
        assert_true(e->sent_ns >= e->begun_ns);
    }
    mt_driver_load load;
    mt_driver_look(d->driver, &load);
    assert_int_equal(200, load.offered);
    assert_int_equal(200, load.begun);
    assert_int_equal(200, load.ended);
    assert_int_equal(0, load.waiting);
    assert_true(load.connections_opened < 200);
    end(d);
}

/* An answer in two parts, cut one byte later each time. */
static int answer_cut(server *s, int fd, int number) {
    (void)number;
    size_t cut = (size_t)atomic_load(&s->requests);
    server_write(fd, s->text, cut);
    sleep_ms(1);
    server_say(fd, s->text + cut);
    return 1;
}

static int answer_bytes(server *s, int fd, int number) {
    (void)number;
    for (const char *at = s->text; *at; at++)
        server_write(fd, at, 1);
    return 1;
}

static void compare_split(drive *d, uint64_t requests) {
    for (uint64_t i = 0; i < requests; i++) {
        mt_exchange *e = &d->exchanges[i];
        assert_int_equal(MT_FAILURE_NONE, e->failure);
        assert_int_equal(200, e->status);
        assert_int_equal(2, e->contents);
        assert_int_equal(1, e->gap_count);
        assert_int_equal(5, e->events);
        assert_int_equal(7, e->prompt_tokens);
        assert_int_equal(4, e->cached_tokens);
        if (is_direct()) /* libcurl does not count the framing of chunks */
            assert_int_equal(strlen(d->server.text), e->bytes_received);
        assert_int_equal(MT_SAW_DONE | MT_SAW_FINISH, e->noted & (MT_SAW_DONE | MT_SAW_FINISH));
    }
    assert_int_equal(1 + probes(), d->server.accepted);
}

static void test_split_anywhere(void **state) {
    (void)state;
    char text[1024], chunks[] = "HTTP/1.1 100 Continue\r\n\r\n" CHUNKED "%zx;ext=1\r\n%s\r\n"
                                "%zx\r\n%s\r\n0\r\nTrailer: yes\r\n\r\n";
    static const char one[] = EVENT("a") ": a comment\r\nevent: x\r\ndata:{\"choices\":[{\"text\"",
                      two[] = ":\"b\"}]}\r\n\r\n" FINISH USAGE DONE;
    snprintf(text, sizeof text, chunks, strlen(one), one, strlen(two), two);
    drive *d = drive_new();
    begin(d, answer_cut);
    d->server.text = text;
    d->options.slots = 1;
    start(d);
    for (size_t i = 1; i < strlen(text); i++)
        offer(d, request(d, MT_NEVER, 10));
    collect(d);
    compare_split(d, strlen(text) - 1);
    end(d);

    d = drive_new();
    begin(d, answer_bytes);
    d->server.text = text;
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    compare_split(d, 1);
    end(d);
}

/* Answers of a real server (llama.cpp), where they are there. */
static void test_real_answers(void **state) {
    (void)state;
    static const struct {
        const char *file;
        int failure, status, has_stream;
    } files[] = {
        {"chat_stream_usage", MT_FAILURE_NONE, 200, 1},
        {"chat_whole", MT_FAILURE_NONE, 200, 0},
        {"completions_stream_ids", MT_FAILURE_NONE, 200, 1},
        {"completions_whole", MT_FAILURE_NONE, 200, 0},
        {"unknown_field", MT_FAILURE_NONE, 200, 0},
        {"bad_json", MT_FAILURE_STATUS, 500, 0},
        {"not_found", MT_FAILURE_STATUS, 404, 0},
        {"too_long", MT_FAILURE_NONE, 200, 1},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[64], text[4096];
        snprintf(name, sizeof name, "streams/%s.http", files[i].file);
        FILE *file = fopen(real_data(name), "rb");
        assert_non_null(file);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        drive *d = drive_one(say_text, text);
        mt_exchange *e = &d->exchanges[0];
        if (e->failure != files[i].failure || e->status != files[i].status)
            fail_msg("%s: %s %d '%s'", name, mt_failure_name((mt_failure)e->failure), e->status,
                     e->text);
        assert_int_equal(files[i].has_stream, (e->noted & MT_WAS_STREAM) != 0);
        if (e->failure == MT_FAILURE_NONE)
            assert_true(e->contents > 0 && e->completion_tokens > 0 && e->prompt_tokens > 0);
        else
            assert_true(strlen(e->text) > 5);
        mt_driver_load load;
        mt_driver_look(d->driver, &load);
        assert_int_equal(1, load.connections); /* kept */
        end(d);
    }
}

#define REASONING "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n"
#define ENDS(reason) "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define ZEROS "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}\n\n"

/* What gateways and engines say of an answer that is not so. */
static void test_doubtful_answers(void **state) {
    (void)state;
    static const struct {
        const char *events, *text;
        int failure, has_reasoning;
        int64_t prompt, completion;
    } rows[] = {
        {EVENT("a") ZEROS FINISH DONE, "", MT_FAILURE_NONE, 0, MT_COUNT_ABSENT, MT_COUNT_ABSENT},
        {EVENT("a") ZEROS FINISH USAGE DONE, "", MT_FAILURE_NONE, 0, 7, 3},
        {REASONING EVENT("a") FINISH DONE, "", MT_FAILURE_NONE, 1, MT_COUNT_ABSENT,
         MT_COUNT_ABSENT},
        {EVENT("a") ENDS("abort") USAGE DONE, "finish_reason abort", MT_FAILURE_ERROR_EVENT, 0, 7,
         3},
        {EVENT("a") ENDS("error") DONE, "finish_reason error", MT_FAILURE_ERROR_EVENT, 0,
         MT_COUNT_ABSENT, MT_COUNT_ABSENT},
        {EVENT("a") ENDS("insufficient_system_resource") DONE,
         "finish_reason insufficient_system_resource", MT_FAILURE_OVERLOAD, 0, MT_COUNT_ABSENT,
         MT_COUNT_ABSENT},
        {ENDS("stop") ZEROS DONE, "", MT_FAILURE_NO_CONTENT, 0, MT_COUNT_ABSENT, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1024];
        snprintf(text, sizeof text, HEAD "\r\n%s", rows[i].events);
        drive *d = drive_one(say_text_and_close, text);
        mt_exchange *e = &d->exchanges[0];
        if (e->failure != rows[i].failure || strcmp(e->text, rows[i].text) != 0)
            fail_msg("row %d: %s '%s'", (int)i, mt_failure_name((mt_failure)e->failure), e->text);
        assert_int_equal(rows[i].has_reasoning, (e->noted & MT_SAW_REASONING) != 0);
        assert_int_equal(rows[i].prompt, e->prompt_tokens);
        assert_int_equal(rows[i].completion, e->completion_tokens);
        end(d);
    }
}

static int answer_paced(server *s, int fd, int number) {
    (void)s;
    (void)number;
    server_say(fd, HEAD "\r\n");
    for (int i = 0; i < 4; i++) {
        sleep_ms(80);
        server_say(fd, i == 3 ? EVENT("a") EVENT("b") FINISH DONE : EVENT("a"));
    }
    return 0;
}

/* The answer's text is kept where it is wanted. */
static void test_texts(void **state) {
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        drive *d = drive_new();
        d->options.want_texts = wanted;
        begin(d, answer_paced);
        start(d);
        offer(d, request(d, mt_now_ns(), 10));
        collect(d);
        mt_exchange *e = &d->exchanges[0];
        assert_int_equal(wanted ? 5 : 0, e->answer_length);
        assert_int_equal(wanted, e->answer != NULL);
        if (wanted)
            assert_memory_equal("aaaab", e->answer, 5);
        end(d);
    }
}

static void test_gaps(void **state) {
    (void)state;
    drive *d = drive_new();
    begin(d, answer_paced);
    start(d);
    offer(d, request(d, mt_now_ns(), 10));
    collect(d);
    mt_exchange *e = &d->exchanges[0];
    assert_int_equal(5, e->contents);
    assert_int_equal(1, e->together);
    assert_int_equal(4, e->gap_count);
    for (int i = 0; i < 3; i++)
        assert_true(e->gaps[i] > 100000); /* 10 ms */
    assert_int_equal(0, e->gaps[3]);
    int64_t sum = 0;
    for (int i = 0; i < 4; i++)
        sum += e->gaps[i] * (int64_t)100;
    assert_true(llabs(sum - (e->last_content_ns - e->first_content_ns)) <= 4 * 50);
    assert_int_equal(e->gaps[0],
                     (uint32_t)((e->second_content_ns - e->first_content_ns + 50) / 100));
    assert_true(e->first_content_ns - e->first_byte_ns > 10 * ms);
    end(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream),     cmocka_unit_test(test_an_unmade_request),
        cmocka_unit_test(test_many_on_time), cmocka_unit_test(test_split_anywhere),
        cmocka_unit_test(test_real_answers), cmocka_unit_test(test_doubtful_answers),
        cmocka_unit_test(test_gaps),         cmocka_unit_test(test_texts),
    };
    int failed = cmocka_run_group_tests_name("direct", tests, use_direct, NULL);
    return failed + cmocka_run_group_tests_name("curl", tests, use_curl, NULL);
}
