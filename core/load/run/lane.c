#include "load/run/lane.h"

#include "base/assert.h"
#include "base/memory.h"
#include "load/run/session.h"
#include "text/json.h"

#include <math.h>
#include <string.h>

static mt_code quote_name(mt_lane *lane, mt_error *error) {
    size_t length = strlen(lane->stream->name);
    lane->tag = mt_allocate(6 * length + 2, 1);
    if (!lane->tag)
        return mt_fail_memory(error, "stream name");
    lane->tag_length = mt_json_encode(lane->stream->name, length, lane->tag);
    return MT_OK;
}

mt_code mt_lane_failure(const mt_lane *lane, mt_code code, mt_error *error) {
    if (code != MT_ERROR_VALUE || !error)
        return code;
    mt_error bare = *error;
    return mt_fail(error, code, "stream '%s': %s", lane->stream->name, bare.message);
}

/* Class `classes` is the stream itself. */
static mt_prompt *prompt_of_class(const mt_lane *lane, size_t class_index) {
    if (class_index == lane->classes)
        return lane->stream->prompt;
    return mt_stream_prompt(lane->stream, class_index);
}

static size_t first_with_prompt_of(const mt_lane *lane, size_t class_index) {
    size_t first = 0;
    while (prompt_of_class(lane, first) != prompt_of_class(lane, class_index))
        first++;
    return first;
}

enum { FEW = sizeof((mt_lane *)0)->few_prompts / sizeof(mt_prompt_state *) };

/* A state a source: classes that use the same one share it, and its contents. */
static mt_code open_prompts(mt_lane *lane, uint64_t seed, mt_error *error) {
    const mt_stream *stream = lane->stream;
    lane->prompts = lane->classes < FEW
                        ? lane->few_prompts
                        : mt_allocate_zero(lane->classes + 1, sizeof(mt_prompt_state *));
    if (!lane->prompts)
        return mt_fail_memory(error, "stream");
    for (size_t i = 0; i <= lane->classes; i++) {
        size_t first = first_with_prompt_of(lane, i);
        mt_prompt *prompt = prompt_of_class(lane, i);
        if (first < i)
            lane->prompts[i] = lane->prompts[first];
        else
            lane->prompts[i] =
                mt_prompt_open(prompt, stream->name, prompt == stream->prompt ? 0 : i + 1, seed,
                               lane->block_size, error);
        if (!lane->prompts[i])
            return mt_code_of(error);
    }
    return MT_OK;
}

static mt_code open_branches(mt_lane *lane, uint64_t seed, double end, mt_error *error) {
    const mt_stream *stream = lane->stream;
    size_t levels;
    mt_process_branches(stream->process, &levels);
    if (levels == 0)
        return MT_OK;
    lane->levels = mt_allocate_zero(levels, sizeof *lane->levels);
    if (!lane->levels)
        return mt_fail_memory(error, "branches");
    lane->level_count = levels;
    for (size_t i = 0; i < levels; i++) {
        mt_lane_level *level = &lane->levels[i];
        mt_prompt *prompt = stream->branches[i].prompt;
        level->lengths = mt_lengths_open(stream->branches[i].lengths, seed, end, error);
        if (!level->lengths)
            return mt_code_of(error);
        if (!prompt)
            continue;
        level->prompts = mt_prompt_open(prompt, stream->name, lane->classes + 1 + i, seed,
                                        lane->block_size, error);
        if (!level->prompts)
            return mt_code_of(error);
    }
    return MT_OK;
}

static mt_code open_parts(mt_lane *lane, uint64_t block_size, const mt_run_options *options,
                          mt_error *error) {
    const mt_stream *stream = lane->stream;
    mt_process_context context = {.seed = options->seed,
                                  .name = stream->name,
                                  .factor = options->factor * stream->factor,
                                  .end = fmin(options->duration, stream->end),
                                  .live = options->live,
                                  .session_size = sizeof(mt_run_session),
                                  .session_release = mt_run_session_release};
    lane->block_size = block_size;
    lane->seed = options->seed;
    lane->classes = mt_lengths_class_count(stream->lengths);
    lane->keys[MT_LANE_LENGTHS] = mt_process_random(&context, "lengths").key;
    lane->keys[MT_LANE_PROMPTS] = mt_process_random(&context, "prompt").key;
    size_t levels;
    mt_process_branches(stream->process, &levels);
    lane->has_fields = stream->fields || stream->class_fields || levels > 0;
    lane->wants_answers = mt_process_wants_answers(stream->process);
    if (lane->has_fields)
        lane->keys[MT_LANE_FIELDS] = mt_process_random(&context, "fields").key;
    int has_sessions = mt_process_has_sessions(stream->process);
    if (has_sessions)
        lane->keys[MT_LANE_SUMMARIES] = mt_process_random(&context, "summary").key;
    if (options->live)
        lane->keys[MT_LANE_BLOCKS] = mt_process_random(&context, "blocks").key;
    lane->process = mt_process_open(stream->process, &context, error);
    if (!lane->process)
        return mt_code_of(error);
    double end = fmin(context.end, mt_process_duration(stream->process, context.factor));
    lane->lengths = mt_lengths_open(stream->lengths, options->seed, end, error);
    if (!lane->lengths)
        return mt_code_of(error);
    if (stream->first) {
        lane->first = mt_lengths_open(stream->first, options->seed, end, error);
        if (!lane->first)
            return mt_code_of(error);
    }
    mt_code code = open_prompts(lane, options->seed, error);
    if (code == MT_OK)
        code = open_branches(lane, options->seed, end, error);
    if (lane->level_count > 0)
        lane->answers =
            mt_key_number(mt_key_namespace(stream->name, strlen(stream->name)), UINT64_MAX - 1);
    if (code == MT_OK && (options->tags || lane->wants_answers))
        code = quote_name(lane, error);
    return code;
}

mt_code mt_lane_open(mt_lane *lane, uint64_t block_size, const mt_run_options *options,
                     mt_error *error) {
    return mt_lane_failure(lane, open_parts(lane, block_size, options, error), error);
}

int mt_lane_look(mt_lane *lane, mt_error *error) {
    if (lane->is_over)
        return 0;
    int got = mt_process_soonest(lane->process, &lane->time, error);
    if (got < 0)
        mt_lane_failure(lane, mt_code_of(error), error);
    return got;
}

mt_code mt_lane_take(mt_lane *lane, mt_event *event, mt_error *error) {
    int got = mt_process_next(lane->process, event, error);
    mt_assert(got != 0);
    lane->event = event;
    return got < 0 ? mt_lane_failure(lane, mt_code_of(error), error) : MT_OK;
}

/* Of the event's session; 0: no sub-agent's. */
static unsigned level_of(const mt_event *event) {
    return event->session && event->session->family ? event->session->family->level : 0;
}

int mt_lane_follows_parent(const mt_lane *lane) {
    unsigned level = level_of(lane->event);
    return level > 0 && lane->event->turn == 0 && !lane->levels[level - 1].prompts;
}

mt_code mt_lane_draw(mt_lane *lane, uint64_t history, mt_length_draw *lengths, size_t *class_index,
                     mt_error *error) {
    const mt_event *event = lane->event;
    unsigned level = level_of(event);
    *class_index = lane->classes;
    if (event->given) {
        *lengths = event->given->lengths;
        return MT_OK;
    }
    int is_first = lane->first && event->session && event->turn == 0 && level == 0;
    mt_lengths_state *state = level > 0  ? lane->levels[level - 1].lengths
                              : is_first ? lane->first
                                         : lane->lengths;
    mt_length_event request = {.time = event->time * lane->stream->pace,
                               .has_session = event->session != NULL,
                               .session = event->session ? event->session->ordinal : 0,
                               .turn = event->turn,
                               .history = history};
    mt_random random;
    mt_lane_draws(lane, MT_LANE_LENGTHS, event->item, &random);
    mt_code code = mt_lengths_draw(state, &random, &request, lengths, error);
    *class_index = is_first || level > 0 ? lane->classes : lengths->class_index;
    return mt_lane_failure(lane, code, error);
}

/* Lists of members, the later ones over the earlier: the stream's or class's, then those of each
 * level of sub-agents; and where the draws of each begin. */
typedef struct field_layers {
    const mt_fields *lists[MT_BRANCH_LEVELS + 1];
    uint64_t items[MT_BRANCH_LEVELS + 1];
    size_t count;
} field_layers;

static field_layers layers_of(const mt_lane *lane, size_t class_index) {
    const mt_stream *stream = lane->stream;
    const mt_event *event = lane->event;
    if (event->session)
        class_index = mt_run_session_of(event)->class_index;
    field_layers layers = {.lists = {stream->fields}, .count = 1 + level_of(event)};
    if (stream->class_fields && class_index < lane->classes && stream->class_fields[class_index])
        layers.lists[0] = stream->class_fields[class_index];
    /* A session's turns draw the same numbers at the same time: they have the same fields. Its
     * sub-agents draw those of the stream with it, and their own with those that they start. */
    layers.items[0] = event->session ? event->session->ordinal : event->item;
    for (size_t i = 1; i < layers.count; i++) {
        layers.lists[i] = stream->branches[i - 1].fields;
        layers.items[i] = event->session->family->addresses[i - 1];
    }
    return layers;
}

mt_code mt_lane_fields(mt_lane *lane, size_t class_index, int compact, mt_text *text,
                       mt_prompt_wish *wish, mt_error *error) {
    const mt_event *event = lane->event;
    field_layers layers = layers_of(lane, class_index);
    double begin = event->session ? mt_run_session_of(event)->begin : event->time;
    size_t start = text->length, offset = 0, length = 0;
    for (size_t i = 0; i < layers.count; i++) {
        if (!layers.lists[i])
            continue;
        mt_random random;
        mt_lane_draws(lane, MT_LANE_FIELDS, layers.items[i], &random);
        mt_code code =
            mt_fields_draw_beneath(layers.lists[i], layers.lists + i + 1, layers.count - i - 1,
                                   &random, begin * lane->stream->pace, compact,
                                   text->length > start, text, &offset, &length, error);
        if (code != MT_OK)
            return mt_lane_failure(lane, code, error);
    }
    if (length > 0) {
        wish->model = text->bytes + offset;
        wish->model_length = length;
    }
    return MT_OK;
}

enum { MOST_GIVEN_PROMPTS = 1000 };

/* The state of a prompt source that a request brought; NULL on failure. */
static mt_prompt_state *given_prompt(mt_lane *lane, mt_prompt *prompt, uint64_t seed,
                                     mt_error *error) {
    for (size_t i = 0; i < lane->given_count; i++)
        if (lane->given[i].prompt == prompt)
            return lane->given[i].state;
    size_t count = lane->given_count + 1;
    if (count > MOST_GIVEN_PROMPTS)
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "requests: more than %d different prompt sources: make them once, "
                               "before the function",
                               MOST_GIVEN_PROMPTS));
    if (MT_GROW(lane->given, lane->given_capacity, count) != 0)
        return mt_null(mt_fail_memory(error, "prompt sources"));
    mt_prompt_state *state = mt_prompt_open(prompt, lane->stream->name, lane->classes + count, seed,
                                            lane->block_size, error);
    if (!state)
        return NULL;
    lane->given[lane->given_count++] = (mt_lane_given){prompt, state};
    return state;
}

mt_code mt_lane_prompt(mt_lane *lane, size_t class_index, const mt_prompt_wish *wish,
                       mt_key_list *keys, mt_prompt_made *made, mt_error *error) {
    unsigned level = level_of(lane->event);
    mt_random random;
    mt_lane_draws(lane, MT_LANE_PROMPTS, lane->event->item, &random);
    mt_prompt_state *state =
        level > 0 ? lane->levels[level - 1].prompts : lane->prompts[class_index];
    if (lane->event->given && lane->event->given->prompt) {
        state = given_prompt(lane, lane->event->given->prompt, lane->seed, error);
        if (!state)
            return mt_lane_failure(lane, mt_code_of(error), error);
    }
    mt_code code = mt_prompt_make(state, &random, wish, keys, made, error);
    return mt_lane_failure(lane, code, error);
}

void mt_lane_close(mt_lane *lane) {
    for (size_t i = 0; lane->prompts && i <= lane->classes; i++)
        if (first_with_prompt_of(lane, i) == i)
            mt_prompt_close(lane->prompts[i]);
    if (lane->prompts != lane->few_prompts)
        mt_free(lane->prompts);
    for (size_t i = 0; i < lane->given_count; i++)
        mt_prompt_close(lane->given[i].state);
    mt_free(lane->given);
    for (size_t i = 0; i < lane->level_count; i++) {
        mt_lengths_close(lane->levels[i].lengths);
        mt_prompt_close(lane->levels[i].prompts);
    }
    mt_free(lane->levels);
    mt_lengths_close(lane->lengths);
    mt_lengths_close(lane->first);
    mt_process_close(lane->process);
    mt_free(lane->tag);
}
