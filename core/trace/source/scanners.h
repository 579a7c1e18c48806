/* Threads that scan the lines of a regular file ahead of its reader. Private to this folder.
 *
 * The file is taken in blocks, the lines that begin in 128 KB of it (mt_input_line_block). Whoever has
 * nothing to do takes the next block, reads and scans it: a thread, or the reader himself while the one whose
 * turn it is is still with a thread. He gets them in the file's order, whoever scanned them. A thread only
 * saves work: the line at which it does not get on, and all behind it in its block, are the reader's, who
 * scans them as if there were no threads; and a block that cannot be read, and all behind that, and the
 * file's end, are mt_input_line's. So the same requests, errors and line numbers come in the same places
 * whatever the number of threads.
 *
 * A reader who takes his time over a block waits for something else than scanning: a run that is driven, a
 * script. Then the threads rest, so as not to run beside it, until he is quick again.
 *
 * Memory: two blocks a thread and as many for the reader; of each its text and what was scanned of it. */
#ifndef MT_TRACE_SOURCE_SCANNERS_H
#define MT_TRACE_SOURCE_SCANNERS_H

#include "base/file/input.h"
#include "trace/scanner.h"

typedef struct mt_scanners mt_scanners;

typedef struct mt_scanners_options {
    int threads;         /* at least 1 */
    int64_t patience_ns; /* the threads rest after a block that kept the reader for longer */
    uint64_t lines;      /* of the input that were read before */
    mt_time_unit unit;
    int leaves_ids;
} mt_scanners_options;

/* How many threads are worth having on this machine beside a reader; 0: none. At most 3. */
int mt_scanners_worth(void);

/* For the rest of `input`, which is the caller's, and of which he has read something. NULL: it is no plain
 * file, memory is out, there can be no thread, or the process has enough of them; then he goes on alone. */
mt_scanners *mt_scanners_new(const mt_input *input, const mt_scanners_options *options);

/* The next line: MT_SCANNED with *request filled, of a line that is a request; 1 with *line filled, of any
 * line, not looked at; 0 when the rest is mt_input_line's; -1 with MT_ERROR_INTERRUPTED. Valid until the next
 * call. */
enum { MT_SCANNED = 2 };
int mt_scanners_next(mt_scanners *scanners, mt_line *line, mt_request *request, mt_error *error);

/* After a 0: frees it, and has mt_input_line of that input go on behind the last line that was given. 0 or
 * -1. */
int mt_scanners_end(mt_scanners *scanners, mt_input *input, mt_error *error);

/* Ends the threads, each after the chunk it is with; NULL is allowed. */
void mt_scanners_free(mt_scanners *scanners);

#endif
