#include "trace/source/scanned.h"

#include "base/memory.h"

#include <string.h>

/* The room at first, and more ids than make sense in one block. */
enum { REQUESTS = 1 << 10, IDS = 1 << 14, TEXTS = 1 << 10, MOST_IDS = 1 << 18 };

/* A text that the scanner had to put together is kept. */
static int keep_text(mt_scanned *c, const char *from, mt_span *text) {
    if (text->text != from || text->length == 0)
        return 0;
    if (c->text_capacity - c->text_count < text->length)
        return -1;
    text->text = memcpy(c->texts + c->text_count, text->text, text->length);
    c->text_count += text->length;
    return 0;
}

/* The line as the next request; not 0: it is none, or there is no room. */
static int scan_line(mt_scanned *c, const mt_line *line, mt_scan_buffer *buffer) {
    mt_request *request = &c->requests[c->count];
    buffer->ids = c->ids + c->id_count;
    buffer->id_capacity = c->id_capacity - c->id_count;
    mt_code code = c->count < c->capacity
                       ? mt_scan_request(line->text, line->length, buffer, request, NULL)
                       : MT_ERROR_MEMORY;
    if (code == MT_OK && (keep_text(c, buffer->session, &request->session) != 0 ||
                          keep_text(c, buffer->stream, &request->stream) != 0 ||
                          keep_text(c, buffer->extra, &request->extra) != 0))
        code = MT_ERROR_MEMORY;
    c->has_no_room = code == MT_ERROR_MEMORY;
    if (code != MT_OK)
        return -1;
    request->line = line->number;
    c->id_count += request->hash_ids ? request->hash_count : 0;
    c->count++;
    return 0;
}

void mt_scanned_scan(mt_scanned *c, mt_scan_buffer *buffer) {
    mt_line_block left = c->lines;
    mt_line line;
    if (!c->is_there || !c->requests || !c->ids || !c->texts)
        return;
    while (mt_line_block_next(&left, &line)) {
        if (!mt_line_is_blank(&line) && scan_line(c, &line, buffer) != 0)
            return;
        c->lines = left;
    }
}

/* An array for more, which need not keep what is in it; no array where memory is out. */
static void *replace(void *array, size_t *capacity, size_t wanted, size_t size) {
    mt_free(array);
    array = mt_allocate(wanted, size);
    *capacity = array ? wanted : 0;
    return array;
}

void mt_scanned_make_room(mt_scanned *c) {
    if (!c->has_no_room)
        return;
    size_t twice = 2 * c->capacity, ids = 2 * c->id_capacity, texts = 2 * c->text_capacity;
    if (c->count == c->capacity) {
        c->requests = replace(c->requests, &c->capacity, twice, sizeof *c->requests);
    } else if (ids <= MOST_IDS) {
        c->ids = replace(c->ids, &c->id_capacity, ids, sizeof *c->ids);
        c->texts = replace(c->texts, &c->text_capacity, texts, 1);
    }
    c->has_no_room = 0;
}

int mt_scanned_new(mt_scanned *c) {
    *c = (mt_scanned){0};
    c->requests = replace(NULL, &c->capacity, REQUESTS, sizeof *c->requests);
    c->ids = replace(NULL, &c->id_capacity, IDS, sizeof *c->ids);
    c->texts = replace(NULL, &c->text_capacity, TEXTS, 1);
    return c->requests && c->ids && c->texts ? mt_line_block_new(&c->lines) : -1;
}

void mt_scanned_free(mt_scanned *c) {
    mt_line_block_free(&c->lines);
    mt_free(c->requests);
    mt_free(c->ids);
    mt_free(c->texts);
}

void mt_scanned_read(mt_scanned *c, const mt_input *input, uint64_t place) {
    c->count = c->id_count = c->text_count = 0;
    c->is_there = mt_input_line_block(input, place, &c->lines);
}
