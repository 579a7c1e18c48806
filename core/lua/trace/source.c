/* core.source: sources of requests, from wherever they come. What is done to them is in
 * source_steps.c, where they go in source_ends.c. Times are seconds. */
#include "lua/trace/source_binding.h"

#include "base/memory.h"
#include "load/run/run.h"
#include "prefix/lint/same_blocks.h"

static void release(void *source) {
    mt_source_free(source);
}

static const mt_lua_type source_type = {
    "moontide.reader", "the trace reader is closed, or a pipe has taken its rest", release};

void **mt_lua_source_place(lua_State *L, int arg) {
    mt_lua_check_object(L, arg, &source_type);
    return lua_touserdata(L, arg);
}

mt_source *mt_lua_check_source(lua_State *L, int arg) {
    return mt_lua_check_object(L, arg, &source_type);
}

void **mt_lua_new_source(lua_State *L) {
    return mt_lua_new_object(L, &source_type);
}

static int source_text(lua_State *L) {
    void **self = luaL_checkudata(L, 1, source_type.name);
    if (*self)
        lua_pushfstring(L, "trace reader of %s", mt_source_name(*self));
    else
        lua_pushliteral(L, "trace reader (closed)");
    return 1;
}

/* ---- where they begin ---- */

/* open(path, skip_bad_lines, later, unit of times | nil) -> source | nil, message, code. later: see
 * mt_source_open_later */
static int open_source(lua_State *L) {
    static const char *const units[] = {"ms", "s", "us", "ns", NULL}; /* as mt_time_unit has them */
    mt_time_unit unit = (mt_time_unit)luaL_checkoption(L, 4, units[0], units);
    const char *path = luaL_checkstring(L, 1);
    int skip_bad_lines = lua_toboolean(L, 2);
    mt_error error;
    void **self = mt_lua_new_source(L);
    *self = lua_toboolean(L, 3) ? mt_source_open_later(path, skip_bad_lines, &error)
                                : mt_source_open(path, skip_bad_lines, &error);
    if (!*self)
        return mt_lua_failure(L, &error);
    mt_source_set_unit(*self, unit);
    return 1;
}

/* columns(columns) -> source | nil, message, code */
static int columns_source(lua_State *L) {
    mt_columns *columns = mt_lua_check_columns(L, 1);
    mt_error error;
    void **self = mt_lua_new_source(L);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    *self = mt_source_columns(columns, &error);
    return *self ? 1 : mt_lua_failure(L, &error);
}

static int flag_of(lua_State *L, const char *name) {
    lua_getfield(L, 2, name);
    return lua_toboolean(L, -1);
}

/* run(plan, {seed=, duration=, most=, most_at_once=, factor=, tags=, compact=, whole_milliseconds=, live=}) ->
 * source | nil, message, code. Code "value" is a mistake in the plan that only shows when it runs (a rate
 * that is not a number): also when requests are taken. */
static int run_source(lua_State *L) {
    mt_error error;
    mt_plan *plan = mt_lua_check_plan(L, 1);
    mt_run_options options = mt_run_defaults();
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    if (mt_lua_has_field(L, 2, "seed"))
        options.seed = (uint64_t)luaL_checkinteger(L, -1);
    if (mt_lua_has_field(L, 2, "duration"))
        options.duration = mt_lua_check_not_negative(L, -1, "duration");
    if (mt_lua_has_field(L, 2, "most"))
        options.most = mt_lua_check_count(L, -1, "num_requests");
    if (mt_lua_has_field(L, 2, "most_at_once"))
        options.most_at_once = mt_lua_check_count(L, -1, "most_at_once");
    if (mt_lua_has_field(L, 2, "factor"))
        options.factor = mt_lua_check_not_negative(L, -1, "rate_scale");
    options.tags = flag_of(L, "tags");
    options.compact = flag_of(L, "compact");
    options.live = flag_of(L, "live");
    options.whole_milliseconds = flag_of(L, "whole_milliseconds");
    void **self = mt_lua_new_source(L);
    *self = mt_source_run(plan, &options, &error);
    return *self ? 1 : mt_lua_failure(L, &error);
}

/* synthesis(synthesis, most) -> source of its next requests | nil, message, code */
static int synthesis_source(lua_State *L) {
    mt_synthesis *synthesis = mt_lua_check_synthesis(L, 1);
    uint64_t most = mt_lua_check_count(L, 2, "synthesizer: requests");
    mt_error error;
    void **self = mt_lua_new_source(L);
    *self = mt_source_synthesis(synthesis, most, &error);
    return *self ? 1 : mt_lua_failure(L, &error);
}

/* take(source) -> a source of what is left in it, which is closed */
static int take_source(lua_State *L) {
    mt_lua_check_source(L, 1);
    void **self = mt_lua_new_source(L);
    lua_getiuservalue(L, 1, 1);
    lua_setiuservalue(L, -2, 1);
    void **before = mt_lua_source_place(L, 1); /* making the owner may have run a finaliser */
    *self = *before;
    *before = NULL;
    return 1;
}

/* Pushes the new owner of several sources; they stay alive in its user value, the list at 1, for
 * the columns that they may read. Fills `inputs`, `count` of them, which the list no longer has. */
static void **take_inputs(lua_State *L, mt_source ***inputs, size_t *count) {
    luaL_checktype(L, 1, LUA_TTABLE);
    *count = (size_t)lua_rawlen(L, 1);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        mt_lua_check_source(L, -1);
        lua_pop(L, 1);
    }
    void **self = mt_lua_new_source(L);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    *inputs = mt_allocate(*count, sizeof(mt_source *));
    for (size_t i = 0; *inputs && i < *count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        void **input = lua_touserdata(L, -1);
        (*inputs)[i] = *input; /* NULL when the list has it twice */
        *input = NULL;
        lua_pop(L, 1);
    }
    return self;
}

/* The sources of the list at 1 put together: one after the other, or by time. At `arg` is whether
 * they are parts of one trace, then whether equal ids mean the same though they are not, then
 * whether blocks of unlike sizes are refused. */
static int put_together(lua_State *L, int by_time, int64_t gap_ns, int arg) {
    mt_inputs kept = lua_toboolean(L, arg)       ? MT_INPUTS_PARTS
                     : lua_toboolean(L, arg + 1) ? MT_INPUTS_SHARED_IDS
                                                 : MT_INPUTS_APART;
    mt_source **inputs;
    size_t count;
    mt_error error;
    void **self = take_inputs(L, &inputs, &count);
    if (!inputs)
        mt_fail_memory(&error, "inputs of a trace");
    else if (!lua_toboolean(L, arg + 2) || mt_step_same_blocks(inputs, count, &error) == MT_OK)
        *self = by_time ? mt_source_merge(inputs, count, kept, &error)
                        : mt_source_join(inputs, count, gap_ns, kept, &error);
    mt_free(inputs);
    return *self ? 1 : mt_lua_failure(L, &error);
}

/* merge(sources, parts, shared_ids, same_blocks) -> source | nil, message, code */
static int merge(lua_State *L) {
    return put_together(L, 1, 0, 2);
}

/* join(sources, gap | nil, parts, shared_ids, same_blocks) -> source | nil, message, code */
static int join(lua_State *L) {
    return put_together(L, 0, mt_lua_nanoseconds(L, 2, -1, "join: gap"), 3);
}

/* ---- the module ---- */

/* next, columns, skipped and close as methods of sources, which a script knows as readers. */
static void register_type(lua_State *L) {
    static const char *const methods[][2] = {
        {"next", "next"}, {"columns", "collect"}, {"skipped", "skipped"}};
    static const luaL_Reg meta[] = {{"__tostring", source_text}, {NULL, NULL}};
    static const luaL_Reg close[] = {{"close", mt_lua_close}, {NULL, NULL}};
    mt_lua_new_object_type(L, &source_type, close, meta);
    lua_getfield(L, -2, "call");
    lua_setfield(L, -2, "__call");
    lua_getfield(L, -1, "__index");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        lua_getfield(L, -3, methods[i][1]);
        lua_setfield(L, -2, methods[i][0]);
    }
    lua_getfield(L, -1, "close");
    lua_setfield(L, -4, "close");
    lua_setfield(L, -3, "methods");
    lua_pop(L, 1);
}

/* is_live(source) -> does it wait for real answers? */
static int is_live(lua_State *L) {
    lua_pushboolean(L, mt_source_is_live(*mt_lua_source_place(L, 1)));
    return 1;
}

int mt_lua_open_source(lua_State *L) {
    static const luaL_Reg functions[] = {{"open", open_source}, {"columns", columns_source},
                                         {"run", run_source},   {"synthesis", synthesis_source},
                                         {"take", take_source}, {"merge", merge},
                                         {"join", join},        {"is_live", is_live},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    luaL_setfuncs(L, mt_lua_source_steps, 0);
    luaL_setfuncs(L, mt_lua_source_ends, 0);
    mt_lua_push_filter_maker(L);
    lua_setfield(L, -2, "filter");
    register_type(L);
    return 1;
}
