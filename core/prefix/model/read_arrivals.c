#include "prefix/model/reader.h"

#include "base/memory.h"

/* " COUNT" at the line's end, 1 without it. */
static uint64_t read_times(mt_model_scan *scan, const char *name, uint64_t most) {
    if (mt_model_at_end(scan))
        return 1;
    uint64_t count = mt_model_next_number(scan, name, 1, most);
    mt_model_line_end(scan);
    return count;
}

/* The gaps together are a time. */
static void add_time(mt_model_reader *r, int64_t gap_ns, uint64_t times) {
    int64_t sum;
    if (times > INT64_MAX || __builtin_mul_overflow(gap_ns, (int64_t)times, &sum) ||
        __builtin_add_overflow(r->time_ns, sum, &r->time_ns))
        mt_model_fail_line(&r->scan, "the gaps take longer than 292 years");
}

static mt_code too_many(mt_model_reader *r) {
    return mt_model_fail_line(&r->scan, "the instants have more than %zu requests",
                              r->model->count);
}

static mt_code check_sum(mt_model_reader *r, size_t requests) {
    if (requests == r->model->count)
        return r->scan.code;
    return mt_model_fail_line(&r->scan, "the instants have %zu requests, not %zu", requests,
                              r->model->count);
}

static mt_code read_arrivals(mt_model_reader *r) {
    mt_model_scan *scan = &r->scan;
    mt_model *model = r->model;
    size_t done = 0;
    mt_model_word_line(scan, "arrivals");
    for (uint64_t instant = 0; !scan->code && instant < r->instants; instant++) {
        mt_model_next_line(scan, "an instant");
        int64_t gap_ns = mt_model_gap(scan);
        if ((gap_ns == 0) != (instant == 0))
            mt_model_fail_line(scan, instant == 0 ? "the first gap must be 0"
                                                  : "only the first gap is 0");
        uint64_t requests = read_times(scan, "requests", model->count);
        if (requests > model->count - done)
            return too_many(r);
        add_time(r, gap_ns, 1);
        model->gaps_ns[done] = gap_ns;
        done += requests;
    }
    return check_sum(r, done);
}

/* Marks the beginnings of instants with 1. */
static mt_code read_batches(mt_model_reader *r) {
    mt_model_scan *scan = &r->scan;
    mt_model *model = r->model;
    uint64_t left = r->instants, requests = 0, before = 0, times;
    size_t done = 0;
    mt_model_word_line(scan, "batches");
    for (; !scan->code && left > 0; left -= times, before = requests) {
        mt_model_next_line(scan, "the requests of an instant");
        requests = mt_model_number(scan, "requests", 1, model->count);
        times = read_times(scan, "instants", left);
        if (requests <= before)
            return mt_model_fail_line(scan, "the requests of an instant must rise");
        if (times > (model->count - done) / requests)
            return too_many(r);
        for (uint64_t i = 0; i < times; i++, done += requests)
            model->gaps_ns[done] = 1;
    }
    return check_sum(r, done);
}

/* Puts the gaps where the marks are. */
static mt_code read_gaps(mt_model_reader *r) {
    mt_model_scan *scan = &r->scan;
    mt_model *model = r->model;
    int64_t gap_ns = 0, before = 0;
    uint64_t left = r->instants - 1, times;
    size_t at = 0;
    mt_model_word_line(scan, "gaps");
    model->gaps_ns[0] = 0;
    for (; !scan->code && left > 0; left -= times, before = gap_ns) {
        mt_model_next_line(scan, "a gap");
        gap_ns = mt_model_gap(scan);
        if (gap_ns <= before)
            mt_model_fail_line(scan, "the gaps must rise");
        times = read_times(scan, "times", left);
        add_time(r, gap_ns, times);
        for (uint64_t i = 0; i < times; i++) {
            do
                at++;
            while (model->gaps_ns[at] == 0);
            model->gaps_ns[at] = gap_ns;
        }
    }
    return scan->code;
}

mt_code mt_model_read_arrivals(mt_model_reader *r) {
    mt_model *model = r->model;
    if (r->scan.code)
        return r->scan.code;
    if (!(model->gaps_ns = mt_allocate_zero(model->count, sizeof *model->gaps_ns)))
        return r->scan.code = mt_fail_memory(r->scan.error, "model");
    if (model->gaps_in_order)
        return read_arrivals(r);
    mt_code code = read_batches(r);
    return code ? code : read_gaps(r);
}
