/* What differs from server to server where they speak OpenAI's API, and in their habits. Private to the
 * mock. */
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

/* {"error":{"message":...}}; {"message":...}; {"error":"...","error_type":...}; {"error":"..."};
 * {"type":"error","error":{"type":...,"message":...}}. */
enum { MT_ERRORS_NESTED, MT_ERRORS_FLAT, MT_ERRORS_TEXT, MT_ERRORS_BARE, MT_ERRORS_TYPED };

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

struct mt_api;

/* What the texts are about. */
typedef struct mt_answer_text {
    const mt_dialect *dialect;
    const struct mt_api *api; /* drive/mock/api.h; NULL: it is about a page */
    uint64_t number;          /* of the request */
    uint64_t seed;            /* of the words */
    int64_t created;          /* seconds since 1970 */
    mt_span model;            /* JSON, without quotes */
    uint8_t is_chat, wants_usage, wants_usage_always, ends_by_itself, lacks_reason, has_cache;
    uint64_t prompt_tokens, cached_tokens, output_tokens; /* of the whole answer */
    uint64_t said;                                        /* output tokens said before */
} mt_answer_text;

#endif
