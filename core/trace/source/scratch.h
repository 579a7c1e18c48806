/* A file for what does not fit in memory: nobody else sees it, and it is gone with its last
 * descriptor, whatever happens. In $TMPDIR, else /tmp. */
#ifndef MT_TRACE_SOURCE_SCRATCH_H
#define MT_TRACE_SOURCE_SCRATCH_H

#include "base/error.h"
#include "trace/record.h"

typedef struct mt_scratch mt_scratch;

mt_scratch *mt_scratch_open(mt_error *error); /* NULL on failure */

/* Appends bytes, whole packed requests (mt_pack). MT_ERROR_IO names the folder. */
mt_code mt_scratch_append(mt_scratch *scratch, const char *bytes, size_t count, mt_error *error);

/* Bytes appended so far. */
uint64_t mt_scratch_size(const mt_scratch *scratch);

void mt_scratch_close(mt_scratch *scratch); /* NULL is allowed */

/* Reads the packed requests of [at, end) in order. Zero it, set at and end, free its buffer. */
typedef struct mt_cursor {
    uint64_t at, end; /* bytes of the file still to be read */
    char *buffer;
    size_t capacity, begin, filled;
} mt_cursor;

/* 1 with the next request, valid until the cursor's next call; 0 at the end; -1 on failure. */
int mt_cursor_next(mt_cursor *cursor, const mt_scratch *scratch, mt_request *request,
                   mt_error *error);

void mt_cursor_free(mt_cursor *cursor);

#endif
