/* core.length_rule: lengths by turn, and a script's own rule, mt.length(function(random, event)),
 * called once a request. */
#include "lua/load_binding.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>

/* ---- functions ---- */

/* Calls run on a Lua thread of their own, with the same two arguments each time. Registry references
 * keep all of it alive. */
typedef struct function_context {
    uint64_t references;
    lua_State *thread;
    int thread_ref, function_ref, random_ref, event_ref;
} function_context;

static void retain(void *context) {
    ((function_context *)context)->references++;
}

static void release(void *context) {
    function_context *self = context;
    if (--self->references > 0)
        return;
    luaL_unref(self->thread, LUA_REGISTRYINDEX, self->function_ref);
    luaL_unref(self->thread, LUA_REGISTRYINDEX, self->random_ref);
    luaL_unref(self->thread, LUA_REGISTRYINDEX, self->event_ref);
    luaL_unref(self->thread, LUA_REGISTRYINDEX, self->thread_ref);
    mt_free(self);
}

/* Pushes the event's table, whose members have all been set before: setting them takes no memory. */
static void push_event(lua_State *thread, const function_context *self,
                       const mt_length_event *event) {
    lua_rawgeti(thread, LUA_REGISTRYINDEX, self->event_ref);
    lua_pushnumber(thread, event->time);
    lua_setfield(thread, -2, "time");
    lua_pushinteger(thread, (lua_Integer)event->session);
    lua_setfield(thread, -2, "session");
    lua_pushinteger(thread, (lua_Integer)event->turn);
    lua_setfield(thread, -2, "turn");
    lua_pushinteger(thread, (lua_Integer)event->history);
    lua_setfield(thread, -2, "history");
}

/* The caller's mistake, with the place of its function. */
static mt_code wrong_length(lua_State *thread, const function_context *self,
                            const mt_length_event *event, uint64_t low, mt_error *error) {
    lua_Debug function;
    char value[60], where[80] = "";
    if (lua_type(thread, -1) == LUA_TNUMBER)
        snprintf(value, sizeof value, isnan(lua_tonumber(thread, -1)) ? "NaN" : "%.14g",
                 lua_tonumber(thread, -1));
    else
        snprintf(value, sizeof value, "%s%s", lua_isnil(thread, -1) ? "" : "a ",
                 luaL_typename(thread, -1));
    if (event->has_session)
        snprintf(where, sizeof where, ", turn %llu of session %llu",
                 (unsigned long long)event->turn, (unsigned long long)event->session);
    lua_rawgeti(thread, LUA_REGISTRYINDEX, self->function_ref);
    lua_getinfo(thread, ">S", &function);
    return mt_fail(error, MT_ERROR_CALLBACK,
                   "%s:%d: length: the function returned %s (at t = %.9g s%s); it must return a "
                   "whole number of tokens, %llu or more",
                   function.short_src, function.linedefined, value, event->time, where,
                   (unsigned long long)low);
}

static mt_code call(void *context, mt_random *random, const mt_length_event *event, uint64_t low,
                    double *tokens, mt_error *error) {
    function_context *self = context;
    lua_State *thread = self->thread;
    int handler = mt_lua_begin_callback(thread, "length", error);
    if (!handler)
        return MT_ERROR_MEMORY;
    lua_rawgeti(thread, LUA_REGISTRYINDEX, self->function_ref);
    lua_rawgeti(thread, LUA_REGISTRYINDEX, self->random_ref);
    mt_random *draws = lua_touserdata(thread, -1);
    *draws = *random;
    push_event(thread, self, event);
    mt_code code = mt_lua_callback(thread, handler, 2, "length", error);
    *random = *draws;
    if (code != MT_OK)
        return code;
    int is_whole;
    lua_Integer whole = lua_tointegerx(thread, -1, &is_whole);
    *tokens = (double)whole;
    if (lua_type(thread, -1) != LUA_TNUMBER || !is_whole || whole < (lua_Integer)low ||
        whole > ((lua_Integer)1 << 53))
        code = wrong_length(thread, self, event, low, error);
    lua_settop(thread, handler - 1);
    return code;
}

/* The function at index 1 with what its calls need; what may raise comes first. */
static mt_code new_function(lua_State *L, mt_length_function *function, mt_error *error) {
    function_context made = {.references = 1};
    made.thread = mt_lua_new_callback_thread(L);
    made.thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, 1);
    made.function_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    mt_lua_push_random(L, 0, "", "");
    made.random_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_createtable(L, 0, 4);
    made.event_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    push_event(L, &made, &(mt_length_event){0});
    lua_pop(L, 1);
    function_context *context = mt_allocate(1, sizeof *context);
    if (!context) {
        luaL_unref(L, LUA_REGISTRYINDEX, made.function_ref);
        luaL_unref(L, LUA_REGISTRYINDEX, made.random_ref);
        luaL_unref(L, LUA_REGISTRYINDEX, made.event_ref);
        luaL_unref(L, LUA_REGISTRYINDEX, made.thread_ref);
        return mt_fail_memory(error, "length");
    }
    *context = made;
    *function = (mt_length_function){
        .context = context, .retain = retain, .release = release, .call = call};
    return MT_OK;
}

/* ---- rules ---- */

static void release_rule(void *rule) {
    mt_length_rule_release(rule);
}

static const mt_lua_type type = {"moontide.length_rule", "the lengths are closed", release_rule};

mt_length_rule *mt_lua_test_length_rule(lua_State *L, int arg) {
    return luaL_testudata(L, arg, type.name) ? mt_lua_check_object(L, arg, &type) : NULL;
}

/* turns({distribution, ...}): the k-th turn's length, the last one's for all further ones */
static int turns(lua_State *L) {
    mt_error error;
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t count = (size_t)luaL_len(L, 1);
    mt_distribution **list = lua_newuserdatauv(L, count * sizeof(mt_distribution *) + 1, 0);
    for (size_t i = 0; i < count; i++) {
        lua_geti(L, 1, (lua_Integer)i + 1);
        list[i] = mt_lua_check_distribution(L, -1);
        lua_pop(L, 1);
    }
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_length_rule_turns(list, count, &error), &error);
}

/* custom(function): function(random, event) returns a whole number of tokens; event has the members
 * time (seconds), session, turn (from 0) and history (tokens) and is the same table each time */
static int custom(lua_State *L) {
    mt_error error;
    mt_length_function function;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    void **place = mt_lua_new_object(L, &type);
    if (new_function(L, &function, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    mt_length_rule *rule = mt_length_rule_function(&function, &error);
    function.release(function.context);
    return mt_lua_keep(L, place, rule, &error);
}

static int to_text(lua_State *L) {
    mt_length_rule *rule = mt_lua_check_object(L, 1, &type);
    lua_pushstring(L, mt_length_rule_needs_turns(rule) ? "by_turn" : "length(function)");
    return 1;
}

int mt_lua_open_length_rule(lua_State *L) {
    static const luaL_Reg meta[] = {{"__tostring", to_text}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"turns", turns}, {"custom", custom}, {NULL, NULL}};
    mt_lua_new_object_type(L, &type, NULL, meta);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
