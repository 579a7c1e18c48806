/* The APIs by which a server can be asked for an answer of its model: OpenAI's two, which all
 * dialects have, and some servers' own. An API says by which path it is asked, what the members of
 * its requests mean and how its answers are said; all else (times, slots, the cache, failures) is
 * the same for all. Private to the mock. */
#ifndef MT_DRIVE_MOCK_API_H
#define MT_DRIVE_MOCK_API_H

#include "drive/mock/dialect.h"

/* What a member of a request means. */
enum {
    MT_MEMBER_IGNORED, /* known, and of no consequence here */
    MT_MEMBER_INSIDE,  /* an object whose members are looked at as if they stood beside it */
    MT_MEMBER_MODEL,
    MT_MEMBER_PROMPT, /* a text or token ids */
    MT_MEMBER_MESSAGES,
    MT_MEMBER_STREAM,
    MT_MEMBER_STREAM_OPTIONS,
    MT_MEMBER_MOST,            /* tokens of the answer; below 0: not limited */
    MT_MEMBER_COMPLETION_MOST, /* the same, and rather than the other */
    MT_MEMBER_LEAST,
    MT_MEMBER_IGNORE_EOS,
    MT_MEMBER_CHOICES /* how many; only one can be had */
};

typedef struct mt_member {
    const char *name;
    uint8_t meaning;
} mt_member;

enum { MT_STREAMS_IF_ASKED, MT_STREAMS_UNLESS_REFUSED, MT_STREAMS_ALWAYS, MT_STREAMS_NEVER };

typedef struct mt_api {
    const char *dialect;        /* whose own it is; NULL: OpenAI's, and all dialects' */
    const char *path;           /* a star stands for the model's name */
    const mt_member *members;   /* the last one has no name */
    uint64_t usual_tokens;      /* of an answer for which no length is asked */
    const char *before, *after; /* each event: what stands around its JSON */
    uint8_t streams;
    uint8_t errors;   /* MT_ERRORS_...; of OpenAI's: the dialect's */
    uint8_t is_lines; /* an event is a line of JSON, not one of an event stream */
    uint8_t has_done; /* a stream ends with [DONE] */
    /* Events of a stream, each in an HTTP chunk of its own: `count` tokens, 0 only where an answer
     * has none; and what comes after the last tokens (NULL: nothing). */
    void (*say_tokens)(mt_bytes *out, const mt_answer_text *text, uint64_t count, int is_last);
    void (*say_finish)(mt_bytes *out, const mt_answer_text *text);
    /* A whole answer's body. */
    void (*say_answer)(mt_bytes *out, const mt_answer_text *text);
} mt_api;

extern const mt_api mt_api_chat, mt_api_completions;
/* The same of OpenAI's embeddings, whose answers have no tokens (embeddings.c). */
extern const mt_api mt_api_embeddings;

/* Those of hosted models, which some servers of open ones speak too (providers.c). */
extern const mt_api mt_provider_apis[];
extern const size_t mt_provider_api_count;

/* The one that a dialect's server is asked by at this path, or NULL. *model is what stands in the
 * star's place; length 0: there is none. */
const mt_api *mt_api_at(const mt_dialect *dialect, mt_span path, mt_span *model);

/* The role of OpenAI's chat, as an event of its own. */
void mt_say_role(mt_bytes *out, const mt_answer_text *text);
/* llama.cpp's, as a further member of an object. */
void mt_say_timings(mt_bytes *out, const mt_answer_text *text);

/* --- frame.c: what all answers are made of ------------------------------------------------------ */

/* `count` tokens of the answer, from the one numbered `first`; the number of a token's word. */
void mt_say_words(mt_bytes *out, const mt_answer_text *text, uint64_t first, uint64_t count);
uint32_t mt_say_word(const mt_answer_text *text, uint64_t index);

/* An HTTP chunk of any text begins; returns where, for its end. */
size_t mt_say_chunk(mt_bytes *out);
void mt_say_chunk_end(mt_bytes *out, size_t start);

/* An event's HTTP chunk begins; returns where, for its end. */
size_t mt_say_event(mt_bytes *out, const mt_api *api);
void mt_say_event_end(mt_bytes *out, const mt_api *api, size_t start);

void mt_say_done(mt_bytes *out, const mt_api *api); /* where the API has it */
void mt_say_error(mt_bytes *out, const mt_dialect *dialect, const mt_api *api, int status,
                  const char *message);
void mt_say_comment(mt_bytes *out, const mt_api *api); /* what is passed over */
void mt_say_end(mt_bytes *out);                        /* the last HTTP chunk */

/* Headers. A stream's; a whole body's of `length` bytes. `closes`: the connection will be closed. */
void mt_say_stream_head(mt_bytes *out, const mt_api *api, int closes);
void mt_say_head(mt_bytes *out, int status, const char *content_type, size_t length, int closes,
                 const char *more);

/* The body of an error; api NULL: of a page. */
void mt_say_error_body(mt_bytes *out, const mt_dialect *dialect, const mt_api *api, int status,
                       const char *message);

#endif
