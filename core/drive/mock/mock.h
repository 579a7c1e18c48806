/* A server to try a driver on: it speaks as an inference server does, in its own time and with the
 * failures it is asked for, and answers nothing sensible. One thread, raw connections on epoll.
 *
 * POST /v1/chat/completions and /v1/completions, streaming or not, and what the dialect's server has
 * beside them: /generate_stream and /generate of TGI, /api/chat and /api/generate of Ollama, /completion
 * of llama.cpp, /generate of SGLang, /v2/models/NAME/generate_stream and .../generate of Triton;
 * /tokenize; /reset_prefix_cache (SGLang: /flush_cache, OpenAI: none);
 * GET or HEAD /health, /v2/health/ready, /ping, /v1/models, /metrics (vLLM's names).
 *
 * Tokens: a prompt of ids has as many tokens as ids. Text has as many as words (what white space
 * parts); a chat adds MT_MOCK_MESSAGE_TOKENS a message and MT_MOCK_CHAT_TOKENS for the answer to
 * come, as chat templates do. An answer's token is a word with a leading space.
 *
 * The same seed and the same requests in the same order give the same answers, times and
 * failures: request number k draws from generators of its own. */
#ifndef MT_DRIVE_MOCK_MOCK_H
#define MT_DRIVE_MOCK_MOCK_H

#include "base/error.h"
#include "drive/exchange.h"
#include "random/distribution.h"

#include <stddef.h>

enum { MT_MOCK_MESSAGE_TOKENS = 4, MT_MOCK_CHAT_TOKENS = 3 };

/* What --fail may name beside the failures of drive/exchange.h. */
enum {
    MT_FAULT_NO_DONE = MT_FAILURES, /* "no_done": a finish_reason and a clean end, no [DONE] */
    MT_FAULT_STALE                  /* "stale_connection": a connection that has served before is
                                       closed on its next request, without a byte */
};

typedef struct mt_mock_fault {
    double share; /* of the requests */
    int kind;     /* mt_failure or MT_FAULT_... */
    int status;   /* of MT_FAILURE_STATUS; 400..599 */
} mt_mock_fault;

/* The fault of a name: those that a server can bring about, "stall" for "gap_timeout" and
 * "status_NNN". 0, or -1 when there is none of that name. */
int mt_mock_fault_by_name(const char *name, mt_mock_fault *fault);

/* What a script that times requests is told, and may change. */
typedef struct mt_mock_timing {
    uint64_t number; /* of the request, from 0 */
    uint64_t prompt_tokens, cached_tokens, output_tokens;
    uint64_t running, waiting; /* this one among those running */
    double time;               /* seconds since the server began */
    double ttft_ms, itl_ms;    /* in: as drawn (itl_ms: negative); out: this request's; a negative
                                  itl_ms: each gap is drawn */
} mt_mock_timing;

typedef struct mt_mock_options {
    const char *host;    /* an address to listen at: "127.0.0.1", "::" */
    uint16_t port;       /* 0: any that is free */
    const char *dialect; /* one of mt_mock_dialects */
    const char *model;   /* the name of the only model; NULL: any name is answered to */
    uint64_t seed;
    /* Time, in milliseconds; negative draws count as 0. */
    const mt_distribution *ttft, *itl;
    double prefill_per_token_ms; /* for each token of the prompt that is not cached */
    double load_factor;          /* all times are longer, up to this factor when all slots are in
                                    use; 1: they are not. Needs slots */
    const mt_distribution *tokens_per_chunk;
    const mt_distribution *output_tokens; /* where an answer ends by itself; NULL: at max_tokens */
    uint64_t slots;                       /* requests that run at once; 0: all */
    uint64_t queue;                       /* requests that wait for a slot; beyond: overload */
    double rate_limit;                    /* requests in any second, 429 beyond; 0: none */
    uint64_t most_tokens;                 /* prompt and answer together, 400 beyond; 0: no limit */
    uint64_t kv_blocks, block_size;       /* of the prefix cache; 0 blocks: none */
    int hits_all;  /* a last, partial block is cached as one, and whole prompts can be; else whole
                     blocks, at most floor((n - 1) / block_size) of them, as in vLLM */
    double idle_s; /* a connection is closed after so long idle; 0: never;
                                         negative: as the dialect's server does */
    double ping_s; /* a stream says a comment after so long a silence; 0: never; negative: as the
                      dialect's server does */
    uint64_t requests_per_connection; /* then it is closed; 0: as the dialect's server does */
    const mt_mock_fault *faults;
    size_t fault_count;
    const char *log; /* a file, "-"; NULL: none. CSV: request,event,tokens,time_ns (monotonic) */
    /* Asked once a request, when it begins to run. NULL: not asked. */
    mt_code (*timing)(void *context, mt_mock_timing *timing, mt_error *error);
    void *timing_context;
} mt_mock_options;

/* vLLM on 127.0.0.1, any port; all else 0: set the distributions. */
mt_mock_options mt_mock_defaults(void);

/* "vllm", "sglang", ...; NULL after the last. */
const char *mt_mock_dialect_name(size_t index);

typedef struct mt_mock_counts {
    uint64_t connections, requests;     /* requests for an answer of a model */
    uint64_t answered, refused, failed; /* whole; 4xx or overload; as --fail wanted */
    uint64_t aborted;                   /* the client went away */
    uint64_t prompt_tokens, cached_tokens, generated_tokens;
} mt_mock_counts;

typedef struct mt_mock mt_mock;

/* Listens; what `options` points to must live as long. NULL on failure: MT_ERROR_IO when the port
 * is in use, MT_ERROR_VALUE for a bad host or dialect. */
mt_mock *mt_mock_open(const mt_mock_options *options, mt_error *error);

/* The port it listens at. */
uint16_t mt_mock_port(const mt_mock *mock);

/* Serves until Ctrl-C, which is MT_OK, or a failure (of memory, the log, the timing script). The log
 * is finished. */
mt_code mt_mock_run(mt_mock *mock, mt_error *error);

void mt_mock_look(const mt_mock *mock, mt_mock_counts *counts);

/* Closes all connections; NULL is allowed. */
void mt_mock_free(mt_mock *mock);

#endif
