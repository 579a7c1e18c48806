/* The scanner: known answers, then what it refuses and where, then memory that runs out. */
#include "text/json.h"
#include "trace_support.h"
#include "sweep.h"

#include "base/memory.h"

static char *text_of_test; /* freed by the next scan */
static mt_scan_buffer buffer;

static mt_code scan(const char *text, mt_request *request, mt_error *error) {
    free(text_of_test);
    text_of_test = padded(text, strlen(text));
    return mt_scan_request(text_of_test, strlen(text), &buffer, request, error);
}

static void scan_well(const char *text, mt_request *request) {
    mt_error error;
    if (scan(text, request, &error) != MT_OK)
        fail_msg("%s: column %d: %s", text, (int)error.column, error.message);
}

static void test_canonical_line(void **state) {
    (void)state;
    mt_request request = {.line = 7};
    scan_well("{\"timestamp\": 27482, \"input_length\": 6955, \"output_length\": 52, "
              "\"hash_ids\": [46, 0, 1234567, 12345678, 123456789012345, 18446744073709551615]}",
              &request);
    const uint64_t ids[] = {46, 0, 1234567, 12345678, 123456789012345, UINT64_MAX};
    assert_int_equal(request.has,
                     MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_HASH_IDS);
    assert_int_equal(request.time_ns, INT64_C(27482000000));
    assert_int_equal(request.input_length, 6955);
    assert_int_equal(request.output_length, 52);
    assert_int_equal(request.hash_count, 6);
    assert_memory_equal(request.hash_ids, ids, sizeof ids);
    assert_int_equal(request.extra.length, 0);
    assert_int_equal(request.line, 7);
}

static void test_any_order_and_space(void **state) {
    (void)state;
    mt_request request = {0};
    scan_well(" \t{ \"hash_ids\" :[ 1 ,2,\t3 ] , \"session_id\":\"a\\\"b\",\"delay\" : 1.5 ,"
              "\"stream\":\"s\" , \"output_length\":0,\"input_length\" :9,\"timestamp\":0.25 }\r",
              &request);
    const uint64_t ids[] = {1, 2, 3};
    assert_int_equal(request.has, 0x7F);
    assert_int_equal(request.time_ns, 250000);
    assert_int_equal(request.delay_ns, 1500000);
    assert_int_equal(request.input_length, 9);
    assert_int_equal(request.output_length, 0);
    assert_int_equal(request.hash_count, 3);
    assert_memory_equal(request.hash_ids, ids, sizeof ids);
    assert_span(request.session, "\"a\\\"b\"");
    assert_span(request.stream, "\"s\"");
}

static void test_absent_is_not_empty(void **state) {
    (void)state;
    mt_request request = {0};
    scan_well("{}", &request);
    assert_int_equal(request.has, 0);
    scan_well("{\"hash_ids\": []}", &request);
    assert_int_equal(request.has, MT_HAS_HASH_IDS);
    assert_int_equal(request.hash_count, 0);
    scan_well("{\"hash_ids\": null, \"timestamp\":null, \"session_id\": null, \"stream\":null}",
              &request);
    assert_int_equal(request.has, 0);
    assert_int_equal(request.extra.length, 0);
}

static void test_session_tokens(void **state) {
    (void)state;
    mt_request request = {0};
    scan_well("{\"session_id\": 12345678901234567890123}", &request);
    assert_span(request.session, "12345678901234567890123");
    scan_well("{\"session_id\": -1.50e3}", &request);
    assert_span(request.session, "-1.50e3");
    scan_well("{\"session_id\": \"\"}", &request);
    assert_span(request.session, "\"\"");
}

static void test_extra_members(void **state) {
    (void)state;
    mt_request request = {0};
    scan_well("{\"a\": 1,  \"b\" : [true, {\"timestamp\": 3}], \"timestamp\": 5}", &request);
    assert_span(request.extra, "\"a\": 1,  \"b\" : [true, {\"timestamp\": 3}]");
    assert_int_equal(request.time_ns, 5000000);
    scan_well("{\"a\": 1,\"timestamp\": 5 ,\t\"b\": \"x\", \"delay\":2,\"a\":null}", &request);
    assert_span(request.extra, "\"a\": 1 ,\t\"b\": \"x\",\"a\":null");
    scan_well("{\"timestamp\": 5, \"turn\": 3}", &request);
    assert_span(request.extra, "\"turn\": 3");
    assert_int_equal(request.has, MT_HAS_TIME);
    /* A request body's stream is not the name of a stream of requests. */
    scan_well("{\"stream\": true, \"timestamp\": 5}", &request);
    assert_span(request.extra, "\"stream\": true");
    assert_int_equal(request.has, MT_HAS_TIME);
}

static void test_names_with_escapes(void **state) {
    (void)state;
    mt_request request = {0};
    mt_error error;
    scan_well("{\"\\u0074imest\\u0061mp\": 5, \"input\\u005Flength\": 6, \"\\u00e9\": 1}",
              &request);
    assert_int_equal(request.has, MT_HAS_TIME | MT_HAS_INPUT_LENGTH);
    assert_int_equal(request.input_length, 6);
    assert_span(request.extra, "\"\\u00e9\": 1");
    assert_int_equal(scan("{\"delay\": 1, \"d\\u0065lay\": 2}", &request, &error), MT_ERROR_INPUT);
    assert_int_equal(error.column, 14);
}

static void test_forms_of_whole_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {{"0", 0},
                 {"-0", 0},
                 {"-0.0e9", 0},
                 {"5.0", 5},
                 {"5e3", 5000},
                 {"5.25E+2", 525},
                 {"1230000e-4", 123},
                 {"0.00000000000000000001e20", 1},
                 {"0e99999999999999999999", 0},
                 {"1234567", 1234567},
                 {"12345678", 12345678},
                 {"123456789", 123456789},
                 {"1234567890123456", UINT64_C(1234567890123456)},
                 {"12345678901234567", UINT64_C(12345678901234567)},
                 {"18446744073709551615", UINT64_MAX},
                 {"18446744073709551615.000", UINT64_MAX},
                 {"1844674407370955161.5e1", UINT64_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        mt_request request = {0};
        snprintf(text, sizeof text, "{\"input_length\": %s,\"hash_ids\":[%s, 1,%s]}", cases[i].text,
                 cases[i].text, cases[i].text);
        scan_well(text, &request);
        assert_int_equal(request.input_length, cases[i].value);
        assert_int_equal(request.hash_ids[0], cases[i].value);
        assert_int_equal(request.hash_ids[1], 1);
        assert_int_equal(request.hash_ids[2], cases[i].value);
    }
}

static void test_times(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t nanoseconds;
    } cases[] = {{"0", 0},
                 {"1", 1000000},
                 {"0.000001", 1},
                 {"0.0000005", 1},
                 {"0.00000049999999999999999999", 0},
                 {"1234567.8912345", INT64_C(1234567891235)},
                 {"1760000000000.123456", INT64_C(1760000000000123456)},
                 {"27482.999999", INT64_C(27482999999)},
                 {"1e3", 1000000000},
                 {"12.5E-1", 1250000},
                 {"1e-400", 0},
                 {"-0", 0},
                 {"9223372036854", INT64_C(9223372036854000000)},
                 {"9223372036854.775807", INT64_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        mt_request request = {0};
        snprintf(text, sizeof text, "{\"timestamp\":%s,\"delay\": %s}", cases[i].text,
                 cases[i].text);
        scan_well(text, &request);
        assert_int_equal(request.time_ns, cases[i].nanoseconds);
        assert_int_equal(request.delay_ns, cases[i].nanoseconds);
    }
}

static void test_decimals(void **state) {
    (void)state;
    int64_t value = 0;
    assert_int_equal(mt_decimal_whole("-2.5", 4, 0, &value), 0);
    assert_int_equal(value, -3);
    assert_int_equal(mt_decimal_whole("-9223372036854775808", 20, 0, &value), 0);
    assert_int_equal(value, INT64_MIN);
    assert_int_equal(mt_decimal_whole("-0.4", 4, 0, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(mt_decimal_whole("9223372036854775808", 19, 0, &value), -2);
    assert_int_equal(mt_decimal_whole("1e30", 4, 0, &value), -2);
    assert_int_equal(mt_decimal_whole("99999999999999999999.5", 22, 0, &value), -2);
    const char *const no_numbers[] = {"", "-", "1.", ".5", "01", "1e", "1e+", "+1", "1 ", "0x1"};
    for (size_t i = 0; i < sizeof no_numbers / sizeof *no_numbers; i++)
        assert_int_equal(mt_decimal_whole(no_numbers[i], strlen(no_numbers[i]), 0, &value), -1);
}

/* Each refused line with the column and a part of the message. */
static const struct {
    const char *text;
    int column;
    const char *message;
} refused[] = {
    {"", 1, "expected a request"},
    {"[1]", 1, "expected a request ('{'), found '[1]'"},
    {"{\"timestamp\": 1", 16, "but the line ends"},
    {"{\"timestamp\": ", 15, "expected a value, but the line ends"},
    {"{\"timestamp\" 1}", 14, "':' after a member's name"},
    {"{\"timestamp\": 1,}", 17, "a member's name in quotes"},
    {"{timestamp: 1}", 2, "a member's name in quotes"},
    {"{\"timestamp\": 1} x", 18, "nothing after the request, found 'x'"},
    {"{\"timestamp\": 1}{}", 17, "nothing after the request"},
    {"{\"timestamp\": 1; \"delay\": 2}", 16, "',' or '}' after a member"},
    {"{\"timestamp\": \"12\"}", 15,
     "timestamp must be a number of milliseconds of at least 0, not "
     "\"12\""},
    {"{\"timestamp\": -1}", 15, "timestamp must be a number of milliseconds of at least 0, not -1"},
    {"{\"timestamp\": 9223372036854.775808}", 15, "timestamp is out of range"},
    {"{\"timestamp\": 1e99}", 15, "timestamp is out of range: 1e99"},
    {"{\"timestamp\": 00}", 15, "a number without leading zeros"},
    {"{\"timestamp\": 1.}", 15, "digits after a number's point"},
    {"{\"timestamp\": 1, \"timestamp\": 1}", 18, "timestamp appears twice"},
    {"{\"delay\": null, \"delay\": 1}", 17, "delay appears twice"},
    {"{\"delay\": -0.000001}", 11, "delay must be"},
    {"{\"input_length\": -5}", 18, "input_length must be a whole number of at least 0, not -5"},
    {"{\"input_length\": 5.5}", 18, "input_length must be a whole number of at least 0, not 5.5"},
    {"{\"input_length\": 1e-1}", 18, "not 1e-1"},
    {"{\"input_length\": true}", 18, "not true"},
    {"{\"input_length\": tru}", 18, "expected a value, found 'tru}'"},
    {"{\"input_length\": 18446744073709551616}", 18, "out of range: 18446744073709551616"},
    {"{\"output_length\": {}}", 19, "output_length must be a whole number"},
    {"{\"output_length\": 007}", 19, "a number without leading zeros"},
    {"{\"hash_ids\": 5}", 14, "hash_ids must be a list of whole numbers, not 5"},
    {"{\"hash_ids\": [1, -2]}", 18,
     "an id of hash_ids must be a whole number of at least 0, not -2"},
    {"{\"hash_ids\": [1, 2.5, 3]}", 18, "not 2.5"},
    {"{\"hash_ids\": [1, \"a\"]}", 18, "not \"a\""},
    {"{\"hash_ids\": [1, null]}", 18, "not null"},
    {"{\"hash_ids\": [1,]}", 17, "expected a value, found ']}'"},
    {"{\"hash_ids\": [1, ]}", 18, "expected a value, found ']}'"},
    {"{\"hash_ids\": [1, 02]}", 18, "a number without leading zeros"},
    {"{\"hash_ids\": [1 2]}", 17, "',' or ']' in hash_ids"},
    {"{\"hash_ids\": [1, 99999999999999999999]}", 18, "out of range"},
    {"{\"hash_ids\": [1, 999999999999999999999999999]}", 18, "out of range"},
    {"{\"hash_ids\": [1", 16, "',' or ']' in hash_ids, but the line ends"},
    {"{\"hash_ids\": [1,", 17, "expected a value, but the line ends"},
    {"{\"session_id\": true}", 16, "session_id must be a string or a number, not true"},
    {"{\"session_id\": {\"a\":1}}", 16, "not {\"a\":1}"},
    {"{\"a\": \"x\ty\"}", 9, "a control byte (0x09) inside a string"},
    {"{\"a\": \"x\\qy\"}", 9, "an escape that JSON knows"},
    {"{\"a\": \"\\u12g4\"}", 8, "four hexadecimal digits"},
    {"{\"a\": \"\xff\"}", 8, "byte 0xFF is not UTF-8"},
    {"{\"a\": \"\xed\xa0\x80\"}", 8, "byte 0xED is not UTF-8"},
    {"{\"a\": \"long", 7, "the line ends inside the string"},
    {"{\"a\": [1, {\"b\": 2]}", 18, "',' or '}'"},
    {"{\"a\": nul}", 7, "expected a value"},
};

static void test_refused_with_their_place(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        mt_request request = {0};
        mt_error error = {0};
        if (scan(refused[i].text, &request, &error) != MT_ERROR_INPUT)
            fail_msg("not refused: %s", refused[i].text);
        if ((int)error.column != refused[i].column || !strstr(error.message, refused[i].message))
            fail_msg("%s: column %d: %s", refused[i].text, (int)error.column, error.message);
        assert_int_equal(
            mt_scan_request(text_of_test, strlen(refused[i].text), &buffer, &request, NULL),
            MT_ERROR_INPUT);
    }
}

static void test_nesting(void **state) {
    (void)state;
    char text[2 * 600 + 32];
    mt_request request = {0};
    mt_error error;
    for (int depth = 512; depth <= 513; depth++) {
        char *at = text + sprintf(text, "{\"a\":");
        memset(at, '[', (size_t)depth);
        memset(at + depth, ']', (size_t)depth);
        memcpy(at + 2 * depth, "}", 2);
        mt_code code = scan(text, &request, &error);
        assert_int_equal(code, depth == 512 ? MT_OK : MT_ERROR_INPUT);
    }
    assert_non_null(strstr(error.message, "nested more than 512 deep"));
    assert_int_equal(error.column, 5 + 513);
}

/* Every prefix of a line is refused, none reads beyond it. */
static void test_cut_lines(void **state) {
    (void)state;
    static const char line[] =
        "{\"timestamp\": 1.5e1, \"input_length\": 12345678, \"hash_ids\": [1, 123456789, 3], "
        "\"x\": {\"a\": [null, true, false, \"\\u00e9\xc3\xa9\"]}, \"session_id\": \"s\"}";
    for (size_t length = 0; length < sizeof line - 1; length++) {
        char *text = padded(line, length);
        mt_request request = {0};
        mt_error error;
        assert_int_equal(mt_scan_request(text, length, &buffer, &request, &error), MT_ERROR_INPUT);
        assert_in_range(error.column, 1, length + 1);
        free(text);
    }
}

static void test_memory_runs_out(void **state) {
    (void)state;
    char *line = malloc(100000);
    size_t length = (size_t)sprintf(line, "{\"a\": 1, \"hash_ids\": [0");
    for (int i = 1; i < 5000; i++)
        length += (size_t)sprintf(line + length, ", %d", i);
    length += (size_t)sprintf(line + length, "], \"b\": 2, \"delay\": 3, \"c\": 4}");
    char *text = padded(line, length);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_scan_buffer fresh = {0};
        mt_request request = {0};
        all.code = mt_scan_request(text, length, &fresh, &request, &all.error);
        assert_int_equal(all.code, all.error.code);
        if (all.code == MT_OK) {
            assert_int_equal(request.hash_count, 5000);
            assert_span(request.extra, "\"a\": 1, \"b\": 2, \"c\": 4");
        }
        mt_scan_buffer_free(&fresh);
    }
    free(text);
    free(line);
}

static int release(void **state) {
    (void)state;
    free(text_of_test);
    text_of_test = NULL;
    mt_scan_buffer_free(&buffer);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical_line),
        cmocka_unit_test(test_any_order_and_space),
        cmocka_unit_test(test_absent_is_not_empty),
        cmocka_unit_test(test_session_tokens),
        cmocka_unit_test(test_extra_members),
        cmocka_unit_test(test_names_with_escapes),
        cmocka_unit_test(test_forms_of_whole_numbers),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_refused_with_their_place),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_cut_lines),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests_name("scanner", tests, NULL, release);
}
