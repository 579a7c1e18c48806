/* The writer: known answers, numbers against snprintf, bounds, and reading back what was written.
 */
#include "text/json.h"
#include "trace_support.h"

#include "trace/writer.h"

#include <inttypes.h>

static const mt_trace_format plain = {.timestamp_digits = 6},
                             compact = {.compact = 1, .timestamp_digits = 6};

static void assert_u64(uint64_t value) {
    char expected[32], text[32];
    memset(text, 'x', sizeof text);
    int length = snprintf(expected, sizeof expected, "%" PRIu64, value);
    char *end = mt_write_u64(value, text);
    *end = '\0';
    assert_string_equal(text, expected);
    assert_int_equal(end - text, length);
}

static void test_whole_numbers(void **state) {
    (void)state;
    uint64_t power = 1, random = 1;
    for (int i = 0; i < 20; i++, power *= 10) {
        assert_u64(power - 1);
        assert_u64(power);
        assert_u64(power + 1);
    }
    assert_u64(0);
    assert_u64(UINT64_MAX);
    for (uint64_t value = 0; value < 200000; value++)
        assert_u64(value);
    for (int i = 0; i < 200000; i++)
        assert_u64(next_random(&random) >> below(&random, 64));
}

/* A number takes no byte beyond the 20 that its text may have. */
static void test_whole_numbers_stay_in_their_room(void **state) {
    (void)state;
    for (uint64_t value = 1; value != 0; value = value > UINT64_MAX / 10 ? 0 : 10 * value) {
        char *room = malloc(20);
        mt_write_u64(value, room);
        free(room);
    }
    char *room = malloc(24);
    mt_write_milliseconds(INT64_MIN, 6, room);
    free(room);
}

static void assert_time(int64_t nanoseconds, int digits, const char *expected) {
    char text[32];
    *mt_write_milliseconds(nanoseconds, digits, text) = '\0';
    assert_string_equal(text, expected);
}

static void test_milliseconds(void **state) {
    (void)state;
    assert_time(0, 6, "0");
    assert_time(1, 6, "0.000001");
    assert_time(100, 6, "0.0001");
    assert_time(1500000, 6, "1.5");
    assert_time(1500000, 0, "2");
    assert_time(2500000, 0, "3");
    assert_time(2499999, 0, "2");
    assert_time(-2500000, 0, "-3");
    assert_time(-1, 5, "0");
    assert_time(-5, 5, "-0.00001");
    assert_time(1234567, 3, "1.235");
    assert_time(1999999, 3, "2");
    assert_time(999999, 5, "1");
    assert_time(27482000000, 3, "27482");
    assert_time(INT64_MAX, 6, "9223372036854.775807");
    assert_time(INT64_MAX, 0, "9223372036855");
    assert_time(INT64_MIN, 6, "-9223372036854.775808");
}

/* What is written with six digits is read back the same; with fewer, within half a unit. */
static void test_milliseconds_read_back(void **state) {
    (void)state;
    uint64_t random = 2;
    for (int i = 0; i < 100000; i++) {
        char text[32];
        int64_t value = (int64_t)(next_random(&random) >> (2 + below(&random, 61))), again;
        int digits = (int)below(&random, 7);
        int64_t unit = 1;
        for (int d = digits; d < 6; d++)
            unit *= 10;
        char *end = mt_write_milliseconds(value, digits, text);
        assert_int_equal(mt_decimal_whole(text, (size_t)(end - text), 6, &again), 0);
        int64_t difference = again > value ? again - value : value - again;
        assert_true(2 * difference <= unit - (unit == 1));
        const char *point = memchr(text, '.', (size_t)(end - text));
        assert_true(!point || (end - point - 1 <= digits && end[-1] != '0'));
    }
}

static void assert_line(const mt_request *request, const mt_trace_format *format,
                        const char *expected) {
    size_t bound = mt_request_bound(request, format);
    char *line = malloc(bound + 1);
    char *end = mt_request_write(request, format, line);
    assert_in_range(end - line, 0, bound);
    *end = '\0';
    assert_string_equal(line, expected);
    free(line);
}

static void test_lines(void **state) {
    (void)state;
    const uint64_t ids[] = {0, 14, 123456789}, last[] = {UINT64_MAX - 1, UINT64_MAX, 0};
    mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH |
                                 MT_HAS_HASH_IDS,
                          .time_ns = 1500000,
                          .input_length = 6758,
                          .output_length = 500,
                          .hash_ids = ids,
                          .hash_count = 3};
    assert_line(&request, &plain,
                "{\"timestamp\": 1.5, \"input_length\": 6758, "
                "\"output_length\": 500, \"hash_ids\": [0, 14, 123456789]}\n");
    assert_line(&request, &compact,
                "{\"timestamp\":1.5,\"input_length\":6758,"
                "\"output_length\":500,\"hash_ids\":[0,14,123456789]}\n");
    request.has |= MT_HAS_SESSION | MT_HAS_DELAY | MT_HAS_STREAM | MT_HAS_TURN;
    request.session = (mt_span){"\"s\"", 3};
    request.stream = (mt_span){"\"main\"", 6};
    request.extra = (mt_span){"\"a\" :1", 6};
    request.delay_ns = 2000000;
    request.turn = 3;
    request.hash_count = 0;
    assert_line(&request, &compact,
                "{\"timestamp\":1.5,\"input_length\":6758,"
                "\"output_length\":500,\"hash_ids\":[],\"session_id\":\"s\","
                "\"delay\":2,\"stream\":\"main\",\"a\" :1}\n");
    const mt_trace_format whole = {.timestamp_digits = 0};
    assert_line(&request, &whole,
                "{\"timestamp\": 2, \"input_length\": 6758, "
                "\"output_length\": 500, \"hash_ids\": [], \"session_id\": "
                "\"s\", \"delay\": 2, \"stream\": \"main\", \"a\" :1}\n");
    mt_request beyond = {.has = MT_HAS_HASH_IDS, .hash_ids = last, .hash_count = 3};
    assert_line(&beyond, &plain,
                "{\"hash_ids\": [18446744073709551614, 18446744073709551615, 0]}\n");
    mt_request only_extra = {.extra = {"\"a\": 1", 6}};
    assert_line(&only_extra, &plain, "{\"a\": 1}\n");
    mt_request empty = {0};
    assert_line(&empty, &plain, "{}\n");
}

/* The longest numbers everywhere fill no more than the bound, whatever they write behind them. */
static void test_bound(void **state) {
    (void)state;
    uint64_t ids[100];
    for (size_t i = 0; i < 100; i++)
        ids[i] = UINT64_MAX;
    mt_request request = {.has = 0xFF,
                          .time_ns = INT64_MIN,
                          .delay_ns = INT64_MIN,
                          .input_length = UINT64_MAX,
                          .output_length = UINT64_MAX,
                          .hash_ids = ids,
                          .session = {"1", 1},
                          .stream = {"\"\"", 2}};
    for (request.hash_count = 0; request.hash_count < 100; request.hash_count++) {
        size_t bound = mt_request_bound(&request, &plain);
        char *line = malloc(bound);
        assert_true((size_t)(mt_request_write(&request, &plain, line) - line) <= bound);
        free(line);
    }
}

/* Ids that count up, over every change of digits, and that jump. */
static void test_counting_ids(void **state) {
    (void)state;
    enum { COUNT = 300, TEXT = 24 * COUNT };
    static const uint64_t starts[] = {
        0, 5, 95, 990, 99900, 9999800, 99999900, 199999950, 12345678999999870, UINT64_MAX - 400};
    uint64_t ids[COUNT], random = 3;
    char expected[TEXT], *line;
    for (size_t which = 0; which < sizeof starts / sizeof *starts; which++)
        for (int jumps = 0; jumps < 6; jumps++) {
            const mt_trace_format *format = jumps < 3 ? &plain : &compact;
            const char *separator = jumps < 3 ? ", " : ",";
            size_t length = (size_t)sprintf(expected, "{\"hash_ids\":%s[", jumps < 3 ? " " : "");
            for (size_t i = 0; i < COUNT; i++) {
                ids[i] = starts[which] + (jumps % 3 == 2 ? COUNT - 1 - i : i);
                if (jumps % 3 == 1 && below(&random, 8) == 0)
                    ids[i] = next_random(&random) >> below(&random, 64);
                length +=
                    (size_t)sprintf(expected + length, "%s%" PRIu64, i ? separator : "", ids[i]);
            }
            strcpy(expected + length, "]}\n");
            mt_request request = {.has = MT_HAS_HASH_IDS, .hash_ids = ids, .hash_count = COUNT};
            line = malloc(mt_request_bound(&request, format) + 1);
            *mt_request_write(&request, format, line) = '\0';
            assert_string_equal(line, expected);
            free(line);
        }
}

static void assert_written(const mt_request *request, const mt_trace_format *format,
                           const char *expected) {
    char line[1024];
    assert_true(mt_request_bound(request, format) < sizeof line);
    *mt_request_write(request, format, line) = '\0';
    assert_string_equal(line, expected);
}

/* A list's text is copied only while it is that of the request's ids. */
static void test_text_of_ids(void **state) {
    (void)state;
    static const char spaced[] = "{\"hash_ids\": [7, 8, 9]}", odd[] = "{\"hash_ids\":[7,  8, 9.0]}",
                      close[] = "{\"hash_ids\":[7,8,9]}", blank[] = "{\"hash_ids\": [ 7, 8, 9]}";
    static const char *const lines[] = {spaced, odd, close, blank};
    const uint64_t others[] = {1, 2, 3};
    mt_scan_buffer buffer = {0};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        mt_request request = {0};
        char *text = padded(lines[i], strlen(lines[i]));
        assert_int_equal(mt_scan_request(text, strlen(lines[i]), &buffer, &request, NULL), MT_OK);
        assert_int_equal(request.ids_text.text.length, i == 0 ? 9 : 0);
        assert_written(&request, &plain, "{\"hash_ids\": [7, 8, 9]}\n");
        assert_written(&request, &compact, "{\"hash_ids\":[7,8,9]}\n");
        request.hash_count = 2;
        assert_written(&request, &plain, "{\"hash_ids\": [7, 8]}\n");
        request.hash_ids++;
        assert_written(&request, &plain, "{\"hash_ids\": [8, 9]}\n");
        request.hash_ids = others;
        request.hash_count = 3;
        assert_written(&request, &plain, "{\"hash_ids\": [1, 2, 3]}\n");
        free(text);
    }
    mt_scan_buffer_free(&buffer);
}

/* A line whose ids were left as text, where they may be, is what it is with ids, in writing and in errors. */
static void test_ids_left_as_text(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int is_left;
    } lines[] = {
        {"{\"hash_ids\": [7]}", 1},
        {"{\"timestamp\": 1.5, \"hash_ids\": [0, 18, 1234567890123456789], \"x\": [1]}", 1},
        {"{\"hash_ids\": [1, 18446744073709551615]}", 0},
        {"{\"hash_ids\": [1, 18446744073709551616]}", 0},
        {"{\"hash_ids\": [7,8]}", 0},
        {"{\"hash_ids\": [ 7, 8]}", 0},
        {"{\"hash_ids\": [7, 8 ]}", 0},
        {"{\"hash_ids\": [7, 8.0]}", 0},
        {"{\"hash_ids\": [7, 08]}", 0},
        {"{\"hash_ids\": [7, -8]}", 0},
        {"{\"hash_ids\": [7, 8", 0},
        {"{\"hash_ids\": [7, 8}", 0},
        {"{\"hash_ids\": []}", 0},
        {"{\"hash_ids\": null}", 0},
        {"{\"hash_ids\": [7], \"hash_ids\": [8]}", 0},
        {"{\"hash_ids\": [7]} 5", 0},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        mt_request requests[2] = {{0}, {0}};
        mt_scan_buffer buffers[2] = {{0}, {.leaves_ids = 1}};
        mt_error errors[2] = {{0}, {0}};
        mt_code codes[2];
        char written[2][512], *text = padded(lines[i].line, strlen(lines[i].line));
        for (int k = 0; k < 2; k++) {
            codes[k] =
                mt_scan_request(text, strlen(lines[i].line), &buffers[k], &requests[k], &errors[k]);
            if (codes[k] == MT_OK)
                *mt_request_write(&requests[k], &plain, written[k]) = '\0';
        }
        assert_int_equal(codes[0], codes[1]);
        if (codes[0] == MT_OK) {
            assert_string_equal(written[0], written[1]);
            assert_int_equal(requests[0].hash_count, requests[1].hash_count);
            assert_int_equal(requests[1].hash_count > 0 && !requests[1].hash_ids, lines[i].is_left);
        } else {
            assert_string_equal(errors[0].message, errors[1].message);
            assert_int_equal(errors[0].column, errors[1].column);
        }
        for (int k = 0; k < 2; k++)
            mt_scan_buffer_free(&buffers[k]);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting_ids),
        cmocka_unit_test(test_text_of_ids),
        cmocka_unit_test(test_ids_left_as_text),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_whole_numbers_stay_in_their_room),
        cmocka_unit_test(test_milliseconds),
        cmocka_unit_test(test_milliseconds_read_back),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
