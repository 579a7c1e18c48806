#include "prefix/model/reader.h"

#include "base/memory.h"

/* " COUNT" at the line's end, 1 without it. */
static mt_code read_times(mt_model_reader *r, const char *name, uint64_t most, uint64_t *count) {
    *count = 1;
    if (mt_model_at_end(&r->scan))
        return MT_OK;
    mt_code code = mt_model_next_number(&r->scan, name, 1, most, count);
    return code ? code : mt_model_line_end(&r->scan);
}

/* The gaps together are a time. */
static mt_code add_time(mt_model_reader *r, int64_t gap_ns, uint64_t times) {
    int64_t sum;
    if (times > INT64_MAX || __builtin_mul_overflow(gap_ns, (int64_t)times, &sum) ||
        __builtin_add_overflow(r->time_ns, sum, &r->time_ns))
        return mt_model_fail_line(&r->scan, "the gaps take longer than 292 years");
    return MT_OK;
}

static mt_code too_many(mt_model_reader *r) {
    return mt_model_fail_line(&r->scan, "the instants have more than %zu requests",
                              r->model->count);
}

static mt_code check_sum(mt_model_reader *r, size_t requests) {
    if (requests == r->model->count)
        return MT_OK;
    return mt_model_fail_line(&r->scan, "the instants have %zu requests, not %zu", requests,
                              r->model->count);
}

static mt_code read_arrivals(mt_model_reader *r) {
    mt_model *model = r->model;
    mt_code code = mt_model_word_line(&r->scan, "arrivals");
    size_t done = 0;
    for (uint64_t instant = 0; !code && instant < r->instants; instant++) {
        int64_t gap_ns;
        uint64_t requests;
        if ((code = mt_model_next_line(&r->scan, "an instant")) ||
            (code = mt_model_gap(&r->scan, &gap_ns)))
            return code;
        if ((gap_ns == 0) != (instant == 0))
            return mt_model_fail_line(&r->scan, instant == 0 ? "the first gap must be 0"
                                                             : "only the first gap is 0");
        if ((code = read_times(r, "requests", model->count, &requests)))
            return code;
        if (requests > model->count - done)
            return too_many(r);
        code = add_time(r, gap_ns, 1);
        model->gaps_ns[done] = gap_ns;
        done += requests;
    }
    return code ? code : check_sum(r, done);
}

/* Marks the beginnings of instants with 1. */
static mt_code read_batches(mt_model_reader *r) {
    mt_model *model = r->model;
    uint64_t left = r->instants, requests = 0, before = 0, times;
    size_t done = 0;
    mt_code code = mt_model_word_line(&r->scan, "batches");
    for (; !code && left > 0; left -= times, before = requests) {
        if ((code = mt_model_next_line(&r->scan, "the requests of an instant")) ||
            (code = mt_model_number(&r->scan, "requests", 1, model->count, &requests)) ||
            (code = read_times(r, "instants", left, &times)))
            return code;
        if (requests <= before)
            return mt_model_fail_line(&r->scan, "the requests of an instant must rise");
        if (times > (model->count - done) / requests)
            return too_many(r);
        for (uint64_t i = 0; i < times; i++, done += requests)
            model->gaps_ns[done] = 1;
    }
    return code ? code : check_sum(r, done);
}

/* Puts the gaps where the marks are. */
static mt_code read_gaps(mt_model_reader *r) {
    mt_model *model = r->model;
    int64_t gap_ns = 0, before = 0;
    uint64_t times = 0;
    mt_code code = mt_model_word_line(&r->scan, "gaps");
    uint64_t left = r->instants - 1;
    size_t at = 0;
    model->gaps_ns[0] = 0;
    for (; !code && left > 0; left -= times, before = gap_ns) {
        if ((code = mt_model_next_line(&r->scan, "a gap")) ||
            (code = mt_model_gap(&r->scan, &gap_ns)))
            return code;
        if (gap_ns <= before)
            return mt_model_fail_line(&r->scan, "the gaps must rise");
        if ((code = read_times(r, "times", left, &times)) || (code = add_time(r, gap_ns, times)))
            return code;
        for (uint64_t i = 0; i < times; i++) {
            do
                at++;
            while (model->gaps_ns[at] == 0);
            model->gaps_ns[at] = gap_ns;
        }
    }
    return code;
}

mt_code mt_model_read_arrivals(mt_model_reader *r) {
    mt_model *model = r->model;
    if (!(model->gaps_ns = mt_allocate_zero(model->count, sizeof *model->gaps_ns)))
        return mt_fail_memory(r->scan.error, "model");
    if (model->gaps_in_order)
        return read_arrivals(r);
    mt_code code = read_batches(r);
    return code ? code : read_gaps(r);
}
