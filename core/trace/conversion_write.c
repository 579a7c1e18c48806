/* The prompts of a conversion's rows, and the trace. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/conversion_state.h"

#include <string.h>

/* Requests and blocks whose ids are looked up together. */
enum { BATCH_ROWS = 256, BATCH_BLOCKS = 2048 };

/* ---- drawn prompts that nobody shares -----------------------------------------------------------
 *
 * The second block of a drawn prompt is shared with another one by a rare chance, and where it is
 * not, no later block is. So the beginnings of two blocks are drawn once before: what met no other
 * one in a table of bits needs no look-ups, no memory and no further draws, its blocks are only
 * numbered. Ids are what they would be. */

#define BITS_A_ROW UINT64_C(16)
#define WORD_BITS UINT64_C(64)

static uint64_t blocks_of(const mt_conversion *conversion, uint64_t tokens) {
    return (tokens - 1) / conversion->block_size + 1;
}

static int is_drawn(const mt_request *request) {
    return request->hash_count == 0 && !(request->has & MT_HAS_SESSION);
}

/* The keys of the first two blocks of the row at `place`; *random stands before the third. */
static void draw_beginning(const mt_conversion *conversion, uint64_t place, mt_random *random,
                           mt_key *keys) {
    uint64_t contents = conversion->options.hash_blocks + 1;
    mt_random_start(random, conversion->key);
    mt_random_seek(random, place);
    keys[0] = mt_key_number((mt_key){0, 0}, mt_random_below(random, contents));
    keys[1] = mt_key_number(keys[0], mt_random_below(random, contents));
}

static uint64_t *seen_pair(const mt_conversion *conversion, mt_key key, uint64_t *bit) {
    uint64_t place = key.low & conversion->seen_mask;
    *bit = UINT64_C(1) << place % WORD_BITS;
    return conversion->seen + 2 * (place / WORD_BITS);
}

/* The table is larger than the caches: its words are asked for some time before they are needed. */
static void prefetch_pair(const mt_conversion *conversion, mt_key key) {
    uint64_t bit;
    __builtin_prefetch(seen_pair(conversion, key, &bit), 1);
}

/* May another drawn prompt begin with the two blocks that this is the second key of? */
static int may_be_shared(const mt_conversion *conversion, mt_key key) {
    uint64_t bit;
    return (seen_pair(conversion, key, &bit)[1] & bit) != 0;
}

static void note_pairs(mt_conversion *conversion, const mt_key *keys, size_t count) {
    uint64_t bit;
    for (size_t i = 0; i < count; i++) {
        uint64_t *pair = seen_pair(conversion, keys[i], &bit);
        pair[1] |= pair[0] & bit;
        pair[0] |= bit;
    }
}

static mt_code make_table(mt_conversion *conversion, mt_error *error) {
    uint64_t bits = WORD_BITS;
    while (bits < BITS_A_ROW * (uint64_t)conversion->rows.count)
        bits *= 2;
    mt_free(conversion->seen);
    conversion->seen_mask = bits - 1;
    conversion->seen = mt_allocate_zero(2 * (bits / WORD_BITS), sizeof *conversion->seen);
    return conversion->seen ? MT_OK : mt_fail_memory(error, "beginnings of prompts");
}

static mt_code note_beginnings(mt_conversion *conversion, mt_error *error) {
    enum { GROUP = 64 };
    mt_random random;
    mt_request request;
    mt_key keys[2], seconds[GROUP] = {{0, 0}};
    size_t count = 0;
    mt_code code = make_table(conversion, error);
    for (size_t i = 0; i < conversion->rows.count && code == MT_OK; i++) {
        mt_columns_get(&conversion->rows, i, &request);
        if (!is_drawn(&request) || blocks_of(conversion, request.input_length) < 2)
            continue;
        draw_beginning(conversion, request.line - 1, &random, keys);
        seconds[count] = keys[1];
        prefetch_pair(conversion, seconds[count++]);
        if (count < GROUP)
            continue;
        note_pairs(conversion, seconds, count);
        count = 0;
        if (mt_interrupted())
            code = mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
    }
    note_pairs(conversion, seconds, count);
    return code;
}

/* ---- how many blocks are to be remembered ---------------------------------------------------- */

/* The first blocks of drawn prompts, and about one in so many of the further ones; half of all
 * others, for turns share much. */
static uint64_t expect_blocks(const mt_conversion *conversion) {
    uint64_t first = 0, further = 0, others = 0;
    for (size_t i = 0; i < conversion->rows.count; i++) {
        mt_request request;
        mt_columns_get(&conversion->rows, i, &request);
        uint64_t blocks = blocks_of(conversion, request.input_length);
        if (is_drawn(&request)) {
            first++;
            further += blocks - 1;
        } else {
            others += blocks;
        }
    }
    if (first > conversion->options.hash_blocks)
        first = conversion->options.hash_blocks + 1;
    return first + further / BITS_A_ROW + others / 2;
}

static mt_code prepare(mt_conversion *conversion, mt_error *error) {
    static const char name[] = "convert", purpose[] = "blocks";
    if (conversion->ids)
        return MT_OK;
    conversion->key = mt_random_key_of(conversion->options.seed, name, sizeof name - 1, purpose,
                                       sizeof purpose - 1);
    mt_code code = note_beginnings(conversion, error);
    if (code != MT_OK)
        return code;
    conversion->ids = mt_ids_new(expect_blocks(conversion), error);
    return conversion->ids ? MT_OK : mt_code_of(error);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void keys_of_contents(const mt_request *request, mt_key *keys) {
    static const char name[] = "contents";
    mt_key chain = mt_key_namespace(name, sizeof name - 1);
    for (size_t i = 0; i < request->hash_count; i++)
        keys[i] = chain = mt_key_number(chain, request->hash_ids[i]);
}

/* The session's tokens are one sequence: where a block is says what it holds, unless the prompt
 * ends in it. */
static void keys_of_session(const mt_request *request, uint64_t block_size, size_t count,
                            mt_key *keys) {
    mt_key sequence = mt_key_namespace(request->session.text, request->session.length);
    uint64_t rest = request->input_length % block_size;
    for (size_t i = 0; i < count; i++)
        keys[i] = mt_key_number(sequence, i);
    if (rest > 0)
        keys[count - 1] = mt_key_number(keys[count - 1], rest);
}

/* Of the prompt with this beginning. Blocks that nobody shares have the key {0, 0}: they are only
 * numbered. */
static void drawn_keys(const mt_conversion *conversion, uint64_t place, const mt_key *beginning,
                       size_t count, mt_key *keys) {
    uint64_t contents = conversion->options.hash_blocks + 1;
    mt_random random;
    if (count == 1) {
        keys[0] = beginning[0];
    } else if (may_be_shared(conversion, beginning[1])) {
        draw_beginning(conversion, place, &random, keys);
        for (size_t i = 2; i < count; i++)
            keys[i] = mt_key_number(keys[i - 1], mt_random_below(&random, contents));
    } else {
        keys[0] = beginning[0];
        memset(keys + 1, 0, (count - 1) * sizeof *keys);
    }
}

/* Makes room for so many blocks. 0 or -1. */
static int reserve_blocks(mt_conversion *conversion, size_t count) {
    void *keys = conversion->keys, *ids = conversion->batch_ids;
    int status = mt_reserve(&keys, &conversion->key_capacity, count, sizeof(mt_key));
    conversion->keys = keys;
    if (status != 0)
        return -1;
    status = mt_reserve(&ids, &conversion->id_capacity, count, sizeof(uint64_t));
    conversion->batch_ids = ids;
    return status;
}

/* The rows of a batch. */
typedef struct batch {
    mt_request requests[BATCH_ROWS];
    mt_key beginnings[BATCH_ROWS][2]; /* of drawn prompts */
    size_t counts[BATCH_ROWS];        /* of blocks */
    size_t rows, blocks;
} batch;

/* The next rows, as many as make a batch and no more than `most`. */
static void take_batch(mt_conversion *conversion, uint64_t most, batch *rows) {
    mt_random random;
    rows->rows = rows->blocks = 0;
    while (rows->rows < BATCH_ROWS && rows->rows < most && rows->blocks < BATCH_BLOCKS &&
           conversion->next + rows->rows < conversion->rows.count) {
        size_t n = rows->rows++;
        mt_request *request = &rows->requests[n];
        mt_columns_get(&conversion->rows, mt_conversion_row(conversion, conversion->next + n),
                       request);
        rows->counts[n] = (size_t)blocks_of(conversion, request->input_length);
        rows->blocks += rows->counts[n];
        if (!is_drawn(request))
            continue;
        draw_beginning(conversion, request->line - 1, &random, rows->beginnings[n]);
        prefetch_pair(conversion, rows->beginnings[n][1]);
    }
}

static void keys_of_batch(const mt_conversion *conversion, const batch *rows) {
    mt_key *keys = conversion->keys;
    for (size_t i = 0; i < rows->rows; i++) {
        const mt_request *request = &rows->requests[i];
        size_t count = rows->counts[i];
        if (request->hash_count > 0)
            keys_of_contents(request, keys);
        else if (request->has & MT_HAS_SESSION)
            keys_of_session(request, conversion->block_size, count, keys);
        else
            drawn_keys(conversion, request->line - 1, rows->beginnings[i], count, keys);
        keys += count;
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static mt_code write_batch(mt_conversion *conversion, mt_output *output,
                           const mt_trace_format *format, batch *rows, mt_error *error) {
    if (reserve_blocks(conversion, rows->blocks) != 0)
        return mt_fail_memory(error, "blocks of a batch");
    keys_of_batch(conversion, rows);
    mt_code code = mt_ids_of_mixed(conversion->ids, conversion->keys, rows->blocks,
                                   conversion->batch_ids, error);
    const uint64_t *ids = conversion->batch_ids;
    for (size_t i = 0; i < rows->rows && code == MT_OK; i++) {
        mt_request *request = &rows->requests[i];
        request->hash_ids = ids;
        request->hash_count = rows->counts[i];
        request->has |= MT_HAS_HASH_IDS;
        ids += rows->counts[i];
        code = mt_trace_write(output, request, format, error);
    }
    conversion->next += rows->rows;
    conversion->blocks += rows->blocks;
    return code;
}

mt_code mt_conversion_write(mt_conversion *conversion, mt_output *output,
                            const mt_trace_format *format, uint64_t most, uint64_t *written,
                            mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    *written = 0;
    mt_code code = prepare(conversion, report);
    batch rows;
    while (code == MT_OK && *written < most && conversion->next < conversion->rows.count) {
        if (mt_interrupted())
            return mt_fail(report, MT_ERROR_INTERRUPTED, "interrupted");
        take_batch(conversion, most - *written, &rows);
        code = write_batch(conversion, output, format, &rows, report);
        *written += rows.rows;
    }
    return code;
}
