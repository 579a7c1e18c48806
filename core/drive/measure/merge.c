#include "drive/measure/merge.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line by when its request ended. */
typedef struct placed {
    int64_t moment_ns;
    uint64_t place;
    uint32_t part;
    size_t row;
} placed;

static int64_t moment_of(const mt_run_request *row) {
    if (row->end_ns != MT_NEVER)
        return row->end_ns;
    return row->due_ns != MT_NEVER ? row->due_ns : INT64_MAX;
}

static int by_moment(const void *a, const void *b) {
    const placed *one = a, *other = b;
    if (one->moment_ns != other->moment_ns)
        return one->moment_ns < other->moment_ns ? -1 : 1;
    if (one->part != other->part)
        return one->part < other->part ? -1 : 1;
    return one->place < other->place ? -1 : one->place > other->place;
}

static mt_code open_files(const char *const *paths, size_t count, int *files, mt_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (!paths[i])
            continue;
        files[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
        if (files[i] < 0)
            return mt_fail_errno(error, paths[i], "cannot open", errno);
    }
    return MT_OK;
}

static mt_code write_line(const mt_run_request *row, int file, const char *path, mt_output *output,
                          mt_error *error) {
    static const char begin[] = "{\"metadata\": {";
    enum { BEGIN = sizeof begin - 1, ADDED = 48 };
    char *room = mt_output_room(output, row->length + ADDED, error), *at = room;
    if (!room)
        return mt_code_of(error);
    at += sprintf(at, "%s\"shard\": %" PRIu32 ", ", begin, row->part);
    size_t shift = (size_t)(at - room) - BEGIN; /* the line is read so that its rest stands there */
    char first[BEGIN];
    if (row->length < BEGIN || pread(file, first, BEGIN, (off_t)row->place) != BEGIN ||
        memcmp(first, begin, BEGIN) != 0)
        return mt_fail_at(error, MT_ERROR_INPUT, path, 0, 0,
                          "byte %" PRIu64 ": this line is not as moontide writes it", row->place);
    size_t left = row->length - BEGIN;
    off_t from = (off_t)row->place + BEGIN;
    while (left > 0) {
        ssize_t got = pread(file, at, left, from);
        if (got < 0)
            return mt_fail_errno(error, path, "cannot read", errno);
        if (got == 0)
            return mt_fail_at(error, MT_ERROR_INPUT, path, 0, 0, "it has become shorter");
        at += got;
        from += got;
        left -= (size_t)got;
    }
    *at = '\n';
    mt_output_advance(output, row->length + shift + 1);
    return MT_OK;
}

/* The lines in the order of their ends: of requests->count; NULL when out of memory. */
static placed *in_order(const mt_run_requests *requests) {
    placed *order = mt_allocate(requests->count + 1, sizeof *order);
    if (!order)
        return NULL;
    for (size_t i = 0; i < requests->count; i++) {
        const mt_run_request *row = &requests->rows[i];
        order[i] = (placed){moment_of(row), row->place, row->part, i};
    }
    qsort(order, requests->count, sizeof *order, by_moment);
    return order;
}

static mt_code write_lines(const mt_run_requests *requests, const placed *order, const int *files,
                           const char *const *paths, size_t path_count, mt_output *output,
                           mt_error *error) {
    enum { LOOK_EVERY = 1024 };
    for (size_t i = 0; i < requests->count; i++) {
        uint32_t part = order[i].part;
        if (i % LOOK_EVERY == 0 && mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        if (part >= path_count || files[part] < 0)
            return mt_fail(error, MT_ERROR_VALUE, "shard %" PRIu32 " has no file", part);
        mt_code code =
            write_line(&requests->rows[order[i].row], files[part], paths[part], output, error);
        if (code != MT_OK)
            return code;
    }
    return MT_OK;
}

mt_code mt_merge_write(const mt_run_requests *requests, const char *const *paths, size_t path_count,
                       mt_output *output, mt_error *error) {
    placed *order = in_order(requests);
    int *files = order ? mt_allocate(path_count + 1, sizeof *files) : NULL;
    if (!files) {
        mt_free(order);
        return mt_fail_memory(error, "lines in their order");
    }
    for (size_t i = 0; i < path_count; i++)
        files[i] = -1;
    mt_code code = open_files(paths, path_count, files, error);
    if (code == MT_OK)
        code = write_lines(requests, order, files, paths, path_count, output, error);
    for (size_t i = 0; i < path_count; i++)
        if (files[i] >= 0)
            close(files[i]);
    mt_free(files);
    mt_free(order);
    return code;
}

mt_code mt_merge_write_missing(mt_output *output, uint32_t part, uint64_t count, const char *why,
                               mt_error *error) {
    enum { ROOM = 1024 };
    for (uint64_t i = 0; i < count; i++) {
        char *room = mt_output_room(output, ROOM, error);
        if (!room)
            return mt_code_of(error);
        int length = snprintf(
            room, ROOM,
            "{\"metadata\": {\"shard\": %" PRIu32
            ", \"session_num\": null, \"conversation_id\": null, \"turn_index\": 0, "
            "\"credit_issued_ns\": null, \"request_start_ns\": null, \"request_ack_ns\": null, "
            "\"request_end_ns\": null, \"worker_id\": \"driver\", "
            "\"record_processor_id\": \"moontide\", \"benchmark_phase\": \"profiling\", "
            "\"was_cancelled\": false, \"http_status\": 0}, \"metrics\": {}, "
            "\"error\": {\"code\": null, \"type\": \"not_sent\", \"message\": \"%.400s\"}}\n",
            part, why);
        mt_output_advance(output, (size_t)length);
    }
    return MT_OK;
}
