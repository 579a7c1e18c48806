/* An answer as it comes, whatever the transport: what its status and its events say goes into the
 * exchange, and at the end whether it was a good one. Private to this room. */
#ifndef MT_DRIVE_ANSWER_H
#define MT_DRIVE_ANSWER_H

#include "drive/event.h"
#include "drive/exchange.h"
#include "drive/http/sse.h"

#include "base/error.h"

#include <stddef.h>

/* Of one answer; zero at first. */
typedef struct mt_incoming_answer {
    mt_sse sse;
    char *body; /* an answer that is no stream: all of it; of a failure: its beginning */
    size_t length, capacity, gap_capacity, text_capacity;
    uint8_t form;          /* what the body is (answer.c) */
    uint8_t failure;       /* mt_failure: the first that the answer itself spoke of */
    uint8_t wants_gaps;    /* fill exchange->gaps; set by who begins it */
    uint8_t wants_text;    /* fill exchange->answer; likewise */
    uint8_t read_contents; /* 1: this read had a token-bearing event already */
    uint8_t read_events;   /* 1: this read had a kept event already */
    uint8_t keeps_events;  /* in exchange->kept, unread; set by who begins it */
    uint8_t says_no_end;   /* an event tells that the end is to come */
    size_t kept_capacity;
} mt_incoming_answer;

/* The header is whole: HTTP's status and mt_http_content. */
void mt_answer_head(mt_incoming_answer *answer, mt_exchange *exchange, int status,
                    int content_type);

/* A read begins: what comes in one read came together. */
static inline void mt_answer_read(mt_incoming_answer *answer) {
    answer->read_contents = answer->read_events = 0;
}

/* The next piece of the body, which arrived then. */
void mt_answer_body(mt_incoming_answer *answer, mt_exchange *exchange, mt_span piece,
                    int64_t arrival_ns);

/* How the bytes ended. */
enum {
    MT_ANSWER_WHOLE,    /* with an end that HTTP has */
    MT_ANSWER_IN_CHUNK, /* closed inside a chunk, or before the length that was said */
    MT_ANSWER_CUT,      /* closed where a chunk may begin */
    MT_ANSWER_RESET     /* by an error of the connection */
};

/* The verdict on an answer whose header came. */
mt_failure mt_answer_end(mt_incoming_answer *answer, mt_exchange *exchange, int how,
                         int64_t arrival_ns);

/* What an event says, by an adapter. MT_OK; otherwise the reading ends. */
typedef mt_code (*mt_event_reader)(void *context, mt_span event, mt_said *said, mt_error *error);

/* Reads the kept events of an exchange that has ended, as if each had been read when it came, and judges
 * it again by what they say. */
mt_code mt_answer_read_kept(mt_exchange *exchange, mt_event_reader read, void *context,
                            mt_error *error);

/* Frees what it holds (not what the exchange owns), after which it is zero again. */
void mt_answer_free(mt_incoming_answer *answer);

#endif
