#include "base/beside.h"
#include "base/compression.h"
#include "base/memory.h"
#include "trace/end/ends.h"
#include "trace/source/batch.h"

/* ---- formatting in a thread ----
 *
 * Packing a request takes a fraction of the time that writing the digits of its ids does. Where there are many ids,
 * and a thread writes the file already, another one makes the text of some hundreds of requests while the source
 * makes the next ones. It touches only what was packed, and the output. */

/* Requests as mt_pack has them, one behind the other. */
typedef struct block {
    char *bytes;
    size_t capacity, used;
} block;

enum { BLOCK_BYTES = 1 << 20 };

typedef struct writing {
    mt_output *output;
    const mt_trace_format *format;
    uint64_t *written;
    mt_beside *beside; /* NULL: no thread */
    block filling;
    block given; /* the thread's while it works, as all that follows */
    mt_code code;
    mt_error error;
} writing;

static mt_code write_one(writing *self, const mt_request *request, mt_error *error) {
    mt_code code = mt_trace_write(self->output, request, self->format, error);
    *self->written += code == MT_OK;
    return code;
}

static void write_given(void *context) {
    writing *self = context;
    const char *at = self->given.bytes, *end = at + self->given.used;
    mt_request request;
    while (at < end && self->code == MT_OK) {
        at += mt_unpack(at, &request);
        self->code = write_one(self, &request, &self->error);
    }
    self->given.used = 0;
}

static mt_code failure_of(const writing *self, mt_error *error) {
    if (self->code != MT_OK)
        *error = self->error;
    return self->code;
}

static void swap_blocks(writing *self) {
    block filled = self->filling;
    self->filling = self->given;
    self->given = filled;
}

/* Gives the thread what was filled, when it is through with what it had. */
static mt_code give(writing *self, mt_error *error) {
    mt_code code = mt_beside_wait(self->beside, error);
    if (code == MT_OK)
        code = failure_of(self, error);
    if (code != MT_OK)
        return code;
    swap_blocks(self);
    mt_beside_begin(self->beside);
    return MT_OK;
}

static mt_code add(writing *self, const mt_request *request, mt_error *error) {
    block *to = &self->filling;
    size_t size = mt_packed_size(request);
    mt_code code = MT_OK;
    if (to->used > 0 && to->used + size > BLOCK_BYTES)
        code = give(self, error);
    if (code == MT_OK && MT_GROW(to->bytes, to->capacity, to->used + size) != 0)
        code = mt_fail_memory(error, "requests to be written");
    if (code != MT_OK)
        return code;
    mt_pack(request, to->bytes + to->used);
    to->used += size;
    return MT_OK;
}

static void free_blocks(writing *self) {
    mt_free(self->given.bytes);
    mt_free(self->filling.bytes);
}

/* Ends the thread, and writes what is left: all that was added, unless writing fails. */
static mt_code finish(writing *self, mt_error *error) {
    if (!self->beside)
        return MT_OK;
    mt_beside_free(self->beside);
    swap_blocks(self);
    write_given(self);
    free_blocks(self);
    return failure_of(self, error);
}

static void start_thread(writing *self) {
    if (MT_GROW(self->given.bytes, self->given.capacity, BLOCK_BYTES) == 0 &&
        MT_GROW(self->filling.bytes, self->filling.capacity, BLOCK_BYTES) == 0)
        self->beside = mt_beside_new(MT_BESIDE_TEXT, write_given, self);
    if (!self->beside) {
        free_blocks(self);
        self->given = self->filling = (block){0};
    }
}

/* It is asked after so many requests, and again after so many more: are there so many ids in them whose digits are
 * to be written? Compressing takes longer than all the rest. */
enum { ASKED_AFTER = 1024, IDS_WORTH_A_THREAD = 8 * ASKED_AFTER };

static void ask_for_thread(writing *self, uint64_t requests, uint64_t *ids) {
    if (requests % ASKED_AFTER != 0)
        return;
    if (*ids >= IDS_WORTH_A_THREAD && mt_output_is_ahead(self->output) &&
        !mt_compression_of(mt_output_name(self->output)))
        start_thread(self);
    *ids = 0;
}

/* ---- the ends ---- */

mt_code mt_source_write(mt_source *source, mt_output *output, const mt_trace_format *format,
                        uint64_t most, uint64_t *written, mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    writing self = {.output = output, .format = format, .written = written};
    mt_request request;
    mt_code code = MT_OK;
    uint64_t taken = 0, ids = 0;
    int status = 1;
    *written = 0;
    while (code == MT_OK && taken < most &&
           (status = mt_source_next(source, &request, report)) > 0) {
        taken++;
        code = self.beside ? add(&self, &request, report) : write_one(&self, &request, report);
        if (self.beside)
            continue;
        if (format->compact || request.ids_text.text.length == 0)
            ids += request.hash_count;
        ask_for_thread(&self, taken, &ids);
    }
    if (status < 0)
        code = report->code;
    mt_code last = finish(&self, report);
    return last != MT_OK ? last : code;
}

mt_code mt_source_collect(mt_source *source, mt_columns *columns, uint64_t most, uint64_t *appended,
                          mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    mt_request request;
    for (*appended = 0; *appended < most; ++*appended) {
        int status = mt_source_next(source, &request, report);
        if (status <= 0)
            return status < 0 ? report->code : MT_OK;
        mt_code code = mt_columns_append(columns, &request, report);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}
