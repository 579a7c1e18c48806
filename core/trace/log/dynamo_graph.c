#include "trace/log/dynamo_graph.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void mt_dynamo_free(mt_dynamo_graph *self) {
    mt_texts_free(&self->request_ids);
    mt_texts_free(&self->session_ids);
    mt_texts_free(&self->models);
    mt_free(self->requests);
    mt_free(self->tools);
    mt_free(self->sessions);
    mt_free(self->ids);
}

mt_code mt_dynamo_session_of(mt_dynamo_graph *self, const char *token, size_t length,
                             uint32_t *number, mt_error *error) {
    size_t known = self->session_ids.count;
    if (MT_GROW(self->sessions, self->session_capacity, known + 1) != 0 ||
        mt_texts_intern(&self->session_ids, token, length, number) != 0)
        return mt_fail_memory(error, "sessions");
    if (*number == known)
        self->sessions[known] = (mt_dynamo_session){.parent = MT_DYNAMO_NONE};
    return MT_OK;
}

/* Ids break ties, so that the order does not depend on who was written first. They are numbered by
 * appearance: that will do, for equal times of one session are one instant's. */
static int by_begin(const void *a, const void *b) {
    const mt_dynamo_request *one = a, *other = b;
    if (one->begin_ns != other->begin_ns)
        return one->begin_ns < other->begin_ns ? -1 : 1;
    if (one->end_ns != other->end_ns)
        return one->end_ns < other->end_ns ? -1 : 1;
    return one->id < other->id ? -1 : one->id > other->id;
}

static int by_session(const void *a, const void *b) {
    const mt_dynamo_tool *one = a, *other = b;
    if (one->session != other->session)
        return one->session < other->session ? -1 : 1;
    return one->begin_ns < other->begin_ns ? -1 : one->begin_ns > other->begin_ns;
}

/* Who is whose turn. */
static void chain(mt_dynamo_graph *self) {
    for (size_t i = 0; i < self->session_ids.count; i++)
        self->sessions[i].first = self->sessions[i].last = self->sessions[i].last_ending =
            MT_DYNAMO_NONE;
    for (size_t i = 0; i < self->request_count; i++) {
        mt_dynamo_request *request = &self->requests[i];
        mt_dynamo_session *session = &self->sessions[request->session];
        request->joined = request->next_joined = request->started = request->next_started =
            MT_DYNAMO_NONE;
        request->before = session->last;
        request->begins = session->last == MT_DYNAMO_NONE;
        session->first = request->begins ? (int64_t)i : session->first;
        session->last = (int64_t)i;
        if (session->last_ending == MT_DYNAMO_NONE ||
            request->end_ns >= self->requests[session->last_ending].end_ns)
            session->last_ending = (int64_t)i;
    }
}

/* Where the next one that the request starts, or waits for, is to be put. */
static int64_t *started_end(mt_dynamo_graph *self, int64_t request) {
    int64_t *end = &self->requests[request].started;
    while (*end != MT_DYNAMO_NONE)
        end = &self->requests[*end].next_started;
    return end;
}

static int64_t *joined_end(mt_dynamo_graph *self, size_t request) {
    int64_t *end = &self->requests[request].joined;
    while (*end != MT_DYNAMO_NONE)
        end = &self->requests[*end].next_joined;
    return end;
}

/* Parents start and await their sub-agents. All edges lead to requests that stand before, so that
 * nobody waits for himself. `mine` has the places of the parents' requests, in order. */
static void join(mt_dynamo_graph *self, mt_dynamo_session *child, const size_t *mine,
                 size_t count) {
    mt_dynamo_request *all = self->requests;
    int64_t spawn = MT_DYNAMO_NONE, first = child->first, last = child->last_ending;
    for (size_t i = 0; i < count && (int64_t)mine[i] < first; i++)
        if (all[mine[i]].end_ns <= all[first].begin_ns &&
            (spawn == MT_DYNAMO_NONE || all[mine[i]].end_ns >= all[spawn].end_ns))
            spawn = (int64_t)mine[i];
    if (spawn != MT_DYNAMO_NONE) {
        all[first].before = spawn;
        *started_end(self, spawn) = first;
    }
    for (size_t i = 0; i < count; i++) {
        if (all[mine[i]].begin_ns < all[last].end_ns || (int64_t)mine[i] <= last)
            continue;
        *joined_end(self, mine[i]) = last;
        return;
    }
}

static mt_code join_all(mt_dynamo_graph *self, mt_error *error) {
    size_t sessions = self->session_ids.count;
    size_t *begins = mt_allocate_zero(sessions + 2, sizeof *begins);
    size_t *places = mt_allocate(self->request_count + 1, sizeof *places);
    if (begins && places) {
        /* Places by session: begins[s + 1] moves from where s begins to where it ends. */
        for (size_t i = 0; i < self->request_count; i++)
            begins[self->requests[i].session + 2]++;
        for (size_t i = 2; i < sessions + 2; i++)
            begins[i] += begins[i - 1];
        for (size_t i = 0; i < self->request_count; i++)
            places[begins[self->requests[i].session + 1]++] = i;
        for (size_t i = 0; i < sessions; i++) {
            mt_dynamo_session *child = &self->sessions[i];
            if (child->parent == MT_DYNAMO_NONE || child->first == MT_DYNAMO_NONE)
                continue;
            size_t begin = begins[child->parent];
            join(self, child, places + begin, begins[child->parent + 1] - begin);
        }
    }
    int failed = !begins || !places;
    mt_free(begins);
    mt_free(places);
    return failed ? mt_fail_memory(error, "sessions") : MT_OK;
}

/* How much of the time from begin to end a tool of the session was at work; two at once count
 * once. */
static int64_t tools_between(const mt_dynamo_graph *self, const mt_dynamo_session *session,
                             int64_t begin, int64_t end) {
    int64_t total = 0, covered = begin;
    for (size_t i = session->tools_begin; i < session->tools_end; i++) {
        const mt_dynamo_tool *tool = &self->tools[i];
        int64_t from = tool->begin_ns > covered ? tool->begin_ns : covered;
        int64_t to = tool->end_ns < end ? tool->end_ns : end;
        if (to > from) {
            total += to - from;
            covered = to;
        }
    }
    return total;
}

static void find_waits(mt_dynamo_graph *self) {
    for (size_t i = 0; i < self->request_count; i++) {
        mt_dynamo_request *request = &self->requests[i];
        int64_t end = INT64_MIN;
        request->wait_ns = request->tool_ns = 0;
        if (request->before != MT_DYNAMO_NONE)
            end = self->requests[request->before].end_ns;
        for (int64_t k = request->joined; k != MT_DYNAMO_NONE; k = self->requests[k].next_joined)
            end = self->requests[k].end_ns > end ? self->requests[k].end_ns : end;
        if (end == INT64_MIN || end >= request->begin_ns)
            continue;
        request->tool_ns =
            tools_between(self, &self->sessions[request->session], end, request->begin_ns);
        request->wait_ns = request->begin_ns - end - request->tool_ns;
    }
}

mt_code mt_dynamo_arrange(mt_dynamo_graph *self, mt_error *error) {
    if (self->request_count > 1)
        qsort(self->requests, self->request_count, sizeof *self->requests, by_begin);
    if (self->tool_count > 1)
        qsort(self->tools, self->tool_count, sizeof *self->tools, by_session);
    for (size_t i = 0; i < self->tool_count; i++) {
        mt_dynamo_session *session = &self->sessions[self->tools[i].session];
        if (session->tools_end == 0)
            session->tools_begin = i;
        session->tools_end = i + 1;
    }
    chain(self);
    mt_code code = join_all(self, error);
    if (code == MT_OK)
        find_waits(self);
    return code;
}
