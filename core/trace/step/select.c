/* Steps that leave requests out; a shard is in shard.c. */
#include "trace/step/steps.h"

#include "hash/ids.h"
#include "random/generator.h"
#include "trace/source/kind.h"

/* ---- the first ones ---- */

typedef struct first_step {
    mt_source base;
    uint64_t left;
} first_step;

static int first_next(mt_source *source, mt_request *request, mt_error *error) {
    first_step *self = (first_step *)source;
    if (self->left == 0)
        return 0;
    self->left--;
    return mt_source_next(source->below, request, error);
}

static const mt_source_kind first_kind = {.next = first_next,
                                          .leave_ids = mt_source_leave_ids_below};

mt_source *mt_step_first(mt_source *below, uint64_t most, mt_error *error) {
    first_step *self = (first_step *)mt_source_over(below, &first_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->left = most;
    return &self->base;
}

/* ---- a window of time ---- */

typedef struct window_step {
    mt_source base;
    int64_t start_ns, end_ns;
    int64_t first_ns, before_ns; /* of all that was read */
    int needs_some;
    uint64_t seen, kept;
} window_step;

static int fail_empty(const window_step *self, mt_error *error) {
    return mt_source_fail(&self->base, NULL, error, MT_ERROR_INPUT,
                          "none of %llu requests lies in the window: the trace goes from %.10g to "
                          "%.10g seconds",
                          (unsigned long long)self->seen, (double)self->first_ns / 1e9,
                          (double)self->before_ns / 1e9);
}

static int window_next(mt_source *source, mt_request *request, mt_error *error) {
    window_step *self = (window_step *)source;
    int status;
    while ((status = mt_source_next(source->below, request, error)) > 0) {
        if (!(request->has & MT_HAS_TIME))
            return mt_source_fail(source, request, error, MT_ERROR_INPUT,
                                  "no timestamp, which a window of time needs");
        if (request->time_ns < self->before_ns)
            return mt_source_fail_order(source, request, self->before_ns,
                                        "a window of time needs a trace in the order of its times "
                                        "(moontide cat --sort)",
                                        error);
        self->before_ns = request->time_ns;
        if (self->seen++ == 0)
            self->first_ns = request->time_ns;
        if (request->time_ns >= self->start_ns && request->time_ns < self->end_ns) {
            self->kept++;
            return 1;
        }
    }
    if (status == 0 && self->needs_some && self->seen > 0 && self->kept == 0)
        return fail_empty(self, error);
    return status;
}

static const mt_source_kind window_kind = {.next = window_next,
                                           .leave_ids = mt_source_leave_ids_below};

mt_source *mt_step_window(mt_source *below, int64_t start_ns, int64_t end_ns, int needs_some,
                          mt_error *error) {
    window_step *self = (window_step *)mt_source_over(below, &window_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->start_ns = start_ns;
    self->end_ns = end_ns;
    self->before_ns = INT64_MIN;
    self->needs_some = needs_some;
    return &self->base;
}

/* ---- a filter ---- */

typedef struct where_step {
    mt_source base;
    mt_filter filter;
} where_step;

static int where_next(mt_source *source, mt_request *request, mt_error *error) {
    where_step *self = (where_step *)source;
    int status, kept = 0;
    while (!kept && (status = mt_source_next(source->below, request, error)) > 0) {
        kept = self->filter.keep(self->filter.context, request, error);
        if (kept < 0)
            mt_source_place(source, request, error);
    }
    return kept ? kept : status;
}

static void where_release(mt_source *source) {
    where_step *self = (where_step *)source;
    self->filter.release(self->filter.context);
}

static const mt_source_kind where_kind = {.next = where_next, .release = where_release};

mt_source *mt_step_where(mt_source *below, const mt_filter *filter, mt_error *error) {
    where_step *self = (where_step *)mt_source_over(below, &where_kind, sizeof *self, error);
    if (!self) {
        filter->release(filter->context);
        return NULL;
    }
    self->filter = *filter;
    return &self->base;
}

/* ---- a share ---- */

typedef struct thin_step {
    mt_source base;
    double share;
    mt_random sessions, requests;
    uint64_t ordinal; /* of requests without a session */
} thin_step;

static int thin_next(mt_source *source, mt_request *request, mt_error *error) {
    thin_step *self = (thin_step *)source;
    int status;
    while ((status = mt_source_next(source->below, request, error)) > 0) {
        mt_random *random = &self->requests;
        if (request->has & MT_HAS_SESSION) {
            random = &self->sessions;
            mt_span session = request->session;
            mt_random_seek(random, mt_key_child((mt_key){0, 0}, session.text, session.length).low);
        } else {
            mt_random_seek(random, self->ordinal++);
        }
        if (mt_random_uniform(random) < self->share)
            break;
    }
    return status;
}

static const mt_source_kind thin_kind = {.next = thin_next, .leave_ids = mt_source_leave_ids_below};

mt_source *mt_step_thin(mt_source *below, double share, uint64_t seed, mt_error *error) {
    if (!(share >= 0 && share <= 1))
        return mt_source_refuse(below, error, "thin: the share must be between 0 and 1, not %g",
                                share);
    thin_step *self = (thin_step *)mt_source_over(below, &thin_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->share = share;
    mt_random_start(&self->sessions, mt_random_key_of(seed, "thin", 4, "sessions", 8));
    mt_random_start(&self->requests, mt_random_key_of(seed, "thin", 4, "requests", 8));
    return &self->base;
}
