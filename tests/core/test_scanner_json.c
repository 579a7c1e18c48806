/* The scanner against lists of JSON texts, against cJSON on random records, and its fast paths
 * against its general one: a line with white space around every token takes the general path. */
#include "text/json.h"
#include "trace_support.h"

#include <cJSON.h>

static const char *const valid[] = {"0",
                                    "-0",
                                    "1",
                                    "-1.5",
                                    "1e5",
                                    "1E+5",
                                    "1e-5",
                                    "0.0",
                                    "-0.1e-1",
                                    "123456789012345678901234567890",
                                    "true",
                                    "false",
                                    "null",
                                    "\"\"",
                                    "\"a\"",
                                    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                    "\"\\u0000\"",
                                    "\"\\uD834\\uDD1E\"",
                                    "\"\\uD800\"",
                                    "\"\\uDEAD\\uBEEF\"",
                                    "\"\x7f\"",
                                    "\"\xc2\x80\"",
                                    "\"\xe2\x82\xac\"",
                                    "\"\xf0\x9d\x84\x9e\"",
                                    "\"\xf4\x8f\xbf\xbf\"",
                                    "[]",
                                    "[ ]",
                                    "[1]",
                                    "[1,2]",
                                    "[ 1 , 2 ]",
                                    "[[],[[]]]",
                                    "{}",
                                    "{ }",
                                    "{\"\":0}",
                                    "{\"a\":1,\"a\":2}",
                                    "{\"a\":{\"b\":[{}]}}",
                                    " \t\r\n1 \t\r\n",
                                    "[\n1\n]",
                                    "{\"a\"\n:\t1 }",
                                    "[null,true,false,\"x\",-1e1,{},[]]",
                                    "\"12345678\\n12345678\"",
                                    "\"1234567\xc3\xa9\""};

static const char *const invalid[] = {"",
                                      " ",
                                      "+1",
                                      ".5",
                                      "5.",
                                      "05",
                                      "-",
                                      "-05",
                                      "1e",
                                      "1e+",
                                      "1.e1",
                                      "0x10",
                                      "1_000",
                                      "Infinity",
                                      "NaN",
                                      "-Infinity",
                                      "tru",
                                      "True",
                                      "nulll",
                                      "nul",
                                      "\"",
                                      "\"a",
                                      "\"\\\"",
                                      "\"\\x\"",
                                      "\"\\\"\\",
                                      "\"\\u\"",
                                      "\"\\u12\"",
                                      "\"\\u123g\"",
                                      "\"\\U1234\"",
                                      "\"\t\"",
                                      "\"\n\"",
                                      "\"\x01\"",
                                      "\"\x1f\"",
                                      "'a'",
                                      "a",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,",
                                      "[,1]",
                                      "[1,]",
                                      "[1,,2]",
                                      "[1 2]",
                                      "[1}",
                                      "{",
                                      "}",
                                      "{\"a\"",
                                      "{\"a\":",
                                      "{\"a\":1",
                                      "{\"a\":1,",
                                      "{\"a\":1,}",
                                      "{\"a\" 1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{a:1}",
                                      "{1:1}",
                                      "{\"a\":}",
                                      "{,}",
                                      "{\"a\":1]",
                                      "{\"a\",\"b\"}",
                                      "1 2",
                                      "[] []",
                                      "{}x",
                                      "1//",
                                      "/*x*/1",
                                      "\xef\xbb\xbf{}",
                                      "\"\xff\"",
                                      "\"\xc0\x80\"",
                                      "\"\xe0\x80\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xf8\x88\x80\x80\x80\"",
                                      "\"\x80\"",
                                      "\"\xc3\"",
                                      "\"\xe2\x82\"",
                                      "[\"a\",\n4\n,1,",
                                      "\"12345678\x01\"",
                                      "\"1234567\xc3\"",
                                      "\v1",
                                      "\f1",
                                      "\xc2\xa0"
                                      "1"};

/* As a whole text, as a member's value in a request, and inside a list. */
static void check_text(const char *text, int is_valid) {
    char line[256];
    mt_scan_buffer buffer = {0};
    mt_request request = {0};
    mt_error error;
    char *exact = malloc(strlen(text) + 1); /* scan_value needs no bytes behind the text */
    memcpy(exact, text, strlen(text));
    if ((mt_json_check(exact, strlen(text), &error) == MT_OK) != is_valid)
        fail_msg("'%s' should be %s", text, is_valid ? "valid" : "invalid");
    free(exact);
    static const char *const frames[] = {"{\"x\":%s}", "{\"delay\": 1, \"x\": [0, %s]}"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(line, sizeof line, frames[i], text);
        /* Two values become one list inside a frame that has a list's commas. */
        char *copy = padded(line, strlen(line));
        mt_code code = mt_scan_request(copy, strlen(line), &buffer, &request, &error);
        if ((code == MT_OK) != is_valid)
            fail_msg("'%s' should be %s", line, is_valid ? "valid" : "invalid");
        free(copy);
    }
    mt_scan_buffer_free(&buffer);
}

static void test_valid_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
        check_text(valid[i], 1);
}

static void test_invalid_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
        check_text(invalid[i], 0);
}

/* ---- random records ---- */

typedef struct record {
    mt_request request;
    uint64_t ids[64];
    char session[32], stream[32];
    char line[8192];
    size_t length;
} record;

/* Integers of all widths. */
static uint64_t any_width(uint64_t *random, unsigned most_bits) {
    return next_random(random) >> (64 - 1 - below(random, most_bits));
}

static void add(record *r, const char *text) {
    size_t length = strlen(text);
    assert_true(r->length + length < sizeof r->line);
    memcpy(r->line + r->length, text, length + 1);
    r->length += length;
}

static void space(record *r, uint64_t *random, int kind) {
    static const char *const spaces[] = {" ", "\t", "\r", "  ", ""};
    if (kind == 2)
        add(r, spaces[below(random, 5)]);
}

static void add_number(record *r, uint64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    add(r, text);
}

static void add_time(record *r, uint64_t *random, int64_t *nanoseconds) {
    char text[48];
    *nanoseconds = (int64_t)any_width(random, 60);
    if (below(random, 2))
        *nanoseconds -= *nanoseconds % 1000000;
    snprintf(text, sizeof text, "%lld", (long long)(*nanoseconds / 1000000));
    add(r, text);
    if (*nanoseconds % 1000000) {
        snprintf(text, sizeof text, ".%06lld", (long long)(*nanoseconds % 1000000));
        add(r, text);
    }
}

static void add_value(record *r, uint64_t *random, int depth) {
    static const char *const scalars[] = {"true",
                                          "false",
                                          "null",
                                          "-1.5e3",
                                          "0",
                                          "\"\"",
                                          "\"a longer text of more than eight bytes\"",
                                          "\"\\u00e9\\n\"",
                                          "\"\xc3\xa9\xe2\x82\xac\""};
    uint64_t kind = below(random, depth > 0 ? 12 : 9);
    if (kind < 9) {
        add(r, scalars[kind]);
        return;
    }
    add(r, kind == 9 ? "[" : "{");
    uint64_t count = below(random, 4);
    for (uint64_t i = 0; i < count; i++) {
        if (i > 0)
            add(r, ",");
        if (kind != 9) {
            char name[16];
            snprintf(name, sizeof name, "\"k%d\":", (int)i);
            add(r, name);
        }
        add_value(r, random, depth - 1);
    }
    add(r, kind == 9 ? "]" : "}");
}

static void add_ids(record *r, uint64_t *random, int kind, const char *separator) {
    r->request.hash_count = (size_t)below(random, 64);
    r->request.hash_ids = r->ids;
    add(r, "[");
    for (size_t i = 0; i < r->request.hash_count; i++) {
        r->ids[i] = any_width(random, below(random, 2) ? 64 : 20);
        if (i > 0)
            add(r, separator);
        space(r, random, kind);
        add_number(r, r->ids[i]);
        space(r, random, kind);
    }
    add(r, "]");
}

static void add_member(record *r, uint64_t *random, int which, int kind, const char *separator) {
    static const char *const names[] = {"timestamp",  "input_length", "output_length", "hash_ids",
                                        "session_id", "delay",        "stream"};
    char name[32];
    if (which >= 7)
        snprintf(name, sizeof name, "\"other%d\"", which);
    else
        snprintf(name, sizeof name, "\"%s\"", names[which]);
    add(r, name);
    space(r, random, kind);
    add(r, kind == 1 ? ":" : ": ");
    space(r, random, kind);
    if (which < 7)
        r->request.has |= 1U << (which == 5 ? 5 : which);
    switch (which) {
    case 0:
        add_time(r, random, &r->request.time_ns);
        break;
    case 1:
        add_number(r, r->request.input_length = any_width(random, 64));
        break;
    case 2:
        add_number(r, r->request.output_length = any_width(random, 64));
        break;
    case 3:
        add_ids(r, random, kind, separator);
        break;
    case 4:
        snprintf(r->session, sizeof r->session, below(random, 2) ? "\"s%d\"" : "%d",
                 (int)below(random, 1000));
        r->request.session = (mt_span){r->session, strlen(r->session)};
        add(r, r->session);
        break;
    case 5:
        add_time(r, random, &r->request.delay_ns);
        break;
    case 6:
        snprintf(r->stream, sizeof r->stream, "\"main/%d\"", (int)below(random, 10));
        r->request.stream = (mt_span){r->stream, strlen(r->stream)};
        add(r, r->stream);
        break;
    default:
        add_value(r, random, 3);
    }
}

/* kind 0: canonical separators; 1: compact; 2: white space anywhere. */
static void make_record(record *r, uint64_t *random, int kind) {
    int order[10];
    const char *separator = kind == 1 ? "," : ", ";
    memset(r, 0, sizeof *r);
    for (int i = 0; i < 10; i++)
        order[i] = i;
    if (below(random, 2))
        for (int i = 9; i > 0; i--) {
            int j = (int)below(random, (uint64_t)i + 1), kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
    add(r, "{");
    int count = 0;
    for (int i = 0; i < 10; i++) {
        if (below(random, 4) == 0)
            continue;
        if (count++ > 0)
            add(r, separator);
        space(r, random, kind);
        add_member(r, random, order[i], kind, separator);
        space(r, random, kind);
    }
    add(r, "}");
}

/* The record's other members must be what cJSON finds in the line besides ours. */
static void compare_with_cjson(const record *r, const mt_request *request) {
    static const char *const ours[] = {"timestamp",  "input_length", "output_length", "hash_ids",
                                       "session_id", "delay",        "stream"};
    char extra[sizeof r->line + 2];
    cJSON *whole = cJSON_ParseWithLength(r->line, r->length);
    assert_non_null(whole);
    const cJSON *time = cJSON_GetObjectItemCaseSensitive(whole, "timestamp");
    assert_int_equal(time != NULL, (request->has & MT_HAS_TIME) != 0);
    if (time) {
        double difference = time->valuedouble - (double)request->time_ns / 1e6;
        assert_true(difference < 1e-3 && difference > -1e-3);
    }
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(whole, "hash_ids");
    assert_int_equal(ids ? cJSON_GetArraySize(ids) : 0, request->hash_count);
    const cJSON *id = ids ? ids->child : NULL;
    for (size_t i = 0; i < request->hash_count; i++, id = id->next)
        assert_true(id->valuedouble == (double)request->hash_ids[i]);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(whole, ours[i]);
    snprintf(extra, sizeof extra, "{%.*s}", (int)request->extra.length,
             request->extra.length ? request->extra.text : "");
    cJSON *others = cJSON_Parse(extra);
    assert_non_null(others);
    assert_true(cJSON_Compare(whole, others, 1));
    cJSON_Delete(others);
    cJSON_Delete(whole);
}

static void test_random_records(void **state) {
    (void)state;
    uint64_t random = 20250101;
    mt_scan_buffer buffer = {0};
    record *r = malloc(sizeof *r);
    for (int round = 0; round < 6000; round++) {
        make_record(r, &random, round % 3);
        char *text = padded(r->line, r->length);
        mt_request request = {0};
        mt_error error;
        if (mt_scan_request(text, r->length, &buffer, &request, &error) != MT_OK)
            fail_msg("%s: column %d: %s", r->line, (int)error.column, error.message);
        assert_same_fields(&request, &r->request);
        compare_with_cjson(r, &request);
        free(text);
    }
    free(r);
    mt_scan_buffer_free(&buffer);
}

/* The same record in all three spellings. */
static void test_spellings_agree(void **state) {
    (void)state;
    mt_scan_buffer buffers[3] = {{0}};
    record *r = malloc(3 * sizeof *r);
    for (uint64_t seed = 0; seed < 2000; seed++) {
        mt_request requests[3] = {{0}};
        char *texts[3];
        for (int kind = 0; kind < 2; kind++) {
            uint64_t random = seed;
            make_record(&r[kind], &random, kind);
        }
        /* The third is the first with white space around every token outside strings. */
        r[2].length = 0;
        int inside = 0;
        for (size_t i = 0; i < r[0].length; i++) {
            char byte = r[0].line[i], token[4] = {' ', byte, ' ', '\0'};
            char plain[2] = {byte, '\0'};
            if (byte == '"' && (i == 0 || r[0].line[i - 1] != '\\'))
                inside = !inside;
            add(&r[2], !inside && strchr("{}[]:,", byte) ? token : plain);
        }
        for (int kind = 0; kind < 3; kind++) {
            mt_error error;
            texts[kind] = padded(r[kind].line, r[kind].length);
            if (mt_scan_request(texts[kind], r[kind].length, &buffers[kind], &requests[kind],
                                &error) != MT_OK)
                fail_msg("%s: column %d: %s", r[kind].line, (int)error.column, error.message);
        }
        assert_same_fields(&requests[0], &requests[1]);
        assert_same_fields(&requests[0], &requests[2]);
        for (int kind = 0; kind < 3; kind++)
            free(texts[kind]);
    }
    free(r);
    for (int kind = 0; kind < 3; kind++)
        mt_scan_buffer_free(&buffers[kind]);
}

/* 128 bits hold every number of the form d.dddddd exactly. */
static void test_times_against_whole_numbers(void **state) {
    (void)state;
    uint64_t random = 4;
    for (int round = 0; round < 100000; round++) {
        char text[64];
        int64_t value;
        uint64_t whole = any_width(&random, 43);
        int digits = 1 + (int)below(&random, 9);
        uint64_t unit = 1;
        for (int i = 0; i < digits; i++)
            unit *= 10;
        uint64_t fraction = below(&random, unit);
        snprintf(text, sizeof text, "%llu.%0*llu", (unsigned long long)whole, digits,
                 (unsigned long long)fraction);
        __int128 exact = ((__int128)whole * unit + fraction) * 1000000;
        int64_t expected = (int64_t)((2 * exact + unit) / (2 * (__int128)unit));
        assert_int_equal(mt_decimal_whole(text, strlen(text), 6, &value), 0);
        assert_int_equal(value, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_texts),
        cmocka_unit_test(test_invalid_texts),
        cmocka_unit_test(test_random_records),
        cmocka_unit_test(test_spellings_agree),
        cmocka_unit_test(test_times_against_whole_numbers),
    };
    return cmocka_run_group_tests_name("scanner_json", tests, NULL, NULL);
}
