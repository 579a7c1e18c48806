#include "prefix/analysis/analysis.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "hash/ids.h"
#include "prefix/block/check.h"
#include "prefix/block/numbering.h"

#include <math.h>

/* One request of the trace. */
typedef struct row {
    uint64_t input_length, output_length;
    uint32_t blocks;
    uint32_t repeated; /* blocks whose (position, id) pair is repeated, as far as is known yet */
    uint32_t hits;     /* leading ids seen in earlier requests */
    unsigned has;      /* MT_HAS_... */
} row;

/* In place of the row a pair came first in, once it has come again. */
#define CAME_AGAIN UINT32_MAX

struct mt_analysis {
    uint64_t block_size;
    uint64_t blocks;
    int allows_no_output;
    int is_sealed;
    uint64_t sealed_pairs; /* how many there were */

    row *rows;
    size_t row_count, row_capacity;

    mt_numbering *ids; /* whatever their positions */
    mt_big first_row;  /* uint32_t by the pair's number: where it came first, or CAME_AGAIN */

    /* As long as each id stands at one position and requests begin with the ids that are known, as
     * the format has them, a pair's number is that of its id. From the first request on of which
     * that does not hold, `pairs` (NULL before) numbers the distinct (position, id) pairs. */
    mt_big positions; /* uint32_t by the id's number, while `pairs` is NULL */
    mt_ids *pairs;
};

mt_analysis *mt_analysis_new(uint64_t block_size, mt_error *error) {
    if (block_size == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "block size must be at least 1"));
    mt_analysis *analysis = mt_new(sizeof *analysis, "analysis", error);
    if (!analysis)
        return NULL;
    analysis->block_size = block_size;
    if (!(analysis->ids = mt_numbering_new(error))) {
        mt_free(analysis);
        return NULL;
    }
    return analysis;
}

void mt_analysis_allow_no_output(mt_analysis *analysis) {
    analysis->allows_no_output = 1;
}

/* Distinct (position, id) pairs so far. */
static uint64_t pair_count(const mt_analysis *analysis) {
    if (analysis->is_sealed)
        return analysis->sealed_pairs;
    return analysis->pairs ? mt_ids_count(analysis->pairs) : mt_numbering_count(analysis->ids);
}

/* Frees what only further requests need. */
static void free_pairs(mt_analysis *analysis) {
    mt_ids_free(analysis->pairs);
    analysis->pairs = NULL;
    mt_numbering_free(analysis->ids);
    analysis->ids = NULL;
    mt_big_free(&analysis->first_row);
    mt_big_free(&analysis->positions);
}

void mt_analysis_seal(mt_analysis *analysis) {
    if (analysis->is_sealed)
        return;
    analysis->sealed_pairs = pair_count(analysis);
    analysis->is_sealed = 1;
    free_pairs(analysis);
}

void mt_analysis_free(mt_analysis *analysis) {
    if (!analysis)
        return;
    free_pairs(analysis);
    mt_free(analysis->rows);
    mt_free(analysis);
}

/* Room for one more request of `blocks` blocks, all of which may be new pairs. */
static mt_code make_room(mt_analysis *analysis, size_t blocks, mt_error *error) {
    if (analysis->is_sealed)
        return mt_fail(error, MT_ERROR_VALUE, "the analysis takes no more requests");
    size_t bytes = (pair_count(analysis) + blocks) * sizeof(uint32_t);
    if (analysis->row_count + 1 >= CAME_AGAIN || blocks > UINT32_MAX)
        return mt_fail(error, MT_ERROR_VALUE, "too many requests or blocks for one analysis");
    if (MT_GROW(analysis->rows, analysis->row_capacity, analysis->row_count + 1) ||
        mt_big_reserve(&analysis->first_row, bytes) ||
        (!analysis->pairs && mt_big_reserve(&analysis->positions, bytes)))
        return mt_fail_memory(error, "analysis");
    return MT_OK;
}

static mt_key pair_key(uint64_t position, uint64_t id) {
    return mt_key_number((mt_key){position + 1, 0}, id);
}

static mt_key key_of(const void *positions, const mt_key *keys, uint64_t id) {
    (void)keys;
    return pair_key(((const uint32_t *)positions)[id], id);
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

/* The whole work for leading ids that stand where they stood before, and then new ones, from number
 * new_from on. 0 and nothing done for any others. */
static int add_plain(mt_analysis *analysis, const uint64_t *numbers, uint64_t new_from) {
    row *here = &analysis->rows[analysis->row_count];
    uint32_t *positions = analysis->positions.data, *first_row = analysis->first_row.data;
    uint32_t known = 0;
    while (known < here->blocks && numbers[known] < new_from && positions[numbers[known]] == known)
        known++;
    for (uint32_t i = known; i < here->blocks; i++)
        if (numbers[i] != new_from + (i - known))
            return 0;
    for (uint32_t i = 0; i < known; i++)
        count_repeated(analysis, numbers[i]);
    for (uint32_t i = known; i < here->blocks; i++) {
        first_row[numbers[i]] = (uint32_t)analysis->row_count;
        positions[numbers[i]] = i;
    }
    here->hits = known;
    return 1;
}

static mt_code add_pairs(mt_analysis *analysis, const uint64_t *numbers, mt_error *error) {
    size_t blocks = analysis->rows[analysis->row_count].blocks;
    uint64_t new_from = mt_ids_count(analysis->pairs);
    for (size_t done = 0; done < blocks; done += MT_IDS_BATCH) {
        mt_key keys[MT_IDS_BATCH];
        uint64_t pairs[MT_IDS_BATCH];
        size_t some = blocks - done < MT_IDS_BATCH ? blocks - done : MT_IDS_BATCH;
        for (size_t i = 0; i < some; i++)
            keys[i] = pair_key(done + i, numbers[done + i]);
        mt_code code = mt_ids_of(analysis->pairs, keys, some, pairs, error);
        if (code)
            return code;
        for (size_t i = 0; i < some; i++)
            if (pairs[i] < new_from)
                count_repeated(analysis, pairs[i]);
            else
                ((uint32_t *)analysis->first_row.data)[pairs[i]] = (uint32_t)analysis->row_count;
    }
    return MT_OK;
}

/* Numbers the request's ids and their pairs; counts what is repeated, and the leading ids that were
 * seen in earlier requests. */
static mt_code add_ids(mt_analysis *analysis, const uint64_t *hash_ids, mt_error *error) {
    row *here = &analysis->rows[analysis->row_count];
    uint64_t new_from = mt_numbering_count(analysis->ids);
    const uint64_t *numbers = mt_numbering_of(analysis->ids, hash_ids, here->blocks, error);
    if (!numbers)
        return mt_code_of(error);
    if (!analysis->pairs) {
        if (add_plain(analysis, numbers, new_from))
            return MT_OK;
        analysis->pairs = mt_ids_of_known(new_from, key_of, analysis->positions.data, error);
        if (!analysis->pairs)
            return mt_code_of(error);
        mt_big_free(&analysis->positions);
    }
    while (here->hits < here->blocks && numbers[here->hits] < new_from)
        here->hits++;
    return add_pairs(analysis, numbers, error);
}

mt_code mt_analysis_check(const mt_analysis *analysis, const mt_request *request, mt_error *error) {
    return mt_check_request(request, analysis->block_size, !analysis->allows_no_output,
                            "the analysis", error);
}

mt_code mt_analysis_add(mt_analysis *analysis, const mt_request *request, mt_error *error) {
    mt_code code = mt_analysis_check(analysis, request, error);
    size_t blocks = request->has & MT_HAS_HASH_IDS ? request->hash_count : 0;
    if (code || (code = mt_poll_interrupt(error)) || (code = make_room(analysis, blocks, error)))
        return code;
    analysis->rows[analysis->row_count] = (row){.input_length = request->input_length,
                                                .output_length = request->output_length,
                                                .blocks = (uint32_t)blocks,
                                                .has = request->has};
    if (blocks > 0 && (code = add_ids(analysis, request->hash_ids, error)))
        return code;
    mt_assert(analysis->rows[analysis->row_count].hits <= blocks);
    mt_assert(analysis->rows[analysis->row_count].repeated <= blocks);
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
    *value = 0;
    switch (metric) {
    case MT_METRIC_INPUT_LENGTH:
        *value = (double)request->input_length;
        return 1;
    case MT_METRIC_OUTPUT_LENGTH:
        *value = (double)request->output_length;
        return (request->has & MT_HAS_OUTPUT_LENGTH) != 0;
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
    return request->blocks > 0;
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

/* Different ones of `draws` drawn from so many, on average. */
static double expected_distinct(double contents, double draws) {
    return -contents * expm1(-draws / contents);
}

/* From how many one draws to have so many different ones of `draws`: by halving. */
static double contents_of(double draws, double distinct) {
    double low = distinct, high = draws * draws + 1;
    for (int i = 0; i < 100; i++) {
        double middle = 0.5 * (low + high);
        if (expected_distinct(middle, draws) < distinct)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Prompts of at least so many blocks, and how many of them begin with so many that none before had;
 * the same of the first half of them. */
typedef struct beginnings {
    double count, distinct, half_count, half_distinct;
} beginnings;

static beginnings count_beginnings(const mt_analysis *analysis, uint32_t blocks) {
    beginnings all = {0}, half;
    double of_all = 0;
    for (int pass = 0; pass < 2; pass++) {
        half = all;
        all = (beginnings){0};
        for (size_t i = 0; i < analysis->row_count; i++) {
            const row *one = &analysis->rows[i];
            if (one->blocks < blocks || one->has & MT_HAS_SESSION)
                continue;
            if (pass == 1 && all.count >= of_all / 2)
                break;
            all.count++;
            all.distinct += one->hits < blocks;
        }
        of_all = all.count;
    }
    return (beginnings){half.count, half.distinct, all.count, all.distinct};
}

double mt_analysis_drawn_from(const mt_analysis *analysis) {
    enum { ENOUGH = 20, DEVIATIONS = 4, MANY = 500, FEW = 20 };
    beginnings one = count_beginnings(analysis, 1), two = count_beginnings(analysis, 2);
    double again = one.count - one.distinct;
    if (again < ENOUGH || one.distinct < FEW)
        return 0;
    double contents = contents_of(one.count, one.distinct);
    double half = expected_distinct(contents, one.half_count);
    double pairs = expected_distinct(contents * contents, two.count);
    double pairs_again = two.count - two.distinct;
    /* Counts of what comes again vary about as Poisson's, and the number of contents with them. */
    double half_again = one.half_count - half;
    double half_bound = DEVIATIONS * sqrt(half_again + half_again * half_again / again) + 1;
    double expected_again = two.count - pairs, relative = 2 / sqrt(again);
    double pair_bound =
        DEVIATIONS * sqrt(expected_again * (1 + relative * relative * expected_again)) + 2;
    int is_plain = contents >= MANY || expected_again >= ENOUGH;
    return is_plain && fabs(one.half_distinct - half) <= half_bound &&
                   fabs(pairs_again - expected_again) <= pair_bound
               ? contents
               : 0;
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
    for (int which = 0;
         which <= MT_METRIC_THEORETICAL_HIT_RATE && !(code = mt_poll_interrupt(error)); which++)
        mt_summarise(values, mt_analysis_values(analysis, (mt_metric)which, values),
                     summaries[which]);
    mt_free(values);
    return code;
}
