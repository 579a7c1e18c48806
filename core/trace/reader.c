#include "trace/reader.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/foreign.h"
#include "trace/scanner.h"

#include <stdio.h>
#include <string.h>

struct mt_trace_reader {
    mt_input *input;
    mt_scan_buffer buffer;
    int skip_bad_lines;
    uint64_t skipped;
    mt_error first_skipped;
};

mt_trace_reader *mt_trace_open(const char *path, int skip_bad_lines, mt_error *error) {
    mt_input *input = mt_input_open(path, error);
    return input ? mt_trace_open_input(input, skip_bad_lines, error) : NULL;
}

mt_trace_reader *mt_trace_open_input(mt_input *input, int skip_bad_lines, mt_error *error) {
    mt_trace_reader *reader = mt_allocate_zero(1, sizeof *reader);
    if (!reader) {
        mt_fail_memory(error, "trace reader");
        mt_input_close(input);
        return NULL;
    }
    reader->skip_bad_lines = skip_bad_lines;
    reader->input = input;
    return reader;
}

static int is_blank(const mt_line *line) {
    for (size_t i = 0; i < line->length; i++)
        if (line->text[i] != ' ' && line->text[i] != '\t' && line->text[i] != '\r')
            return 0;
    return 1;
}

static void add_remark(mt_error *error, const char *remark) {
    size_t used = strlen(error->message);
    snprintf(error->message + used, sizeof error->message - used, " (%s)", remark);
}

/* Says where a scanner's error is, what a file is that is no trace from its first line on, and what
 * a last line without its end is likely to mean. */
static void place_error(const mt_trace_reader *reader, const mt_line *line, mt_error *error) {
    const char *name = mt_input_name(reader->input), *hint = NULL;
    error->line = line->number;
    snprintf(error->source, sizeof error->source, "%s", name);
    if (error->code != MT_ERROR_INPUT)
        return;
    if (line->number == 1)
        hint = mt_foreign_line(line->text, line->length, name);
    if (hint)
        add_remark(error, hint);
    else if (!line->terminated)
        add_remark(error, "the file ends without a newline here: it seems to be cut");
}

int mt_trace_next(mt_trace_reader *reader, mt_request *request, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_line line;
    for (;;) {
        if (mt_interrupted()) {
            mt_fail(report, MT_ERROR_INTERRUPTED, "interrupted");
            return -1;
        }
        int status = mt_input_line(reader->input, &line, report);
        if (status != 1)
            return status;
        if (line.length == 0 || (line.text[0] <= ' ' && is_blank(&line)))
            continue;
        mt_code code = mt_scan_request(line.text, line.length, &reader->buffer, request, report);
        request->line = line.number;
        if (code == MT_OK)
            return 1;
        place_error(reader, &line, report);
        if (code != MT_ERROR_INPUT || !reader->skip_bad_lines)
            return -1;
        if (reader->skipped++ == 0)
            reader->first_skipped = *report;
    }
}

uint64_t mt_trace_skipped(const mt_trace_reader *reader, mt_error *first) {
    if (first)
        *first = reader->first_skipped;
    return reader->skipped;
}

const char *mt_trace_name(const mt_trace_reader *reader) {
    return mt_input_name(reader->input);
}

uint64_t mt_trace_size(const mt_trace_reader *reader) {
    return mt_input_size(reader->input);
}

void mt_trace_close(mt_trace_reader *reader) {
    if (!reader)
        return;
    mt_input_close(reader->input);
    mt_scan_buffer_free(&reader->buffer);
    mt_free(reader);
}
