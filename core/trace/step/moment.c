#define _GNU_SOURCE /* memmem */
/* Steps that move times: later, to 0, faster. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "base/text.h"
#include "text/json.h"
#include "trace/member.h"
#include "trace/source/kind.h"
#include "trace/writer.h"

#include <math.h>
#include <string.h>

int mt_scale_time(int64_t nanoseconds, double ratio, int64_t *scaled) {
    /* A long double holds 64 bits where a double would change large times. One part in a thousand
     * is no double: seconds become milliseconds exactly only when multiplied. */
    double inverse = round(1 / ratio);
    long double value = ratio < 1 && 1 / inverse == ratio
                            ? roundl((long double)nanoseconds * (long double)inverse)
                            : roundl((long double)nanoseconds / (long double)ratio);
    if (!(value > -9223372036854775808.0L && value < 9223372036854775808.0L))
        return -1;
    *scaled = (int64_t)value;
    return 0;
}

/* ---- later or earlier ---- */

typedef struct shift_step {
    mt_source base;
    int64_t by_ns;
    int is_known; /* 0: by_ns comes from the first time there is */
} shift_step;

static int fail_shift(const shift_step *self, const mt_request *request, mt_error *error) {
    char time[32];
    *mt_write_milliseconds(request->time_ns, 6, time) = '\0';
    return mt_source_fail(&self->base, request, error, MT_ERROR_VALUE,
                          self->by_ns < 0 ? "timestamp %s moved by %.9g s lies below 0"
                                          : "timestamp %s moved by %.9g s is more than 292 years",
                          time, (double)self->by_ns / 1e9);
}

static int shift_next(mt_source *source, mt_request *request, mt_error *error) {
    shift_step *self = (shift_step *)source;
    int status = mt_source_next(source->below, request, error);
    if (status <= 0 || !(request->has & MT_HAS_TIME))
        return status;
    if (!self->is_known) {
        self->by_ns = -request->time_ns;
        self->is_known = 1;
    }
    int64_t moved;
    if (__builtin_add_overflow(request->time_ns, self->by_ns, &moved) || moved < 0)
        return fail_shift(self, request, error);
    request->time_ns = moved;
    return 1;
}

static const mt_source_kind shift_kind = {.next = shift_next,
                                          .leave_ids = mt_source_leave_ids_below};

mt_source *mt_step_shift(mt_source *below, int64_t by_ns, mt_error *error) {
    shift_step *self = (shift_step *)mt_source_over(below, &shift_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->by_ns = by_ns;
    self->is_known = 1;
    return &self->base;
}

mt_source *mt_step_from_zero(mt_source *below, mt_error *error) {
    return mt_source_over(below, &shift_kind, sizeof(shift_step), error);
}

/* ---- faster or slower ---- */

typedef struct speed_step {
    mt_source base;
    double ratio;
    mt_text extra; /* of a request that waits for tools */
} speed_step;

/* A tool's work is a wait as a delay is: the member tool_wait_ms, where it is a number. */
static mt_code scale_tool_wait(speed_step *self, mt_request *request, mt_error *error) {
    static const char name[] = "\"tool_wait_ms\"";
    char number[64];
    int64_t wait_ns;
    mt_span extra = request->extra;
    if (extra.length == 0 || !memmem(extra.text, extra.length, name, sizeof name - 1))
        return MT_OK;
    mt_span value = mt_request_member(request, "tool_wait_ms");
    if (value.length == 0 || mt_decimal_whole(value.text, value.length, 6, &wait_ns) != 0 ||
        mt_scale_time(wait_ns, self->ratio, &wait_ns) != 0)
        return MT_OK;
    size_t before = (size_t)(value.text - extra.text), after = before + value.length;
    size_t digits = (size_t)(mt_write_milliseconds(wait_ns, 6, number) - number);
    self->extra.length = 0;
    if (mt_text_add(&self->extra, extra.text, before) != 0 ||
        mt_text_add(&self->extra, number, digits) != 0 ||
        mt_text_add(&self->extra, extra.text + after, extra.length - after) != 0)
        return mt_fail_memory(error, "members of a request");
    request->extra = (mt_span){self->extra.bytes, self->extra.length};
    return MT_OK;
}

static void speed_release(mt_source *source) {
    mt_free(((speed_step *)source)->extra.bytes);
}

static int speed_next(mt_source *source, mt_request *request, mt_error *error) {
    speed_step *self = (speed_step *)source;
    int status = mt_source_next(source->below, request, error);
    if (status > 0 && (mt_scale_time(request->time_ns, self->ratio, &request->time_ns) != 0 ||
                       mt_scale_time(request->delay_ns, self->ratio, &request->delay_ns) != 0))
        return mt_source_fail(source, request, error, MT_ERROR_VALUE,
                              "divided by the speed ratio %g, the time is more than 292 years",
                              self->ratio);
    if (status > 0 && scale_tool_wait(self, request, error) != MT_OK)
        return -1;
    return status;
}

static int speed_soonest(mt_source *source, int64_t *time_ns, mt_error *error) {
    int status = mt_source_soonest(source->below, time_ns, error);
    if (status == 1 && mt_scale_time(*time_ns, ((speed_step *)source)->ratio, time_ns) != 0)
        *time_ns = INT64_MAX; /* the request itself fails */
    return status;
}

static uint64_t speed_ticket(const mt_source *source) {
    return mt_source_ticket(source->below);
}

static mt_code speed_settle(mt_source *source, uint64_t ticket, const mt_source_answer *answer,
                            mt_error *error) {
    mt_source_answer below;
    if (!answer)
        return mt_source_settle(source->below, ticket, NULL, error);
    below = *answer;
    if (mt_scale_time(answer->end_ns, 1 / ((speed_step *)source)->ratio, &below.end_ns) != 0)
        return mt_fail(error, MT_ERROR_VALUE, "an answer's time is more than 292 years");
    return mt_source_settle(source->below, ticket, &below, error);
}

static const mt_live_kind speed_live = {
    .soonest = speed_soonest, .ticket = speed_ticket, .settle = speed_settle};

static const mt_source_kind speed_kind = {.next = speed_next,
                                          .release = speed_release,
                                          .leave_ids = mt_source_leave_ids_below,
                                          .live = &speed_live};

mt_source *mt_step_speed(mt_source *below, double ratio, mt_error *error) {
    if (!(ratio > 0 && isfinite(ratio)))
        return mt_source_refuse(below, error, "the speed ratio must be a positive number, not %g",
                                ratio);
    speed_step *self = (speed_step *)mt_source_over(below, &speed_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->ratio = ratio;
    return &self->base;
}
