#include "trace/source/source.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/blocks.h"
#include "trace/source/kind.h"
#include "trace/writer.h"

#include <stdio.h>

mt_source *mt_source_new(const mt_source_kind *kind, size_t size, mt_error *error) {
    mt_source *source = mt_allocate_zero(1, size);
    if (!source)
        mt_fail_memory(error, "source of requests");
    else
        source->kind = kind;
    return source;
}

mt_source *mt_source_over(mt_source *below, const mt_source_kind *kind, size_t size,
                          mt_error *error) {
    if (below && mt_source_is_live(below) && !kind->live)
        return mt_source_refuse(below, error,
                                "requests that wait for real answers (sessions, closed loops) can "
                                "only be divided among shards and sent faster or slower");
    mt_source *source = below ? mt_source_new(kind, size, error) : NULL;
    if (source)
        source->below = below;
    else
        mt_source_free(below);
    return source;
}

mt_source *mt_source_refuse(mt_source *below, mt_error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (below) /* else it has failed before, and *error says how */
        mt_fail_list(error, MT_ERROR_VALUE, NULL, 0, 0, format, arguments);
    va_end(arguments);
    mt_source_free(below);
    return NULL;
}

int mt_source_place(const mt_source *source, const mt_request *request, mt_error *error) {
    if (error) {
        error->line = request ? request->line : 0;
        snprintf(error->source, sizeof error->source, "%s", mt_source_name(source));
    }
    return -1;
}

int mt_source_fail(const mt_source *source, const mt_request *request, mt_error *error,
                   mt_code code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mt_fail_list(error, code, NULL, 0, 0, format, arguments);
    va_end(arguments);
    return mt_source_place(source, request, error);
}

int mt_source_fail_order(const mt_source *source, const mt_request *request, int64_t before_ns,
                         const char *needs, mt_error *error) {
    char now[32], then[32];
    *mt_write_milliseconds(request->time_ns, 6, now) = '\0';
    *mt_write_milliseconds(before_ns, 6, then) = '\0';
    return mt_source_fail(source, request, error, MT_ERROR_INPUT,
                          "timestamp %s is smaller than the %s before it: %s", now, then, needs);
}

int mt_source_check_blocks(const mt_source *source, const mt_request *request, uint64_t block_size,
                           mt_error *error) {
    mt_error misfit;
    if (mt_check_blocks(request, block_size, &misfit) == MT_OK)
        return 0;
    return mt_source_fail(source, request, error, MT_ERROR_INPUT,
                          "%s (--block-size must be the trace's; --fit-ids cuts or adds ids)",
                          misfit.message);
}

int mt_source_next(mt_source *source, mt_request *request, mt_error *error) {
    if (!source->below && mt_interrupted())
        return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    return source->kind->next(source, request, error);
}

const char *mt_source_name(const mt_source *source) {
    while (!source->kind->name)
        source = source->below;
    return source->kind->name(source);
}

uint64_t mt_source_skipped(const mt_source *source, mt_error *first) {
    while (!source->kind->skipped && source->below)
        source = source->below;
    if (source->kind->skipped)
        return source->kind->skipped(source, first);
    if (first)
        *first = (mt_error){0};
    return 0;
}

void mt_source_leave_ids(mt_source *source) {
    if (source->kind->leave_ids)
        source->kind->leave_ids(source);
}

void mt_source_leave_ids_below(mt_source *source) {
    mt_source_leave_ids(source->below);
}

/* ---- live sources ---- */

int mt_source_is_live(const mt_source *source) {
    while (source->below)
        source = source->below;
    return source->kind->live != NULL;
}

int mt_source_soonest(mt_source *source, int64_t *time_ns, mt_error *error) {
    return source->kind->live->soonest(source, time_ns, error);
}

uint64_t mt_source_ticket(const mt_source *source) {
    return source->kind->live->ticket(source);
}

mt_code mt_source_settle(mt_source *source, uint64_t ticket, const mt_source_answer *answer,
                         mt_error *error) {
    return ticket ? source->kind->live->settle(source, ticket, answer, error) : MT_OK;
}

static int soonest_below(mt_source *source, int64_t *time_ns, mt_error *error) {
    return mt_source_soonest(source->below, time_ns, error);
}

static uint64_t ticket_below(const mt_source *source) {
    return mt_source_ticket(source->below);
}

static mt_code settle_below(mt_source *source, uint64_t ticket, const mt_source_answer *answer,
                            mt_error *error) {
    return mt_source_settle(source->below, ticket, answer, error);
}

const mt_live_kind mt_live_as_below = {
    .soonest = soonest_below, .ticket = ticket_below, .settle = settle_below};

void mt_source_free(mt_source *source) {
    while (source) {
        mt_source *below = source->below;
        if (source->kind->release)
            source->kind->release(source);
        mt_free(source);
        source = below;
    }
}
