#include "trace/log/weka_session.h"

#include "base/memory.h"
#include "trace/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTE_SIZE = 64, MOST_LEVELS = 16, NUMBER_ROOM = 40, SECONDS = 9, MILLISECONDS = 6 };

/* A session on its way in. */
typedef struct reading {
    mt_weka_session *session;
    const mt_json *json;
    mt_weka_bad bad;
    void *context;
    mt_error *error;
    int is_relative;     /* a sub-agent has a request that is earlier than it */
    const char *counted; /* lines up to here are */
    uint64_t lines;      /* so many */
} reading;

void mt_weka_free(mt_weka_session *self) {
    mt_free(self->agents);
    mt_free(self->requests);
    mt_free(self->names.bytes);
}

/* ---- what is wrong ---- */

static int fail(const reading *in, const char *at, const char *message) {
    return in->bad(in->context, at, in->error, message);
}

static int fail_value(const reading *in, mt_span value, const char *name, const char *want) {
    char message[MT_ERROR_MESSAGE_SIZE], quoted[QUOTE_SIZE];
    snprintf(message, sizeof message, "%s must be %s, not %s", name, want,
             mt_quote(value.text, value.length, quoted, sizeof quoted));
    return fail(in, value.text, message);
}

static int fail_missing(const reading *in, const char *at, const char *name) {
    char message[MT_ERROR_MESSAGE_SIZE];
    snprintf(message, sizeof message, "%s is missing", name);
    return fail(in, at, message);
}

/* What the walk over the JSON has said. */
static int fail_json(const reading *in) {
    char message[MT_ERROR_MESSAGE_SIZE];
    const mt_error *error = in->error;
    snprintf(message, sizeof message, "%s", error->message);
    return fail(in, in->json->begin + (error->column > 0 ? error->column - 1 : 0), message);
}

static int members(const reading *in, const char *at, const mt_line_member *wanted, size_t count) {
    return mt_lines_members(in->json, at, wanted, count, NULL) != 0 ? fail_json(in) : 0;
}

static int count_of(const reading *in, const char *at, mt_span value, const char *name,
                    uint64_t *count) {
    if (value.length == 0)
        return fail_missing(in, at, name);
    if (mt_json_count(value, count) != 0)
        return fail_value(in, value, name, "a whole number of at least 0");
    return 0;
}

/* A time, which stays as it was where there is none. A negative one is 0 where it `may_be_less`:
 * thinking that had begun before the answer had ended. */
static int time_of(const reading *in, mt_span value, const char *name, int digits, int may_be_less,
                   int64_t *nanoseconds) {
    int64_t read;
    if (value.length == 0)
        return 0;
    if (mt_decimal_whole(value.text, value.length, digits, &read) != 0 ||
        (read < 0 && !may_be_less) || read > INT64_MAX / 4 || read < -(INT64_MAX / 4))
        return fail_value(in, value, name, "a number of at least 0");
    *nanoseconds = read < 0 ? 0 : read;
    return 0;
}

/* ---- agents and requests ---- */

static int out_of_memory(const reading *in) {
    return mt_failed(mt_fail_memory(in->error, "session"));
}

/* A new agent, called after its parent, or by the session's id. */
static int add_agent(reading *in, int64_t parent, size_t *number) {
    mt_weka_session *self = in->session;
    char end[NUMBER_ROOM] = ".";
    mt_span id = self->id;
    if (MT_GROW(self->agents, self->agent_capacity, self->agent_count + 1) != 0)
        return out_of_memory(in);
    mt_weka_agent agent = {.parent = parent, .name = self->names.length, .end_ns = INT64_MIN};
    if (parent == MT_WEKA_NONE) {
        int is_text = id.text[0] == '"';
        if ((!is_text && mt_text_add(&self->names, "\"", 1) != 0) ||
            mt_text_add(&self->names, id.text, id.length) != 0 ||
            (!is_text && mt_text_add(&self->names, "\"", 1) != 0))
            return out_of_memory(in);
    } else {
        mt_weka_agent *above = &self->agents[parent];
        char *after = mt_write_u64(++above->children, end + 1);
        *after++ = '"';
        if (MT_GROW(self->names.bytes, self->names.capacity,
                    self->names.length + above->name_length) != 0)
            return out_of_memory(in);
        memcpy(self->names.bytes + self->names.length, self->names.bytes + above->name,
               above->name_length - 1);
        self->names.length += above->name_length - 1;
        if (mt_text_add(&self->names, end, (size_t)(after - end)) != 0)
            return out_of_memory(in);
    }
    agent.name_length = self->names.length - agent.name;
    *number = self->agent_count;
    self->agents[self->agent_count++] = agent;
    return 0;
}

/* How many lines behind the text's beginning the position is, which comes after those asked before. */
static uint64_t lines_before(reading *in, const char *at) {
    for (const char *end; (end = memchr(in->counted, '\n', (size_t)(at - in->counted))) != NULL;) {
        in->counted = end + 1;
        in->lines++;
    }
    in->counted = at;
    return in->lines;
}

static int add_request(reading *in, size_t agent, const char *at) {
    mt_weka_session *self = in->session;
    mt_span t = {"", 0}, input = {"", 0}, output = {"", 0}, api = {"", 0}, think = {"", 0};
    mt_weka_request made = {.agent = agent, .at = at, .end_ns = INT64_MIN, .think_ns = INT64_MIN};
    made.ids = made.model = (mt_span){"", 0};
    made.line = lines_before(in, at);
    made.before = made.joined = made.next_joined = made.started = made.next_started = MT_WEKA_NONE;
    const mt_line_member wanted[] = {{"t", &t},
                                     {"in", &input},
                                     {"out", &output},
                                     {"api_time", &api},
                                     {"think_time", &think},
                                     {"hash_ids", &made.ids},
                                     {"model", &made.model}};
    int64_t api_ns = INT64_MIN;
    if (members(in, at, wanted, sizeof wanted / sizeof *wanted) != 0)
        return -1;
    if (t.length == 0)
        return fail_missing(in, at, "t");
    if (time_of(in, t, "t", SECONDS, 0, &made.begin_ns) != 0 ||
        time_of(in, api, "api_time", SECONDS, 1, &api_ns) != 0 ||
        time_of(in, think, "think_time", SECONDS, 1, &made.think_ns) != 0 ||
        count_of(in, at, input, "in", &made.input) != 0 ||
        count_of(in, at, output, "out", &made.output) != 0)
        return -1;
    if (made.ids.length > 0 && made.ids.text[0] != '[')
        return fail_value(in, made.ids, "hash_ids", "a list of ids");
    if (api_ns != INT64_MIN)
        made.end_ns = made.begin_ns + api_ns;
    in->is_relative |= agent > 0 && made.begin_ns < self->agents[agent].start_ns;
    if (MT_GROW(self->requests, self->request_capacity, self->request_count + 1) != 0)
        return out_of_memory(in);
    self->requests[self->request_count++] = made;
    return 0;
}

static int add_requests(reading *in, size_t agent, mt_span list, int level);

static int add_sub_agent(reading *in, size_t parent, const char *at, int level) {
    mt_span t = {"", 0}, duration = {"", 0}, requests = {"", 0};
    const mt_line_member wanted[] = {
        {"t", &t}, {"duration_ms", &duration}, {"requests", &requests}};
    int64_t start = 0, length = INT64_MIN;
    size_t agent;
    if (members(in, at, wanted, sizeof wanted / sizeof *wanted) != 0)
        return -1;
    if (level >= MOST_LEVELS)
        return fail(in, at, "sub-agents start sub-agents more than 16 levels deep");
    if (t.length == 0)
        return fail_missing(in, at, "t");
    if (requests.length == 0)
        return fail_missing(in, at, "requests");
    if (time_of(in, t, "t", SECONDS, 0, &start) != 0 ||
        time_of(in, duration, "duration_ms", MILLISECONDS, 1, &length) != 0 ||
        add_agent(in, (int64_t)parent, &agent) != 0)
        return -1;
    in->is_relative |= parent > 0 && start < in->session->agents[parent].start_ns;
    in->session->agents[agent].start_ns = start;
    if (length != INT64_MIN)
        in->session->agents[agent].end_ns = start + length;
    return add_requests(in, agent, requests, level + 1);
}

static int add_requests(reading *in, size_t agent, mt_span list, int level) {
    mt_json_items items;
    mt_json_item item;
    if (list.text[0] != '[')
        return fail_value(in, list, "requests", "a list");
    if (mt_json_items_begin(&items, in->json, list.text, '[', "a list of requests ('[')") != 0)
        return fail_json(in);
    while (mt_json_items_next(&items, &item) > 0) { /* the session's walk has checked it */
        mt_span type = {"", 0}, inner = {"", 0};
        const mt_line_member wanted[] = {{"type", &type}, {"requests", &inner}};
        if (members(in, item.value.text, wanted, 2) != 0)
            return -1;
        int is_agent = inner.length > 0 || mt_json_same_text(type, "\"subagent\"");
        if ((is_agent ? add_sub_agent(in, agent, item.value.text, level)
                      : add_request(in, agent, item.value.text)) != 0)
            return -1;
    }
    return 0;
}

/* ---- times and waits ---- */

/* Times that count from a sub-agent's start count from the session's afterwards. */
static void make_absolute(mt_weka_session *self) {
    for (size_t i = 1; i < self->agent_count; i++) {
        mt_weka_agent *agent = &self->agents[i];
        int64_t above = agent->parent > 0 ? self->agents[agent->parent].start_ns : 0;
        agent->start_ns += above;
        if (agent->end_ns != INT64_MIN)
            agent->end_ns += above;
    }
    for (size_t i = 0; i < self->request_count; i++) {
        mt_weka_request *request = &self->requests[i];
        int64_t start = self->agents[request->agent].start_ns;
        if (request->agent == 0)
            continue;
        request->begin_ns += start;
        if (request->end_ns != INT64_MIN)
            request->end_ns += start;
    }
}

static int by_begin(const void *a, const void *b) {
    const mt_weka_request *one = a, *other = b;
    if (one->begin_ns != other->begin_ns)
        return one->begin_ns < other->begin_ns ? -1 : 1;
    if (one->agent != other->agent)
        return one->agent < other->agent ? -1 : 1;
    return one->at < other->at ? -1 : one->at > other->at;
}

/* The end of an answer, as far as it is known. */
static int64_t known_end(const mt_weka_request *request) {
    return request->end_ns == INT64_MIN ? request->begin_ns : request->end_ns;
}

/* Adds to those that the request starts, or waits for. */
static void add_started(mt_weka_session *self, int64_t request, int64_t other) {
    mt_weka_request *from = &self->requests[request];
    *(from->started == MT_WEKA_NONE ? &from->started
                                    : &self->requests[from->last_started].next_started) = other;
    from->last_started = other;
}

static void add_joined(mt_weka_session *self, int64_t request, int64_t other) {
    mt_weka_request *from = &self->requests[request];
    *(from->joined == MT_WEKA_NONE ? &from->joined
                                   : &self->requests[from->last_joined].next_joined) = other;
    from->last_joined = other;
}

/* Who is whose turn, in the order of their begin; `last` is of each agent its latest request. */
static void chain(mt_weka_session *self, int64_t *last) {
    for (size_t i = 0; i < self->agent_count; i++)
        last[i] = MT_WEKA_NONE;
    for (size_t i = 0; i < self->request_count; i++) {
        mt_weka_request *request = &self->requests[i];
        mt_weka_agent *agent = &self->agents[request->agent];
        request->turn = agent->turns++;
        request->before = last[request->agent];
        if (request->turn == 0 && agent->parent != MT_WEKA_NONE) {
            request->before = last[agent->parent];
            if (request->before != MT_WEKA_NONE)
                add_started(self, request->before, (int64_t)i);
        }
        last[request->agent] = (int64_t)i;
    }
}

/* The requests of each agent, in their order: list[begins[agent] .. begins[agent + 1]). */
typedef struct agent_requests {
    size_t *begins, *list;
} agent_requests;

static int sort_by_agent(const mt_weka_session *self, agent_requests *of) {
    of->begins = mt_allocate_zero(self->agent_count + 2, sizeof *of->begins);
    of->list = mt_allocate(self->request_count, sizeof *of->list);
    if (!of->begins || !of->list)
        return -1;
    for (size_t i = 0; i < self->request_count; i++)
        of->begins[self->requests[i].agent + 2]++;
    for (size_t i = 2; i < self->agent_count + 2; i++)
        of->begins[i] += of->begins[i - 1];
    for (size_t i = 0; i < self->request_count; i++) /* begins[agent + 1] moves to its end */
        of->list[of->begins[self->requests[i].agent + 1]++] = i;
    return 0;
}

/* The agent's first request from `least` on that begins at end_ns or later; MT_WEKA_NONE. */
static int64_t first_after(const mt_weka_session *self, const agent_requests *of, size_t agent,
                           size_t least, int64_t end_ns) {
    size_t low = of->begins[agent], high = of->begins[agent + 1], stop = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2, i = of->list[middle];
        if (i < least || self->requests[i].begin_ns < end_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low < stop ? (int64_t)of->list[low] : MT_WEKA_NONE;
}

/* The parent's first request after the sub-agent's end, and after what started it, waits for it. */
static void join(mt_weka_session *self, const agent_requests *of, size_t number) {
    const mt_weka_agent *agent = &self->agents[number];
    size_t begin = of->begins[number], stop = of->begins[number + 1];
    if (begin == stop || self->requests[of->list[begin]].before == MT_WEKA_NONE)
        return;
    size_t last = of->list[begin], least = (size_t)self->requests[last].before + 1;
    for (size_t k = begin + 1; k < stop; k++)
        if (known_end(&self->requests[of->list[k]]) >= known_end(&self->requests[last]))
            last = of->list[k];
    int64_t end = agent->end_ns == INT64_MIN ? known_end(&self->requests[last]) : agent->end_ns;
    int64_t waits = first_after(self, of, (size_t)agent->parent, least > last ? least : last, end);
    if (waits != MT_WEKA_NONE)
        add_joined(self, waits, (int64_t)last);
}

static int arrange(reading *in) {
    mt_weka_session *self = in->session;
    if (in->is_relative)
        make_absolute(self);
    if (self->request_count == 0)
        return 0;
    qsort(self->requests, self->request_count, sizeof *self->requests, by_begin);
    int64_t *last = mt_allocate(self->agent_count, sizeof *last);
    if (!last)
        return out_of_memory(in);
    chain(self, last);
    mt_free(last);
    agent_requests of = {NULL, NULL};
    int failed = self->agent_count > 1 && sort_by_agent(self, &of) != 0;
    for (size_t i = 1; i < self->agent_count && !failed; i++)
        join(self, &of, i);
    mt_free(of.begins);
    mt_free(of.list);
    return failed ? out_of_memory(in) : 0;
}

int mt_weka_read(mt_weka_session *self, const mt_json *json, mt_weka_bad bad, void *context,
                 mt_error *error) {
    reading in = {self, json, bad, context, error, 0, json->begin, 0};
    mt_span size = {"", 0}, scope = {"", 0}, requests = {"", 0};
    const mt_line_member wanted[] = {{"id", &self->id},
                                     {"block_size", &size},
                                     {"hash_id_scope", &scope},
                                     {"requests", &requests}};
    size_t main_agent;
    self->agent_count = self->request_count = self->names.length = 0;
    self->id = (mt_span){"", 0};
    if (members(&in, json->begin, wanted, sizeof wanted / sizeof *wanted) != 0)
        return -1;
    if (requests.length == 0)
        return fail(&in, json->begin, "requests is missing: this is no session of kv-cache-tester");
    if (self->id.length == 0)
        return fail_missing(&in, json->begin, "id");
    if (!mt_lines_is_name(self->id))
        return fail_value(&in, self->id, "id", "a string or a number");
    if (count_of(&in, json->begin, size, "block_size", &self->block_size) != 0)
        return -1;
    if (self->block_size == 0 || self->block_size > MT_LOG_BLOCK_SIZE_LIMIT)
        return fail_value(&in, size, "block_size", "tokens a block");
    self->ids_are_global = mt_json_same_text(scope, "\"global\"");
    if (scope.length > 0 && !self->ids_are_global && !mt_json_same_text(scope, "\"local\""))
        return fail_value(&in, scope, "hash_id_scope", "\"local\" or \"global\"");
    return add_agent(&in, MT_WEKA_NONE, &main_agent) != 0 ||
                   add_requests(&in, main_agent, requests, 0) != 0 || arrange(&in) != 0
               ? -1
               : 0;
}
