/* The trace in a file as a source: its lines through the scanner. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/foreign.h"
#include "trace/scanner.h"
#include "trace/source/kind.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct file_source {
    mt_source base;
    mt_input *input; /* NULL: to be opened */
    char *path;      /* where that can be */
    mt_scan_buffer buffer;
    int skip_bad_lines;
    uint64_t skipped;
    mt_error first_skipped;
} file_source;

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
static void place_error(const file_source *self, const mt_line *line, mt_error *error) {
    const char *name = mt_input_name(self->input), *hint = NULL;
    error->line = line->number;
    snprintf(error->source, sizeof error->source, "%s", name);
    if (error->code != MT_ERROR_INPUT)
        return;
    if (line->number == 1)
        hint = mt_foreign_line(line->text, line->length, name);
    error->can_be_skipped = !hint;
    if (hint)
        add_remark(error, hint);
    else if (!line->terminated)
        add_remark(error, "the file ends without a newline here: it seems to be cut");
}

static int file_next(mt_source *source, mt_request *request, mt_error *error) {
    file_source *self = (file_source *)source;
    mt_error problem, *report = error ? error : &problem;
    mt_line line;
    if (!self->input && !(self->input = mt_input_open(self->path, error)))
        return -1;
    do {
        int status = mt_input_line(self->input, &line, report);
        if (status != 1)
            return status;
        if (line.length == 0 || (line.text[0] <= ' ' && is_blank(&line)))
            continue;
        mt_code code = mt_scan_request(line.text, line.length, &self->buffer, request, report);
        request->line = line.number;
        if (code == MT_OK)
            return 1;
        place_error(self, &line, report);
        if (code != MT_ERROR_INPUT || !self->skip_bad_lines)
            return -1;
        if (self->skipped++ == 0)
            self->first_skipped = *report;
    } while (!mt_interrupted()); /* there may be any number of bad lines */
    return mt_failed(mt_fail(report, MT_ERROR_INTERRUPTED, "interrupted"));
}

static uint64_t file_skipped(const mt_source *source, mt_error *first) {
    const file_source *self = (const file_source *)source;
    if (first)
        *first = self->first_skipped;
    return self->skipped;
}

static const char *file_name(const mt_source *source) {
    const file_source *self = (const file_source *)source;
    return self->input ? mt_input_name(self->input) : self->path;
}

static void file_release(mt_source *source) {
    file_source *self = (file_source *)source;
    mt_input_close(self->input);
    mt_free(self->path);
    mt_scan_buffer_free(&self->buffer);
}

static const mt_source_kind file_kind = {
    .next = file_next, .release = file_release, .name = file_name, .skipped = file_skipped};

mt_source *mt_source_open(const char *path, int skip_bad_lines, mt_error *error) {
    mt_input *input = mt_input_open(path, error);
    return input ? mt_source_open_input(input, skip_bad_lines, error) : NULL;
}

mt_source *mt_source_open_later(const char *path, int skip_bad_lines, mt_error *error) {
    struct stat info;
    if (strcmp(path, "-") == 0 || stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return mt_source_open(path, skip_bad_lines, error);
    mt_input *tried = mt_input_open(path, error);
    if (!tried)
        return NULL;
    mt_input_close(tried);
    file_source *self = (file_source *)mt_source_new(&file_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->skip_bad_lines = skip_bad_lines;
    self->path = mt_copy_text(path, strlen(path));
    if (self->path)
        return &self->base;
    mt_fail_memory(error, "trace reader");
    mt_source_free(&self->base);
    return NULL;
}

mt_source *mt_source_open_input(mt_input *input, int skip_bad_lines, mt_error *error) {
    file_source *self = (file_source *)mt_source_new(&file_kind, sizeof *self, error);
    if (!self) {
        mt_input_close(input);
        return NULL;
    }
    self->skip_bad_lines = skip_bad_lines;
    self->input = input;
    return &self->base;
}

void mt_source_set_unit(mt_source *file, mt_time_unit unit) {
    ((file_source *)file)->buffer.unit = unit;
}
