/* How to make a source of requests, whatever they come from, or a step over one.
 *
 * A source is a struct whose first member is an mt_source, and one mt_source_kind, both in one
 * file. Its constructor takes memory with mt_source_new (a step with mt_source_over) and fills the
 * rest. Nothing lists the kinds: every step and every end (trace/end/ends.h) takes any source.
 *
 *     typedef struct first_step {
 *         mt_source base;
 *         uint64_t left;
 *     } first_step;
 *
 *     static int first_next(mt_source *source, mt_request *request, mt_error *error) {
 *         first_step *self = (first_step *)source;
 *         if (self->left == 0)
 *             return 0;
 *         self->left--;
 *         return mt_source_next(source->below, request, error);
 *     }
 *
 * What `next` hands out (ids, texts) belongs to the source and stays as it is until the next call.
 * A step may change the request it was given, but not the bytes that it points to. */
#ifndef MT_TRACE_SOURCE_KIND_H
#define MT_TRACE_SOURCE_KIND_H

#include "trace/source/source.h"

/* What a live source has, as the functions mt_source_soonest, ... say; tickets are not 0. */
typedef struct mt_live_kind {
    int (*soonest)(mt_source *source, int64_t *time_ns, mt_error *error);
    uint64_t (*ticket)(const mt_source *source);
    mt_code (*settle)(mt_source *source, uint64_t ticket, const mt_source_answer *answer,
                      mt_error *error);
} mt_live_kind;

/* Of steps over a live source that leave times as they are. */
extern const mt_live_kind mt_live_as_below;

/* All but `next` may be NULL. */
typedef struct mt_source_kind {
    /* As mt_source_next, which looks for Ctrl-C before it asks a source that has none below it. A
     * source that makes many requests before it hands out one looks for itself. */
    int (*next)(mt_source *source, mt_request *request, mt_error *error);
    void (*release)(mt_source *source); /* frees what it has beside `below` */
    /* As mt_source_name. NULL: as below; a source with nothing below needs one. */
    const char *(*name)(const mt_source *source);
    /* As mt_source_skipped. NULL: as below; with nothing below none. */
    uint64_t (*skipped)(const mt_source *source, mt_error *first);
    /* Of the last request: the place, from 0, of its session by first appearance among all sessions
     * and single requests, or its own place. NULL: it is not known, and a step that wants it
     * remembers sessions by name. */
    uint64_t (*ordinal)(const mt_source *source);
    /* As mt_step_shard_state (trace/step/shard.h). NULL: it is no shard. */
    const struct mt_shard_state *(*shard)(const mt_source *source);
    /* As mt_source_leave_ids. NULL: a source gives ids, and a step needs those of the source below. */
    void (*leave_ids)(mt_source *source);
    /* How a step serves a live source below, or a source is live. NULL: as a step it refuses live
     * ones. */
    const mt_live_kind *live;
} mt_source_kind;

/* `leave_ids` of steps that look at no ids. */
void mt_source_leave_ids_below(mt_source *source);

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

/* Refuses a request whose time is before before_ns, that of one before it, with both times and what
 * `needs` the order: "merging needs traces in the order of their times (--sort)". Returns -1. */
int mt_source_fail_order(const mt_source *source, const mt_request *request, int64_t before_ns,
                         const char *needs, mt_error *error);

#endif
