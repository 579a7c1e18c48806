#include "prefix/analysis/analysis_state.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "prefix/block/check.h"

#include <math.h>

mt_analysis *mt_analysis_new(uint64_t block_size, mt_error *error) {
    if (block_size == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "block size must be at least 1"));
    mt_analysis *analysis = mt_new(sizeof *analysis, "analysis", error);
    if (!analysis)
        return NULL;
    analysis->block_size = block_size;
    return analysis;
}

void mt_analysis_allow_no_output(mt_analysis *analysis) {
    analysis->allows_no_output = 1;
}

void mt_analysis_share(mt_analysis *analysis, const mt_locality *locality) {
    mt_assert(analysis->row_count == 0);
    analysis->locality = locality;
}

void mt_analysis_seal(mt_analysis *analysis) {
    if (analysis->is_sealed)
        return;
    analysis->sealed_pairs = mt_analysis_pairs(analysis);
    analysis->is_sealed = 1;
    mt_analysis_free_pairs(analysis);
}

void mt_analysis_free(mt_analysis *analysis) {
    if (!analysis)
        return;
    mt_analysis_free_pairs(analysis);
    mt_free(analysis->rows);
    mt_free(analysis);
}

/* Room for one more request of `blocks` blocks. */
static mt_code make_room(mt_analysis *analysis, size_t blocks, mt_error *error) {
    if (analysis->is_sealed)
        return mt_fail(error, MT_ERROR_VALUE, "the analysis takes no more requests");
    if (analysis->row_count + 1 >= UINT32_MAX || blocks > UINT32_MAX)
        return mt_fail(error, MT_ERROR_VALUE, "too many requests or blocks for one analysis");
    if (MT_GROW(analysis->rows, analysis->row_capacity, analysis->row_count + 1))
        return mt_fail_memory(error, "analysis");
    return MT_OK;
}

mt_code mt_analysis_check(const mt_analysis *analysis, const mt_request *request, mt_error *error) {
    return mt_check_request(request, analysis->block_size, !analysis->allows_no_output,
                            "the analysis", error);
}

mt_code mt_analysis_add(mt_analysis *analysis, const mt_request *request, mt_error *error) {
    size_t blocks = request->has & MT_HAS_HASH_IDS ? request->hash_count : 0;
    mt_code code = mt_poll_interrupt(error);
    if (code || (code = make_room(analysis, blocks, error)))
        return code;
    analysis->rows[analysis->row_count] = (mt_analysis_row){.input_length = request->input_length,
                                                            .output_length = request->output_length,
                                                            .blocks = (uint32_t)blocks,
                                                            .has = request->has};
    if (blocks > 0 && (code = mt_analysis_add_ids(analysis, request->hash_ids, error)))
        return code;
    mt_assert(analysis->rows[analysis->row_count].hits <= blocks);
    mt_assert(analysis->rows[analysis->row_count].repeated <= blocks);
    analysis->row_count++;
    analysis->blocks += blocks;
    return MT_OK;
}

static uint64_t context_length(const mt_analysis *analysis, const mt_analysis_row *request) {
    if (request->repeated == request->blocks)
        return request->input_length;
    return request->repeated * analysis->block_size;
}

/* Does the request have a value? It is in *value then. */
static int value_of(const mt_analysis *analysis, const mt_analysis_row *request, mt_metric metric,
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
            const mt_analysis_row *one = &analysis->rows[i];
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
    result->distinct_pairs = mt_analysis_pairs(analysis);
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
