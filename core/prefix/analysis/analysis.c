#include "prefix/analysis/analysis.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "hash/ids.h"
#include "prefix/block/check.h"

/* One request of the trace. */
typedef struct row {
    uint64_t input_length, output_length;
    uint32_t blocks;
    uint32_t repeated; /* blocks whose (position, id) pair is repeated, as far as is known yet */
    uint32_t hits;     /* leading ids seen in earlier requests */
    uint32_t has_output;
} row;

/* In place of the row a pair came first in, once it has come again. */
#define CAME_AGAIN UINT32_MAX

struct mt_analysis {
    uint64_t block_size;
    uint64_t blocks;
    int allows_no_output;

    row *rows;
    size_t row_count, row_capacity;

    mt_big first_row; /* uint32_t by the pair's number: where it came first, or CAME_AGAIN */

    /* As long as new ids are consecutive from 0 and each stands at one position, as the format has
     * them, a pair's number is its id and nothing is hashed. From the first request on of which
     * that does not hold, `pairs` (NULL before) numbers the distinct (position, id) pairs. */
    mt_big positions; /* uint32_t by id, while `pairs` is NULL */
    mt_ids *pairs;

    /* Which ids have been seen, whatever their position: all below `low_ids`, and those that
     * `other_ids` knows (NULL as long as new ids are consecutive). */
    uint64_t low_ids;
    mt_ids *other_ids;

    /* Of the request being added. */
    mt_key *keys;
    uint64_t *numbers;
    size_t key_capacity, number_capacity;
};

mt_analysis *mt_analysis_new(uint64_t block_size, mt_error *error) {
    if (block_size == 0) {
        mt_fail(error, MT_ERROR_VALUE, "block size must be at least 1");
        return NULL;
    }
    mt_analysis *analysis = mt_allocate_zero(1, sizeof *analysis);
    if (!analysis) {
        mt_fail_memory(error, "analysis");
        return NULL;
    }
    analysis->block_size = block_size;
    return analysis;
}

void mt_analysis_allow_no_output(mt_analysis *analysis) {
    analysis->allows_no_output = 1;
}

void mt_analysis_free(mt_analysis *analysis) {
    if (!analysis)
        return;
    mt_ids_free(analysis->pairs);
    mt_ids_free(analysis->other_ids);
    mt_free(analysis->rows);
    mt_big_free(&analysis->first_row);
    mt_big_free(&analysis->positions);
    mt_free(analysis->keys);
    mt_free(analysis->numbers);
    mt_free(analysis);
}

/* Distinct (position, id) pairs so far. */
static uint64_t pair_count(const mt_analysis *analysis) {
    return analysis->pairs ? mt_ids_count(analysis->pairs) : analysis->low_ids;
}

/* Room for one more request of `blocks` blocks, all of which may be new pairs. */
static mt_code make_room(mt_analysis *analysis, size_t blocks, mt_error *error) {
    size_t bytes = (pair_count(analysis) + blocks) * sizeof(uint32_t);
    if (analysis->row_count + 1 >= CAME_AGAIN || blocks > UINT32_MAX)
        return mt_fail(error, MT_ERROR_VALUE, "too many requests or blocks for one analysis");
    /* add_hits uses the second half of `numbers` as well. */
    if (MT_GROW(analysis->rows, analysis->row_capacity, analysis->row_count + 1) ||
        mt_big_reserve(&analysis->first_row, bytes) ||
        (!analysis->pairs && mt_big_reserve(&analysis->positions, bytes)) ||
        MT_GROW(analysis->keys, analysis->key_capacity, blocks) ||
        MT_GROW(analysis->numbers, analysis->number_capacity, 2 * blocks))
        return mt_fail_memory(error, "analysis");
    return MT_OK;
}

static mt_key pair_key(uint64_t position, uint64_t id) {
    return mt_key_number((mt_key){position + 1, 0}, id);
}

/* Counts a pair that came before as repeated, here and where it came first. */
static void count_repeated(mt_analysis *analysis, uint64_t pair) {
    uint32_t *first = (uint32_t *)analysis->first_row.data + pair;
    analysis->rows[analysis->row_count].repeated++;
    if (*first != CAME_AGAIN) {
        analysis->rows[*first].repeated++;
        *first = CAME_AGAIN;
    }
}

/* The whole work for ids that are the pairs' numbers: leading ones that stand where they stood
 * before, then the next new ones. 0 and nothing done when they are not. */
static int add_plain(mt_analysis *analysis, const uint64_t *hash_ids) {
    row *here = &analysis->rows[analysis->row_count];
    uint32_t *positions = analysis->positions.data, *first_row = analysis->first_row.data;
    uint32_t known = 0;
    while (known < here->blocks && hash_ids[known] < analysis->low_ids &&
           positions[hash_ids[known]] == known)
        known++;
    for (uint32_t i = known; i < here->blocks; i++)
        if (hash_ids[i] != analysis->low_ids + (i - known))
            return 0;
    for (uint32_t i = 0; i < known; i++)
        count_repeated(analysis, hash_ids[i]);
    here->hits = known;
    for (uint32_t i = known; i < here->blocks; i++) {
        first_row[analysis->low_ids] = (uint32_t)analysis->row_count;
        positions[analysis->low_ids++] = i;
    }
    return 1;
}

/* Enters the pairs there are, whose numbers are their ids, into a table. */
static mt_code begin_hashing(mt_analysis *analysis, mt_error *error) {
    enum { BATCH = 1024 };
    const uint32_t *positions = analysis->positions.data;
    mt_key keys[BATCH];
    uint64_t numbers[BATCH];
    mt_code code = MT_OK;
    if (!(analysis->pairs = mt_ids_new(analysis->low_ids, error)))
        return MT_ERROR_MEMORY;
    for (uint64_t id = 0; code == MT_OK && id < analysis->low_ids;) {
        size_t count = 0;
        for (; count < BATCH && id < analysis->low_ids; count++, id++)
            keys[count] = pair_key(positions[id], id);
        code = mt_ids_of(analysis->pairs, keys, count, numbers, error);
    }
    mt_big_free(&analysis->positions);
    return code;
}

/* Numbers the request's pairs, counts those that are repeated, here and where they came first, and
 * returns the number from which on pairs are new in *new_from. */
static mt_code add_pairs(mt_analysis *analysis, const uint64_t *hash_ids, uint64_t *new_from,
                         mt_error *error) {
    row *here = &analysis->rows[analysis->row_count];
    *new_from = mt_ids_count(analysis->pairs);
    for (size_t i = 0; i < here->blocks; i++)
        analysis->keys[i] = pair_key(i, hash_ids[i]);
    mt_code code =
        mt_ids_of(analysis->pairs, analysis->keys, here->blocks, analysis->numbers, error);
    if (code)
        return code;
    uint32_t *first_row = analysis->first_row.data;
    for (size_t i = 0; i < here->blocks; i++) {
        if (analysis->numbers[i] >= *new_from)
            first_row[analysis->numbers[i]] = (uint32_t)analysis->row_count;
        else
            count_repeated(analysis, analysis->numbers[i]);
    }
    return MT_OK;
}

/* Counts the leading ids that were seen in earlier requests and remembers all. What add_pairs found
 * is in `numbers`, overwritten here: a pair that is not new answers for its id. */
static mt_code add_hits(mt_analysis *analysis, const uint64_t *hash_ids, uint64_t new_from,
                        mt_error *error) {
    row *here = &analysis->rows[analysis->row_count];
    uint64_t low_before = analysis->low_ids;
    uint64_t *places = analysis->numbers, *found = analysis->numbers + here->blocks;
    size_t asked = 0;
    here->hits = here->blocks;
    for (uint32_t i = 0; i < here->blocks; i++) {
        uint64_t id = hash_ids[i];
        if (analysis->numbers[i] < new_from || id < low_before)
            continue;
        int is_low = id <= analysis->low_ids;
        if (id == analysis->low_ids)
            analysis->low_ids++;
        if (is_low && !analysis->other_ids) {
            if (here->hits > i)
                here->hits = i;
            continue;
        }
        analysis->keys[asked] = mt_key_number((mt_key){0, 0}, id);
        places[asked++] = i;
    }
    if (asked == 0)
        return MT_OK;
    if (!analysis->other_ids && !(analysis->other_ids = mt_ids_new(0, error)))
        return MT_ERROR_MEMORY;
    uint64_t others_before = mt_ids_count(analysis->other_ids);
    mt_code code = mt_ids_of(analysis->other_ids, analysis->keys, asked, found, error);
    for (size_t k = 0; code == MT_OK && k < asked; k++)
        if (found[k] >= others_before && here->hits > places[k])
            here->hits = (uint32_t)places[k];
    return code;
}

mt_code mt_analysis_check(const mt_analysis *analysis, const mt_request *request, mt_error *error) {
    mt_request checked = *request;
    if (analysis->allows_no_output)
        checked.has |= MT_HAS_OUTPUT_LENGTH;
    return mt_check_request(&checked, analysis->block_size, "the analysis", error);
}

mt_code mt_analysis_add(mt_analysis *analysis, const mt_request *request, mt_error *error) {
    mt_code code = mt_analysis_check(analysis, request, error);
    size_t blocks = request->has & MT_HAS_HASH_IDS ? request->hash_count : 0;
    if (code == MT_OK && mt_interrupted())
        code = mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
    if (code || (code = make_room(analysis, blocks, error)))
        return code;
    analysis->rows[analysis->row_count] = (row){.input_length = request->input_length,
                                                .output_length = request->output_length,
                                                .blocks = (uint32_t)blocks,
                                                .has_output = request->has & MT_HAS_OUTPUT_LENGTH};
    if (analysis->pairs || !add_plain(analysis, request->hash_ids)) {
        uint64_t new_from;
        if ((!analysis->pairs && (code = begin_hashing(analysis, error))) ||
            (code = add_pairs(analysis, request->hash_ids, &new_from, error)) ||
            (code = add_hits(analysis, request->hash_ids, new_from, error)))
            return code;
    }
    analysis->row_count++;
    analysis->blocks += blocks;
    return MT_OK;
}

static uint64_t context_length(const mt_analysis *analysis, const row *request) {
    if (request->repeated == request->blocks)
        return request->input_length;
    return request->repeated * analysis->block_size;
}

/* Does the request have a value? It is in *value then. */
static int value_of(const mt_analysis *analysis, const row *request, mt_metric metric,
                    double *value) {
    int has_value = metric == MT_METRIC_INPUT_LENGTH    ? 1
                    : metric == MT_METRIC_OUTPUT_LENGTH ? request->has_output != 0
                                                        : request->blocks > 0;
    *value = 0;
    if (!has_value)
        return 0;
    switch (metric) {
    case MT_METRIC_INPUT_LENGTH:
        *value = (double)request->input_length;
        break;
    case MT_METRIC_OUTPUT_LENGTH:
        *value = (double)request->output_length;
        break;
    case MT_METRIC_CONTEXT_LENGTH:
        *value = (double)context_length(analysis, request);
        break;
    case MT_METRIC_UNIQUE_PROMPT_LENGTH:
        *value = (double)(request->input_length - context_length(analysis, request));
        break;
    case MT_METRIC_THEORETICAL_HIT_RATE:
        *value = (double)request->hits / (double)request->blocks;
        break;
    }
    return 1;
}

size_t mt_analysis_values(const mt_analysis *analysis, mt_metric metric, double *values) {
    size_t count = 0;
    for (size_t i = 0; i < analysis->row_count; i++) {
        double value;
        if (!value_of(analysis, &analysis->rows[i], metric, &value))
            continue;
        if (values)
            values[count] = value;
        count++;
    }
    return count;
}

mt_code mt_analysis_finish(mt_analysis *analysis, mt_analysis_result *result, mt_error *error) {
    if (analysis->row_count == 0)
        return mt_fail(error, MT_ERROR_INPUT, "no requests");
    double *values = mt_allocate(analysis->row_count, sizeof *values);
    if (!values)
        return mt_fail_memory(error, "analysis");
    result->requests = analysis->row_count;
    result->blocks = analysis->blocks;
    result->distinct_pairs = pair_count(analysis);
    mt_summary *const summaries[] = {
        [MT_METRIC_INPUT_LENGTH] = &result->input_length,
        [MT_METRIC_CONTEXT_LENGTH] = &result->context_length,
        [MT_METRIC_UNIQUE_PROMPT_LENGTH] = &result->unique_prompt_length,
        [MT_METRIC_OUTPUT_LENGTH] = &result->output_length,
        [MT_METRIC_THEORETICAL_HIT_RATE] = &result->theoretical_hit_rate,
    };
    mt_code code = MT_OK;
    for (int which = 0; code == MT_OK && which <= MT_METRIC_THEORETICAL_HIT_RATE; which++) {
        if (mt_interrupted())
            code = mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        else
            mt_summarise(values, mt_analysis_values(analysis, (mt_metric)which, values),
                         summaries[which]);
    }
    mt_free(values);
    return code;
}
