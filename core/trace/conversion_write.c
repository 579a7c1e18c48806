/* The prompts of a conversion's rows, and the trace. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/conversion_state.h"

#include <string.h>

/* Requests and blocks whose ids are looked up together. */
enum { BATCH_ROWS = 256, BATCH_BLOCKS = 2048 };

/* ---- how many different blocks there will be ------------------------------------------------- */

/* Prompts of one block can share it with others, those of two only by a rare chance, and so on: at
 * depth d there are (hash_blocks + 1)^d prefixes. Sessions share most of their turns. */
static uint64_t expect_blocks(const mt_conversion *conversion) {
    const uint64_t *inputs = conversion->rows.input_length.data;
    uint64_t first = 0, second = 0, deeper = 0;
    for (size_t i = 0; i < conversion->rows.count; i++) {
        uint64_t blocks = (inputs[i] - 1) / conversion->block_size + 1;
        first++;
        second += blocks > 1;
        deeper += blocks > 2 ? blocks - 2 : 0;
    }
    double contents = (double)conversion->options.hash_blocks + 1;
    if ((double)first > contents)
        first = conversion->options.hash_blocks + 1;
    if ((double)second > contents * contents)
        second = (uint64_t)(contents * contents);
    uint64_t all = first + second + deeper;
    return conversion->rows.sessions.count > 0 || conversion->rows.hash_total > 0 ? all / 2 : all;
}

static mt_code prepare(mt_conversion *conversion, mt_error *error) {
    static const char name[] = "convert", purpose[] = "blocks";
    if (conversion->ids)
        return MT_OK;
    conversion->key = mt_random_key_of(conversion->options.seed, name, sizeof name - 1, purpose,
                                       sizeof purpose - 1);
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

/* The session's tokens are one sequence: where a block is says what it holds, unless the prompt ends
 * in it. */
static void keys_of_session(const mt_request *request, uint64_t block_size, size_t count,
                            mt_key *keys) {
    mt_key sequence = mt_key_namespace(request->session.text, request->session.length);
    uint64_t rest = request->input_length % block_size;
    for (size_t i = 0; i < count; i++)
        keys[i] = mt_key_number(sequence, i);
    if (rest > 0)
        keys[count - 1] = mt_key_number(keys[count - 1], rest);
}

static void random_keys(const mt_conversion *conversion, uint64_t place, size_t count,
                        mt_key *keys) {
    uint64_t contents = conversion->options.hash_blocks + 1;
    mt_key chain = {0, 0};
    mt_random random;
    mt_random_start(&random, conversion->key);
    mt_random_seek(&random, place);
    for (size_t i = 0; i < count; i++)
        keys[i] = chain = mt_key_number(chain, mt_random_below(&random, contents));
}

/* Makes room for `count` more blocks behind `used`. 0 or -1. */
static int reserve_blocks(mt_conversion *conversion, size_t used, size_t count) {
    void *keys = conversion->keys, *ids = conversion->batch_ids;
    int status = mt_reserve(&keys, &conversion->key_capacity, used + count, sizeof(mt_key));
    conversion->keys = keys;
    if (status != 0)
        return -1;
    status = mt_reserve(&ids, &conversion->id_capacity, used + count, sizeof(uint64_t));
    conversion->batch_ids = ids;
    return status;
}

/* Appends the keys of the request's blocks behind `used`; *count is how many. 0 or -1 (memory). */
static int append_keys(mt_conversion *conversion, const mt_request *request, size_t used,
                       size_t *count) {
    uint64_t block_size = conversion->block_size;
    *count = (size_t)((request->input_length - 1) / block_size + 1);
    if (reserve_blocks(conversion, used, *count) != 0)
        return -1;
    mt_key *keys = conversion->keys + used;
    if (request->hash_count > 0)
        keys_of_contents(request, keys);
    else if (request->has & MT_HAS_SESSION)
        keys_of_session(request, block_size, *count, keys);
    else
        random_keys(conversion, request->line - 1, *count, keys);
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Writes the next rows, as many as make a batch and no more than `most`; *rows is how many. */
static mt_code write_batch(mt_conversion *conversion, mt_output *output,
                           const mt_trace_format *format, uint64_t most, size_t *rows,
                           mt_error *error) {
    size_t counts[BATCH_ROWS], used = 0, n = 0;
    mt_request request;
    while (n < BATCH_ROWS && n < most && used < BATCH_BLOCKS &&
           conversion->next + n < conversion->rows.count) {
        mt_columns_get(&conversion->rows, mt_conversion_row(conversion, conversion->next + n),
                       &request);
        if (append_keys(conversion, &request, used, &counts[n]) != 0)
            return mt_fail_memory(error, "blocks of a batch");
        used += counts[n++];
    }
    mt_code code = mt_ids_of(conversion->ids, conversion->keys, used, conversion->batch_ids, error);
    const uint64_t *ids = conversion->batch_ids;
    for (size_t i = 0; i < n && code == MT_OK; i++) {
        mt_columns_get(&conversion->rows, mt_conversion_row(conversion, conversion->next + i),
                       &request);
        request.hash_ids = ids;
        request.hash_count = counts[i];
        request.has |= MT_HAS_HASH_IDS;
        ids += counts[i];
        code = mt_trace_write(output, &request, format, error);
    }
    if (code != MT_OK)
        return code;
    conversion->next += n;
    conversion->blocks += used;
    *rows = n;
    return MT_OK;
}

mt_code mt_conversion_write(mt_conversion *conversion, mt_output *output,
                            const mt_trace_format *format, uint64_t most, uint64_t *written,
                            mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    *written = 0;
    mt_code code = prepare(conversion, report);
    while (code == MT_OK && *written < most && conversion->next < conversion->rows.count) {
        size_t rows = 0;
        if (mt_interrupted())
            return mt_fail(report, MT_ERROR_INTERRUPTED, "interrupted");
        code = write_batch(conversion, output, format, most - *written, &rows, report);
        *written += rows;
    }
    return code;
}
