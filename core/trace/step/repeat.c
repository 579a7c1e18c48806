/* A trace again and again: what passes in the first lap is kept, in memory and beyond that in a
 * temporary file, and given again in the later ones; so it may come from a pipe. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "trace/step/apart.h"
#include "trace/step/times.h"
#include "trace/source/batch.h"
#include "trace/source/scratch.h"
#include "trace/source/kind.h"

static const size_t default_memory = (size_t)64 << 20;

typedef struct repeat_step {
    mt_source base;
    mt_repeat repeat;
    uint64_t lap; /* from 0 */
    mt_span_of_time span;
    int64_t period_ns;
    uint64_t ids; /* larger than all of the first lap */
    /* The first lap: what the file has, then the batch. */
    mt_scratch *scratch;
    mt_batch batch;
    mt_cursor cursor;
    size_t at; /* in the batch */
    mt_apart apart;
} repeat_step;

static mt_code keep(repeat_step *self, const mt_request *request, mt_error *error) {
    if (self->batch.used > self->repeat.memory) {
        if (!self->scratch && !(self->scratch = mt_scratch_open(error)))
            return mt_code_of(error);
        mt_code code = mt_scratch_append(self->scratch, self->batch.bytes, self->batch.used, error);
        if (code != MT_OK)
            return code;
        mt_batch_clear(&self->batch);
    }
    return mt_batch_add(&self->batch, request, error);
}

static int first_lap(repeat_step *self, mt_request *request, mt_error *error) {
    int status = mt_source_next(self->base.below, request, error);
    if (status <= 0 || self->repeat.laps == 1)
        return status;
    mt_span_of_time_add(&self->span, request);
    for (size_t i = 0; i < request->hash_count; i++)
        if (request->hash_ids[i] >= self->ids)
            self->ids = request->hash_ids[i] == UINT64_MAX ? UINT64_MAX : request->hash_ids[i] + 1;
    return keep(self, request, error) == MT_OK ? 1 : -1;
}

static int begin_lap(repeat_step *self, mt_error *error) {
    if (self->lap == 0) {
        self->period_ns = self->repeat.every_ns;
        if (self->period_ns == 0)
            self->period_ns = self->span.last_ns - self->span.first_ns + mt_mean_gap(&self->span);
        if (self->period_ns == 0 && self->span.count > 0)
            return mt_source_fail(
                &self->base, NULL, error, MT_ERROR_VALUE,
                "all requests come at one instant: to repeat them, say how often (--every)");
    }
    self->lap++;
    self->at = 0;
    self->cursor.begin = self->cursor.filled = 0;
    self->cursor.at = 0;
    self->cursor.end = self->scratch ? mt_scratch_size(self->scratch) : 0;
    return 0;
}

/* The next request of the first lap once more; 0 at its end. */
static int again(repeat_step *self, mt_request *request, mt_error *error) {
    if (self->scratch) {
        int status = mt_cursor_next(&self->cursor, self->scratch, request, error);
        if (status != 0)
            return status;
    }
    if (self->at == self->batch.count)
        return 0;
    mt_batch_get(&self->batch, self->at++, request);
    return 1;
}

/* Makes it a request of the present lap. */
static int change(repeat_step *self, mt_request *request, mt_error *error) {
    int64_t later;
    if (request->has & MT_HAS_TIME &&
        (self->lap > INT64_MAX ||
         __builtin_mul_overflow((int64_t)self->lap, self->period_ns, &later) ||
         __builtin_add_overflow(request->time_ns, later, &request->time_ns)))
        return mt_source_fail(&self->base, request, error, MT_ERROR_VALUE,
                              "repeated, the time is more than 292 years");
    mt_code code = mt_apart_session(&self->apart, request, self->lap + 1, error);
    if (code == MT_OK)
        code = mt_apart_names(&self->apart, request, self->lap + 1, error);
    uint64_t offset = 0;
    if (code == MT_OK && self->repeat.fresh_ids) {
        if (__builtin_mul_overflow(self->lap, self->ids, &offset))
            code = mt_fail(error, MT_ERROR_VALUE,
                           "hash ids of this size have no room for more laps: moontide cat "
                           "--renumber numbers them from 0");
        else
            code = mt_apart_ids(&self->apart, request, self->repeat.common_root, 1, offset, error);
    }
    return code == MT_OK ? 1 : mt_source_place(&self->base, request, error);
}

static int repeat_next(mt_source *source, mt_request *request, mt_error *error) {
    repeat_step *self = (repeat_step *)source;
    int status = self->lap == 0 ? first_lap(self, request, error) : again(self, request, error);
    if (status == 0) {
        if (self->lap + 1 >= self->repeat.laps || (!self->scratch && self->batch.count == 0))
            return 0;
        if (begin_lap(self, error) != 0)
            return -1;
        status = again(self, request, error);
    }
    return status > 0 && self->lap > 0 ? change(self, request, error) : status;
}

static void repeat_release(mt_source *source) {
    repeat_step *self = (repeat_step *)source;
    mt_scratch_close(self->scratch);
    mt_batch_free(&self->batch);
    mt_cursor_free(&self->cursor);
    mt_apart_free(&self->apart);
}

static const mt_source_kind repeat_kind = {.next = repeat_next, .release = repeat_release};

mt_source *mt_step_repeat(mt_source *below, const mt_repeat *repeat, mt_error *error) {
    if (repeat->laps == 0)
        return mt_source_refuse(below, error, "repeat: at least once");
    if (repeat->every_ns < 0)
        return mt_source_refuse(below, error, "repeat: laps cannot begin before the first");
    repeat_step *self = (repeat_step *)mt_source_over(below, &repeat_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->repeat = *repeat;
    if (self->repeat.memory == 0)
        self->repeat.memory = default_memory;
    return &self->base;
}
