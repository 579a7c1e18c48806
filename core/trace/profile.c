#include "trace/profile.h"

#include "base/memory.h"
#include "base/sort.h"
#include "trace/member.h"

#include <math.h>
#include <string.h>

mt_profile *mt_profile_new(const mt_profile_options *options, mt_error *error) {
    if (options->step_ns <= 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "the step must be above 0"));
    mt_profile *self = mt_new(sizeof *self, "figures of a load", error);
    if (!self)
        return NULL;
    self->references = 1;
    self->options = *options;
    self->options.by = NULL;
    self->in_flight.step = self->kv_tokens.step = self->made.step = (double)options->step_ns / 1e9;
    self->origin_ns = options->from_ns;
    if (options->by && !(self->options.by = mt_copy_text(options->by, strlen(options->by)))) {
        mt_profile_release(self);
        return mt_null(mt_fail_memory(error, "figures of a load"));
    }
    return self;
}

mt_profile *mt_profile_retain(mt_profile *self) {
    self->references++;
    return self;
}

void mt_profile_release(mt_profile *self) {
    if (!self || --self->references > 0)
        return;
    mt_texts_free(&self->sessions);
    mt_texts_free(&self->groups);
    mt_levels_free(&self->in_flight);
    mt_levels_free(&self->kv_tokens);
    mt_levels_free(&self->made);
    mt_free(self->inputs.values);
    mt_free(self->outputs.values);
    mt_free(self->group_sums);
    mt_free(self->steps);
    mt_free(self->hits);
    for (size_t i = 0; i < self->cache_count; i++)
        self->caches[i].release(self->caches[i].state);
    mt_free((void *)self->options.by);
    mt_free(self);
}

void mt_profile_add_cache(mt_profile *self, mt_profile_cache cache) {
    self->caches[self->cache_count++] = cache;
}

/* ---- one request ---- */

static int keep_length(mt_profile_lengths *lengths, uint64_t length) {
    size_t wanted = lengths->count + 1;
    if (MT_GROW(lengths->values, lengths->capacity, wanted) != 0)
        return -1;
    lengths->values[lengths->count++] = (double)length;
    return 0;
}

void mt_time_bin_add(mt_time_bin *bin, const mt_request *request) {
    bin->requests++;
    if (request->has & MT_HAS_INPUT_LENGTH) {
        bin->inputs++;
        bin->input += (double)request->input_length;
    }
    if (request->has & MT_HAS_OUTPUT_LENGTH) {
        bin->outputs++;
        bin->output += (double)request->output_length;
    }
}

/* What of a request is kept for itself. 0 or -1. */
static int keep(mt_profile *self, const mt_request *request) {
    uint32_t number;
    if (((request->has & MT_HAS_INPUT_LENGTH) &&
         keep_length(&self->inputs, request->input_length) != 0) ||
        ((request->has & MT_HAS_OUTPUT_LENGTH) &&
         keep_length(&self->outputs, request->output_length) != 0))
        return -1;
    if (request->has & MT_HAS_SESSION)
        return mt_texts_intern(&self->sessions, request->session.text, request->session.length,
                               &number);
    self->without_session++;
    return 0;
}

static mt_code add_to_group(mt_profile *self, const mt_request *request, mt_error *error) {
    mt_span value = mt_request_member(request, self->options.by);
    size_t before = self->groups.count;
    uint32_t number;
    if (mt_texts_intern(&self->groups, value.length ? value.text : "", value.length, &number) != 0)
        return mt_fail_memory(error, "figures of a load");
    if (number >= before) {
        size_t wanted = before + 1;
        if (before >= MT_PROFILE_MOST_GROUPS) {
            mt_texts_truncate(&self->groups, before);
            return mt_fail(error, MT_ERROR_INPUT, "'%s' has more than %zu values", self->options.by,
                           MT_PROFILE_MOST_GROUPS);
        }
        if (MT_GROW(self->group_sums, self->group_capacity, wanted) != 0) {
            mt_texts_truncate(&self->groups, before);
            return mt_fail_memory(error, "figures of a load");
        }
        memset(&self->group_sums[number], 0, sizeof *self->group_sums);
    }
    mt_time_bin_add(&self->group_sums[number], request);
    return MT_OK;
}

/* What a server holds from `time` on (seconds of the series) until the answer has ended. 0 or
 * -1. */
static int serve(mt_profile *self, double time, const mt_request *request) {
    double input = request->has & MT_HAS_INPUT_LENGTH ? (double)request->input_length : 0;
    double output = (double)request->output_length, per_token = self->options.per_token;
    double first = time + self->options.ttft, end = first + per_token * output;
    int failed = mt_levels_change(&self->in_flight, time, 1, 0) |
                 mt_levels_change(&self->in_flight, end, -1, 0) |
                 mt_levels_change(&self->kv_tokens, time, input, 0);
    if (end > first) {
        failed |= mt_levels_change(&self->kv_tokens, first, 0, 1 / per_token) |
                  mt_levels_change(&self->kv_tokens, end, -input - output, -1 / per_token) |
                  mt_levels_change(&self->made, first, 1 / per_token, 0) |
                  mt_levels_change(&self->made, end, -1 / per_token, 0);
    } else {
        failed |= mt_levels_change(&self->kv_tokens, end, -input, 0) |
                  mt_levels_instant(&self->made, end, output);
    }
    return failed ? -1 : 0;
}

/* How long after the series' begin, seconds, the request comes and its answer ends. */
static mt_code place(mt_profile *self, const mt_request *request, double *time, mt_error *error) {
    int64_t step = self->options.step_ns;
    if (self->timed == 0 && self->options.from_first)
        self->origin_ns = request->time_ns - (request->time_ns % step + step) % step;
    *time = ((double)request->time_ns - (double)self->origin_ns) / 1e9;
    if (*time < 0)
        return mt_fail(error, MT_ERROR_INPUT,
                       "the request comes %.9g s before the first: figures "
                       "over time need a trace in the order of its times "
                       "(cat --sort)",
                       -*time);
    double end = *time;
    if (self->options.is_served)
        end += self->options.ttft + self->options.per_token * (double)request->output_length;
    if (end >= (double)MT_PROFILE_MOST_STEPS * (double)step / 1e9)
        return mt_fail(error, MT_ERROR_INPUT,
                       "%.9g s are more than %zu steps of %.9g s (--step makes them longer)", end,
                       MT_PROFILE_MOST_STEPS, (double)step / 1e9);
    return MT_OK;
}

/* Room for so many steps, those that are new being empty. 0 or -1. */
static int make_steps(mt_profile *self, size_t wanted) {
    size_t before = self->step_count;
    if (wanted <= before)
        return 0;
    if (MT_GROW(self->steps, self->step_capacity, wanted) != 0 ||
        (self->cache_count > 0 && MT_GROW(self->hits, self->hits_capacity, wanted) != 0))
        return -1;
    memset(self->steps + before, 0, (wanted - before) * sizeof *self->steps);
    if (self->cache_count > 0)
        memset(self->hits + before, 0, (wanted - before) * sizeof *self->hits);
    self->step_count = wanted;
    return 0;
}

/* Gives the request to the caches: *hits is what of it the first one held. */
static mt_code feed(mt_profile *self, const mt_request *request, size_t *hits, mt_error *error) {
    *hits = 0;
    for (size_t i = 0; i < self->cache_count; i++) {
        size_t held;
        mt_code code = self->caches[i].access(self->caches[i].state, request, &held, error);
        if (code != MT_OK)
            return code;
        if (request->has & MT_HAS_HASH_IDS) {
            self->totals[i].blocks += request->hash_count;
            self->totals[i].hits += held;
        }
        if (i == 0)
            *hits = held;
    }
    return MT_OK;
}

static mt_code add_to_series(mt_profile *self, const mt_request *request, mt_error *error) {
    double time;
    size_t hits;
    mt_code code = place(self, request, &time, error);
    if (code == MT_OK)
        code = feed(self, request, &hits, error);
    if (code != MT_OK)
        return code;
    size_t at = (size_t)(time / self->in_flight.step);
    if (make_steps(self, at + 1) != 0)
        return mt_fail_memory(error, "figures of a load");
    mt_time_bin_add(&self->steps[at], request);
    if (self->cache_count > 0 && request->has & MT_HAS_HASH_IDS) {
        self->hits[at].blocks += request->hash_count;
        self->hits[at].hits += hits;
    }
    if (self->options.is_served && serve(self, time, request) != 0)
        return mt_fail_memory(error, "figures of a load");
    return MT_OK;
}

static mt_code add_time(mt_profile *self, const mt_request *request, mt_error *error) {
    size_t hits;
    mt_code code = self->options.no_series ? feed(self, request, &hits, error)
                                           : add_to_series(self, request, error);
    if (self->timed == 0 || request->time_ns < self->first_ns)
        self->first_ns = request->time_ns;
    if (self->timed == 0 || request->time_ns > self->last_ns)
        self->last_ns = request->time_ns;
    self->timed++;
    self->within += request->time_ns < self->options.to_ns;
    return code;
}

mt_code mt_profile_add(mt_profile *self, const mt_request *request, mt_error *error) {
    mt_code code = MT_OK;
    size_t hits;
    if (self->options.is_served && !(request->has & MT_HAS_OUTPUT_LENGTH))
        return mt_fail(error, MT_ERROR_INPUT,
                       "output_length is missing: how long the answer takes is not known");
    if (request->has & MT_HAS_TIME)
        code = add_time(self, request, error);
    else
        code = feed(self, request, &hits, error);
    if (code == MT_OK && self->options.by)
        code = add_to_group(self, request, error);
    if (code != MT_OK)
        return code;
    if (!self->options.counts_only && keep(self, request) != 0)
        return mt_fail_memory(error, "figures of a load");
    self->requests++;
    return MT_OK;
}

void mt_profile_finish(mt_profile *self) {
    mt_sort(self->inputs.values, self->inputs.count);
    mt_sort(self->outputs.values, self->outputs.count);
}
