#include "load/plan.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

struct mt_plan {
    uint64_t references;
    uint64_t block_size;
    mt_stream *streams;
    size_t count, capacity;
};

mt_plan *mt_plan_new(uint64_t block_size, mt_error *error) {
    if (block_size == 0) {
        mt_fail(error, MT_ERROR_VALUE, "block_size must be at least 1");
        return NULL;
    }
    mt_plan *plan = mt_allocate_zero(1, sizeof *plan);
    if (!plan) {
        mt_fail_memory(error, "plan");
        return NULL;
    }
    plan->references = 1;
    plan->block_size = block_size;
    return plan;
}

static void release_stream(mt_stream *stream) {
    size_t classes = stream->lengths ? mt_lengths_class_count(stream->lengths) : 0;
    for (size_t i = 0; i < classes; i++) {
        if (stream->class_prompts)
            mt_prompt_release(stream->class_prompts[i]);
        if (stream->class_fields)
            mt_fields_release(stream->class_fields[i]);
    }
    mt_free((void *)stream->class_prompts);
    mt_free((void *)stream->class_fields);
    mt_process_release(stream->process);
    mt_lengths_release(stream->lengths);
    mt_lengths_release(stream->first);
    mt_prompt_release(stream->prompt);
    mt_fields_release(stream->fields);
    mt_free((char *)stream->name);
}

/* Copies of the lists that go by class; their members retained. */
static int copy_class_lists(mt_stream *copy, const mt_stream *stream) {
    size_t classes = mt_lengths_class_count(stream->lengths);
    mt_prompt **prompts = NULL;
    mt_fields **fields = NULL;
    if (stream->class_prompts)
        copy->class_prompts = prompts = mt_allocate_zero(classes, sizeof *prompts);
    if (stream->class_fields)
        copy->class_fields = fields = mt_allocate_zero(classes, sizeof *fields);
    if ((stream->class_prompts && !prompts) || (stream->class_fields && !fields))
        return -1;
    for (size_t i = 0; i < classes; i++) {
        if (prompts && stream->class_prompts[i])
            prompts[i] = mt_prompt_retain(stream->class_prompts[i]);
        if (fields && stream->class_fields[i])
            fields[i] = mt_fields_retain(stream->class_fields[i]);
    }
    return 0;
}

mt_code mt_plan_add(mt_plan *plan, const mt_stream *stream, mt_error *error) {
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->streams[i].name, stream->name) == 0)
            return mt_fail(error, MT_ERROR_VALUE, "two streams are named '%s'", stream->name);
    if (mt_reserve((void **)&plan->streams, &plan->capacity, plan->count + 1,
                   sizeof *plan->streams) != 0)
        return mt_fail_memory(error, "plan");
    mt_stream copy = {.name = mt_copy_text(stream->name, strlen(stream->name)),
                      .process = mt_process_retain(stream->process),
                      .lengths = mt_lengths_retain(stream->lengths),
                      .first = stream->first ? mt_lengths_retain(stream->first) : NULL,
                      .prompt = mt_prompt_retain(stream->prompt),
                      .fields = stream->fields ? mt_fields_retain(stream->fields) : NULL,
                      .factor = stream->factor,
                      .end = stream->end};
    if (!copy.name || copy_class_lists(&copy, stream) != 0) {
        release_stream(&copy);
        return mt_fail_memory(error, "plan");
    }
    plan->streams[plan->count++] = copy;
    return MT_OK;
}

size_t mt_plan_stream_count(const mt_plan *plan) {
    return plan->count;
}

const mt_stream *mt_plan_stream(const mt_plan *plan, size_t index) {
    return &plan->streams[index];
}

uint64_t mt_plan_block_size(const mt_plan *plan) {
    return plan->block_size;
}

mt_plan *mt_plan_retain(mt_plan *plan) {
    plan->references++;
    return plan;
}

void mt_plan_release(mt_plan *plan) {
    if (!plan || --plan->references > 0)
        return;
    for (size_t i = 0; i < plan->count; i++)
        release_stream(&plan->streams[i]);
    mt_free(plan->streams);
    mt_free(plan);
}

/* ---- expectation ---- */

/* Tokens shared before each class's new input. */
static void shared_by_class(const mt_stream *stream, double *shared) {
    for (size_t i = 0; i < mt_lengths_class_count(stream->lengths); i++) {
        const mt_prompt *prompt = stream->prompt;
        if (stream->class_prompts && stream->class_prompts[i])
            prompt = stream->class_prompts[i];
        shared[i] = mt_prompt_shared_mean(prompt);
    }
}

/* Means that change over time are weighed by the requests that come then: so many slices. */
enum { EXPECTATION_SLICES = 1024 };

static mt_code expect_lengths(const mt_stream *stream, const mt_process_context *context,
                              const double *shared, double requests, mt_lengths_mean *mean,
                              mt_error *error) {
    mt_curve *curve = mt_process_curve(stream->process);
    if (!mt_lengths_vary(stream->lengths) || !curve || !(requests > 0))
        return mt_lengths_mean_at(stream->lengths, context->seed, 0, shared, mean, error);
    mt_clock *clock = mt_clock_open(curve, context->seed, 1, context->end, error);
    if (!clock)
        return mt_code_of(error);
    double end = fmin(context->end, mt_curve_duration(curve));
    double before = 0, total = 0;
    mt_lengths_mean sum = {0};
    mt_code code = MT_OK;
    for (int i = 0; code == MT_OK && i < EXPECTATION_SLICES; i++) {
        double area;
        code = mt_clock_area(clock, end * (i + 1) / EXPECTATION_SLICES, &area, error);
        double weight = area - before;
        if (code != MT_OK || !(weight > 0))
            continue;
        code = mt_lengths_mean_at(stream->lengths, context->seed,
                                  end * (i + 0.5) / EXPECTATION_SLICES, shared, mean, error);
        sum.input += weight * mean->input;
        sum.output += weight * mean->output_share * mean->output;
        sum.output_share += weight * mean->output_share;
        sum.inside += weight * mean->inside;
        total += weight;
        before = area;
    }
    mt_clock_close(clock);
    if (code == MT_OK && total > 0) {
        mean->input = sum.input / total;
        mean->output = sum.output_share > 0 ? sum.output / sum.output_share : 0;
        mean->output_share = sum.output_share / total;
        mean->inside = sum.inside / total;
    }
    return code;
}

mt_code mt_plan_expect(const mt_plan *plan, size_t index, uint64_t seed, double duration,
                       double factor, mt_expectation *expectation, mt_error *error) {
    const mt_stream *stream = &plan->streams[index];
    mt_process_context context = {.seed = seed,
                                  .name = stream->name,
                                  .factor = factor * stream->factor,
                                  .end = fmin(duration, stream->end)};
    mt_process_expectation arrivals;
    *expectation = (mt_expectation){.clamped_at = -1};
    mt_code code = mt_process_expect(stream->process, &context, &arrivals, error);
    if (code != MT_OK)
        return code;
    double *shared = mt_allocate_zero(mt_lengths_class_count(stream->lengths), sizeof *shared);
    if (!shared)
        return mt_fail_memory(error, "plan");
    shared_by_class(stream, shared);
    mt_lengths_mean mean;
    code = expect_lengths(stream, &context, shared, arrivals.requests, &mean, error);
    mt_free(shared);
    if (code != MT_OK)
        return code;
    double block = (double)plan->block_size;
    expectation->requests = arrivals.requests;
    expectation->sessions = arrivals.sessions;
    expectation->clamped_at = arrivals.clamped_at;
    expectation->input_mean = mean.input;
    expectation->output_mean = mean.output;
    expectation->output_share = mean.output_share;
    expectation->inside = mean.inside;
    expectation->shared_mean = mt_prompt_shared_mean(stream->prompt);
    expectation->whole_shared_mean = floor(expectation->shared_mean / block) * block;
    return MT_OK;
}
