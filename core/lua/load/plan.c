/* core.plan: fields and plans as userdata. */
#include "lua/load/load_binding.h"
#include "lua/trace/source_binding.h"

#include "base/utf8.h"

#include <math.h>
#include <string.h>

/* ---- fields ---- */

static void release_fields(void *fields) {
    mt_fields_release(fields);
}

static const mt_lua_type fields_type = {"moontide.fields", "the fields are closed", release_fields};

mt_fields *mt_lua_check_fields(lua_State *L, int arg) {
    return mt_lua_check_object(L, arg, &fields_type);
}

/* fields() -> an empty list of members */
static int fields_new(lua_State *L) {
    mt_error error;
    void **place = mt_lua_new_object(L, &fields_type);
    return mt_lua_keep(L, place, mt_fields_new(&error), &error);
}

/* add_constant(fields, key, value): key and value as JSON texts */
static int add_constant(lua_State *L) {
    mt_error error;
    mt_fields *fields = mt_lua_check_fields(L, 1);
    const char *key = luaL_checkstring(L, 2);
    const char *value = luaL_checkstring(L, 3);
    if (mt_fields_constant(fields, key, value, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    return 0;
}

/* add_number(fields, key, distribution) */
static int add_number(lua_State *L) {
    mt_error error;
    mt_fields *fields = mt_lua_check_fields(L, 1);
    const char *key = luaL_checkstring(L, 2);
    mt_distribution *distribution = mt_lua_check_distribution(L, 3);
    if (mt_fields_number(fields, key, distribution, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    return 0;
}

/* add_choice(fields, key, {value as JSON text, ...}, {weight, ...}) */
static int add_choice(lua_State *L) {
    mt_error error;
    mt_fields *fields = mt_lua_check_fields(L, 1);
    const char *key = luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    size_t count;
    double *weights = mt_lua_check_numbers(L, 4, "choice: weight", &count);
    const char **values = lua_newuserdatauv(L, count * sizeof *values + 1, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 3, (lua_Integer)i + 1);
        values[i] = luaL_checkstring(L, -1); /* held by the table */
        lua_pop(L, 1);
    }
    if (mt_fields_choice(fields, key, values, weights, count, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    return 0;
}

/* ---- plans ---- */

static void release_plan(void *plan) {
    mt_plan_release(plan);
}

static const mt_lua_type plan_type = {"moontide.plan", "the plan is closed", release_plan};

mt_plan *mt_lua_check_plan(lua_State *L, int arg) {
    return mt_lua_check_object(L, arg, &plan_type);
}

/* new(block_size) */
static int plan_new(lua_State *L) {
    mt_error error;
    uint64_t block_size = mt_lua_check_count(L, 1, "block_size");
    void **place = mt_lua_new_object(L, &plan_type);
    return mt_lua_keep(L, place, mt_plan_new(block_size, &error), &error);
}

/* The parts of a stream that few have, of the table at `more`; what is pushed keeps them alive. */
static void read_more(lua_State *L, int more, mt_stream *stream,
                      mt_stream_branch branches[MT_BRANCH_LEVELS]) {
    luaL_checktype(L, more, LUA_TTABLE);
    if (mt_lua_has_field(L, more, "first"))
        stream->first = mt_lua_check_lengths(L, -1);
    if (mt_lua_has_field(L, more, "branches")) {
        size_t levels = lua_rawlen(L, -1);
        luaL_argcheck(L, levels <= MT_BRANCH_LEVELS, more, "at most 8 levels of branches");
        for (size_t i = 0; i < levels; i++) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            lua_getfield(L, -1, "lengths");
            branches[i].lengths = mt_lua_check_lengths(L, -1);
            lua_getfield(L, -2, "prompt");
            branches[i].prompt = lua_toboolean(L, -1) ? mt_lua_check_prompt(L, -1) : NULL;
            lua_getfield(L, -3, "fields");
            branches[i].fields = lua_toboolean(L, -1) ? mt_lua_check_fields(L, -1) : NULL;
            lua_pop(L, 4);
        }
        stream->branches = branches;
    }
    size_t classes = mt_lengths_class_count(stream->lengths);
    if (mt_lua_has_field(L, more, "class_prompts")) {
        mt_prompt **prompts = lua_newuserdatauv(L, classes * sizeof(mt_prompt *), 0);
        for (size_t i = 0; i < classes; i++) {
            lua_geti(L, -2, (lua_Integer)i + 1);
            prompts[i] = lua_toboolean(L, -1) ? mt_lua_check_prompt(L, -1) : NULL;
            lua_pop(L, 1);
        }
        stream->class_prompts = prompts;
    }
    if (mt_lua_has_field(L, more, "class_fields")) {
        mt_fields **fields = lua_newuserdatauv(L, classes * sizeof(mt_fields *), 0);
        for (size_t i = 0; i < classes; i++) {
            lua_geti(L, -2, (lua_Integer)i + 1);
            fields[i] = lua_toboolean(L, -1) ? mt_lua_check_fields(L, -1) : NULL;
            lua_pop(L, 1);
        }
        stream->class_fields = fields;
    }
}

/* add(plan, name, process, lengths, prompt, fields | nil, factor | nil, pace | nil, last | nil, more | nil):
 * more is {first=, branches=, class_prompts=, class_fields=}, each if there are some: branches are
 * {lengths=, prompt= or false, fields= or false} a level; class lists hold an entry or false a
 * class. Lua's values may go: the plan retains what it needs. */
static int plan_add(lua_State *L) {
    enum { NAME = 2, PROCESS, LENGTHS, PROMPT, FIELDS, FACTOR, PACE, LAST, MORE };
    mt_error error;
    mt_plan *plan = mt_lua_check_plan(L, 1);
    lua_settop(L, MORE);
    mt_stream stream = {.name = luaL_checkstring(L, NAME),
                        .process = mt_lua_check_process(L, PROCESS),
                        .lengths = mt_lua_check_lengths(L, LENGTHS),
                        .prompt = mt_lua_check_prompt(L, PROMPT),
                        .fields = lua_isnil(L, FIELDS) ? NULL : mt_lua_check_fields(L, FIELDS),
                        .factor = 1,
                        .end = INFINITY};
    if (!lua_isnil(L, FACTOR))
        stream.factor = mt_lua_check_not_negative(L, FACTOR, "scale");
    if (!lua_isnil(L, PACE))
        stream.pace = mt_lua_check_not_negative(L, PACE, "compress");
    if (!lua_isnil(L, LAST))
        stream.end = luaL_checknumber(L, LAST);
    mt_stream_branch branches[MT_BRANCH_LEVELS];
    if (lua_toboolean(L, MORE))
        read_more(L, MORE, &stream, branches);
    if (mt_plan_add(plan, &stream, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    return 0;
}

static void set_number(lua_State *L, const char *key, double value) {
    lua_pushnumber(L, value);
    lua_setfield(L, -2, key);
}

/* The expectation of stream `index` (from 1) of the plan: the arguments of expect and means. */
static mt_code read_expectation(lua_State *L, mt_expectation *expectation, mt_error *error) {
    mt_plan *plan = mt_lua_check_plan(L, 1);
    lua_Integer index = luaL_checkinteger(L, 2);
    luaL_argcheck(L, index >= 1 && (size_t)index <= mt_plan_stream_count(plan), 2,
                  "no such stream");
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 3);
    double duration = luaL_checknumber(L, 4);
    double factor = luaL_checknumber(L, 5);
    return mt_plan_expect(plan, (size_t)index - 1, seed, duration, factor, expectation, error);
}

/* expect(plan, index from 1, seed, duration, factor) -> {requests=, sessions=, input_mean=, ...}, or nil,
 * message, code */
static int plan_expect(lua_State *L) {
    enum { EXPECTED = 9 }; /* members */
    mt_error error;
    mt_expectation expectation;
    if (read_expectation(L, &expectation, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, 0, EXPECTED);
    set_number(L, "requests", expectation.requests);
    set_number(L, "sessions", expectation.sessions);
    set_number(L, "input_mean", expectation.input_mean);
    set_number(L, "output_mean", expectation.output_mean);
    set_number(L, "output_share", expectation.output_share);
    set_number(L, "shared_mean", expectation.shared_mean);
    set_number(L, "whole_shared_mean", expectation.whole_shared_mean);
    set_number(L, "inside", expectation.inside);
    if (expectation.clamped_at >= 0)
        set_number(L, "clamped_at", expectation.clamped_at);
    return 1;
}

/* means(plan, index from 1, seed, duration, factor) -> requests, sessions, input_mean, output_mean,
 * output_share, inside, as expect has them, and whether there is something to say of the stream: its rate is
 * below 0 somewhere, or what its prompts share fills no block; or nil, message, code. Of thousands of streams
 * no table is made. */
static int plan_means(lua_State *L) {
    mt_error error;
    mt_expectation expectation;
    if (read_expectation(L, &expectation, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushnumber(L, expectation.requests);
    lua_pushnumber(L, expectation.sessions);
    lua_pushnumber(L, expectation.input_mean);
    lua_pushnumber(L, expectation.output_mean);
    lua_pushnumber(L, expectation.output_share);
    lua_pushnumber(L, expectation.inside);
    lua_pushboolean(L, expectation.clamped_at >= 0 ||
                           (expectation.shared_mean > 0 && expectation.whole_shared_mean == 0));
    return 7;
}

static int is_name(const char *name, size_t length) {
    for (size_t i = 0; i < length;) {
        size_t step = name[i] != '\0' ? mt_utf8_sequence(name + i, length - i) : 0;
        if (step == 0)
            return 0;
        i += step;
    }
    return length > 0;
}

/* What a plain stream may be given, and where each has its place on the stack. */
enum plain_option { OPTIONS = 1, PROCESS, NAME, PROMPT, INPUT, NEW_INPUT, OUTPUT };

/* The place of the option whose name and value are on top; 0: it is none of these, or not a plain value. */
static int plain_place(lua_State *L) {
    static const char *const names[] = {
        [PROCESS] = "arrivals", [NAME] = "name",           [PROMPT] = "prompt",
        [INPUT] = "input",      [NEW_INPUT] = "new_input", [OUTPUT] = "output"};
    size_t length = 0;
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &length) : "";
    int place = PROCESS;
    while (place <= OUTPUT && (strlen(names[place]) != length || strcmp(name, names[place]) != 0))
        place++;
    if (place == PROCESS) {
        mt_process *process = mt_lua_test_process(L, -1);
        return process && mt_process_has_formula(process) && !mt_process_has_sessions(process)
                   ? place
                   : 0;
    }
    if (place == NAME) {
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
        return text && is_name(text, length) ? place : 0;
    }
    if (place == PROMPT) {
        mt_prompt *prompt = mt_lua_test_prompt(L, -1);
        return prompt && !mt_prompt_decides(prompt, NULL) ? place : 0;
    }
    lua_Number number = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
    return place <= OUTPUT && number >= 0 && isfinite(number) ? place : 0;
}

/* plain(options of a stream) -> arrivals, name | nil, prompt | nil, input | nil, new_input | nil, output | nil
 * where these are all there is, and nothing of them can be wrong or contradict something else: arrivals
 * without sessions whose requests are known without a run, a prompt source that leaves the lengths to others,
 * numbers of tokens, of which one is that of the prompt. nil of any other: asked first of streams by the
 * thousand, it says nothing of what is wrong. */
static int plain(lua_State *L) {
    lua_settop(L, OUTPUT);
    int is_plain = lua_istable(L, OPTIONS) && !lua_getmetatable(L, OPTIONS);
    for (lua_pushnil(L); is_plain && lua_next(L, OPTIONS);) {
        int place = plain_place(L);
        is_plain = place > 0;
        if (is_plain)
            lua_replace(L, place);
    }
    lua_settop(L, OUTPUT);
    if (!is_plain || lua_isnil(L, PROCESS) || lua_isnil(L, INPUT) == lua_isnil(L, NEW_INPUT)) {
        lua_pushnil(L);
        return 1;
    }
    return OUTPUT - OPTIONS;
}

/* lengths_follow_time(lengths) -> do they, or the weights of their classes, depend on time? */
static int lengths_follow_time(lua_State *L) {
    lua_pushboolean(L, mt_lengths_follow_time(mt_lua_check_lengths(L, 1)));
    return 1;
}

/* lengths_duration(lengths) -> seconds after which a curve in them keeps its last value, math.huge where none
 * ends */
static int lengths_duration(lua_State *L) {
    lua_pushnumber(L, mt_lengths_duration(mt_lua_check_lengths(L, 1)));
    return 1;
}

int mt_lua_open_plan(lua_State *L) {
    static const luaL_Reg functions[] = {{"fields", fields_new},
                                         {"add_constant", add_constant},
                                         {"add_number", add_number},
                                         {"add_choice", add_choice},
                                         {"new", plan_new},
                                         {"add", plan_add},
                                         {"expect", plan_expect},
                                         {"means", plan_means},
                                         {"plain", plain},
                                         {"lengths_follow_time", lengths_follow_time},
                                         {"lengths_duration", lengths_duration},
                                         {NULL, NULL}};
    mt_lua_new_object_type(L, &fields_type, NULL, NULL);
    mt_lua_new_object_type(L, &plan_type, NULL, NULL);
    lua_pop(L, 2);
    luaL_newlib(L, functions);
    return 1;
}
