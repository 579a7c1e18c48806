/* Times for session rows that have only a delay. */
#include "trace/step/steps.h"

#include "base/memory.h"
#include "text/texts.h"
#include "trace/source/kind.h"

typedef struct delays_step {
    mt_source base;
    mt_texts sessions;
    int64_t *ends; /* of each: when the answer to its last turn has ended; 0 before the first */
    size_t capacity;
    mt_service service;
} delays_step;

int64_t mt_service_answer(const mt_service *service, uint64_t tokens) {
    int64_t all, answer;
    return tokens > INT64_MAX || __builtin_mul_overflow((int64_t)tokens, service->token_ns, &all) ||
                   __builtin_add_overflow(all, service->first_ns, &answer)
               ? INT64_MAX
               : answer;
}

/* When the answer to a request that comes at time_ns has ended: 0, or -1 beyond 64 bits. */
static int answered(const mt_service *service, const mt_request *request, int64_t *end_ns) {
    int64_t answer = mt_service_answer(service, request->output_length);
    return answer == INT64_MAX || __builtin_add_overflow(request->time_ns, answer, end_ns) ? -1 : 0;
}

static int delays_next(mt_source *source, mt_request *request, mt_error *error) {
    delays_step *self = (delays_step *)source;
    int status = mt_source_next(source->below, request, error);
    if (status <= 0 || !(request->has & MT_HAS_SESSION))
        return status;
    size_t known = self->sessions.count;
    uint32_t number;
    if (MT_GROW(self->ends, self->capacity, known + 1) != 0 ||
        mt_texts_intern(&self->sessions, request->session.text, request->session.length, &number) !=
            0)
        return mt_failed(mt_fail_memory(error, "sessions"));
    if (number == known)
        self->ends[number] = 0;
    int is_beyond = 0;
    if (!(request->has & MT_HAS_TIME) && request->has & MT_HAS_DELAY) {
        is_beyond =
            __builtin_add_overflow(self->ends[number], request->delay_ns, &request->time_ns);
        request->has |= MT_HAS_TIME;
    }
    if (request->has & MT_HAS_TIME && !is_beyond)
        is_beyond = answered(&self->service, request, &self->ends[number]) != 0;
    if (is_beyond)
        return mt_source_fail(source, request, error, MT_ERROR_VALUE,
                              "by its delay the session comes to more than 292 years");
    return 1;
}

static void delays_release(mt_source *source) {
    delays_step *self = (delays_step *)source;
    mt_texts_free(&self->sessions);
    mt_free(self->ends);
}

static const mt_source_kind delays_kind = {.next = delays_next, .release = delays_release};

mt_source *mt_step_times_from_delays(mt_source *below, const mt_service *service, mt_error *error) {
    if (service->first_ns < 0 || service->token_ns < 0)
        return mt_source_refuse(below, error, "a service takes no negative time");
    delays_step *self = (delays_step *)mt_source_over(below, &delays_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->service = *service;
    return mt_step_sort(&self->base, 0, error);
}
