/* The lines that begin in one block of a file, and the requests scanned of them. Private to this folder.
 *
 * One thread fills it, another reads it later. Scanning stops at a line that is no request, or has no room:
 * that line, and all behind it, are left for the reader. He sees to it that there is more room the next time,
 * so nothing moves, and threads ask for no memory. */
#ifndef MT_TRACE_SOURCE_SCANNED_H
#define MT_TRACE_SOURCE_SCANNED_H

#include "base/file/input.h"
#include "trace/scanner.h"

typedef struct mt_scanned {
    int is_there;        /* it could be read */
    mt_line_block lines; /* those that are left when the requests are given */
    mt_request *requests;
    size_t count; /* of them */
    /* private */
    int has_no_room; /* for all that is in it */
    uint64_t *ids;
    char *texts; /* that are not in the lines as they are */
    size_t id_count, text_count;
    size_t capacity, id_capacity, text_capacity;
} mt_scanned;

/* 0, or -1 when memory is out: free it then, too. */
int mt_scanned_new(mt_scanned *scanned);

void mt_scanned_free(mt_scanned *scanned);

/* The lines of the block that begins at that place of the input, and no requests yet. */
void mt_scanned_read(mt_scanned *scanned, const mt_input *input, uint64_t place);

/* Scans as many of them as it can. The buffer is_fixed; its ids are set here. */
void mt_scanned_scan(mt_scanned *scanned, mt_scan_buffer *buffer);

/* Of one that is over: twice the room for what may have had none. */
void mt_scanned_make_room(mt_scanned *scanned);

#endif
