/* Sources made of texts, and what they must give: the tests of steps read and write whole lines. */
#ifndef STEPS_SUPPORT_H
#define STEPS_SUPPORT_H

#include "file_support.h"

#include "base/file/output.h"
#include "trace/end/ends.h"
#include "trace/source/source.h"
#include "trace/step/steps.h"

/* The lines as a source; `name` is the file that they stand in. */
static inline mt_source *source_of(void **state, const char *name, const char *text) {
    mt_error error;
    const char *path = in_folder(state, name);
    write_file(path, text, strlen(text));
    mt_source *source = mt_source_open(path, 0, &error);
    assert_non_null(source);
    return source;
}

static inline mt_code write_all(void **state, mt_source *source, uint64_t *written,
                                mt_error *error) {
    static const mt_trace_format format = {.timestamp_digits = 6};
    mt_output *output = mt_output_open(in_folder(state, "out.jsonl"), error);
    assert_non_null(output);
    mt_written done;
    mt_code code = mt_source_write(source, output, &format, UINT64_MAX, &done, error);
    *written = done.count;
    mt_request request;
    if (code == MT_OK) /* the end stays the end */
        assert_int_equal(mt_source_next(source, &request, error), 0);
    assert_int_equal(mt_output_finish(output, NULL), MT_OK);
    mt_source_free(source);
    return code;
}

/* The source gives exactly these lines, and is freed. */
static inline void gives(void **state, mt_source *source, const char *lines) {
    mt_error error;
    uint64_t written, count = 0;
    assert_non_null(source);
    if (write_all(state, source, &written, &error) != MT_OK)
        fail_msg("%s", error.message);
    assert_content(in_folder(state, "out.jsonl"), lines);
    for (const char *at = lines; *at; at++)
        count += *at == '\n';
    assert_int_equal(written, count);
}

/* The source gives these lines and then fails so, and is freed. */
static inline void fails_after(void **state, mt_source *source, const char *lines, mt_code code,
                               uint64_t line, const char *message) {
    mt_error error = {0};
    uint64_t written;
    assert_non_null(source);
    assert_int_equal(write_all(state, source, &written, &error), code);
    assert_content(in_folder(state, "out.jsonl"), lines);
    assert_int_equal(error.line, line);
    if (!strstr(error.message, message))
        fail_msg("'%s' says nothing of '%s'", error.message, message);
}

/* The constructor has refused a value. */
static inline void refused(const mt_source *source, const mt_error *error, const char *message) {
    assert_null(source);
    assert_int_equal(error->code, MT_ERROR_VALUE);
    if (!strstr(error->message, message))
        fail_msg("'%s' says nothing of '%s'", error->message, message);
}

#endif
