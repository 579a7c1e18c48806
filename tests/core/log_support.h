/* Logs in files, their rows as text, and refusals. */
#ifndef LOG_SUPPORT_H
#define LOG_SUPPORT_H

#include "file_support.h"

#include "trace/log/log.h"

#include <inttypes.h>

static inline mt_log *open_text(void **state, const mt_log_options *options, const char *text,
                                mt_error *error) {
    const char *path = in_folder(state, "log");
    unlink(path);
    write_file(path, text, strlen(text));
    return mt_log_open(path, options, error);
}

static const mt_log_options plain = {.time_digits = -1};

/* Appends the row as text: "INDEX LINE TIME INPUT OUTPUT [SESSION] [model=..] [(extra)] [N
 * contents]" */
static inline size_t show_row(const mt_log_row *row, char *to, size_t size) {
    const mt_request *request = &row->request;
    int n = snprintf(to, size, "%" PRIu64 " %" PRIu64 " ", row->index, request->line);
    size_t used = (size_t)n;
    if (request->has & MT_HAS_TIME)
        used += (size_t)snprintf(to + used, size - used, "%" PRId64 " ", request->time_ns);
    used += (size_t)snprintf(to + used, size - used, "%" PRIu64 " %" PRIu64, request->input_length,
                             request->output_length);
    if (request->has & MT_HAS_SESSION)
        used += (size_t)snprintf(to + used, size - used, " %.*s", (int)request->session.length,
                                 request->session.text);
    if (row->model.length + row->log_type.length > 0)
        used += (size_t)snprintf(to + used, size - used, " %.*s/%.*s", (int)row->model.length,
                                 row->model.text, (int)row->log_type.length, row->log_type.text);
    if (request->extra.length > 0)
        used += (size_t)snprintf(to + used, size - used, " (%.*s)", (int)request->extra.length,
                                 request->extra.text);
    if (request->has & MT_HAS_HASH_IDS)
        used += (size_t)snprintf(to + used, size - used, " [%zu]", request->hash_count);
    used += (size_t)snprintf(to + used, size - used, "\n");
    return used;
}

/* All rows of the text, which are as `expected` shows them; `format` is what the log is. */
static inline void assert_rows(void **state, const mt_log_options *options, const char *format,
                               const char *text, const char *expected) {
    char shown[4096] = "";
    size_t used = 0;
    mt_log_row row;
    mt_error error = {0};
    int status;
    mt_log *log = open_text(state, options, text, &error);
    if (!log)
        fail_msg("%d: %s", (int)error.line, error.message);
    assert_string_equal(mt_log_facts_of(log).format, format);
    while ((status = mt_log_next(log, &row, &error)) == 1)
        used += show_row(&row, shown + used, sizeof shown - used);
    if (status != 0)
        fail_msg("%d: %s", (int)error.line, error.message);
    assert_int_equal(mt_log_next(log, &row, &error), 0);
    mt_log_close(log);
    assert_string_equal(shown, expected);
}

/* The text is refused while opening or reading: code, line, column and a part of the message. */
static inline void assert_refused(void **state, const mt_log_options *options, const char *text,
                                  mt_code code, uint64_t line, uint64_t column, const char *part) {
    mt_error error = {0};
    mt_log_row row;
    int status = -1;
    mt_log *log = open_text(state, options, text, &error);
    if (log)
        while ((status = mt_log_next(log, &row, &error)) == 1)
            ;
    mt_log_close(log);
    assert_int_equal(status, -1);
    if (!strstr(error.message, part))
        fail_msg("'%s' is not in '%s'", part, error.message);
    assert_int_equal(error.code, code);
    assert_int_equal(error.line, line);
    assert_int_equal(error.column, column);
    if (code == MT_ERROR_INPUT)
        assert_string_equal(error.source, ((folder *)*state)->file);
}

#define REFUSED(options, line, column, part, text)                                                 \
    assert_refused(state, (options), (text), MT_ERROR_INPUT, (line), (column), (part))

/* ---- CSV ---- */

#define BURSTGPT "Timestamp,Request tokens,Response tokens,Session ID\n"

/* ---- JSON lines ---- */

#define BAILIAN "{\"chat_id\": 1, \"timestamp\": 1, \"input_length\": 20, \"output_length\": 1"

/* ---- conversations ---- */

static const char conversations[] =
    "[{\"id\": \"c1\", \"conversations\": [\n"
    "  {\"from\": \"human\", \"value\": \"a b\\tc\\nd \\u00e9 f\"},\n"
    "  {\"from\": \"gpt\", \"value\": \" g h \"},\n"
    "  {\"from\": \"human\", \"value\": \"i j\"},\n"
    "  {\"from\": \"gpt\", \"value\": null}]},\n"
    " {\"id\": \"c2\", \"messages\": [\n"
    "  {\"role\": \"assistant\", \"content\": \"hello\"},\n"
    "  {\"role\": \"user\", \"content\": \"a b c d z\"},\n"
    "  {\"role\": \"assistant\", \"content\": \"g h\"},\n"
    "  {\"role\": \"user\", \"content\": \"never answered\"}]},\n"
    " {\"items\": [{\"from\": \"user\", \"tokens\": 9}, {\"from\": \"gpt\", \"value\": \"x\", "
    "\"tokens\": 4},\n"
    "  {\"from\": \"user\", \"tokens\": 1}, {\"from\": \"gpt\", \"tokens\": 0}]}]\n";

/* ---- Claude Code ---- */

#define SAID(type, second, more)                                                                   \
    "{\"parentUuid\": null, \"sessionId\": \"s\", \"timestamp\": \"1970-01-01T00:00:" second       \
    "Z\", \"type\": \"" type "\"" more "}\n"
#define ANSWER(id, output)                                                                         \
    ", \"requestId\": \"r\", \"message\": {\"id\": \"" id "\", \"model\": \"m\", \"usage\": {"     \
    "\"input_tokens\": 4, \"cache_creation_input_tokens\": 20, \"cache_read_input_tokens\": 300, " \
    "\"output_tokens\": " output "}}"

static const char transcript[] =
    "{\"type\": \"summary\", \"summary\": \"t\", \"leafUuid\": \"u\"}\n" SAID("user", "01", "")
        SAID("assistant", "03", ANSWER("a", "1")) SAID("assistant", "04", ANSWER("a", "7"))
            SAID("user", "05", "") SAID("assistant", "06", ANSWER("a", "5"))
                SAID("assistant", "07", ANSWER("b", "9"));

/* ---- OpenTelemetry ---- */

/* The lists begin with what says nothing, so that all else begins with a comma. */
#define SPANS(spans)                                                                               \
    "{\"resourceSpans\": [{\"resource\": {}, \"scopeSpans\": [{\"spans\": [{}" spans "]}]}]}\n"
#define SPAN(time, attributes)                                                                     \
    ", {\"startTimeUnixNano\": " time ", \"attributes\": [{}" attributes "]}"
#define TEXT(key, value) ", {\"key\": \"" key "\", \"value\": {\"stringValue\": \"" value "\"}}"
#define COUNT(key, value) ", {\"key\": \"" key "\", \"value\": {\"intValue\": " value "}}"
#define COUNTS(input, output)                                                                      \
    COUNT("gen_ai.usage.input_tokens", input) COUNT("gen_ai.usage.output_tokens", output)
#define KIND(kind) TEXT("gen_ai.operation.name", kind)

static const char spans[] =
    SPANS(SPAN("\"2000\"", COUNTS("\"200\"", "13") KIND("chat") TEXT("gen_ai.conversation.id", "c")
                               TEXT("gen_ai.response.model", "b") TEXT("gen_ai.request.model", "a"))
              SPAN("1", "")) "\n" SPANS(SPAN("7", COUNTS("9", "1")));

#endif
