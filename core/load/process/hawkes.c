/* hawkes: requests that bring further requests. */
#include "load/process/process.h"

#include "base/heap.h"

#include <math.h>
#include <stdio.h>

typedef struct hawkes_process {
    mt_process base;
    double branching, decay;
} hawkes_process;

static int is_sooner(const double *a, const double *b) {
    return *a < *b;
}

MT_HEAP(time_heap, double, is_sooner)

typedef struct hawkes_state {
    mt_process_state base;
    mt_random gaps, children;
    uint64_t background; /* background requests so far */
    mt_growing_sum area; /* the curve's area at the next background request */
    double soonest;      /* its time; INFINITY at the end */
    time_heap due;       /* children to come */
    uint64_t k;
} hawkes_state;

static mt_code next_background(hawkes_state *state, mt_error *error) {
    const hawkes_process *process = (const hawkes_process *)state->base.process;
    mt_random_seek(&state->gaps, state->background++);
    mt_growing_add(&state->area, mt_draw_exponential(&state->gaps) / (1 - process->branching));
    return mt_clock_time(state->base.clock, state->area.sum, &state->soonest, error);
}

static mt_code hawkes_open(mt_process_state *base, mt_error *error) {
    hawkes_state *state = (hawkes_state *)base;
    state->gaps = mt_process_random(&base->context, "gaps");
    state->children = mt_process_random(&base->context, "children");
    return next_background(state, error);
}

static mt_code add_children(hawkes_state *state, double now, mt_error *error) {
    const hawkes_process *process = (const hawkes_process *)state->base.process;
    mt_random_seek(&state->children, state->k);
    uint64_t count = mt_draw_poisson(&state->children, process->branching);
    for (uint64_t i = 0; i < count; i++) {
        double time = now + mt_draw_exponential(&state->children) * process->decay;
        if (time < state->base.context.end && time_heap_push(&state->due, time) != 0)
            return mt_fail_memory(error, "hawkes");
    }
    return MT_OK;
}

static int hawkes_next(mt_process_state *base, mt_event *event, mt_error *error) {
    hawkes_state *state = (hawkes_state *)base;
    double time = state->soonest;
    if (state->due.count > 0 && state->due.items[0] < time) {
        time = time_heap_pop(&state->due);
    } else {
        if (!(time < base->context.end))
            return 0;
        if (next_background(state, error) != MT_OK)
            return -1;
    }
    if (add_children(state, time, error) != MT_OK)
        return -1;
    mt_event_plain(event, time, state->k++);
    return 1;
}

static void hawkes_close(mt_process_state *base) {
    mt_free(((hawkes_state *)base)->due.items);
}

/* The mean rate m solves m = (1-b) c + b h, h' = (1-b)(c-h)/d. Here c is the curve, b the
 * branching, d the decay, and h the curve smoothed with the time constant d/(1-b) from 0 on.
 * Integrated: total = C - b d/(1-b) h(end), where C is the curve's area. */
typedef struct mean_course {
    mt_clock *clock;
    double branching, constant; /* seconds */
    double time, area, smoothed;
} mean_course;

static const double smoothing_reach = 40; /* time constants, after which nothing is left */
static const double slices_of_a_constant = 20;

static mt_code open_course(mean_course *course, const mt_process *base,
                           const mt_process_context *context, mt_error *error) {
    const hawkes_process *process = (const hawkes_process *)base;
    *course = (mean_course){.branching = process->branching,
                            .constant = process->decay / (1 - process->branching)};
    course->clock = mt_clock_open(base->curve, context->seed, context->factor, context->end, error);
    if (!course->clock)
        return mt_code_of(error);
    mt_clock_leap(course->clock);
    return MT_OK;
}

/* Smooths over a slice from `begin` on, w wide, in time constants k. With A(s), the area since its begin, the
 * curve adds to h at its end the integral of c(s) exp((s-w)/k) / k, by parts A(w)/k less that of
 * A(s) exp((s-w)/k) / k^2, which Gauss's rule of three points is exact enough for: A is smooth. */
static mt_code smooth_slice(mean_course *course, double begin, double width, mt_error *error) {
    static const double places[] = {0.11270166537925831, 0.5, 0.88729833462074169};
    static const double weights[] = {5.0 / 18, 8.0 / 18, 5.0 / 18};
    double ratio = width / course->constant, inside = 0, area;
    mt_code code = MT_OK;
    for (size_t i = 0; code == MT_OK && i < 3; i++) {
        code = mt_clock_area(course->clock, begin + places[i] * width, &area, error);
        if (code == MT_OK)
            inside += weights[i] * exp((places[i] - 1) * ratio) * (area - course->area);
    }
    if (code == MT_OK)
        code = mt_clock_area(course->clock, begin + width, &area, error);
    if (code != MT_OK)
        return code;
    course->smoothed =
        course->smoothed * exp(-ratio) + (area - course->area - inside * ratio) / course->constant;
    course->area = area;
    return MT_OK;
}

/* Goes on to `time` and gives the requests until then. */
static mt_code requests_until(mean_course *course, double time, double *requests, mt_error *error) {
    double begin = fmax(course->time, time - smoothing_reach * course->constant);
    mt_code code = MT_OK;
    if (begin > course->time) {
        course->smoothed = 0;
        code = mt_clock_area(course->clock, begin, &course->area, error);
    }
    int slices = (int)ceil((time - begin) / course->constant * slices_of_a_constant);
    double width = slices > 0 ? (time - begin) / slices : 0;
    for (int i = 0; code == MT_OK && i < slices; i++)
        code = smooth_slice(course, begin + width * i, width, error);
    course->time = time;
    *requests = fmax(0, course->area - course->branching * course->constant * course->smoothed);
    return code;
}

static mt_code hawkes_expect(mt_process *base, const mt_process_context *context,
                             mt_process_expectation *expectation, mt_error *error) {
    mean_course course;
    mt_code code = open_course(&course, base, context, error);
    if (code == MT_OK)
        code = requests_until(&course, context->end, &expectation->requests, error);
    if (code == MT_OK)
        expectation->clamped_at = mt_clock_clamped_at(course.clock);
    mt_clock_close(course.clock);
    return code;
}

static mt_code hawkes_expect_bins(mt_process *base, const mt_process_context *context,
                                  double answer_tokens, const mt_process_bins *bins,
                                  mt_error *error) {
    (void)answer_tokens;
    mean_course course;
    double before = 0, requests;
    mt_code code = open_course(&course, base, context, error);
    for (size_t i = 0; code == MT_OK && i < bins->count; i++) {
        double end = bins->horizon * (double)(i + 1) / (double)bins->count;
        code = requests_until(&course, fmin(end, context->end), &requests, error);
        if (code != MT_OK)
            break;
        bins->requests[i] = requests - before;
        before = requests;
    }
    mt_clock_close(course.clock);
    return code;
}

static void hawkes_text(const mt_process *base, char *buffer, size_t size) {
    const hawkes_process *process = (const hawkes_process *)base;
    char curve[400];
    snprintf(buffer, size, "hawkes(%s, {branching=%.9g, decay=%.9g})",
             mt_curve_text(base->curve, curve, sizeof curve), process->branching, process->decay);
}

static const mt_process_kind hawkes_kind = {.name = "hawkes",
                                            .state_size = sizeof(hawkes_state),
                                            .open = hawkes_open,
                                            .next = hawkes_next,
                                            .close = hawkes_close,
                                            .expect = hawkes_expect,
                                            .expect_bins = hawkes_expect_bins,
                                            .text = hawkes_text};

mt_process *mt_process_hawkes(mt_curve *curve, double branching, double decay, mt_error *error) {
    if (!(branching >= 0 && branching < 1))
        return mt_null(mt_fail(
            error, MT_ERROR_VALUE,
            "hawkes: branching must be at least 0 and below 1, not %g (at 1 every request brings "
            "another, for ever)",
            branching));
    if (!(decay > 0) || !isfinite(decay))
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE, "hawkes: decay must be above 0 seconds, not %g", decay));
    mt_process *process = mt_process_new(&hawkes_kind, sizeof(hawkes_process), curve, error);
    if (process) {
        ((hawkes_process *)process)->branching = branching;
        ((hawkes_process *)process)->decay = decay;
    }
    return process;
}
