/* The order of a conversion's rows, and what they are like as a whole. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/convert/state.h"

#include <math.h>
#include <string.h>

#define SECOND 1e9

/* ---- order ----------------------------------------------------------------------------------- */

/* Merges the sorted runs [begin, middle) and [middle, end) of `from` into `to`; of equal times
 * those of the first run come first. */
static void merge(const int64_t *times, const size_t *from, size_t *to, size_t begin, size_t middle,
                  size_t end) {
    size_t left = begin, right = middle;
    for (size_t i = begin; i < end; i++) {
        int is_left = left < middle && (right == end || times[from[left]] <= times[from[right]]);
        to[i] = from[is_left ? left++ : right++];
    }
}

/* The end of the sorted run that begins at `begin`. */
static size_t run_end(const int64_t *times, const size_t *order, size_t begin, size_t count) {
    size_t end = begin + 1;
    while (end < count && times[order[end - 1]] <= times[order[end]])
        end++;
    return end;
}

/* Merges neighbouring runs of `from` into `to`. Is all of it one run now? */
static int merge_runs(const int64_t *times, const size_t *from, size_t *to, size_t count) {
    size_t runs = 0;
    for (size_t begin = 0; begin < count; runs++) {
        size_t middle = run_end(times, from, begin, count);
        size_t end = middle < count ? run_end(times, from, middle, count) : count;
        merge(times, from, to, begin, middle, end);
        begin = end;
    }
    return runs <= 1;
}

/* A natural merge sort: logs are nearly sorted, and long runs cost nothing. */
mt_code mt_conversion_sort(mt_conversion *conversion, mt_error *error) {
    size_t count = conversion->rows.count;
    size_t *order = mt_allocate(count, sizeof *order), *other = mt_allocate(count, sizeof *other);
    int is_sorted = 0;
    if (!order || !other) {
        mt_free(order);
        mt_free(other);
        return mt_fail_memory(error, "order of rows");
    }
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    while (!is_sorted && !mt_interrupted()) {
        is_sorted = merge_runs(conversion->rows.time_ns.data, order, other, count);
        size_t *merged = other;
        other = order;
        order = merged;
    }
    mt_free(other);
    if (is_sorted) {
        conversion->order = order;
        return MT_OK;
    }
    mt_free(order);
    return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
}

/* ---- statistics ------------------------------------------------------------------------------ */

static void measure_lengths(const uint64_t *lengths, size_t count, mt_length_statistics *result) {
    unsigned __int128 sum = 0;
    *result = (mt_length_statistics){.min = UINT64_MAX};
    for (size_t i = 0; i < count; i++) {
        sum += lengths[i];
        if (lengths[i] < result->min)
            result->min = lengths[i];
        if (lengths[i] > result->max)
            result->max = lengths[i];
    }
    result->mean = (double)((long double)sum / (long double)count);
    long double squares = 0;
    for (size_t i = 0; i < count; i++) {
        long double distance = (long double)lengths[i] - result->mean;
        squares += distance * distance;
    }
    result->sample_deviation =
        count > 1 ? (double)sqrtl(squares / (long double)(count - 1)) : (double)NAN;
}

static void measure_rate(const mt_conversion *conversion, mt_conversion_result *result) {
    const int64_t *times = conversion->rows.time_ns.data;
    size_t count = conversion->rows.count;
    result->duration_ns = conversion->end_ns;
    double seconds = (double)conversion->end_ns / SECOND;
    if (conversion->end_ns == 0)
        return;
    result->bins = MT_CONVERSION_BINS;
    if (seconds < MT_CONVERSION_BINS)
        result->bins = seconds < 1 ? 1 : (size_t)seconds;
    result->bin_seconds = seconds < 1 ? 1 : seconds / (double)result->bins;
    for (size_t i = 0; i < count; i++) {
        size_t bin = (size_t)((double)times[i] / SECOND / result->bin_seconds);
        result->in_bin[bin < result->bins ? bin : result->bins - 1]++;
    }
}

void mt_conversion_measure(const mt_conversion *conversion, mt_conversion_result *result) {
    const mt_columns *rows = &conversion->rows;
    const uint64_t *inputs = rows->input_length.data, *outputs = rows->output_length.data;
    *result = (mt_conversion_result){
        .rows = conversion->rows_found,
        .bad = conversion->bad,
        .of_model = conversion->model.kept,
        .of_type = conversion->log_type.kept,
        .after_skip = conversion->matched > conversion->options.skip
                          ? conversion->matched - conversion->options.skip
                          : 0,
        .requests = rows->count,
        .sessions = rows->sessions.count,
        .blocks = conversion->blocks,
        .distinct = conversion->ids ? mt_ids_count(conversion->ids) : 0,
        .has_times = conversion->has_times,
    };
    if (rows->count == 0)
        return;
    measure_lengths(inputs, rows->count, &result->input);
    measure_lengths(outputs, rows->count, &result->output);
    for (size_t i = 0; i < rows->count; i++) {
        result->without_output += outputs[i] == 0;
        if (inputs[i] + outputs[i] > result->longest)
            result->longest = inputs[i] + outputs[i];
    }
    if (result->has_times)
        measure_rate(conversion, result);
}
