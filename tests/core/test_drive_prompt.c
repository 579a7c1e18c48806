/* Prompts: blocks of words and token ids, bodies made of rows, conversations, heads; memory that is out. */
#include "drive/prompt/body.h"
#include "drive/prompt/head.h"

#include "base/memory.h"
#include "file_support.h"

#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- blocks ----------------------------------------------------------------------------------- */

static void test_words_are_a_block_s_own(void **state) {
    (void)state;
    char whole[512 * MT_WORD_ROOM + MT_WORD_ROOM], part[sizeof whole];
    uint64_t key = mt_block_key(1, 5);
    char *end = mt_write_words(key, 0, 512, whole);
    for (uint64_t cut = 1; cut < 512; cut += 7) { /* in two pieces it is the same text */
        char *middle = mt_write_words(key, 0, cut, part);
        char *last = mt_write_words(key, cut, 512, middle);
        assert_int_equal(last - part, end - whole);
        assert_memory_equal(part, whole, (size_t)(end - whole));
    }
    int spaces = 0;
    for (const char *at = whole; at < end; at++)
        spaces += *at == ' ';
    assert_int_equal(spaces, 512);
    char *other = mt_write_words(mt_block_key(1, 6), 0, 512, part);
    assert_true(other - part != end - whole || memcmp(part, whole, (size_t)(end - whole)) != 0);
}

static void test_token_ids_of_a_range(void **state) {
    (void)state;
    enum { TOKENS = 4000 };
    static char text[TOKENS * MT_TOKEN_ROOM + MT_TOKEN_ROOM];
    mt_token_texts texts;
    mt_error error;
    assert_int_equal(mt_token_texts_make(&texts, 98, 103, &error), MT_OK);
    *mt_write_tokens(mt_block_key(7, 7), 0, TOKENS, &texts, text) = '\0';
    int seen[6] = {0}, count = 0;
    for (char *at = text; *at; count++) {
        long token = strtol(at, &at, 10);
        assert_true(token >= 98 && token <= 103);
        assert_int_equal(*at++, ',');
        seen[token - 98]++;
    }
    assert_int_equal(count, TOKENS);
    for (int i = 0; i < 6; i++) /* 4000 / 6, and six standard deviations about it */
        assert_true(seen[i] > 667 - 150 && seen[i] < 667 + 150);
    mt_token_texts_free(&texts);
    assert_int_equal(mt_token_texts_make(&texts, 5, 4, &error), MT_ERROR_VALUE);
    assert_int_equal(mt_token_texts_make(&texts, 0, MT_TOKEN_LIMIT + 1, &error), MT_ERROR_VALUE);
}

/* Each word is one token in ten tokenizers: those are the words of the list at hand. */
static void test_words_are_of_the_list(void **state) {
    (void)state;
    const char *data_folder = getenv("MOONTIDE_DATA");
    char path[4096], list[8192] = "\n", text[20000 * MT_WORD_ROOM + MT_WORD_ROOM];
    snprintf(path, sizeof path, "%s/words.txt", data_folder ? data_folder : "../shared/data");
    FILE *file = fopen(path, "rb");
    if (!file)
        skip();
    list[1 + fread(list + 1, 1, sizeof list - 3, file)] = '\0';
    strcat(list, "\n");
    fclose(file);
    *mt_write_words(mt_block_key(0, 0), 0, 20000, text) = '\0';
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        char line[32];
        snprintf(line, sizeof line, "\n%s\n", word);
        if (!strstr(list, line))
            fail_msg("'%s' is not of the list", word);
    }
}

/* ---- bodies ----------------------------------------------------------------------------------- */

static mt_body_options options_of(int api) {
    return (mt_body_options){.api = api,
                             .model = "\"m\"",
                             .output_field = "max_tokens",
                             .forces_output = 1,
                             .streams = 1,
                             .block_size = 16,
                             .seed = 3};
}

static mt_request row(uint64_t input, const uint64_t *ids, size_t count, const char *extra) {
    return (mt_request){.has = MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH,
                        .input_length = input,
                        .output_length = 8,
                        .hash_ids = ids,
                        .hash_count = count,
                        .extra = {extra, strlen(extra)}};
}

static mt_code write_body(const mt_body_options *options, const mt_request *request,
                          uint64_t ticket, mt_conversation *conversation, mt_text *body,
                          mt_error *error) {
    body->length = 0;
    mt_code code = mt_body_write(options, request, ticket, conversation, body, error);
    if (code == MT_OK && mt_text_add(body, "", 1) != 0) /* so that it is a string */
        code = mt_fail_memory(error, "test");
    return code;
}

/* The content of message i, in `text`. */
static void content_of(const mt_text *body, int i, char *text) {
    const char *at = body->bytes, mark[] = "\"content\": \"";
    for (; i >= 0; i--) {
        at = strstr(at, mark);
        assert_non_null(at);
        at += sizeof mark - 1;
    }
    size_t length = strcspn(at, "\"");
    memcpy(text, at, length);
    text[length] = '\0';
}

static int words_of(const char *text) {
    int count = 0;
    for (; *text; text++)
        count += *text == ' ';
    return count;
}

/* Later prompts begin with the earlier ones and their answers: with ids for all blocks, for some, for
 * none. */
static void check_conversation(const mt_request *rows, int turns) {
    mt_body_options options = options_of(MT_API_TOKENS);
    mt_conversation conversation = {0};
    mt_text body = {0};
    mt_error error;
    static char prompts[4][8192];
    assert_int_equal(mt_token_texts_make(&options.tokens, 1000, 30000, &error), MT_OK);
    for (int i = 0; i < turns; i++) {
        assert_int_equal(
            write_body(&options, &rows[i], (uint64_t)i + 50, &conversation, &body, &error), MT_OK);
        const char *at = strstr(body.bytes, "\"prompt\": [");
        size_t length = strcspn(at, "]");
        memcpy(prompts[i], at, length);
        prompts[i][length] = '\0';
        if (i > 0) {
            assert_memory_equal(prompts[i - 1], prompts[i], strlen(prompts[i - 1]));
            assert_int_equal(prompts[i][strlen(prompts[i - 1])], ',');
        }
        uint64_t tokens = 1;
        for (at = prompts[i] + 11; *at; at++)
            tokens += *at == ',';
        assert_int_equal(tokens, rows[i].input_length);
    }
    mt_conversation_free(&conversation);
    mt_token_texts_free(&options.tokens);
    mt_free(body.bytes);
}

static void test_turns_go_on(void **state) {
    (void)state;
    static const uint64_t first[] = {1, 2, 3}, second[] = {1, 2, 9, 4, 5},
                          third[] = {1, 2, 9, 4, 10, 6};
    mt_request all[] = {row(40, first, 3, ""), row(70, second, 5, ""), row(90, third, 6, "")};
    mt_request some[] = {row(40, first, 2, ""), row(70, second, 4, ""), row(90, third, 5, "")};
    mt_request none[] = {row(40, first, 0, ""), row(70, second, 0, ""), row(90, third, 0, "")};
    check_conversation(all, 3);
    check_conversation(some, 3);
    check_conversation(none, 3);
}

static void test_a_prompt_that_begins_anew(void **state) {
    (void)state;
    static const uint64_t first[] = {1, 2, 3}, other[] = {7, 8, 9, 10};
    mt_body_options options = options_of(MT_API_CHAT);
    mt_conversation conversation = {0};
    mt_text body = {0};
    mt_error error;
    mt_request rows[] = {row(48, first, 3, ""), row(64, other, 4, ""), row(50, first, 3, "")};
    for (uint64_t i = 0; i < 3; i++) {
        char text[1024];
        assert_int_equal(write_body(&options, &rows[i], i, &conversation, &body, &error), MT_OK);
        assert_null(strstr(body.bytes, "assistant"));
        content_of(&body, 0, text);
        assert_int_equal(words_of(text), rows[i].input_length);
    }
    mt_conversation_free(&conversation);
    mt_free(body.bytes);
}

static void test_messages_less_the_template(void **state) {
    (void)state;
    static const uint64_t ids[] = {1, 2, 3, 4, 5, 6};
    mt_body_options options = options_of(MT_API_CHAT);
    mt_conversation conversation = {0};
    mt_text body = {0};
    mt_error error;
    mt_request rows[] = {row(48, ids, 3, ""), row(90, ids, 6, "")};
    char text[1024];
    options.overhead = 7;
    options.message_overhead = 4;
    assert_int_equal(write_body(&options, &rows[0], 0, &conversation, &body, &error), MT_OK);
    content_of(&body, 0, text);
    assert_int_equal(words_of(text), 41);
    assert_int_equal(write_body(&options, &rows[1], 1, &conversation, &body, &error), MT_OK);
    static const int wanted[] = {41, 4, 30}; /* 48 - 7; 8 - 4; 90 - 56 - 4 */
    for (int i = 0; i < 3; i++) {
        content_of(&body, i, text);
        assert_int_equal(words_of(text), wanted[i]);
    }
    mt_conversation_free(&conversation);
    mt_free(body.bytes);
}

static void test_what_a_row_says_is_sent(void **state) {
    (void)state;
    static const struct {
        const char *extra, *has;
    } cases[] = {
        {"\"text_input\": \"say \\\"it\\\"\"", "\"content\": \"say \\\"it\\\"\"}"},
        {"\"messages\": [{\"role\": \"user\"}]", "\"messages\": [{\"role\": \"user\"}]"},
        {"\"extra\": {\"top_k\": 3}", "\"top_k\": 3"},
        {"\"extra\": {\"max_tokens\": 3}", "\"max_tokens\": 3"},
        {"\"payload\": {\"a\": 1}", "{\"a\": 1}"},
    };
    mt_body_options options = options_of(MT_API_CHAT);
    mt_text body = {0};
    mt_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mt_request request = row(20, NULL, 0, cases[i].extra);
        assert_int_equal(write_body(&options, &request, 0, NULL, &body, &error), MT_OK);
        if (!strstr(body.bytes, cases[i].has))
            fail_msg("%s: %s", cases[i].extra, body.bytes);
        const char *field = strstr(body.bytes, "\"max_tokens\"");
        assert_true(!field || !strstr(field + 1, "\"max_tokens\"")); /* once */
    }
    static const char *const bad[] = {"\"messages\": 5", "\"payload\": []", "\"text_input\": {}",
                                      "\"extra\": 3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mt_request request = row(20, NULL, 0, bad[i]);
        assert_int_equal(write_body(&options, &request, 0, NULL, &body, &error), MT_ERROR_INPUT);
    }
    mt_request nothing = {0};
    assert_int_equal(write_body(&options, &nothing, 0, NULL, &body, &error), MT_ERROR_INPUT);
    mt_request huge = row(UINT64_MAX / 2, NULL, 0, "");
    assert_int_equal(write_body(&options, &huge, 0, NULL, &body, &error), MT_ERROR_INPUT);
    mt_free(body.bytes);
}

/* ---- heads ------------------------------------------------------------------------------------ */

static void test_heads_take_members(void **state) {
    (void)state;
    static const char *const headers[] = {"X-P: {p}-{n}", "X-None: {none}.", "X-Open: {p"};
    mt_head_options options = {"h:1", "/v1/x", headers, 3, 5};
    mt_request request = row(5, NULL, 0, "\"p\": \"a\\u0041\", \"n\": 12");
    mt_text body = {0}, scratch = {0};
    mt_error error;
    assert_int_equal(mt_text_add(&body, "{}", 2), 0);
    mt_outgoing *made = mt_head_prepare(&options, &request, 9, &body, &scratch, &error);
    assert_non_null(made);
    char text[2048], id[MT_REQUEST_ID_ROOM], line[128];
    snprintf(text, sizeof text, "%.*s", (int)made->length, made->bytes);
    assert_non_null(strstr(text, "POST /v1/x HTTP/1.1\r\nHost: h:1\r\n"));
    assert_non_null(strstr(text, "\r\nX-P: aA-12\r\nX-None: .\r\nX-Open: {p\r\n"));
    assert_non_null(strstr(text, "\r\nContent-Length: 2\r\n\r\n{}"));
    mt_request_id(5, 9, id);
    snprintf(line, sizeof line, "\r\nX-Request-ID: %s\r\n", id);
    assert_non_null(strstr(text, line));
    mt_free(made);
    mt_request bad = row(5, NULL, 0, "\"p\": \"a\\r\\nEvil: 1\", \"n\": 12");
    assert_null(mt_head_prepare(&options, &bad, 9, &body, &scratch, &error));
    assert_int_equal(error.code, MT_ERROR_INPUT);
    mt_free(body.bytes);
    mt_free(scratch.bytes);
}

/* ---- memory ----------------------------------------------------------------------------------- */

static mt_code attempt(mt_error *error) {
    static const uint64_t ids[] = {1, 2, 3, 4, 5, 6};
    static const char *const headers[] = {"X-P: {p}"};
    mt_body_options options = options_of(MT_API_TOKENS);
    mt_head_options head = {"h", "/", headers, 1, 0};
    mt_conversation conversation = {0};
    mt_text body = {0}, scratch = {0};
    mt_request rows[] = {row(48, ids, 3, "\"p\": 1, \"extra\": {\"b\": 2}"), row(90, ids, 6, "")};
    mt_code code = mt_token_texts_make(&options.tokens, 0, 99, error);
    for (uint64_t i = 0; code == MT_OK && i < 2; i++) {
        code = write_body(&options, &rows[i], i, &conversation, &body, error);
        if (code != MT_OK)
            break;
        mt_outgoing *made = mt_head_prepare(&head, &rows[i], i, &body, &scratch, error);
        code = made ? MT_OK : error->code;
        mt_free(made);
    }
    mt_token_texts_free(&options.tokens);
    mt_conversation_free(&conversation);
    mt_free(body.bytes);
    mt_free(scratch.bytes);
    return code;
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (sweep all = {0}; sweep_next(&all);)
        all.code = attempt(&all.error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_a_block_s_own),
        cmocka_unit_test(test_token_ids_of_a_range),
        cmocka_unit_test(test_words_are_of_the_list),
        cmocka_unit_test(test_turns_go_on),
        cmocka_unit_test(test_a_prompt_that_begins_anew),
        cmocka_unit_test(test_messages_less_the_template),
        cmocka_unit_test(test_what_a_row_says_is_sent),
        cmocka_unit_test(test_heads_take_members),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("prompts that are sent", tests, NULL, NULL);
}
