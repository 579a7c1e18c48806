/* What a kind of source or step is made of. Private to this room. */
#ifndef MT_TRACE_SOURCE_KIND_H
#define MT_TRACE_SOURCE_KIND_H

#include "trace/source/source.h"

typedef struct mt_source_kind {
    int (*next)(mt_source *source, mt_request *request, mt_error *error);
    void (*release)(mt_source *source); /* what it has beside `below`; NULL: nothing */
    /* NULL: as below. */
    const char *(*name)(const mt_source *source);
    uint64_t (*skipped)(const mt_source *source, mt_error *first);
} mt_source_kind;

/* The first member of every source's struct. */
struct mt_source {
    const mt_source_kind *kind;
    mt_source *below; /* owned; NULL: it begins here */
};

/* `size` zero bytes that begin with an mt_source. */
mt_source *mt_source_new(const mt_source_kind *kind, size_t size, mt_error *error);

/* The same as a step over `below`. NULL below, a source that could not be made, gives NULL again
 * with *error as it is; when the step cannot be made, below is freed: so steps are put on one
 * another without looking at each. */
mt_source *mt_source_over(mt_source *below, const mt_source_kind *kind, size_t size,
                          mt_error *error);

/* Frees below and fails, for a step with a value out of its range; returns NULL. */
mt_source *mt_source_refuse(mt_source *below, mt_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Completes *error, which has only a message, with file and line of a request that the source gave
 * (NULL: only the file); returns -1. */
int mt_source_place(const mt_source *source, const mt_request *request, mt_error *error);

/* Refuses a request of the source whose hash_ids are not one a block (trace/blocks.h), with its
 * file, its line and the flags of cat that help. 0 or -1. */
int mt_source_check_blocks(const mt_source *source, const mt_request *request, uint64_t block_size,
                           mt_error *error);

/* Fails with "FILE:LINE: message" for a request that the source gave; returns -1. */
int mt_source_fail(const mt_source *source, const mt_request *request, mt_error *error,
                   mt_code code, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
