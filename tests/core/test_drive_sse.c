/* Event streams: in every split the events of a slow reading of the standard (the fuzz target's), and
 * known answers. */
#include "../fuzz/sse.c"

#include "file_support.h"

#include "base/memory.h"

#include <stdio.h>

/* The events' data joined by '|', an error's after '!'. */
static const char *events_of(const char *text, size_t size, size_t piece) {
    static char joined[4096];
    static char bytes[1 << 16];
    event_log log = {bytes, 0};
    read_in_pieces(text, size, piece, &log);
    char *to = joined;
    for (size_t at = 0; at < log.length;) {
        size_t length;
        memcpy(&length, bytes + at + 1, sizeof length);
        *to = '!';
        to += bytes[at] == 'E';
        memcpy(to, bytes + at + 1 + sizeof length, length);
        to += length;
        *to++ = '|';
        at += 1 + sizeof length + length;
    }
    *to = '\0';
    return joined;
}

static void test_known_streams(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"data: a\n\ndata: b\n\n", "a|b|"},
        {"data:a\r\n\r\ndata: b\r\rdata:c\n\n", "a|b|c|"},
        {"data:  a\n\n", " a|"},
        {"data: a\ndata: b\ndata:\n\n", "a\nb\n|"},
        {"data\n\ndata:\n\n", "||"},
        {": comment\n\n: another\ndata: a\n: x\nid: 7\nretry: 5\nevent: message\n\n", "a|"},
        {"\xef\xbb\xbf"
         "data: a\n\n\xef\xbb\xbf"
         "data: b\n\n",
         "a|"},
        {"event: error\ndata: a\n\ndata: b\n\n", "!a|b|"},
        {"error: {}\n\ndata: [DONE]\n\n", "!{}|[DONE]|"},
        {"event: error\n\ndata: a\n\n", "a|"},
        {"database: x\ndat: y\nDATA: z\n\n", ""},
        {"\n\n\n\ndata: a\n\n\n\n", "a|"},
        {"data: unfinished", ""},
        {"data: unfinished\n", ""},
        {"data: \xff\xfe\n\n", "\xff\xfe|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = rows[i][0];
        for (size_t piece = 0; piece < 12; piece++)
            assert_string_equal(events_of(text, strlen(text), piece), rows[i][1]);
        LLVMFuzzerTestOneInput((const uint8_t *)text, strlen(text));
    }
}

/* Two pieces, cut at every place. */
static void test_every_cut(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "data: one\r\n\r\n: c\r\n\r\nevent: error\r\ndata:two"
                               "\r\ndata: three\r\n\r\ndata: four\n\ndata: five\r\r";
    size_t size = sizeof text - 1;
    for (size_t cut = 0; cut <= size; cut++) {
        mt_sse sse = {0};
        mt_span pieces[] = {{text, cut}, {text + cut, size - cut}}, data;
        char got[64] = "";
        for (size_t i = 0; i < 2; i++)
            while (mt_sse_next(&sse, &pieces[i], &data) == MT_SSE_EVENT)
                snprintf(got + strlen(got), sizeof got - strlen(got), "%d%.*s|", sse.is_error,
                         (int)data.length, data.text);
        assert_string_equal(got, "0one|1two\nthree|0four|0five|");
        mt_span rest;
        assert_int_equal(mt_sse_end(&sse, &rest), 0);
        mt_sse_free(&sse);
    }
}

static void test_what_lies_whole_is_not_copied(void **state) {
    (void)state;
    static const char text[] = ": x\ndata: abc\n\ndata: def\n\n";
    mt_sse sse = {0};
    mt_span piece = {text, sizeof text - 1}, data;
    assert_int_equal(mt_sse_next(&sse, &piece, &data), MT_SSE_EVENT);
    assert_ptr_equal(data.text, text + 10);
    assert_int_equal(mt_sse_next(&sse, &piece, &data), MT_SSE_EVENT);
    assert_ptr_equal(data.text, text + 21);
    assert_int_equal(mt_sse_next(&sse, &piece, &data), MT_SSE_MORE);
    assert_null(sse.text);
}

static void test_end_inside(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"data: a\n\ndata: [DONE]\n", "[DONE]"},
                                          {"data: a\n\ndata: [DO", "[DO"},
                                          {"data: a\n\nda", ""},
                                          {"data: x\ndata: y", "x\ny"}};
    for (size_t i = 0; i < 4; i++) {
        mt_sse sse = {0};
        mt_span piece = {rows[i][0], strlen(rows[i][0])}, data;
        while (mt_sse_next(&sse, &piece, &data) == MT_SSE_EVENT)
            ;
        assert_int_equal(mt_sse_end(&sse, &data), 1);
        assert_int_equal(data.length, strlen(rows[i][1]));
        assert_memory_equal(data.text, rows[i][1], data.length);
        mt_sse_free(&sse);
    }
}

/* A line of a megabyte in pieces of 1 000 bytes; its buffer is given back. */
static void test_long_line(void **state) {
    (void)state;
    enum { LENGTH = 1 << 20 };
    char *text = malloc(LENGTH + 64);
    memcpy(text, "data: ", 6);
    memset(text + 6, 'x', LENGTH);
    memcpy(text + 6 + LENGTH, "\n\ndata: y\n\n", 11);
    mt_sse sse = {0};
    size_t events = 0, longest = 0;
    for (size_t at = 0; at < LENGTH + 17; at += 1000) {
        mt_span piece = {text + at, LENGTH + 17 - at < 1000 ? LENGTH + 17 - at : 1000}, data;
        while (mt_sse_next(&sse, &piece, &data) == MT_SSE_EVENT) {
            events++;
            longest = data.length > longest ? data.length : longest;
        }
    }
    assert_int_equal(events, 2);
    assert_int_equal(longest, LENGTH);
    assert_true(sse.capacity <= 4096);
    mt_sse_free(&sse);
    free(text);
}

static void test_too_long_and_no_memory(void **state) {
    (void)state;
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    mt_sse sse = {0};
    mt_span piece = {"data:", 5}, data;
    assert_int_equal(mt_sse_next(&sse, &piece, &data), MT_SSE_MORE);
    int what = MT_SSE_MORE;
    for (int i = 0; i < 65 && what == MT_SSE_MORE; i++) {
        piece = (mt_span){block, sizeof block};
        what = mt_sse_next(&sse, &piece, &data);
    }
    assert_int_equal(what, MT_SSE_TOO_LONG);
    mt_sse_free(&sse);
    piece = (mt_span){"data: a", 7};
    mt_memory_fail_at(1, 1);
    what = mt_sse_next(&sse, &piece, &data);
    mt_memory_fail_at(0, 0);
    assert_int_equal(what, MT_SSE_NO_MEMORY);
    mt_sse_free(&sse);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_streams),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_what_lies_whole_is_not_copied),
        cmocka_unit_test(test_end_inside),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_too_long_and_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
