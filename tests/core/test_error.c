/* Errors: their text, and what is quoted in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/utf8.h"

#include <errno.h>

static void assert_text(const mt_error *error, const char *expected) {
    char text[1200];
    assert_string_equal(mt_error_text(error, text, sizeof text), expected);
}

static void test_texts(void **state) {
    (void)state;
    mt_error error;
    assert_int_equal(mt_fail(&error, MT_ERROR_VALUE, "%d too many", 3), MT_ERROR_VALUE);
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_text(&error, "3 too many");
    mt_fail_at(&error, MT_ERROR_INPUT, "a.jsonl", 7, 0, "bad");
    assert_text(&error, "a.jsonl:7: bad");
    mt_fail_at(&error, MT_ERROR_INPUT, "a.jsonl", 7, 9, "bad");
    assert_text(&error, "a.jsonl:7:9: bad");
    mt_fail_at(&error, MT_ERROR_INPUT, "a.jsonl", 0, 0, "bad");
    assert_text(&error, "a.jsonl: bad");
    assert_int_equal(mt_fail(NULL, MT_ERROR_IO, "nobody listens"), MT_ERROR_IO);
}

static void test_system_errors(void **state) {
    (void)state;
    mt_error error;
    assert_int_equal(mt_fail_errno(&error, "f", "cannot write", ENOSPC), MT_ERROR_IO);
    assert_text(&error, "f: cannot write: No space left on device");
    assert_int_equal(mt_fail_errno(&error, "f", "cannot write", EPIPE), MT_ERROR_CLOSED);
    assert_int_equal(mt_fail_errno(&error, "f", "cannot open", ENOMEM), MT_ERROR_MEMORY);
    assert_int_equal(mt_fail_memory(&error, "columns"), MT_ERROR_MEMORY);
    assert_text(&error, "out of memory (columns)");
}

static void test_long_texts_are_cut(void **state) {
    (void)state;
    char name[4000], small[10];
    mt_error error;
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    mt_fail_at(&error, MT_ERROR_IO, name, 1, 2, "%s", name);
    assert_int_equal(strlen(error.source), MT_ERROR_SOURCE_SIZE - 1);
    assert_int_equal(strlen(error.message), MT_ERROR_MESSAGE_SIZE - 1);
    assert_string_equal(mt_error_text(&error, small, sizeof small), "nnnnnnnnn");
}

static void assert_quote(const char *text, size_t size, const char *expected) {
    char *buffer = malloc(size);
    assert_string_equal(mt_quote(text, strlen(text), buffer, size), expected);
    free(buffer);
}

static void test_quotes(void **state) {
    (void)state;
    assert_quote("", 4, "");
    assert_quote("abc", 4, "abc");
    assert_quote("abcd", 4, "...");
    assert_quote("abcdefg", 8, "abcdefg");
    assert_quote("abcdefgh", 8, "abcd...");
    assert_quote("a\tb\x7f\n", 32, "a?b??");
    assert_quote("\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e", 32,
                 "\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e");
    assert_quote("\xff\xc0\x80\xed\xa0\x80", 32, "??????");
    /* Control characters that UTF-8 writes in two bytes; a terminal obeys them. */
    assert_quote("\xc2\x9b"
                 "31m",
                 32, "??31m");
    /* A character is not cut in two. */
    assert_quote("abc\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 10, "abc\xe2\x82\xac...");
}

static void test_utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {{"a", 1},
                 {"\x7f", 1},
                 {"\xc2\x80", 2},
                 {"\xdf\xbf", 2},
                 {"\xe0\xa0\x80", 3},
                 {"\xed\x9f\xbf", 3},
                 {"\xee\x80\x80", 3},
                 {"\xf0\x90\x80\x80", 4},
                 {"\xf4\x8f\xbf\xbf", 4},
                 {"\x80", 0},
                 {"\xc1\xbf", 0},
                 {"\xc3", 0},
                 {"\xc3(", 0},
                 {"\xe0\x9f\xbf", 0},
                 {"\xe2\x82", 0},
                 {"\xe2\x82(", 0},
                 {"\xed\xa0\x80", 0},
                 {"\xf0\x8f\xbf\xbf", 0},
                 {"\xf4\x90\x80\x80", 0},
                 {"\xf5\x80\x80\x80", 0},
                 {"\xff", 0},
                 {"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(mt_utf8_sequence(cases[i].text, strlen(cases[i].text)), cases[i].length);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_system_errors),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
