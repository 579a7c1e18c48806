#include "drive/measure/results.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double gap_unit_ms = 1e-4; /* of mt_exchange.gaps */

void mt_results_begin(mt_results *results, const mt_objective *objectives, size_t count) {
    *results = (mt_results){.objectives = objectives,
                            .objective_count = count,
                            .first_begun_ns = MT_NEVER,
                            .last_answer_ns = MT_NEVER,
                            .first_due_ns = MT_NEVER,
                            .last_due_ns = MT_NEVER,
                            .last_sent_ns = MT_NEVER};
}

static void note_earliest(int64_t *earliest, int64_t moment) {
    if (moment != MT_NEVER && (*earliest == MT_NEVER || moment < *earliest))
        *earliest = moment;
}

static void note_latest(int64_t *latest, int64_t moment) {
    if (moment != MT_NEVER && moment > *latest) /* MT_NEVER is below all */
        *latest = moment;
}

/* ---- counting --------------------------------------------------------------------------------- */

static mt_code count_failure(mt_results *results, int failure, int status, mt_span text,
                             uint64_t count, mt_error *error) {
    int has_status = failure == MT_FAILURE_STATUS || failure == MT_FAILURE_OVERLOAD;
    status = has_status ? status : 0;
    for (size_t i = 0; i < results->failure_count; i++)
        if (results->failures[i].failure == failure && results->failures[i].status == status) {
            results->failures[i].count += count;
            return MT_OK;
        }
    if (mt_reserve((void **)&results->failures, &results->failure_capacity,
                   results->failure_count + 1, sizeof *results->failures) != 0)
        return mt_fail_memory(error, "failures");
    mt_failure_count *one = &results->failures[results->failure_count++];
    *one = (mt_failure_count){.failure = failure, .status = status, .count = count};
    mt_quote(text.text, text.length, one->text, sizeof one->text);
    return MT_OK;
}

void mt_results_describe(const mt_exchange *exchange, const mt_asked *asked,
                         mt_request_outcome *counted) {
    int is_done = exchange->failure == MT_FAILURE_NONE;
    int has_broken_off = !is_done && exchange->contents > 0;
    int is_stream = (exchange->noted & MT_WAS_STREAM) != 0;
    int says_cached = exchange->cached_tokens >= 0 && exchange->prompt_tokens >= 0;
    int says_prompt = is_done && exchange->prompt_tokens >= 0;
    *counted = (mt_request_outcome){
        .failure = exchange->failure,
        .status = exchange->status,
        .text = {exchange->text, strlen(exchange->text)},
        .was_resent = (exchange->noted & MT_WAS_RESENT) != 0,
        .is_flagged = is_stream && !(exchange->noted & MT_SAW_DONE),
        .has_usage = mt_usage_is_said(exchange),
        .output_tokens = (double)mt_answer_tokens(exchange),
        .input_tokens = (double)(says_prompt ? (uint64_t)exchange->prompt_tokens : asked->input),
        .prompt_tokens = says_cached ? (double)exchange->prompt_tokens : NAN,
        .cached_tokens = says_cached ? (double)exchange->cached_tokens : NAN,
        .due_ns = exchange->due_ns,
        .begun_ns = exchange->begun_ns,
        .sent_ns = exchange->sent_ns,
        .last_ns = is_stream ? exchange->last_content_ns : exchange->end_ns,
        .stood_from_ns = has_broken_off ? exchange->last_content_ns : MT_NEVER,
        .stood_until_ns = has_broken_off ? exchange->end_ns : MT_NEVER,
        .gaps = exchange->gaps,
        .gap_count = exchange->gaps ? exchange->gap_count : 0};
    for (int i = 0; i < MT_MEASURES; i++) {
        double *value = &counted->values[i];
        if (!(is_done || mt_measures[i].also_failed) || !mt_measures[i].of(exchange, asked, value))
            *value = NAN;
    }
}

/* An answer of fewer than two tokens has no times between them. */
static int may_lack(const mt_request_outcome *counted, int metric) {
    return (metric == MT_MEASURE_BETWEEN || metric == MT_MEASURE_SECOND) &&
           (counted->output_tokens < 2 || counted->values[MT_MEASURE_OUTPUT_TOKENS] < 2);
}

static int is_good(const mt_results *results, const mt_request_outcome *counted) {
    for (size_t i = 0; i < results->objective_count; i++) {
        const mt_objective *objective = &results->objectives[i];
        double value = counted->values[objective->metric];
        if (isnan(value) ? !may_lack(counted, objective->metric) : value > objective->limit)
            return 0;
    }
    return 1;
}

/* Whether an objective before place i is of this metric. */
static int is_named_before(const mt_results *results, size_t i, int metric) {
    while (i > 0)
        if (results->objectives[--i].metric == metric)
            return 1;
    return 0;
}

static void count_lacking(mt_results *results, const mt_request_outcome *counted) {
    for (size_t i = 0; i < results->objective_count; i++) {
        int metric = results->objectives[i].metric;
        if (isnan(counted->values[metric]) && !may_lack(counted, metric) &&
            !is_named_before(results, i, metric))
            results->lacking[metric]++;
    }
}

static mt_code add_gaps(mt_results *results, const mt_request_outcome *counted, mt_error *error) {
    if (counted->gap_count == 0)
        return MT_OK;
    if (!results->gaps && !(results->gaps = mt_allocate_zero(1, sizeof *results->gaps)))
        return mt_fail_memory(error, "gaps between chunks");
    for (uint32_t i = 0; i < counted->gap_count; i++)
        mt_log_histogram_add(results->gaps, counted->gaps[i] * gap_unit_ms);
    return MT_OK;
}

static void add_done(mt_results *results, const mt_request_outcome *counted) {
    results->done++;
    results->good += (uint64_t)is_good(results, counted);
    count_lacking(results, counted);
    results->output_tokens += counted->output_tokens;
    results->input_tokens += counted->input_tokens;
    results->usage_said += counted->has_usage != 0;
    if (!isnan(counted->cached_tokens)) {
        results->cached_said++;
        results->cached_tokens += counted->cached_tokens;
        results->prompt_tokens += counted->prompt_tokens;
    }
    results->flagged += counted->is_flagged != 0;
    note_earliest(&results->first_begun_ns, counted->begun_ns);
    note_latest(&results->last_answer_ns, counted->last_ns);
}

static mt_code add_outcome(mt_results *results, const mt_request_outcome *counted,
                           mt_error *error) {
    results->due++;
    results->resent += counted->was_resent != 0;
    note_earliest(&results->first_due_ns, counted->due_ns);
    note_latest(&results->last_due_ns, counted->due_ns);
    note_latest(&results->last_sent_ns, counted->sent_ns);
    if (counted->due_ns != MT_NEVER && counted->begun_ns != MT_NEVER)
        note_latest(&results->longest_late_ns, counted->begun_ns - counted->due_ns);
    if (counted->failure == MT_FAILURE_NONE) {
        add_done(results, counted);
        return MT_OK;
    }
    if (counted->failure == MT_FAILURE_NOT_SENT)
        results->not_sent++;
    else if (counted->failure >= MT_FAILURE_CANCELLED_AFTER)
        results->cancelled++;
    else
        results->failed++;
    results->failed_input += counted->input_tokens;
    return count_failure(results, counted->failure, counted->status, counted->text, 1, error);
}

mt_code mt_results_count(mt_results *results, const mt_request_outcome *counted, mt_error *error) {
    mt_code code = add_outcome(results, counted, error);
    for (int i = 0; code == MT_OK && i < MT_MEASURES; i++)
        if (!isnan(counted->values[i]))
            code = mt_sample_add(&results->samples[i], counted->values[i], error);
    int is_done = counted->failure == MT_FAILURE_NONE;
    return code == MT_OK && is_done ? add_gaps(results, counted, error) : code;
}

void mt_results_count_ended(mt_results *results, const mt_request_outcome *counted,
                            int64_t start_ns, int64_t begin_ns, int64_t end_ns) {
    mt_ended *ended = &results->ended;
    if (counted->failure != MT_FAILURE_NONE || counted->last_ns == MT_NEVER)
        return;
    int64_t last_ns = counted->last_ns - start_ns;
    if (last_ns >= begin_ns && last_ns < end_ns) {
        ended->done++;
        ended->good += (uint64_t)is_good(results, counted);
        ended->output_tokens += counted->output_tokens;
        ended->input_tokens += counted->input_tokens;
    }
    if (counted->begun_ns == MT_NEVER)
        return;
    int64_t from_ns = counted->begun_ns - start_ns;
    from_ns = from_ns > begin_ns ? from_ns : begin_ns;
    last_ns = last_ns < end_ns ? last_ns : end_ns;
    ended->in_flight_ns += last_ns > from_ns ? last_ns - from_ns : 0;
}

mt_code mt_results_add(mt_results *results, const mt_exchange *exchange, const mt_asked *asked,
                       mt_error *error) {
    mt_request_outcome counted;
    mt_results_describe(exchange, asked, &counted);
    return mt_results_count(results, &counted, error);
}

mt_code mt_results_merge(mt_results *results, const mt_results *other, mt_error *error) {
    mt_code code = MT_OK;
    for (int i = 0; code == MT_OK && i < MT_MEASURES; i++)
        code = mt_sample_merge(&results->samples[i], &other->samples[i], error);
    for (size_t i = 0; code == MT_OK && i < other->failure_count; i++) {
        const mt_failure_count *one = &other->failures[i];
        mt_span text = {one->text, strlen(one->text)};
        code = count_failure(results, one->failure, one->status, text, one->count, error);
    }
    if (code == MT_OK && other->gaps) {
        if (!results->gaps && !(results->gaps = mt_allocate_zero(1, sizeof *results->gaps)))
            return mt_fail_memory(error, "gaps between chunks");
        mt_log_histogram_merge(results->gaps, other->gaps);
    }
    results->due += other->due;
    results->done += other->done;
    results->failed += other->failed;
    results->cancelled += other->cancelled;
    results->not_sent += other->not_sent;
    results->good += other->good;
    for (int i = 0; i < MT_MEASURES; i++)
        results->lacking[i] += other->lacking[i];
    results->resent += other->resent;
    results->flagged += other->flagged;
    results->usage_said += other->usage_said;
    results->cached_said += other->cached_said;
    results->prompt_tokens += other->prompt_tokens;
    results->cached_tokens += other->cached_tokens;
    results->output_tokens += other->output_tokens;
    results->input_tokens += other->input_tokens;
    results->failed_input += other->failed_input;
    note_earliest(&results->first_begun_ns, other->first_begun_ns);
    note_latest(&results->last_answer_ns, other->last_answer_ns);
    note_earliest(&results->first_due_ns, other->first_due_ns);
    note_latest(&results->last_due_ns, other->last_due_ns);
    note_latest(&results->last_sent_ns, other->last_sent_ns);
    note_latest(&results->longest_late_ns, other->longest_late_ns);
    results->ended.done += other->ended.done;
    results->ended.good += other->ended.good;
    results->ended.output_tokens += other->ended.output_tokens;
    results->ended.input_tokens += other->ended.input_tokens;
    results->ended.in_flight_ns += other->ended.in_flight_ns;
    return code;
}

void mt_results_free(mt_results *results) {
    for (int i = 0; i < MT_MEASURES; i++)
        mt_sample_free(&results->samples[i]);
    mt_free(results->gaps);
    mt_free(results->failures);
    mt_results_begin(results, NULL, 0);
}

const char *mt_results_failure_name(int failure, int status, char *name) {
    if (failure == MT_FAILURE_STATUS && status > 0)
        snprintf(name, 32, "status_%d", status);
    else if (failure == MT_FAILURE_OVERLOAD && status > 0)
        snprintf(name, 32, "overload_%d", status);
    else
        snprintf(name, 32, "%s", mt_failure_name((mt_failure)failure));
    return name;
}
