/* The record: one request of a trace, as everything here reads, makes and writes it. */
#ifndef MT_TRACE_RECORD_H
#define MT_TRACE_RECORD_H

#include "base/span.h"

#include <stdint.h>

/* Which members a request has; an absent one is not an empty or zero one. */
enum {
    MT_HAS_TIME = 1 << 0,
    MT_HAS_INPUT_LENGTH = 1 << 1,
    MT_HAS_OUTPUT_LENGTH = 1 << 2,
    MT_HAS_HASH_IDS = 1 << 3,
    MT_HAS_SESSION = 1 << 4,
    MT_HAS_DELAY = 1 << 5,
    MT_HAS_STREAM = 1 << 6,
    MT_HAS_TURN = 1 << 7
};

/* The text of a list of ids as it stood in a line, "[1, 2]", where that is the form of the writer's:
 * of those `count` at `ids`, and of none where text.length is 0. */
typedef struct mt_ids_text {
    mt_span text;
    const uint64_t *ids;
    size_t count;
} mt_ids_text;

/* A source that was told to leave ids as text (mt_source_leave_ids) gives requests whose hash_ids are NULL, as
 * those of ids_text are, where that text and hash_count stand for them. */
typedef struct mt_request {
    unsigned has;             /* MT_HAS_... */
    int64_t time_ns;          /* timestamp: nanoseconds since the trace's start */
    int64_t delay_ns;         /* wait after the answer to the session's previous turn */
    uint64_t input_length;    /* ISL, tokens */
    uint64_t output_length;   /* OSL, tokens */
    const uint64_t *hash_ids; /* one a block of the prompt, ids being prefix ids */
    size_t hash_count;
    mt_ids_text ids_text; /* of hash_ids while it is of the same ids and count: who gives a request
                             other ids in memory of its own need not look at it, who keeps a request
                             past the next one clears it */
    mt_span session; /* session_id, a raw JSON token: numbers stay numbers, strings keep quotes */
    uint64_t turn;   /* 0-based within its session; never written */
    mt_span stream;  /* the raw JSON string token */
    mt_span extra;   /* all other members as raw bytes `"key": value, "key": value`, without braces,
                        in their own order with the separators of the line they came from */
    uint64_t line;   /* 1-based in its file; 0 when it comes from none */
    uint64_t place;  /* which row of its logs it was, from 1; 0 when it comes from no log. Never
                        written: what is drawn for a request depends on it, not on filters */
} mt_request;

/* Who owns the bytes: a request handed out by a reader or a run is valid until the next one. */

#endif
