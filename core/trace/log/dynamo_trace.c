/* Dynamo's record of requests, a line an event. Requests without a session are given out as they
 * come. Those of agents are read whole first, for who waits for whom follows from all of them: what
 * is kept is a request's hashes and about 150 bytes. The two do not mix. */
#include "base/memory.h"
#include "trace/log/agent.h"
#include "trace/log/dynamo_graph.h"
#include "trace/log/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { UNKNOWN, ALONE, AGENTS }; /* how its requests are */

typedef struct trace_log {
    mt_log base;
    int mode;
    mt_dynamo_graph graph; /* of the agents' requests, or the one that is given out next */
    int is_ahead;          /* there is one */
    size_t at;
    mt_text members;
    char *token, *model;
    size_t token_capacity, model_capacity;
} trace_log;

/* The values of an event. */
typedef struct trace_event {
    mt_span type, time, context, request, tool;        /* of the event, */
    mt_span session, parent;                           /* of its agent_context, or of a tool's */
    mt_span id, received, total, input, output, model; /* of the request, */
    mt_span block_size, length, hashes;                /* and of what is there for a replay */
} trace_event;

static void trace_close(mt_log *log) {
    trace_log *self = (trace_log *)log;
    mt_dynamo_free(&self->graph);
    mt_free(self->members.bytes);
    mt_free(self->token);
    mt_free(self->model);
}

/* ---- an event ---- */

/* Takes apart what stands in the line. 0 or -1. */
static int take_event(trace_log *self, const mt_json *json, uint64_t line, trace_event *event,
                      mt_error *error) {
    mt_span inner = {"", 0}, replay = {"", 0};
    const mt_line_member outer[] = {{"event", &inner}};
    const mt_line_member of_event[] = {{"event_type", &event->type},
                                       {"event_time_unix_ms", &event->time},
                                       {"agent_context", &event->context},
                                       {"request", &event->request},
                                       {"tool", &event->tool},
                                       {"session_id", &event->session},
                                       {"parent_session_id", &event->parent}};
    const mt_line_member of_context[] = {{"session_id", &event->session},
                                         {"parent_session_id", &event->parent}};
    const mt_line_member of_request[] = {{"request_id", &event->id},
                                         {"request_received_ms", &event->received},
                                         {"total_time_ms", &event->total},
                                         {"input_tokens", &event->input},
                                         {"output_tokens", &event->output},
                                         {"model", &event->model},
                                         {"replay", &replay}};
    const mt_line_member of_replay[] = {{"trace_block_size", &event->block_size},
                                        {"input_length", &event->length},
                                        {"input_sequence_hashes", &event->hashes}};
    const char *end;
    if (mt_lines_members(json, json->begin, outer, 1, &end) != 0)
        return mt_lines_bad_json(&self->base, line, error);
    if (mt_lines_end(&self->base, json, end, line, error) != 0)
        return -1;
    const char *at = inner.length > 0 ? inner.text : json->begin;
    if (mt_lines_members(json, at, of_event, sizeof of_event / sizeof *of_event, NULL) != 0 ||
        (event->context.length > 0 &&
         mt_lines_members(json, event->context.text, of_context, 2, NULL) != 0) ||
        (event->request.length > 0 &&
         mt_lines_members(json, event->request.text, of_request,
                          sizeof of_request / sizeof *of_request, NULL) != 0) ||
        (replay.length > 0 && mt_lines_members(json, replay.text, of_replay, 3, NULL) != 0))
        return mt_lines_bad_json(&self->base, line, error);
    return 0;
}

/* Milliseconds since 1970 as nanoseconds. */
static int moment(trace_log *self, const mt_json *json, uint64_t line, mt_span value,
                  const char *name, int64_t *ns, mt_error *error) {
    return mt_lines_duration(&self->base, json, line, value, name, 6, ns, error);
}

static int take_hashes(trace_log *self, const mt_json *json, uint64_t line,
                       const trace_event *event, mt_dynamo_request *made, mt_error *error) {
    mt_log *log = &self->base;
    mt_dynamo_graph *graph = &self->graph;
    mt_json_items items;
    mt_json_item item;
    uint64_t size;
    made->ids_begin = graph->id_count;
    if (event->hashes.length == 0)
        return 0;
    if (mt_lines_count(log, json, line, event->block_size, "trace_block_size", &size, error) != 0)
        return -1;
    if (size == 0 || size > MT_LOG_BLOCK_SIZE_LIMIT)
        return mt_lines_bad_value(log, json, line, event->block_size, "trace_block_size",
                                  "tokens a block", error);
    if (log->options.block_size == 0)
        log->options.block_size = size;
    if (size != log->options.block_size)
        return mt_log_bad_row(log, line, 0, error,
                              "trace_block_size is %" PRIu64 ", and %" PRIu64
                              " is asked for, or that of the requests before (cat --reblock makes "
                              "blocks larger)",
                              size, log->options.block_size);
    if (mt_json_items_begin(&items, json, event->hashes.text, '[', "a list of hashes ('[')") != 0)
        return mt_lines_bad_json(log, line, error);
    while (mt_json_items_next(&items, &item) > 0) { /* checked by the line's walk */
        if (MT_GROW(graph->ids, graph->id_capacity, graph->id_count + 1) != 0)
            return mt_lines_no_memory(error);
        if (mt_json_count(item.value, &graph->ids[graph->id_count++]) != 0)
            return mt_lines_bad_value(log, json, line, item.value,
                                      "a hash of input_sequence_hashes",
                                      "a whole number of at least 0", error);
    }
    made->id_count = graph->id_count - made->ids_begin;
    uint64_t wanted = mt_blocks_of(made->input, size);
    if (made->id_count != wanted)
        return mt_log_bad_row(log, line, 0, error,
                              "input_sequence_hashes has %zu hashes, but %" PRIu64
                              " tokens are %" PRIu64 " blocks of %" PRIu64,
                              made->id_count, made->input, wanted, size);
    return 0;
}

/* From when to when it was answered: two of the three that may be said. */
static int take_times(trace_log *self, const mt_json *json, uint64_t line, const trace_event *event,
                      mt_dynamo_request *made, mt_error *error) {
    int64_t total = 0, end = 0;
    if (event->received.length == 0 && event->total.length == 0)
        return mt_log_bad_row(&self->base, line, 0, error, "request_received_ms is missing");
    if ((event->total.length > 0 &&
         moment(self, json, line, event->total, "total_time_ms", &total, error) != 0) ||
        ((event->received.length == 0 || event->total.length == 0) &&
         moment(self, json, line, event->time, "event_time_unix_ms", &end, error) != 0))
        return -1;
    if (event->received.length == 0) {
        made->begin_ns = end > total ? end - total : 0;
        made->end_ns = made->begin_ns + total;
        return 0;
    }
    if (moment(self, json, line, event->received, "request_received_ms", &made->begin_ns, error) !=
        0)
        return -1;
    if (event->total.length > 0)
        made->end_ns = made->begin_ns > INT64_MAX - total ? INT64_MAX : made->begin_ns + total;
    else
        made->end_ns = end > made->begin_ns ? end : made->begin_ns;
    return 0;
}

/* The session's number, and its parent's. */
static int take_session(trace_log *self, const mt_json *json, uint64_t line, mt_span value,
                        const char *name, uint32_t *number, mt_error *error) {
    mt_span token;
    if (!mt_lines_is_name(value))
        return value.length == 0
                   ? mt_log_bad_row(&self->base, line, 0, error, "%s is missing", name)
                   : mt_lines_bad_value(&self->base, json, line, value, name,
                                        "a string or a number", error);
    if (mt_lines_token(value, &self->token, &self->token_capacity, &token, error) != 0)
        return -1;
    return mt_dynamo_session_of(&self->graph, token.text, token.length, number, error) == MT_OK
               ? 0
               : -1;
}

static int join_agents(trace_log *self, const mt_json *json, uint64_t line,
                       const trace_event *event, mt_dynamo_request *made, mt_error *error) {
    mt_dynamo_graph *graph = &self->graph;
    uint32_t parent = 0;
    if (take_session(self, json, line, event->session, "session_id", &made->session, error) != 0)
        return -1;
    if (event->parent.length == 0)
        return 0;
    if (take_session(self, json, line, event->parent, "parent_session_id", &parent, error) != 0)
        return -1;
    int64_t *said = &graph->sessions[made->session].parent;
    if (parent == made->session || (*said != MT_DYNAMO_NONE && *said != (int64_t)parent))
        return mt_lines_bad_value(&self->base, json, line, event->parent, "parent_session_id",
                                  parent == made->session ? "another session than its own"
                                                          : "what the session's other requests say",
                                  error);
    *said = parent;
    return 0;
}

/* The name of the request, which no other has. */
static int take_id(trace_log *self, const mt_json *json, uint64_t line, mt_span id,
                   mt_dynamo_request *made, mt_error *error) {
    mt_texts *ids = &self->graph.request_ids;
    size_t known = ids->count;
    char quoted[64];
    mt_span token;
    if (!mt_lines_is_name(id))
        return id.length == 0 ? mt_log_bad_row(&self->base, line, 0, error, "request_id is missing")
                              : mt_lines_bad_value(&self->base, json, line, id, "request_id",
                                                   "a string or a number", error);
    if (mt_lines_token(id, &self->token, &self->token_capacity, &token, error) != 0)
        return -1;
    if (mt_texts_intern(ids, token.text, token.length, &made->id) != 0)
        return mt_lines_no_memory(error);
    if (made->id != known)
        return mt_log_bad_row(&self->base, line, 0, error, "request_id %s was there before",
                              mt_quote(token.text, token.length, quoted, sizeof quoted));
    return 0;
}

static int take_model(trace_log *self, mt_span value, mt_dynamo_request *made, mt_error *error) {
    mt_span model;
    made->model = UINT32_MAX;
    if (mt_lines_text(value, &self->model, &self->model_capacity, &model, error) != 0)
        return -1;
    if (model.length > 0 &&
        mt_texts_intern(&self->graph.models, model.text, model.length, &made->model) != 0)
        return mt_lines_no_memory(error);
    return 0;
}

/* Adds the request of the event. 0 or -1. */
static int add_request(trace_log *self, const mt_json *json, uint64_t line,
                       const trace_event *event, mt_error *error) {
    mt_log *log = &self->base;
    mt_dynamo_graph *graph = &self->graph;
    mt_dynamo_request made = {.line = line};
    int mode = event->context.length > 0 ? AGENTS : ALONE;
    mt_span input = event->length.length > 0 ? event->length : event->input;
    if (event->request.length == 0)
        return mt_log_bad_row(log, line, 0, error, "request is missing");
    if (self->mode != UNKNOWN && mode != self->mode)
        return mt_log_bad_row(log, line, 0, error,
                              mode == ALONE ? "agent_context is missing, which the requests before "
                                              "have: who waits for whom is not known of a part"
                                            : "an agent_context, which the requests before have "
                                              "not: the two do not mix");
    size_t ids = graph->id_count;
    if (take_times(self, json, line, event, &made, error) != 0 ||
        mt_lines_count(log, json, line, input, "input_length (or input_tokens)", &made.input,
                       error) != 0 ||
        mt_log_check_prompt(log, made.input, "input_length", line, error) != 0 ||
        mt_lines_count(log, json, line, event->output, "output_tokens", &made.output, error) != 0 ||
        take_model(self, event->model, &made, error) != 0)
        return -1;
    if (take_hashes(self, json, line, event, &made, error) != 0 ||
        (mode == AGENTS && (join_agents(self, json, line, event, &made, error) != 0 ||
                            take_id(self, json, line, event->id, &made, error) != 0))) {
        graph->id_count = ids;
        return -1;
    }
    self->mode = mode;
    if (MT_GROW(graph->requests, graph->request_capacity, graph->request_count + 1) != 0)
        return mt_lines_no_memory(error);
    graph->requests[graph->request_count++] = made;
    return 0;
}

/* Adds the work of a tool. 0 or -1. */
static int add_tool(trace_log *self, const mt_json *json, uint64_t line, const trace_event *event,
                    mt_error *error) {
    mt_dynamo_graph *graph = &self->graph;
    mt_span started = {"", 0}, ended = {"", 0}, duration = {"", 0};
    const mt_line_member of_tool[] = {
        {"started_at_unix_ms", &started}, {"ended_at_unix_ms", &ended}, {"duration_ms", &duration}};
    mt_dynamo_tool made;
    int64_t length = 0;
    if (event->tool.length == 0 || event->session.length == 0)
        return 0; /* it is nobody's */
    if (mt_lines_members(json, event->tool.text, of_tool, 3, NULL) != 0)
        return mt_lines_bad_json(&self->base, line, error);
    if (moment(self, json, line, ended.length > 0 ? ended : event->time, "ended_at_unix_ms",
               &made.end_ns, error) != 0 ||
        (started.length == 0 && duration.length > 0 &&
         moment(self, json, line, duration, "duration_ms", &length, error) != 0) ||
        (started.length > 0 &&
         moment(self, json, line, started, "started_at_unix_ms", &made.begin_ns, error) != 0) ||
        take_session(self, json, line, event->session, "session_id", &made.session, error) != 0)
        return -1;
    if (started.length == 0)
        made.begin_ns = made.end_ns - length;
    if (MT_GROW(graph->tools, graph->tool_capacity, graph->tool_count + 1) != 0)
        return mt_lines_no_memory(error);
    graph->tools[graph->tool_count++] = made;
    return 0;
}

/* Reads the next event: 1, 0 at the end, -1. */
static int next_event(trace_log *self, mt_error *error) {
    trace_event event = {0};
    mt_json json;
    uint64_t line;
    int status = mt_lines_next(&self->base, &json, &line, error);
    if (status <= 0)
        return status;
    if (take_event(self, &json, line, &event, error) != 0)
        return -1;
    if (event.type.length == 0)
        return mt_log_bad_row(&self->base, line, 0, error,
                              "event_type is missing: this is no event of dynamo.request.trace.v1");
    if (mt_json_same_text(event.type, "\"request_end\""))
        return add_request(self, &json, line, &event, error) == 0 ? 1 : -1;
    if (mt_json_same_text(event.type, "\"tool_end\"") ||
        mt_json_same_text(event.type, "\"tool_error\""))
        return add_tool(self, &json, line, &event, error) == 0 ? 1 : -1;
    return 1; /* others say nothing of the load */
}

/* ---- requests ---- */

static int add_id(trace_log *self, int64_t number) {
    const mt_dynamo_graph *graph = &self->graph;
    mt_span id = mt_texts_get(&graph->request_ids, graph->requests[number].id);
    return mt_text_add(&self->members, id.text, id.length);
}

static int add_list(trace_log *self, const char *name, int64_t also, int64_t first,
                    int is_started) {
    const mt_dynamo_request *all = self->graph.requests;
    mt_text *members = &self->members;
    int failed = mt_agent_member(members, name) || mt_text_add(members, "[", 1);
    if (!failed && also != MT_DYNAMO_NONE)
        failed = add_id(self, also);
    for (int64_t i = first; !failed && i != MT_DYNAMO_NONE;
         i = is_started ? all[i].next_started : all[i].next_joined)
        failed = ((i != first || also != MT_DYNAMO_NONE) && mt_text_add(members, ", ", 2) != 0) ||
                 add_id(self, i);
    return failed || mt_text_add(members, "]", 1);
}

/* What a request of an agent says of the others. */
static int say_waits(trace_log *self, const mt_dynamo_request *from, mt_request *request,
                     mt_error *error) {
    mt_text *members = &self->members;
    members->length = 0;
    int waits = from->before != MT_DYNAMO_NONE || from->joined != MT_DYNAMO_NONE;
    int failed = mt_agent_member(members, "request_id") || add_id(self, (int64_t)self->at);
    if (!failed && waits)
        failed = add_list(self, "wait_for", from->before, from->joined, 0);
    if (!failed && from->started != MT_DYNAMO_NONE)
        failed = add_list(self, "branches", MT_DYNAMO_NONE, from->started, 1);
    if (!failed && from->begins && from->before != MT_DYNAMO_NONE)
        failed = mt_agent_member(members, "prefix_reset") || mt_text_add(members, "true", 4);
    if (!failed && from->tool_ns > 0)
        failed = mt_agent_member(members, "tool_wait_ms") ||
                 mt_agent_milliseconds(members, from->tool_ns);
    if (failed)
        return mt_lines_no_memory(error);
    mt_span session = mt_texts_get(&self->graph.session_ids, from->session);
    request->session = session;
    request->has |= MT_HAS_SESSION;
    if (waits) {
        request->delay_ns = from->wait_ns;
        request->has |= MT_HAS_DELAY;
    }
    request->extra = (mt_span){members->bytes, members->length};
    return 0;
}

/* The next request is at graph.requests[self->at]: 1, 0 at the end, -1. */
static int find_next(trace_log *self, mt_error *error) {
    mt_dynamo_graph *graph = &self->graph;
    int status = 1;
    if (self->mode == AGENTS || self->is_ahead)
        return self->at < graph->request_count;
    graph->request_count = graph->id_count = self->at = 0;
    while (graph->request_count == 0 && status > 0)
        status = next_event(self, error);
    return status;
}

static int trace_next(mt_log *log, mt_log_row *row, mt_error *error) {
    trace_log *self = (trace_log *)log;
    mt_dynamo_graph *graph = &self->graph;
    mt_request *request = &row->request;
    int status = find_next(self, error);
    if (status <= 0)
        return status;
    const mt_dynamo_request *from = &graph->requests[self->at];
    self->is_ahead = 0;
    request->line = from->line;
    request->has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH;
    request->time_ns = from->begin_ns;
    request->input_length = from->input;
    request->output_length = from->output;
    if (from->id_count > 0) {
        request->hash_ids = graph->ids + from->ids_begin;
        request->hash_count = from->id_count;
        request->has |= MT_HAS_HASH_IDS;
    }
    if (from->model != UINT32_MAX)
        row->model = mt_texts_get(&graph->models, from->model);
    if (self->mode == AGENTS && say_waits(self, from, request, error) != 0)
        return -1;
    self->at++;
    return 1;
}

/* The first request says how all are, and how large blocks are; agents' are read to the end. */
static mt_code trace_open(mt_log *log, mt_error *error) {
    trace_log *self = (trace_log *)log;
    mt_error problem, *report = error ? error : &problem;
    int status = 1;
    log->has_model = 1;
    while (status != 0 && (self->mode != ALONE)) {
        status = next_event(self, report);
        if (status < 0 && !mt_log_passes_over(log, report))
            return mt_log_fails_later(log, report);
    }
    self->is_ahead = self->mode == ALONE;
    return self->mode == AGENTS ? mt_dynamo_arrange(&self->graph, error) : MT_OK;
}

static mt_code trace_check(const mt_log_options *options, mt_error *error) {
    return options->time_digits < 0
               ? MT_OK
               : mt_fail(error, MT_ERROR_VALUE,
                         "a dynamo-trace log's times are in milliseconds: it has no other unit");
}

static int trace_recognises(const char *text, size_t length) {
    return mt_log_has_word(text, length, "\"dynamo.request.trace");
}

const mt_log_kind mt_log_dynamo_trace = {
    .format = {.name = "dynamo-trace", .title = "dynamo.request.trace.v1"},
    .ids_are_of_texts = 1,
    .has_waits = 1,
    .size = sizeof(trace_log),
    .recognises = trace_recognises,
    .member = "schema",
    .check = trace_check,
    .open = trace_open,
    .next = trace_next,
    .close = trace_close};
