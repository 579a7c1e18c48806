/* The ticks of a recorded clock taken away: the requests of one tick are gathered and given their
 * new times together. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "stats/grid.h"
#include "trace/source/batch.h"
#include "trace/source/kind.h"

typedef struct dequantize_step {
    mt_source base;
    uint64_t seed;
    mt_grid grid; /* period 0: still to be found */
    mt_ahead ahead;
    mt_batch tick;  /* the requests of the present tick */
    int64_t *times; /* of those that have one, in order */
    size_t time_count, time_capacity;
    size_t at, time_at; /* in the tick */
    mt_batch next_tick; /* the request that ended the tick, if any */
    int64_t before_ns;
} dequantize_step;

/* Times of the requests looked at, for mt_grid_detect. */
static mt_code find_grid(dequantize_step *self, mt_error *error) {
    mt_code code = mt_ahead_look(&self->ahead, self->base.below, error);
    if (code != MT_OK)
        return code;
    for (size_t i = 0; i < self->ahead.batch.count; i++) {
        mt_request request;
        mt_batch_get(&self->ahead.batch, i, &request);
        if (!(request.has & MT_HAS_TIME))
            continue;
        if (MT_GROW(self->times, self->time_capacity, self->time_count + 1) != 0)
            return mt_fail_memory(error, "times of a grid");
        self->times[self->time_count++] = request.time_ns;
    }
    code = mt_grid_detect(self->times, self->time_count, &self->grid, error);
    if (self->ahead.batch.count == 0)
        self->grid.period_ns = MT_GRID_LEAST; /* an empty trace: any will do */
    if (code == MT_OK && self->grid.period_ns == 0) {
        mt_source_fail(&self->base, NULL, error, MT_ERROR_INPUT,
                       "its times lie on no grid (%zu looked at): there is nothing to dequantize, "
                       "or the grid must be given (--grid 3s)",
                       self->time_count);
        code = MT_ERROR_INPUT;
    }
    return code;
}

/* Is the request of the tick that is being gathered? 1, 0, or -1 when it comes before it. */
static int belongs(dequantize_step *self, const mt_request *request, mt_error *error) {
    if (!(request->has & MT_HAS_TIME))
        return 1;
    if (request->time_ns < self->before_ns)
        return mt_source_fail_order(&self->base, request, self->before_ns,
                                    "a grid is taken away from a trace in the order of its times "
                                    "(moontide cat --sort)",
                                    error);
    self->before_ns = request->time_ns;
    return self->time_count == 0 ||
           mt_grid_tick(&self->grid, request->time_ns) == mt_grid_tick(&self->grid, self->times[0]);
}

static mt_code take(dequantize_step *self, const mt_request *request, mt_error *error) {
    if (MT_GROW(self->times, self->time_capacity, self->time_count + 1) != 0)
        return mt_fail_memory(error, "times of a grid");
    if (request->has & MT_HAS_TIME)
        self->times[self->time_count++] = request->time_ns;
    return mt_batch_add(&self->tick, request, error);
}

/* Reads the requests of the next tick and gives them their times. */
static mt_code gather(dequantize_step *self, mt_error *error) {
    mt_request request;
    mt_code code = MT_OK;
    int status = 1, is_of_tick = 1;
    mt_batch_clear(&self->tick);
    self->time_count = self->time_at = self->at = 0;
    if (self->next_tick.count > 0) {
        mt_batch_get(&self->next_tick, 0, &request);
        code = take(self, &request, error);
        mt_batch_clear(&self->next_tick);
    }
    while (code == MT_OK && is_of_tick > 0 &&
           (status = mt_ahead_next(&self->ahead, self->base.below, &request, error)) > 0) {
        is_of_tick = belongs(self, &request, error);
        if (is_of_tick >= 0)
            code = is_of_tick ? take(self, &request, error)
                              : mt_batch_add(&self->next_tick, &request, error);
    }
    if (code != MT_OK || status < 0 || is_of_tick < 0)
        return code != MT_OK ? code : mt_code_of(error);
    code = mt_grid_spread(&self->grid, self->seed, self->times, self->time_count, error);
    if (code != MT_OK)
        mt_source_place(&self->base, NULL, error);
    return code;
}

static int dequantize_next(mt_source *source, mt_request *request, mt_error *error) {
    dequantize_step *self = (dequantize_step *)source;
    if (self->grid.period_ns == 0 && find_grid(self, error) != MT_OK)
        return -1;
    if (self->at == self->tick.count && gather(self, error) != MT_OK)
        return -1;
    if (self->tick.count == 0)
        return 0;
    mt_batch_get(&self->tick, self->at++, request);
    if (request->has & MT_HAS_TIME)
        request->time_ns = self->times[self->time_at++];
    return 1;
}

static void dequantize_release(mt_source *source) {
    dequantize_step *self = (dequantize_step *)source;
    mt_batch_free(&self->ahead.batch);
    mt_batch_free(&self->tick);
    mt_batch_free(&self->next_tick);
    mt_free(self->times);
}

static const mt_source_kind dequantize_kind = {.next = dequantize_next,
                                               .release = dequantize_release};

mt_source *mt_step_dequantize(mt_source *below, int64_t period_ns, int64_t offset_ns, uint64_t seed,
                              mt_error *error) {
    if (period_ns < 0 || offset_ns < 0 || (offset_ns > 0 && offset_ns >= period_ns))
        return mt_source_refuse(below, error,
                                "dequantize: the grid's period must be above 0, its offset from 0 "
                                "to less than that");
    dequantize_step *self =
        (dequantize_step *)mt_source_over(below, &dequantize_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->grid.period_ns = period_ns;
    self->grid.offset_ns = offset_ns;
    self->seed = seed;
    self->before_ns = INT64_MIN;
    return &self->base;
}
