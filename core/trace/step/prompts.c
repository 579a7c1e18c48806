/* Blocks for prompts of which only the lengths are known.
 *
 * If a drawn prompt's second block is unique, so are all later ones, and this is nearly always the
 * case. A session's whole blocks are numbered in its own order, so that the ids of those that it has
 * had lie in an array; the block that a prompt of it ends in comes back only in a turn of equal
 * length. So a first look at the requests notes second blocks, and sessions with the lengths of
 * their turns: what was not met twice needs no look-up, no memory and no further draws, its blocks
 * are only numbered. Ids are the same without that look. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "hash/ids.h"
#include "random/generator.h"
#include "trace/blocks.h"
#include "trace/source/batch.h"
#include "trace/source/kind.h"
#include "trace/step/met_twice.h"

#include <string.h>

/* Requests and blocks whose ids are looked up together. */
enum { BATCH_REQUESTS = 256, BATCH_BLOCKS = 2048 };

/* A session whose prompts are made here. */
typedef struct session {
    uint64_t turns; /* so far */
    uint64_t known; /* whole blocks that have ids */
    uint64_t *ids;  /* of those */
    size_t capacity;
} session;

/* How a request gets its blocks. */
typedef struct prompt {
    enum { DRAWN, OF_SESSION, OF_IDS } kind;
    uint64_t place;
    size_t packed; /* which of the packed requests it is, from 1; 0: it points to nothing */
    size_t blocks;
    mt_key keys[2]; /* DRAWN: of blocks 0 and 1. OF_SESSION: keys[1] is that of the last, partial
                       block; keys[0] is unused */
    int has_session;
    mt_key session_key; /* of its name */
    size_t session;     /* its number */
    uint64_t turn;
    /* OF_SESSION: */
    uint64_t whole, known; /* whole blocks, and how many of them had ids before this request */
    /* Once the batch has its ids: all of the prompt's. OF_SESSION: that of the partial block, NULL
     * without one. */
    const uint64_t *ids;
} prompt;

typedef struct prompts_step {
    mt_source base;
    mt_prompts options;
    mt_random_key key;
    mt_met_twice met; /* no words: nothing was looked at before, and all may come back */
    mt_ids *ids;
    mt_ids *names; /* numbers of sessions */
    session *sessions;
    size_t session_count, session_capacity;
    uint64_t passed; /* so far: the place of those that have none */
    uint64_t drawn;  /* prompts, or without drawing made new */
    /* The requests whose ids are looked up together. */
    mt_request requests[BATCH_REQUESTS];
    mt_batch packed; /* those that point to anything */
    prompt prompts[BATCH_REQUESTS];
    size_t count, at, blocks;
    mt_key *keys;
    uint64_t *key_ids;
    size_t key_capacity, id_capacity;
    uint64_t *given; /* ids of a session's prompt */
    size_t given_capacity;
} prompts_step;

/* ---- one request ---- */

/* The keys of the first two blocks; *random stands before the third. */
static void draw_beginning(const prompts_step *self, uint64_t place, mt_random *random,
                           mt_key *keys) {
    uint64_t contents = self->options.hash_blocks + 1;
    mt_random_start(random, self->key);
    mt_random_seek(random, place - 1);
    keys[0] = mt_key_number((mt_key){0, 0}, mt_random_below(random, contents));
    keys[1] = mt_key_number(keys[0], mt_random_below(random, contents));
}

/* As mt_source_check_blocks, with what helps who converts a log, not a trace. */
static int check_log_blocks(const mt_source *source, const mt_request *request, uint64_t size,
                            mt_error *error) {
    mt_error misfit;
    if (mt_check_blocks(request, size, &misfit) == MT_OK)
        return 0;
    return mt_source_fail(
        source, request, error, MT_ERROR_INPUT,
        "%s (--block-size must be the log's; cat --fit-ids cuts or adds ids of rows)",
        misfit.message);
}

/* Says how the next request gets its blocks. 1 when one of them may come back, that of keys[1]; 0
 * when the caller need not ask; -1 on failure. `requests` counts those before it. */
static int plan(const prompts_step *self, const mt_source *source, mt_request *request,
                uint64_t *requests, prompt *made, mt_error *error) {
    static const mt_key names = {0, 1};
    mt_random random;
    uint64_t size = self->options.block_size;
    ++*requests;
    made->place = request->place ? request->place : *requests;
    if (!(request->has & MT_HAS_INPUT_LENGTH))
        return mt_source_fail(source, request, error, MT_ERROR_INPUT,
                              "no input_length, which a prompt is made by");
    uint64_t blocks = mt_blocks_of(request->input_length, size);
    if (blocks > MT_BLOCKS_LIMIT)
        return mt_source_fail(source, request, error, MT_ERROR_INPUT,
                              "a prompt of %llu blocks is too long", (unsigned long long)blocks);
    if (self->options.no_sessions)
        request->has &= ~(unsigned)MT_HAS_SESSION;
    made->blocks = (size_t)blocks;
    made->has_session = (request->has & MT_HAS_SESSION) != 0;
    if (made->has_session)
        made->session_key = mt_key_child(names, request->session.text, request->session.length);
    if (request->hash_count > 0) {
        made->kind = OF_IDS;
        return check_log_blocks(source, request, size, error);
    }
    if (made->has_session) {
        made->kind = OF_SESSION;
        made->whole = request->input_length / size;
        made->keys[1] = mt_key_number(made->session_key, request->input_length);
        return made->whole < blocks;
    }
    made->kind = DRAWN;
    if (self->options.hash_blocks == UINT64_MAX)
        return 0;
    draw_beginning(self, made->place, &random, made->keys);
    return blocks > 1;
}

/* ---- the first look ---- */

/* What the requests have that may come back, and about how many blocks are to be remembered: the
 * first ones of drawn prompts, about one in so many of the further ones and of those that sessions'
 * prompts end in; half of those that have ids. */
typedef struct notes {
    uint64_t *hashes;
    size_t count, capacity;
    uint64_t first, further, known;
} notes;

static mt_code note(notes *all, uint64_t hash_blocks, const prompt *made, int may_come_back,
                    mt_error *error) {
    if (made->kind == OF_IDS)
        all->known += made->blocks;
    if (made->kind == DRAWN && made->blocks > 0 && hash_blocks != UINT64_MAX) {
        all->first++;
        all->further += made->blocks - 1;
    }
    all->further += made->kind == OF_SESSION;
    if (!may_come_back)
        return MT_OK;
    if (all->count == all->capacity && MT_GROW(all->hashes, all->capacity, all->count + 1) != 0)
        return mt_fail_memory(error, "beginnings of prompts");
    all->hashes[all->count++] = made->keys[1].low;
    return MT_OK;
}

static mt_code find_twice(mt_met_twice *met, const notes *all, mt_error *error) {
    enum { AHEAD = 32 };
    if (mt_met_twice_make(met, all->count) != 0)
        return mt_fail_memory(error, "beginnings of prompts");
    for (size_t i = 0; i < all->count; i++) {
        if (i + AHEAD < all->count)
            mt_met_twice_prefetch(met, all->hashes[i + AHEAD]);
        mt_met_twice_note(met, all->hashes[i]);
    }
    return MT_OK;
}

/* Reads `ahead`, if any, to its end; *expected is about how many blocks are to be remembered. */
static mt_code look(prompts_step *self, mt_source *ahead, uint64_t *expected, mt_error *error) {
    mt_request request;
    prompt made = {0};
    notes all = {0};
    uint64_t requests = 0;
    int status = 0;
    mt_code code = MT_OK;
    *expected = 0;
    if (!ahead)
        return MT_OK;
    while (code == MT_OK && (status = mt_source_next(ahead, &request, error)) > 0) {
        status = plan(self, ahead, &request, &requests, &made, error);
        code = status < 0 ? mt_code_of(error)
                          : note(&all, self->options.hash_blocks, &made, status, error);
    }
    if (code == MT_OK)
        code = status < 0 ? mt_code_of(error) : find_twice(&self->met, &all, error);
    if (all.first > self->options.hash_blocks)
        all.first = self->options.hash_blocks + 1;
    *expected = all.first + all.further / MT_MET_PLACES + all.known / 2;
    mt_free(all.hashes);
    return code;
}

/* ---- the keys of a batch ---- */

static int may_come_back(const prompts_step *self, mt_key key) {
    return !self->met.words || mt_met_twice_has(&self->met, key.low);
}

static size_t keys_of_ids(const mt_batch *packed, size_t i, mt_key *keys) {
    static const char name[] = "contents";
    mt_key chain = mt_key_namespace(name, sizeof name - 1);
    mt_request request;
    mt_batch_get(packed, i, &request);
    for (size_t block = 0; block < request.hash_count; block++)
        keys[block] = chain = mt_key_number(chain, request.hash_ids[block]);
    return request.hash_count;
}

/* Keys only of what the session has not had: whole blocks are new then, and numbered. */
static size_t keys_of_session(prompts_step *self, prompt *made, mt_key *keys) {
    session *its = &self->sessions[made->session];
    made->known = its->known < made->whole ? its->known : made->whole;
    size_t count = (size_t)(made->whole - made->known);
    memset(keys, 0, count * sizeof *keys);
    its->known += count;
    if (made->blocks == made->whole)
        return count;
    keys[count] = may_come_back(self, made->keys[1]) ? made->keys[1] : (mt_key){0, 0};
    return count + 1;
}

static size_t drawn_keys(const prompts_step *self, const prompt *made, mt_key *keys) {
    uint64_t contents = self->options.hash_blocks + 1;
    mt_random random;
    if (self->options.hash_blocks == UINT64_MAX) {
        memset(keys, 0, made->blocks * sizeof *keys);
        return made->blocks;
    }
    keys[0] = made->keys[0];
    if (made->blocks <= 1)
        return made->blocks;
    if (!may_come_back(self, made->keys[1])) {
        memset(keys + 1, 0, (made->blocks - 1) * sizeof *keys);
        return made->blocks;
    }
    draw_beginning(self, made->place, &random, keys);
    for (size_t i = 2; i < made->blocks; i++)
        keys[i] = mt_key_number(keys[i - 1], mt_random_below(&random, contents));
    return made->blocks;
}

/* The keys of the blocks of request i in the batch that need ids, in their order; returns how many. */
static size_t keys_of(prompts_step *self, size_t i, mt_key *keys) {
    prompt *made = &self->prompts[i];
    if (made->kind == OF_IDS)
        return keys_of_ids(&self->packed, made->packed - 1, keys);
    return made->kind == OF_SESSION ? keys_of_session(self, made, keys)
                                    : drawn_keys(self, made, keys);
}

/* ---- a batch ---- */

/* Numbers the sessions of the batch's requests, and counts their turns. */
static mt_code number_sessions(prompts_step *self, mt_error *error) {
    mt_key names[BATCH_REQUESTS];
    uint64_t numbers[BATCH_REQUESTS];
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        if (self->prompts[i].has_session)
            names[count++] = self->prompts[i].session_key;
    if (count == 0)
        return MT_OK;
    mt_code code = mt_ids_of(self->names, names, count, numbers, error);
    if (code != MT_OK)
        return code;
    size_t known = (size_t)mt_ids_count(self->names);
    if (MT_GROW(self->sessions, self->session_capacity, known) != 0)
        return mt_fail_memory(error, "sessions");
    for (; self->session_count < known; self->session_count++)
        self->sessions[self->session_count] = (session){0};
    for (size_t i = self->count; i-- > 0;)
        if (self->prompts[i].has_session)
            self->prompts[i].session = (size_t)numbers[--count];
    for (size_t i = 0; i < self->count; i++)
        if (self->prompts[i].has_session)
            self->prompts[i].turn = self->sessions[self->prompts[i].session].turns++;
    for (size_t i = 0; i < self->count; i++)
        if (self->prompts[i].has_session)
            __builtin_prefetch(self->sessions[self->prompts[i].session].ids);
    return MT_OK;
}

/* Keeps what the batch's last request points to until it is given out. */
static mt_code keep(prompts_step *self, mt_error *error) {
    const mt_request *request = &self->requests[self->count];
    prompt *made = &self->prompts[self->count++];
    made->packed = 0;
    if (request->hash_count == 0 && request->session.length == 0 && request->stream.length == 0 &&
        request->extra.length == 0)
        return MT_OK;
    mt_code code = mt_batch_add(&self->packed, request, error);
    made->packed = self->packed.count;
    return code;
}

static mt_code take_batch(prompts_step *self, mt_error *error) {
    mt_code code = MT_OK;
    mt_batch_clear(&self->packed);
    self->count = 0;
    self->at = self->blocks = 0;
    while (code == MT_OK && self->count < BATCH_REQUESTS && self->blocks < BATCH_BLOCKS) {
        prompt *made = &self->prompts[self->count];
        mt_request *request = &self->requests[self->count];
        int status = mt_source_next(self->base.below, request, error);
        if (status == 0)
            break;
        if (status > 0)
            status = plan(self, self->base.below, request, &self->passed, made, error);
        if (status > 0 && self->met.words)
            mt_met_twice_prefetch(&self->met, made->keys[1].low);
        code = status < 0 ? mt_code_of(error) : keep(self, error);
        self->blocks += made->blocks;
    }
    return code == MT_OK ? number_sessions(self, error) : code;
}

/* Keeps the ids of the session's new whole blocks. Returns how many of `ids` the prompt used. */
static mt_code keep_session(prompts_step *self, prompt *made, const uint64_t *ids, size_t *used,
                            mt_error *error) {
    session *its = &self->sessions[made->session];
    size_t count = (size_t)(made->whole - made->known);
    if (MT_GROW(its->ids, its->capacity, (size_t)made->whole) != 0)
        return mt_fail_memory(error, "blocks of sessions");
    if (count > 0)
        memcpy(its->ids + made->known, ids, count * sizeof *ids);
    made->ids = made->blocks > made->whole ? ids + count : NULL;
    *used = count + (made->ids ? 1 : 0);
    return MT_OK;
}

/* Reads the next requests and gives them ids. */
static mt_code number_batch(prompts_step *self, mt_error *error) {
    size_t used = 0;
    mt_code code = take_batch(self, error);
    if (code != MT_OK || self->count == 0)
        return code;
    if (MT_GROW(self->keys, self->key_capacity, self->blocks + 1) != 0 ||
        MT_GROW(self->key_ids, self->id_capacity, self->blocks + 1) != 0)
        return mt_fail_memory(error, "blocks of prompts");
    for (size_t i = 0; i < self->count; i++)
        used += keys_of(self, i, self->keys + used);
    code = mt_ids_of(self->ids, self->keys, used, self->key_ids, error);
    const uint64_t *ids = self->key_ids;
    for (size_t i = 0; i < self->count && code == MT_OK; i++) {
        prompt *made = &self->prompts[i];
        used = made->blocks;
        if (made->kind == OF_SESSION)
            code = keep_session(self, made, ids, &used, error);
        else
            made->ids = ids;
        ids += used;
    }
    return code;
}

/* The ids of a session's prompt one after the other. */
static const uint64_t *session_ids(prompts_step *self, const prompt *made) {
    if (MT_GROW(self->given, self->given_capacity, made->blocks + 1) != 0)
        return NULL;
    if (made->whole > 0)
        memcpy(self->given, self->sessions[made->session].ids,
               (size_t)made->whole * sizeof *self->given);
    if (made->ids)
        self->given[made->whole] = *made->ids;
    return self->given;
}

static int prompts_next(mt_source *source, mt_request *request, mt_error *error) {
    prompts_step *self = (prompts_step *)source;
    if (self->at == self->count && number_batch(self, error) != MT_OK)
        return -1;
    if (self->count == 0)
        return 0;
    const prompt *made = &self->prompts[self->at];
    if (made->packed > 0)
        mt_batch_get(&self->packed, made->packed - 1, request);
    else
        *request = self->requests[self->at];
    self->at++;
    self->drawn += made->kind == DRAWN && made->blocks > 0;
    if (made->has_session) {
        request->turn = made->turn;
        request->has |= MT_HAS_TURN;
    }
    request->hash_ids = made->kind == OF_SESSION ? session_ids(self, made) : made->ids;
    request->ids_text = (mt_ids_text){.ids = NULL};
    request->hash_count = made->blocks;
    request->has |= MT_HAS_HASH_IDS;
    return request->hash_ids ? 1 : (mt_fail_memory(error, "blocks of sessions"), -1);
}

static void prompts_release(mt_source *source) {
    prompts_step *self = (prompts_step *)source;
    mt_met_twice_free(&self->met);
    mt_ids_free(self->ids);
    mt_ids_free(self->names);
    for (size_t i = 0; i < self->session_count; i++)
        mt_free(self->sessions[i].ids);
    mt_free(self->sessions);
    mt_batch_free(&self->packed);
    mt_free(self->keys);
    mt_free(self->key_ids);
    mt_free(self->given);
}

static const mt_source_kind prompts_kind = {.next = prompts_next, .release = prompts_release};

mt_source *mt_step_prompts(mt_source *below, mt_source *ahead, const mt_prompts *options,
                           mt_error *error) {
    static const char name[] = "convert", purpose[] = "blocks";
    uint64_t expected;
    prompts_step *self = NULL;
    if (options->block_size == 0)
        mt_source_refuse(below, error, "prompts: blocks of at least 1 token");
    else
        self = (prompts_step *)mt_source_over(below, &prompts_kind, sizeof *self, error);
    if (self) {
        self->options = *options;
        self->key =
            mt_random_key_of(options->seed, name, sizeof name - 1, purpose, sizeof purpose - 1);
        self->names = mt_ids_new(0, error);
        if (self->names && look(self, ahead, &expected, error) == MT_OK)
            self->ids = mt_ids_new(expected, error);
    }
    mt_source_free(ahead);
    if (self && self->ids)
        return &self->base;
    mt_source_free(self ? &self->base : NULL);
    return NULL;
}

static const prompts_step *find(const mt_source *source) {
    while (source && source->kind != &prompts_kind)
        source = source->below;
    return (const prompts_step *)source;
}

uint64_t mt_source_prompt_ids(const mt_source *source) {
    const prompts_step *self = find(source);
    return self ? mt_ids_count(self->ids) : 0;
}

uint64_t mt_source_prompts_made(const mt_source *source) {
    const prompts_step *self = find(source);
    return self ? self->drawn : 0;
}
