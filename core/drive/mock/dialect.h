/* How servers say what they say: the shapes of streams, answers and errors. Private to the mock. */
#ifndef MT_DRIVE_MOCK_DIALECT_H
#define MT_DRIVE_MOCK_DIALECT_H

#include "drive/mock/bytes.h"

/* When a chat's role comes. */
enum {
    MT_ROLE_BEFORE,   /* in a chunk of its own, together with the first output */
    MT_ROLE_AT_ONCE,  /* in a chunk of its own, before there is output */
    MT_ROLE_IN_FIRST, /* in the first chunk of output */
    MT_ROLE_ALWAYS    /* in each chunk */
};

/* Where the finish_reason comes. */
enum {
    MT_FINISH_WITH_LAST,     /* in the last chunk of output */
    MT_FINISH_ALONE,         /* in a chunk of its own */
    MT_FINISH_ALONE_IN_CHAT, /* the one in a chat, the other in completions */
};

/* When usage tells cached tokens. */
enum { MT_CACHED_NEVER, MT_CACHED_NOT_ZERO, MT_CACHED_WITH_CACHE, MT_CACHED_ALWAYS };

enum { MT_ERRORS_NESTED, MT_ERRORS_FLAT, MT_ERRORS_TEXT };

typedef struct mt_dialect {
    const char *name;
    const char *owner;        /* of the models, in /v1/models */
    const char *role_content; /* what follows the role in a chunk of its own */
    const char *role_end;     /* what follows that chunk's JSON: a space, or nothing */
    const char *finish_extra; /* what follows the finish_reason */
    const char *cache_reset;  /* a POST there empties the prefix cache; NULL: nothing does */
    uint8_t role, finish, cached, errors;
    uint8_t says_null_usage;     /* "usage":null in each other chunk when usage is wanted */
    uint8_t usage_beside_text;   /* completions: in the last chunk, not in one of its own */
    uint8_t zero_usage;          /* completions: a usage of zeros in each other chunk */
    uint8_t empty_reason;        /* completions: the finish_reason is "" until the end */
    uint8_t has_timings;         /* beside usage */
    uint8_t is_padded;           /* "obfuscation" in each chunk */
    uint8_t overloads_in_stream; /* too much is told in a 200 when streaming */
    uint8_t is_done_after_error; /* [DONE] after an error in a stream */
    uint8_t refuses_unknown;     /* members: 400 */
    uint8_t refuses_forcing;     /* min_tokens, ignore_eos: 400 */
    uint8_t needs_text;          /* token ids as a prompt: 400 */
    int overload;                /* the status of too much */
    int too_long;                /* the status of a prompt that is too long */
    double idle_s;               /* an idle connection is closed after that; 0: not */
    double ping_s;               /* a stream's silence is broken by a comment after that; 0: not */
    uint64_t requests_a_connection; /* then it is closed; 0: not */
} mt_dialect;

/* NULL when there is none of that name. */
const mt_dialect *mt_dialect_by_name(const char *name);

/* What the texts are about. */
typedef struct mt_answer_text {
    const mt_dialect *dialect;
    uint64_t number; /* of the request */
    uint64_t seed;   /* of the words */
    int64_t created; /* seconds since 1970 */
    mt_span model;   /* JSON, without quotes */
    uint8_t is_chat, wants_usage, wants_usage_always, ends_by_itself, lacks_reason, has_cache;
    uint64_t prompt_tokens, cached_tokens, output_tokens; /* of the whole answer */
    uint64_t said;                                        /* output tokens said before */
} mt_answer_text;

/* Events of a stream, each in an HTTP chunk of its own. */
void mt_say_role(mt_bytes *out, const mt_answer_text *text);
void mt_say_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count, int is_last);
void mt_say_finish(mt_bytes *out, const mt_answer_text *text); /* what comes after the last tokens:
                                                                  finish, usage, timings */
void mt_say_done(mt_bytes *out);
void mt_say_error(mt_bytes *out, const mt_dialect *dialect, int status, const char *message);
void mt_say_comment(mt_bytes *out);
void mt_say_end(mt_bytes *out); /* the last HTTP chunk */

/* Headers. A stream's; a whole body's of `length` bytes. `closes`: the connection will be closed. */
void mt_say_stream_head(mt_bytes *out, int closes);
void mt_say_head(mt_bytes *out, int status, const char *content_type, size_t length, int closes,
                 const char *more);

/* Bodies: a whole answer's, an error's. */
void mt_say_answer(mt_bytes *out, const mt_answer_text *text);
void mt_say_error_body(mt_bytes *out, const mt_dialect *dialect, int status, const char *message);

#endif
