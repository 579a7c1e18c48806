/* Prompts: who shares which prefix.
 *
 * A prompt source is an immutable, reference-counted value. Given a request's length (or its new
 * tokens) it describes the prompt as content: keys of the leading blocks that can come back, then a
 * number of blocks that cannot. Ids are given later, after the merge. Only whole blocks are shared.
 *
 * Makers retain what they are given. They return NULL and fill error. */
#ifndef MT_LOAD_PROMPT_PROMPT_H
#define MT_LOAD_PROMPT_PROMPT_H

#include "base/error.h"
#include "hash/ids.h"
#include "prefix/model/model.h"
#include "random/distribution.h"

typedef struct mt_prompt mt_prompt;
typedef struct mt_prompt_state mt_prompt_state;

/* Growing list of block keys; zero it, free `keys` with mt_free. */
typedef struct mt_key_list {
    mt_key *keys;
    size_t count, capacity;
} mt_key_list;

typedef struct mt_prompt_part {
    const char *name; /* equal names share contents, whoever uses them; NULL: the stream's own */
    mt_distribution *tokens; /* drawn once a content; at least 1 after rounding */
    mt_distribution *pick;   /* which content: a drawn number, rounded; NULL: always the same one */
    uint64_t uniform;        /* with pick NULL: one of so many contents, each as likely; 0 as 1 */
    uint64_t count;          /* picked so many times in a row, each its own pick */
} mt_prompt_part;

/* All blocks new. */
mt_prompt *mt_prompt_unique(mt_error *error);

/* Each block one of `total` >= 1 contents, uniformly. */
mt_prompt *mt_prompt_random_blocks(uint64_t total, mt_error *error);

/* The parts chained in order, each picked anew by every request; what is left of the prompt is new.
 * A content is its name (or stream), its number and the place of its part: the same content after
 * the same beginning shares blocks, as far as whole blocks reach. text is how the source shows
 * itself. Names and text are copied. count >= 1. */
mt_prompt *mt_prompt_parts(const mt_prompt_part *parts, size_t count, const char *text,
                           mt_error *error);

typedef struct mt_recorded_prompts {
    const uint64_t *inputs;  /* tokens, one a request */
    const uint64_t *outputs; /* the same; UINT64_MAX: it has none */
    const uint64_t *id_ends; /* request i has ids [id_ends[i - 1], id_ends[i]); none: all new */
    const uint64_t *ids;     /* prefix ids */
    size_t count;
} mt_recorded_prompts;

/* The prompts of a trace in its order, lengths with them: request k has the k-th. With wrap they
 * begin again after the last; without it the stream ends there. Copied. Ids must fit the plan's
 * block size when it runs. */
mt_prompt *mt_prompt_recorded(const mt_recorded_prompts *recorded, int wrap, mt_error *error);

/* Prompts made anew that come back as those of the model's trace did (prefix/reuse/reuse.h),
 * lengths with them, unlimited in number. The stream's k-th request has the k-th prompt, whenever
 * it comes. Each stream, and each variant of one, is a population of its own. Retains the model,
 * whose block size must be the plan's when it runs. MT_ERROR_VALUE for a model with prompts of no
 * tokens. */
mt_prompt *mt_prompt_learned(mt_model *model, mt_error *error);

typedef struct mt_prompt_mean {
    double input, output, output_share; /* tokens; output of the requests that have one */
    double most;                        /* requests it has prompts for; INFINITY: any number */
} mt_prompt_mean;

/* Does the source decide the lengths itself? Then *mean (may be NULL) becomes their average. */
int mt_prompt_decides(const mt_prompt *prompt, mt_prompt_mean *mean);

/* The same over the first `requests` (rounded, at least 1; INFINITY: all) of the source's prompts, where
 * their order is known (prompts of a trace). */
int mt_prompt_decides_first(const mt_prompt *prompt, double requests, mt_prompt_mean *mean);

mt_prompt *mt_prompt_retain(mt_prompt *prompt); /* returns it */
void mt_prompt_release(mt_prompt *prompt);      /* NULL is allowed */
const char *mt_prompt_text(const mt_prompt *prompt);

/* Mean tokens of the shared part; no random numbers. */
double mt_prompt_shared_mean(const mt_prompt *prompt);

/* How many of them are in whole blocks on average, where the prompt is long enough. Exact where the tokens of one
 * part at most are drawn; of several, or of 10^5 blocks or more, what is left over of a block counts as uniform. */
double mt_prompt_whole_shared_mean(const mt_prompt *prompt, uint64_t block_size);

/* About how many different block keys must be remembered for `requests` prompts of `input_length`
 * tokens. */
double mt_prompt_remembered(const mt_prompt *prompt, double requests, double input_length,
                            uint64_t block_size);

/* A state for one stream, whose name is `stream`. `variant` tells several sources of one stream
 * apart: two variants share nothing of their own. */
mt_prompt_state *mt_prompt_open(mt_prompt *prompt, const char *stream, uint64_t variant,
                                uint64_t seed, uint64_t block_size, mt_error *error);

typedef struct mt_prompt_wish {
    uint64_t item;      /* of the request: its number in the stream, for plain processes */
    uint64_t tokens;    /* of the whole prompt; at least 1 */
    int tokens_are_new; /* then: what is added to the shared part */
    const char *model; /* the request's model field, as JSON text; different models share nothing */
    size_t model_length;
    double time; /* seconds since the start */
} mt_prompt_wish;

typedef struct mt_prompt_made {
    uint64_t input_length;  /* tokens, >= 1 */
    uint64_t fresh;         /* blocks after the keys, all new */
    int is_chain;           /* each key but the first was made over the one before it alone */
    int decides_output;     /* the source fixed the OSL too (it was taken from a trace) */
    uint64_t output_length; /* then: tokens */
    int at_end;             /* there are no more prompts: nothing was made, the stream ends */
} mt_prompt_made;

/* MT_OK, or MT_ERROR_VALUE when `blocks` passes MT_BLOCKS_LIMIT. */
mt_code mt_prompt_check_blocks(uint64_t blocks, mt_error *error);

/* Describes the prompt of one request, random standing at its item: appends the keys of its leading
 * shared blocks to list, and fills *made: keys + fresh = ceil(input_length / block_size). Fails
 * with MT_ERROR_VALUE beyond MT_BLOCKS_LIMIT; polls for Ctrl-C. */
mt_code mt_prompt_make(mt_prompt_state *state, mt_random *random, const mt_prompt_wish *wish,
                       mt_key_list *list, mt_prompt_made *made, mt_error *error);

void mt_prompt_close(mt_prompt_state *state); /* NULL is allowed */

/* Appends one key. 0, or -1 when out of memory. */
int mt_key_list_add(mt_key_list *list, mt_key key);

/* ---- for the files that implement a kind ---- */

typedef struct mt_prompt_kind {
    const char *name;
    int makes_chains;  /* mt_prompt_made.is_chain, for all of its prompts */
    size_t state_size; /* of the struct that begins with mt_prompt_state; zeroed before open */
    mt_code (*open)(mt_prompt_state *state, const char *stream, uint64_t seed, mt_error *error);
    mt_code (*make)(mt_prompt_state *state, mt_random *random, const mt_prompt_wish *wish,
                    mt_key root, mt_key_list *list, mt_prompt_made *made, mt_error *error);
    void (*close)(mt_prompt_state *state); /* also after a failed open */
    double (*shared_mean)(const mt_prompt *prompt);
    double (*whole_shared_mean)(const mt_prompt *prompt,
                                uint64_t block_size); /* NULL: as of a number */
    double (*remembered)(const mt_prompt *prompt, double requests, double input_length,
                         uint64_t block_size);
    int (*decides)(const mt_prompt *prompt, mt_prompt_mean *mean);
    /* Puts the means over the first ones (a finite number, at least 1) in the place of all. */
    void (*first)(const mt_prompt *prompt, double requests, mt_prompt_mean *mean);
    void (*release)(mt_prompt *prompt);
} mt_prompt_kind; /* every function may be NULL: nothing to do, 0 */

struct mt_prompt {
    const mt_prompt_kind *kind;
    uint64_t references;
    char *text;
};

struct mt_prompt_state {
    mt_prompt *prompt;
    uint64_t block_size;
    mt_key own; /* the namespace of (stream, variant) */
};

/* A source of `size` zeroed bytes (its struct begins with mt_prompt), one reference. */
mt_prompt *mt_prompt_new(const mt_prompt_kind *kind, size_t size, const char *text,
                         mt_error *error);

/* A block key after `parent` that stands for a namespace. */
mt_key mt_key_enter(mt_key parent, mt_key names);

#endif
