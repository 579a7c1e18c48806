/* drive.requests: what a finished run's requests come to, counted as the run itself counts. */
#include "lua/drive/drive_binding.h"
#include "lua/drive/requests_binding.h"
#include "lua/drive/results.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

static const char counting_type[] = "moontide.run_counting";

/* A value of the member by which results are grouped. */
typedef struct group {
    mt_results results;
    uint64_t first; /* the number of its first request: groups come in that order */
    uint32_t name;
} group;

typedef struct counting {
    const char *by;                         /* NULL: there are no groups */
    int64_t start_ns;                       /* of the run */
    int64_t window_begin_ns, window_end_ns; /* since then */
    mt_results inside, outside;
    mt_run_phases phases;
    mt_texts names;
    group *groups; /* a group for each name */
    size_t group_count, group_capacity;
} counting;

static int counting_release(lua_State *L) {
    counting *self = luaL_checkudata(L, 1, counting_type);
    mt_results_free(&self->inside);
    mt_results_free(&self->outside);
    mt_run_phases_free(&self->phases);
    for (size_t i = 0; i < self->group_count; i++)
        mt_results_free(&self->groups[i].results);
    mt_free(self->groups);
    mt_texts_free(&self->names);
    *self = (counting){0};
    return 0;
}

/* The group of row i. */
static mt_code group_of(counting *self, const mt_run_requests *requests, size_t i, group **one,
                        mt_error *error) {
    uint32_t name;
    char text[MT_ENDPOINT_ROOM];
    mt_span value = mt_run_requests_member(requests, i, self->by, text);
    if (value.length == 0)
        value = (mt_span){"null", 4};
    if (mt_texts_intern(&self->names, value.text, value.length, &name) != 0 ||
        MT_GROW(self->groups, self->group_capacity, self->names.count) != 0)
        return mt_fail_memory(error, "results by member");
    uint64_t number = requests->rows[i].number;
    *one = &self->groups[name];
    if (name == self->group_count) {
        **one = (group){.first = number, .name = name};
        mt_results_begin(&(*one)->results, self->inside.objectives, self->inside.objective_count);
        self->group_count++;
    }
    (*one)->first = number < (*one)->first ? number : (*one)->first;
    return MT_OK;
}

static void count_ended(const counting *self, mt_results *results,
                        const mt_request_outcome *counted, int64_t start_ns) {
    mt_results_count_ended(results, counted, start_ns, self->window_begin_ns, self->window_end_ns);
}

/* Counts row i where the run itself has counted it. */
static mt_code count_row(counting *self, const mt_run_requests *requests, size_t i,
                         mt_error *error) {
    int is_inside = requests->rows[i].phase == MT_PHASE_PROFILING;
    int64_t start_ns = self->start_ns + mt_run_requests_apart(requests, i);
    mt_request_outcome counted;
    group *of = NULL;
    mt_run_requests_describe(requests, i, &counted);
    mt_code code = mt_results_count(is_inside ? &self->inside : &self->outside, &counted, error);
    if (code == MT_OK && self->by)
        code = group_of(self, requests, i, &of, error);
    if (code == MT_OK && of && is_inside)
        code = mt_results_count(&of->results, &counted, error);
    if (code == MT_OK && is_inside)
        code = mt_run_phases_count(&self->phases, &counted, start_ns, error);
    count_ended(self, &self->inside, &counted, start_ns);
    if (of)
        count_ended(self, &of->results, &counted, start_ns);
    mt_run_phases_count_ended(&self->phases, &counted, start_ns);
    return code;
}

static mt_code count_all(counting *self, const mt_run_requests *requests, int64_t part,
                         mt_error *error) {
    mt_code code = MT_OK;
    for (size_t i = 0; code == MT_OK && i < requests->count; i++) {
        const mt_run_request *row = &requests->rows[i];
        if ((part < 0 || row->part == (uint64_t)part) && row->phase != MT_PHASE_WARMUP)
            code = count_row(self, requests, i, error);
    }
    return code;
}

static int by_first(const void *a, const void *b) {
    const group *one = a, *other = b;
    if (one->first != other->first)
        return one->first < other->first ? -1 : 1;
    return one->name < other->name ? -1 : one->name > other->name;
}

static void push_groups(lua_State *L, counting *self) {
    if (self->group_count > 0)
        qsort(self->groups, self->group_count, sizeof *self->groups, by_first);
    lua_newtable(L);
    for (size_t i = 0; i < self->group_count; i++) {
        lua_createtable(L, 0, 2);
        mt_span name = mt_texts_get(&self->names, self->groups[i].name);
        lua_pushlstring(L, name.text, name.length);
        lua_setfield(L, -2, "value");
        mt_lua_push_results(L, &self->groups[i].results);
        lua_setfield(L, -2, "results");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* requests:results{objectives =, by = name, part = number, phases =, start =, window_begin =, window_end =} ->
 * results of the window, of what was due outside it, by member and by phase, as replay:results() gives them, but
 * with moments in nanoseconds since 1970 | nil, message, code. What was sent before the run is left out. part:
 * only of that one. start: of the run, on the clock of the moments; phases and the window (seconds; what is not
 * there is open) are counted from it, of a part that began apart from its own start. Which requests are the window's
 * their lines say. */
int mt_lua_requests_results(lua_State *L) {
    mt_error error;
    const mt_run_requests *requests = mt_lua_check_run_requests(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    uint64_t part = mt_lua_count_field(L, 2, "part", UINT64_MAX);
    size_t count;
    const mt_objective *objectives = mt_lua_objectives(L, 2, &count);
    size_t phase_count;
    const int64_t *ends = mt_lua_phase_ends(L, 2, &phase_count);
    counting *self = mt_lua_new_owner(L, sizeof *self, counting_type);
    self->by = mt_lua_text_field(L, 2, "by");
    self->start_ns = (int64_t)mt_lua_count_field(L, 2, "start", 0);
    self->window_begin_ns = mt_lua_seconds_field(L, 2, "window_begin", INT64_MIN);
    self->window_end_ns = mt_lua_seconds_field(L, 2, "window_end", INT64_MAX);
    mt_results_begin(&self->inside, objectives, count);
    mt_results_begin(&self->outside, objectives, count);
    if (mt_run_phases_begin(&self->phases, ends, phase_count, objectives, count, &error) != MT_OK ||
        count_all(self, requests, part == UINT64_MAX ? -1 : (int64_t)part, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    mt_lua_push_results(L, &self->inside);
    mt_lua_push_results(L, &self->outside);
    push_groups(L, self);
    mt_lua_push_phases(L, &self->phases);
    return 4;
}

/* requests:apart{[1] = seconds after the run at which part 0 began, ...} -> true | nil, message, code: windows and
 * phases are then counted of each part from its own start. */
int mt_lua_requests_apart(lua_State *L) {
    mt_error error;
    mt_run_requests *requests = mt_lua_check_run_requests(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = (size_t)luaL_len(L, 2);
    int64_t *apart = lua_newuserdatauv(L, (count + 1) * sizeof *apart, 0);
    for (size_t i = 0; i < count; i++) {
        lua_geti(L, 2, (lua_Integer)i + 1);
        double seconds = luaL_checknumber(L, -1);
        luaL_argcheck(L, fabs(seconds) < 1e9, 2, "seconds");
        apart[i] = llround(seconds * 1e9);
        lua_pop(L, 1);
    }
    return mt_lua_done(L, mt_run_requests_set_apart(requests, apart, count, &error), &error);
}

void mt_lua_register_run_counting(lua_State *L) {
    mt_lua_new_type(L, counting_type, NULL, counting_release, NULL);
    lua_pop(L, 1);
}
