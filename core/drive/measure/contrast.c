#include "drive/measure/contrast.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "drive/measure/contrast_units.h"
#include "stats/bootstrap.h"

#include <math.h>
#include <string.h>

enum { MOST = MT_BOOTSTRAP_BLOCKS, RESAMPLES = MT_BOOTSTRAP_RESAMPLES };
static const double level = 0.95;

/* What is summed in each block. */
enum { DUE, DONE, BAD, GOOD, OUTPUT, TOKENS, CACHED, PROMPT, SECONDS, SUMS };

typedef double block_sums[SUMS][MOST];

const mt_contrast_rate mt_contrast_rates[MT_CONTRAST_RATES] = {
    {"request_throughput", 1, DONE, SECONDS},
    {"output_token_throughput", 1, OUTPUT, SECONDS},
    {"total_token_throughput", 1, TOKENS, SECONDS},
    {"goodput", 1, GOOD, SECONDS},
    {"error_rate", 0, BAD, DUE},
    {"hit_ratio", 0, CACHED, PROMPT},
};

/* A run. */
typedef struct side {
    const mt_run_requests *requests;
    mt_unit_rows units;
    block_sums by_block, by_time;
    mt_log_histogram *gaps[MOST]; /* NULL: none in the block */
    uint64_t gap_count;
    const mt_resamples *resamples;
    mt_contrast_window window;
} side;

struct mt_contrast {
    mt_contrast_basis basis;
    side sides[2];
    mt_resamples resamples[2]; /* the second is empty where runs are paired */
    double *replicates;        /* RESAMPLES of each statistic */
};

/* ---- sums ---- */

/* A request that was answered. */
typedef struct answer {
    int64_t begun_ns, last_ns; /* MT_NEVER where it was not */
    double output, tokens, good;
} answer;

/* Ready to count one request more, apart from those before. */
static void forget(mt_results *results) {
    for (int m = 0; m < MT_MEASURES; m++)
        results->samples[m].count = 0;
    results->due = results->done = results->failed = results->cancelled = results->not_sent = 0;
    results->good = 0;
    results->output_tokens = results->input_tokens = 0;
    results->cached_tokens = results->prompt_tokens = 0;
    results->first_begun_ns = results->last_answer_ns = MT_NEVER;
    results->failure_count = 0;
    results->gaps = NULL;
}

static void add_to_block(side *self, uint32_t block, const mt_results *one) {
    double(*sums)[MOST] = self->by_block;
    sums[DUE][block] += (double)one->due;
    sums[BAD][block] += (double)(one->failed + one->cancelled + one->not_sent);
    sums[CACHED][block] += one->cached_tokens;
    sums[PROMPT][block] += one->prompt_tokens;
}

/* Counts each row as the run itself did. */
static mt_code count_rows(side *self, mt_results *one, answer *answers, mt_error *error) {
    for (size_t i = 0; i < self->units.count; i++) {
        const mt_unit_row *row = &self->units.rows[i];
        forget(one);
        one->gaps = self->gaps[row->block];
        mt_code code = mt_results_add_row(one, self->requests, row->row, error);
        self->gaps[row->block] = one->gaps;
        one->gaps = NULL;
        if (code == MT_OK && i % 1024 == 0)
            code = mt_poll_interrupt(error);
        if (code != MT_OK)
            return code;
        add_to_block(self, row->block, one);
        answers[i] = (answer){one->first_begun_ns, one->last_answer_ns, one->output_tokens,
                              one->output_tokens + one->input_tokens, (double)one->good};
    }
    return MT_OK;
}

/* Cuts the time from the first request to the last answer into as many stretches as there are
 * blocks. */
static void sum_by_time(side *self, const answer *answers) {
    int64_t first = MT_NEVER, last = MT_NEVER;
    for (size_t i = 0; i < self->units.count; i++) {
        const answer *one = &answers[i];
        if (one->last_ns == MT_NEVER || one->begun_ns == MT_NEVER)
            continue;
        first = first == MT_NEVER || one->begun_ns < first ? one->begun_ns : first;
        last = last == MT_NEVER || one->last_ns > last ? one->last_ns : last;
    }
    double(*sums)[MOST] = self->by_time, blocks = self->units.blocks;
    if (last <= first)
        return;
    for (size_t i = 0; i < self->units.count; i++) {
        const answer *one = &answers[i];
        if (one->last_ns == MT_NEVER || one->begun_ns == MT_NEVER)
            continue;
        double share = (double)(one->last_ns - first) / (double)(last - first);
        uint32_t block = share < 1 ? (uint32_t)(share * blocks) : self->units.blocks - 1;
        sums[DONE][block]++;
        sums[GOOD][block] += one->good;
        sums[OUTPUT][block] += one->output;
        sums[TOKENS][block] += one->tokens;
    }
    for (uint32_t k = 0; k < self->units.blocks; k++)
        sums[SECONDS][k] = (double)(last - first) / 1e9 / blocks;
}

/* The same of a window, and of all that ended in it. `s`: which run it is. */
static void sum_over_window(side *self, int s, const mt_contrast_options *options,
                            mt_results *one) {
    const mt_contrast_window *window = &self->window;
    double(*sums)[MOST] = self->by_time, blocks = self->units.blocks;
    double length = (double)(window->end_ns - window->begin_ns);
    for (size_t i = 0; i < self->requests->count; i++) {
        mt_request_outcome counted;
        if (self->requests->rows[i].phase == MT_PHASE_WARMUP ||
            !mt_contrast_is_asked_for(self->requests, i, s, options))
            continue;
        mt_run_requests_describe(self->requests, i, &counted);
        one->ended = (mt_ended){0};
        int64_t apart_ns = window->is_of_parts ? mt_run_requests_apart(self->requests, i) : 0;
        mt_results_count_ended(one, &counted, apart_ns, window->begin_ns, window->end_ns);
        if (one->ended.done == 0)
            continue;
        double share = (double)(counted.last_ns - apart_ns - window->begin_ns) / length;
        uint32_t block = share < 1 ? (uint32_t)(share * blocks) : self->units.blocks - 1;
        sums[DONE][block]++;
        sums[GOOD][block] += (double)one->ended.good;
        sums[OUTPUT][block] += one->ended.output_tokens;
        sums[TOKENS][block] += one->ended.output_tokens + one->ended.input_tokens;
    }
    for (uint32_t k = 0; k < self->units.blocks; k++)
        sums[SECONDS][k] = length / 1e9 / blocks;
}

static mt_code sum_up(side *self, int s, const mt_contrast_options *options, mt_error *error) {
    mt_results one = {0};
    answer *answers = mt_allocate(self->units.count, sizeof *answers);
    if (!answers)
        return mt_fail_memory(error, "comparing runs");
    mt_results_begin(&one, options->objectives, options->objective_count);
    mt_code code = count_rows(self, &one, answers, error);
    if (code == MT_OK && self->window.begin_ns < self->window.end_ns)
        sum_over_window(self, s, options, &one);
    else if (code == MT_OK)
        sum_by_time(self, answers);
    for (uint32_t k = 0; k < MOST; k++)
        self->gap_count += self->gaps[k] ? self->gaps[k]->count : 0;
    mt_results_free(&one);
    mt_free(answers);
    return code;
}

/* ---- the pair ---- */

static mt_code fill(mt_contrast *self, const mt_contrast_options *options, mt_error *error) {
    const mt_run_requests *const runs[2] = {self->sides[0].requests, self->sides[1].requests};
    mt_contrast_basis *basis = &self->basis;
    mt_unit_rows units[2] = {{0}};
    mt_code code = mt_contrast_units(runs, options, units, &basis->by_session, &basis->matched,
                                     &basis->is_paired, error);
    for (int s = 0; s < 2; s++) {
        self->sides[s].units = units[s];
        basis->units[s] = units[s].units;
        basis->blocks[s] = units[s].blocks;
    }
    for (int s = 0; code == MT_OK && s < 2; s++) {
        int drawn = basis->is_paired ? 0 : s;
        self->sides[s].window = options->windows[s];
        code = sum_up(&self->sides[s], s, options, error);
        if (code == MT_OK && drawn == s)
            code = mt_resamples_draw(&self->resamples[s], units[s].blocks, options->seed,
                                     s == 0 ? "first" : "second", error);
        self->sides[s].resamples = &self->resamples[drawn];
    }
    if (code == MT_OK &&
        !(self->replicates =
              mt_allocate((size_t)RESAMPLES * MT_CONTRAST_STATISTICS, sizeof *self->replicates)))
        code = mt_fail_memory(error, "comparing runs");
    return code;
}

mt_contrast *mt_contrast_new(const mt_run_requests *first, const mt_run_requests *second,
                             const mt_contrast_options *options, mt_error *error) {
    static const mt_contrast_options plain = {0};
    mt_contrast *self = mt_new(sizeof *self, "comparing runs", error);
    if (!self)
        return NULL;
    self->sides[0].requests = first;
    self->sides[1].requests = second;
    if (fill(self, options ? options : &plain, error) != MT_OK) {
        mt_contrast_free(self);
        return NULL;
    }
    return self;
}

void mt_contrast_free(mt_contrast *contrast) {
    if (!contrast)
        return;
    for (int s = 0; s < 2; s++) {
        for (int k = 0; k < MOST; k++)
            mt_free(contrast->sides[s].gaps[k]);
        mt_free(contrast->sides[s].units.rows);
        mt_resamples_free(&contrast->resamples[s]);
    }
    mt_free(contrast->replicates);
    mt_free(contrast);
}

const mt_contrast_basis *mt_contrast_basis_of(const mt_contrast *contrast) {
    return &contrast->basis;
}

/* ---- differences ---- */

/* Fills `values` with so many statistics of a run, or of a resample of it (times NULL: of itself). */
typedef void statistics(const side *self, int which, const void *what, const uint16_t *times,
                        double *values);

static const uint16_t *times_of(const side *self, uint32_t resample) {
    return self->resamples->times + (size_t)resample * self->resamples->blocks;
}

static uint32_t fewest_blocks(const mt_contrast *self) {
    const uint32_t *blocks = self->basis.blocks;
    return blocks[0] < blocks[1] ? blocks[0] : blocks[1];
}

static mt_code differ(mt_contrast *self, statistics *of, const void *what, int count,
                      mt_difference *differences, mt_error *error) {
    double values[2][MT_CONTRAST_STATISTICS];
    for (int s = 0; s < 2; s++)
        of(&self->sides[s], s, what, NULL, values[s]);
    for (int k = 0; k < count; k++)
        differences[k] = (mt_difference){values[0][k], values[1][k], NAN, NAN};
    if (fewest_blocks(self) < MT_BOOTSTRAP_FEWEST)
        return MT_OK;
    for (uint32_t i = 0; i < RESAMPLES; i++) {
        for (int s = 0; s < 2; s++)
            of(&self->sides[s], s, what, times_of(&self->sides[s], i), values[s]);
        for (int k = 0; k < count; k++)
            self->replicates[(size_t)k * RESAMPLES + i] = values[1][k] - values[0][k];
    }
    for (int k = 0; k < count; k++)
        mt_bootstrap_interval(self->replicates + (size_t)k * RESAMPLES, RESAMPLES,
                              fewest_blocks(self), level, &differences[k].low,
                              &differences[k].high);
    return mt_poll_interrupt(error);
}

/* A metric: percentiles of its values, and sums and counts of each block for the mean. */
typedef struct metric_values {
    mt_blocked *blocked[2];
    double sums[2][MOST], counts[2][MOST];
} metric_values;

static void metric_statistics(const side *self, int which, const void *what, const uint16_t *times,
                              double *values) {
    const metric_values *metric = what;
    values[0] = mt_ratio_of(metric->sums[which], metric->counts[which], self->units.blocks, times);
    for (int i = 0; i < MT_PERCENTILES; i++)
        values[1 + i] = mt_blocked_percentile(metric->blocked[which], times, mt_percentiles[i]);
}

static mt_code take_values(const side *self, int which, int number, metric_values *metric,
                           mt_error *error) {
    size_t count = self->units.count;
    float *values = mt_allocate(count, sizeof *values);
    uint32_t *block_of = mt_allocate(count, sizeof *block_of);
    for (size_t i = 0; values && block_of && i < count; i++) {
        const mt_unit_row *row = &self->units.rows[i];
        double value = mt_run_requests_metric(self->requests, row->row, number);
        values[i] = (float)value;
        block_of[i] = row->block;
        if (isnan(value))
            continue;
        metric->sums[which][row->block] += value;
        metric->counts[which][row->block]++;
    }
    if (values && block_of)
        metric->blocked[which] = mt_blocked_new(values, block_of, count, self->units.blocks, error);
    else
        mt_fail_memory(error, "comparing runs");
    mt_free(values);
    mt_free(block_of);
    return metric->blocked[which] ? MT_OK : mt_code_of(error);
}

/* What there is of something that a run does not have. */
static void none(uint64_t *counts, mt_difference *differences) {
    counts[0] = counts[1] = 0;
    for (int k = 0; k < MT_CONTRAST_STATISTICS; k++)
        differences[k] = (mt_difference){NAN, NAN, NAN, NAN};
}

mt_code mt_contrast_metric(mt_contrast *contrast, int metric, uint64_t *counts,
                           mt_difference *differences, mt_error *error) {
    mt_error own;
    metric_values values = {0};
    mt_code code = MT_OK;
    error = error ? error : &own;
    none(counts, differences);
    if (!contrast->sides[0].requests->metrics[metric] ||
        !contrast->sides[1].requests->metrics[metric])
        return MT_OK;
    for (int s = 0; code == MT_OK && s < 2; s++) {
        code = take_values(&contrast->sides[s], s, metric, &values, error);
        counts[s] = code == MT_OK ? mt_blocked_count(values.blocked[s]) : 0;
    }
    if (code == MT_OK)
        code = differ(contrast, metric_statistics, &values, MT_CONTRAST_STATISTICS, differences,
                      error);
    for (int s = 0; s < 2; s++)
        mt_blocked_free(values.blocked[s]);
    return code;
}

static void gap_statistics(const side *self, int which, const void *what, const uint16_t *times,
                           double *values) {
    mt_log_histogram *all = (mt_log_histogram *)what;
    (void)which;
    memset(all, 0, sizeof *all);
    for (uint32_t k = 0; k < self->units.blocks; k++)
        for (uint16_t taken = 0; self->gaps[k] && taken < (times ? times[k] : 1); taken++)
            mt_log_histogram_merge(all, self->gaps[k]);
    values[0] = all->count > 0 ? all->mean : (double)NAN;
    for (int i = 0; i < MT_PERCENTILES; i++)
        values[1 + i] = mt_log_histogram_percentile(all, mt_percentiles[i]);
}

mt_code mt_contrast_gaps(mt_contrast *contrast, uint64_t *counts, mt_difference *differences,
                         mt_error *error) {
    none(counts, differences);
    if (contrast->sides[0].gap_count == 0 || contrast->sides[1].gap_count == 0)
        return MT_OK;
    mt_log_histogram *all = mt_new(sizeof *all, "comparing runs", error);
    if (!all)
        return MT_ERROR_MEMORY;
    for (int s = 0; s < 2; s++)
        counts[s] = contrast->sides[s].gap_count;
    mt_code code =
        differ(contrast, gap_statistics, all, MT_CONTRAST_STATISTICS, differences, error);
    mt_free(all);
    return code;
}

static void rate_statistics(const side *self, int which, const void *what, const uint16_t *times,
                            double *values) {
    const mt_contrast_rate *rate = what;
    const block_sums *sums = rate->over_time ? &self->by_time : &self->by_block;
    (void)which;
    values[0] = mt_ratio_of((*sums)[rate->above], (*sums)[rate->below], self->units.blocks, times);
}

mt_code mt_contrast_of_rate(mt_contrast *contrast, const mt_contrast_rate *rate,
                            mt_difference *difference, mt_error *error) {
    return differ(contrast, rate_statistics, rate, 1, difference, error);
}
