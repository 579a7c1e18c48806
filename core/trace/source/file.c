/* The trace in a file as a source: its lines through the scanner. A regular file that is not small is scanned
 * by threads too, where there are processors for them. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/foreign.h"
#include "trace/scanner.h"
#include "trace/source/kind.h"
#include "trace/source/scanners.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A file of fewer bytes than SMALL is scanned in the time that the threads' memory costs, and one of which
 * only the beginning is wanted needs none. Who takes longer than PATIENCE_NS for BEGINNING waits for
 * something else than scanning. MT_SCAN_ALL is for tests. */
#ifdef MT_SCAN_ALL
enum { SMALL = 0, BEGINNING = 1 };
#define PATIENCE_NS INT64_MAX
#else
enum { SMALL = 1 << 24, BEGINNING = 1 << 18 };
#define PATIENCE_NS INT64_C(20000000)
#endif

typedef struct file_source {
    mt_source base;
    mt_input *input; /* NULL: to be opened */
    char *path;      /* where that can be */
    mt_scan_buffer buffer;
    mt_scanners *scanners; /* NULL: not yet, or none */
    int is_decided;        /* whether there are any */
    size_t given;          /* bytes of the lines of the beginning */
    uint64_t lines;        /* in it */
    int64_t since_ns;      /* when the first was asked for */
    int skip_bad_lines;
    uint64_t skipped;
    mt_error first_skipped;
} file_source;

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

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Behind the file's beginning: threads, if they are worth it. */
static void start_scanners(file_source *self) {
    mt_scanners_options options = {.threads = mt_scanners_worth(),
                                   .patience_ns = PATIENCE_NS,
                                   .lines = self->lines,
                                   .unit = self->buffer.unit,
                                   .leaves_ids = self->buffer.leaves_ids};
    if (options.threads > 0 && mt_input_size(self->input) >= SMALL &&
        now_ns() - self->since_ns <= PATIENCE_NS)
        self->scanners = mt_scanners_new(self->input, &options);
    self->is_decided = 1;
}

/* The file's beginning, line by line. */
static int first_line(file_source *self, mt_line *line, mt_error *error) {
    if (self->given == 0)
        self->since_ns = now_ns();
    int status = mt_input_line(self->input, line, error);
    if (status == 1) {
        self->given += line->length + 1;
        self->lines = line->number;
    }
    return status;
}

/* As mt_scanners_next, with threads or without. */
static int next_line(file_source *self, mt_line *line, mt_request *request, mt_error *error) {
    if (self->given < BEGINNING)
        return first_line(self, line, error);
    if (!self->is_decided)
        start_scanners(self);
    if (!self->scanners)
        return mt_input_line(self->input, line, error);
    int status = mt_scanners_next(self->scanners, line, request, error);
    if (status != 0)
        return status;
    status = mt_scanners_end(self->scanners, self->input, error);
    self->scanners = NULL;
    return status == 0 ? mt_input_line(self->input, line, error) : -1;
}

static int file_next(mt_source *source, mt_request *request, mt_error *error) {
    file_source *self = (file_source *)source;
    mt_error problem, *report = error ? error : &problem;
    mt_line line;
    if (!self->input && !(self->input = mt_input_open(self->path, error)))
        return -1;
    do {
        int status = next_line(self, &line, request, report);
        if (status == MT_SCANNED)
            return 1;
        if (status != 1)
            return status;
        if (line.length == 0 || (line.text[0] <= ' ' && mt_line_is_blank(&line)))
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

static void leave_ids(mt_source *source) {
    ((file_source *)source)->buffer.leaves_ids = 1;
}

static const char *file_name(const mt_source *source) {
    const file_source *self = (const file_source *)source;
    return self->input ? mt_input_name(self->input) : self->path;
}

static void file_release(mt_source *source) {
    file_source *self = (file_source *)source;
    mt_scanners_free(self->scanners);
    mt_input_close(self->input);
    mt_free(self->path);
    mt_scan_buffer_free(&self->buffer);
}

static const mt_source_kind file_kind = {.next = file_next,
                                         .release = file_release,
                                         .name = file_name,
                                         .skipped = file_skipped,
                                         .leave_ids = leave_ids};

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
