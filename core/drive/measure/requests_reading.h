/* Private to this folder: a line of profile_export.jsonl while it is read. requests_read.c has its
 * members, requests_metadata.c what they say of a request and its failure, requests_metrics.c its
 * measures. */
#ifndef MT_DRIVE_MEASURE_REQUESTS_READING_H
#define MT_DRIVE_MEASURE_REQUESTS_READING_H

#include "drive/measure/requests.h"
#include "text/json_walk.h"

typedef struct mt_run_reading {
    mt_run_requests *requests;
    mt_run_request *row; /* the one that is being read, behind the last */
    char *text;          /* a message without its escapes */
    size_t text_capacity;
    uint32_t part;
    int is_memory_out;
    int field_hint, metric_hint; /* where the next member was on the line before */
} mt_run_reading;

/* Notes that memory is out, which has no line: -1. */
static inline int mt_run_reading_no_memory(mt_run_reading *self) {
    self->is_memory_out = 1;
    return -1;
}

/* These read the object at *at into the row and move *at behind it: 0 or -1. */
int mt_run_read_metadata(mt_run_reading *self, const mt_json *json, const char **at,
                         uint8_t *was_cancelled);
int mt_run_read_metrics(mt_run_reading *self, const mt_json *json, const char **at);
int mt_run_read_error(mt_run_reading *self, const mt_json *json, const char **at, int64_t *code);

/* What a failure of this name and code was (mt_failure). "status_404" and "overload_429" are ours
 * with their status; other tools' names are known by their codes. */
int mt_run_failure_of(mt_span name, int64_t code, int was_cancelled);

#endif
