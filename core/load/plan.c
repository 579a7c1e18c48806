#include "load/plan.h"

#include "base/memory.h"
#include "text/texts.h"

#include <math.h>
#include <string.h>

struct mt_plan {
    uint64_t references;
    uint64_t block_size;
    mt_stream *streams;
    size_t count, capacity;
    mt_texts names; /* of the streams, in their order */
};

mt_plan *mt_plan_new(uint64_t block_size, mt_error *error) {
    if (block_size == 0 || block_size > MT_PLAN_BLOCK_SIZE_LIMIT)
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE, "block_size must be between 1 and %llu, not %llu",
                    (unsigned long long)MT_PLAN_BLOCK_SIZE_LIMIT, (unsigned long long)block_size));
    mt_plan *plan = mt_new(sizeof *plan, "plan", error);
    if (!plan)
        return NULL;
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
    size_t levels;
    mt_process_branches(stream->process, &levels);
    for (size_t i = 0; stream->branches && i < levels; i++) {
        mt_lengths_release(stream->branches[i].lengths);
        mt_prompt_release(stream->branches[i].prompt);
        mt_fields_release(stream->branches[i].fields);
    }
    mt_free((void *)stream->branches);
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
        copy->class_prompts = prompts = mt_allocate_zero(classes, sizeof(mt_prompt *));
    if (stream->class_fields)
        copy->class_fields = fields = mt_allocate_zero(classes, sizeof(mt_fields *));
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

/* Checks that all lengths of a stream with sessions are new input: turns add to what was said
 * before. */
static int all_new(const mt_lengths *lengths) {
    for (size_t i = 0; i < mt_lengths_class_count(lengths); i++)
        if (!mt_lengths_class(lengths, i)->input_is_new)
            return 0;
    return 1;
}

/* What compaction leaves must have room, for what comes before the summary stays; and so must what
 * clearing leaves, which takes nothing of the shared beginning. */
static mt_code check_rules(const mt_stream *stream, const mt_context_rules *rules, double shared,
                           mt_error *error) {
    if (rules->clear_at > 0 && shared >= (double)rules->clear_at)
        return mt_fail(error, MT_ERROR_VALUE,
                       "stream '%s': clear: at=%llu leaves no room: the shared beginning has %.9g "
                       "tokens",
                       stream->name, (unsigned long long)rules->clear_at, shared);
    if (rules->compact_at == 0)
        return MT_OK;
    double summary = mt_distribution_mean(rules->compact_keep, 0, 0);
    if (shared + summary < (double)rules->compact_at)
        return MT_OK;
    return mt_fail(error, MT_ERROR_VALUE,
                   "stream '%s': compact: at=%llu leaves no room: the shared beginning has %.9g "
                   "tokens, the summary %.9g",
                   stream->name, (unsigned long long)rules->compact_at, shared, summary);
}

static mt_code check_sessions(const mt_stream *stream, mt_error *error) {
    size_t count;
    const mt_branch_shape *branches = mt_process_branches(stream->process, &count);
    if ((count > 0) != (stream->branches != NULL))
        return mt_fail(error, MT_ERROR_VALUE,
                       "stream '%s': sub-agents need sessions with branches, and lengths",
                       stream->name);
    double shared = mt_prompt_shared_mean(stream->prompt);
    for (size_t i = 0; i < mt_lengths_class_count(stream->lengths); i++)
        shared = fmax(shared, mt_prompt_shared_mean(mt_stream_prompt(stream, i)));
    mt_code code = check_rules(stream, mt_process_rules(stream->process), shared, error);
    for (size_t i = 0; code == MT_OK && i < count; i++) {
        const mt_stream_branch *branch = &stream->branches[i];
        if (!all_new(branch->lengths) ||
            (branch->prompt && mt_prompt_decides(branch->prompt, NULL)))
            return mt_fail(error, MT_ERROR_VALUE, "stream '%s': sub-agents need new input",
                           stream->name);
        if (branch->prompt)
            shared = mt_prompt_shared_mean(branch->prompt);
        code = check_rules(stream, &branches[i].child.rules, shared, error);
    }
    return code;
}

/* Checks that each class gets its prompt length from exactly one place: the lengths or the prompt
 * source. */
static mt_code check_lengths(const mt_stream *stream, mt_error *error) {
    for (size_t i = 0; i < mt_lengths_class_count(stream->lengths); i++) {
        int decides = mt_prompt_decides(mt_stream_prompt(stream, i), NULL);
        int given = mt_lengths_gives_input(stream->lengths, i);
        if (decides && given)
            return mt_fail(error, MT_ERROR_VALUE,
                           "stream '%s': its prompts bring their own lengths: give no input",
                           stream->name);
        if (!decides && !given && !mt_process_gives_lengths(stream->process))
            return mt_fail(error, MT_ERROR_VALUE, "stream '%s': nothing says how long prompts are",
                           stream->name);
    }
    int has_sessions = mt_process_has_sessions(stream->process);
    if (has_sessions && !(all_new(stream->lengths) && (!stream->first || all_new(stream->first))))
        return mt_fail(error, MT_ERROR_VALUE,
                       "stream '%s': sessions need new input, what each turn adds", stream->name);
    if (!has_sessions && mt_lengths_need_turns(stream->lengths))
        return mt_fail(error, MT_ERROR_VALUE, "stream '%s': by_turn: only sessions have turns",
                       stream->name);
    mt_code code = has_sessions ? check_sessions(stream, error) : MT_OK;
    if (code != MT_OK)
        return code;
    if (stream->first && !has_sessions)
        return mt_fail(error, MT_ERROR_VALUE, "stream '%s': only sessions have a first turn",
                       stream->name);
    return MT_OK;
}

/* A copy of the branches, their parts retained. 0, or -1 when out of memory. */
static int copy_branches(mt_stream *copy, const mt_stream *stream) {
    size_t levels;
    mt_process_branches(stream->process, &levels);
    if (levels == 0)
        return 0;
    mt_stream_branch *branches = mt_allocate(levels, sizeof *branches);
    if (!branches)
        return -1;
    for (size_t i = 0; i < levels; i++) {
        branches[i].lengths = mt_lengths_retain(stream->branches[i].lengths);
        branches[i].prompt =
            stream->branches[i].prompt ? mt_prompt_retain(stream->branches[i].prompt) : NULL;
        branches[i].fields =
            stream->branches[i].fields ? mt_fields_retain(stream->branches[i].fields) : NULL;
    }
    copy->branches = branches;
    return 0;
}

static mt_code add_stream(mt_plan *plan, const mt_stream *stream, mt_error *error) {
    if (MT_GROW(plan->streams, plan->capacity, plan->count + 1) != 0)
        return mt_fail_memory(error, "plan");
    mt_stream copy = {.name = mt_copy_text(stream->name, strlen(stream->name)),
                      .process = mt_process_retain(stream->process),
                      .lengths = mt_lengths_retain(stream->lengths),
                      .first = stream->first ? mt_lengths_retain(stream->first) : NULL,
                      .prompt = mt_prompt_retain(stream->prompt),
                      .fields = stream->fields ? mt_fields_retain(stream->fields) : NULL,
                      .factor = stream->factor,
                      .pace = stream->pace > 0 ? stream->pace : 1,
                      .end = stream->end};
    if (!copy.name || copy_class_lists(&copy, stream) != 0 || copy_branches(&copy, stream) != 0) {
        release_stream(&copy);
        return mt_fail_memory(error, "plan");
    }
    plan->streams[plan->count++] = copy;
    return MT_OK;
}

mt_code mt_plan_add(mt_plan *plan, const mt_stream *stream, mt_error *error) {
    uint32_t number;
    if (mt_texts_intern(&plan->names, stream->name, strlen(stream->name), &number) != 0)
        return mt_fail_memory(error, "plan");
    if (number < plan->count)
        return mt_fail(error, MT_ERROR_VALUE, "two streams are named '%s'", stream->name);
    mt_code code = check_lengths(stream, error);
    if (code == MT_OK)
        code = add_stream(plan, stream, error);
    if (code != MT_OK)
        mt_texts_truncate(&plan->names, plan->count);
    return code;
}

size_t mt_plan_stream_count(const mt_plan *plan) {
    return plan->count;
}

const mt_stream *mt_plan_stream(const mt_plan *plan, size_t index) {
    return &plan->streams[index];
}

mt_prompt *mt_stream_prompt(const mt_stream *stream, size_t class_index) {
    if (stream->class_prompts && stream->class_prompts[class_index])
        return stream->class_prompts[class_index];
    return stream->prompt;
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
    mt_texts_free(&plan->names);
    mt_free(plan);
}
