/* What the two files of an output share: output.c knows where it is to be and how it gets there,
 * output_bytes.c how its bytes get into it. For those two. */
#ifndef MT_BASE_FILE_OUTPUT_STATE_H
#define MT_BASE_FILE_OUTPUT_STATE_H

#include "base/beside.h"
#include "base/file/compression.h"
#include "base/file/output.h"
#include "base/span.h"

enum { MT_OUTPUT_BLOCK = 1 << 18 };

/* Bytes that are written while the next ones are made: the thread's while it works. */
typedef struct mt_output_ahead {
    mt_beside *beside; /* NULL: none, the caller writes */
    int is_decided;    /* whether there is to be one */
    char *buffer;
    size_t capacity, used; /* used: 0 once what became of it is accounted for */
    mt_span left;          /* of it, what could not be written */
    mt_code code;
    mt_error error;
} mt_output_ahead;

struct mt_output {
    int fd;
    int close_fd;
    mt_compressor *compressor; /* NULL: not compressed */
    mt_span compressed;        /* what it gave that is not written yet */
    char *name;                /* for messages */
    char *target;              /* what it becomes at the end; NULL: written directly */
    char *temporary;           /* the name it has until then; NULL: none */
    int slot;                  /* in open_temporaries, -1: none */
    char *buffer;
    size_t capacity, used;
    uint64_t flushed;
    uint64_t whole; /* of them, up to a line's end: what finish_part keeps of a broken file */
    mt_output_ahead ahead;
    int broken; /* errno of a write that failed: bytes are lost, the file can no longer be whole */
};

/* Empties the buffer into the file, the compressor or the thread that writes ahead, what that one has
 * first of all. */
mt_code mt_output_drain(mt_output *output, mt_compress_until until, mt_error *error);

/* What was given to the thread is written, or has failed. MT_ERROR_INTERRUPTED: neither yet. */
mt_code mt_output_await(mt_output *output, mt_error *error);

#endif
