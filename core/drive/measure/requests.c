#include "drive/measure/requests.h"

#include "base/memory.h"
#include "text/json_items.h"

#include <math.h>
#include <string.h>

mt_span mt_run_requests_text(const mt_run_requests *requests, uint32_t number) {
    return number == 0 ? (mt_span){"", 0} : mt_texts_get(&requests->texts, number - 1);
}

mt_span mt_run_requests_member(const mt_run_requests *requests, size_t i, const char *name,
                               char text[MT_ENDPOINT_ROOM]) {
    const mt_run_request *row = &requests->rows[i];
    if (mt_is_by_endpoint(name))
        return mt_endpoint_text(row->endpoint, text);
    if (strcmp(name, "session_id") == 0)
        return mt_run_requests_text(requests, row->session);
    mt_span fields = mt_run_requests_text(requests, row->fields);
    mt_json json = {fields.text, fields.text + fields.length, NULL};
    mt_json_items items;
    mt_json_item item;
    mt_json_items_bare(&items, &json);
    while (fields.length > 0 && mt_json_items_next(&items, &item) > 0)
        if (mt_json_named(&item, name))
            return item.value;
    return (mt_span){"", 0};
}

double mt_run_requests_metric(const mt_run_requests *requests, size_t i, int metric) {
    return requests->metrics[metric] ? requests->metrics[metric][i] : NAN;
}

/* The end of the answer: as far from its beginning as its latency says, to the nanosecond; else
 * when the request ended. */
static int64_t last_of(const mt_run_request *row, const double *values) {
    static const double most = 1e12; /* ms: no answer takes 30 years */
    double latency = values[MT_MEASURE_LATENCY];
    if (row->begun_ns == MT_NEVER || isnan(latency) || fabs(latency) > most)
        return row->end_ns;
    return row->begun_ns + llround(latency * 1e6);
}

/* Whether the server counted the prompt: where the plan has a length, the difference says so. */
static int counts_prompt(const double *values) {
    return !isnan(values[MT_MEASURE_INPUT]) &&
           (isnan(values[MT_MEASURE_WANTED_INPUT]) || !isnan(values[MT_MEASURE_INPUT_DIFFERENCE]));
}

static double or_zero(double value) {
    return isnan(value) ? 0 : value;
}

void mt_run_requests_describe(const mt_run_requests *requests, size_t i,
                              mt_request_outcome *counted) {
    const mt_run_request *row = &requests->rows[i];
    *counted = (mt_request_outcome){.failure = row->failure,
                                    .status = row->status,
                                    .text = mt_run_requests_text(requests, row->message),
                                    .was_resent = row->was_resent,
                                    .has_usage = row->usage_said,
                                    .prompt_tokens = NAN,
                                    .cached_tokens = NAN,
                                    .due_ns = row->due_ns,
                                    .begun_ns = row->begun_ns,
                                    .sent_ns = row->sent_ns,
                                    .stood_from_ns = row->chunk_ns,
                                    .stood_until_ns = row->end_ns,
                                    .gaps = row->gap_count > 0 ? requests->gaps + row->gap : NULL,
                                    .gap_count = row->gap_count};
    double *values = counted->values;
    for (int m = 0; m < MT_MEASURES; m++)
        values[m] = mt_run_requests_metric(requests, i, m);
    int is_done = row->failure == MT_FAILURE_NONE;
    double input = values[MT_MEASURE_INPUT], output = values[MT_MEASURE_OUTPUT],
           cached = values[MT_MEASURE_CACHED];
    /* Of streams alone is it known how many chunks were read together. */
    counted->is_flagged = !isnan(values[MT_MEASURE_TOGETHER]) && !row->saw_done;
    counted->output_tokens = isnan(output) ? (double)row->chunks : output;
    if (is_done)
        counted->input_tokens = or_zero(input);
    else
        counted->input_tokens = requests->error_inputs ? or_zero(requests->error_inputs[i]) : 0;
    if (!isnan(cached) && counts_prompt(values)) {
        counted->cached_tokens = cached;
        counted->prompt_tokens = input;
    }
    counted->last_ns = last_of(row, values);
}

mt_code mt_results_add_row(mt_results *results, const mt_run_requests *requests, size_t i,
                           mt_error *error) {
    mt_request_outcome counted;
    mt_run_requests_describe(requests, i, &counted);
    return mt_results_count(results, &counted, error);
}

mt_code mt_run_requests_set_apart(mt_run_requests *requests, const int64_t *apart_ns, size_t count,
                                  mt_error *error) {
    int64_t *copy = mt_allocate(count + 1, sizeof *copy);
    if (!copy)
        return mt_fail_memory(error, "when the shards began");
    memcpy(copy, apart_ns, count * sizeof *copy);
    mt_free(requests->apart_ns);
    requests->apart_ns = copy;
    requests->part_count = count;
    return MT_OK;
}

int64_t mt_run_requests_apart(const mt_run_requests *requests, size_t i) {
    uint32_t part = requests->rows[i].part;
    return part < requests->part_count ? requests->apart_ns[part] : 0;
}

void mt_run_requests_free(mt_run_requests *requests) {
    for (int m = 0; m < MT_MEASURES; m++)
        mt_free(requests->metrics[m]);
    mt_free(requests->error_inputs);
    mt_free(requests->rows);
    mt_free(requests->gaps);
    mt_free(requests->apart_ns);
    mt_texts_free(&requests->texts);
    *requests = (mt_run_requests){0};
}
