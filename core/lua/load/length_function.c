/* core.length_rule: lengths by turn, and a script's own rule, mt.length(function(random, event)),
 * called once a request. */
#include "lua/load/load_binding.h"
#include "lua/script_function.h"

#include <stdio.h>

/* ---- functions ---- */

/* The function has the same two arguments each time: own_refs. */
enum { RANDOM, EVENT };

/* Pushes the event's table, whose members have all been set before: setting them takes no memory. */
static void push_event(lua_State *thread, int event_ref, const mt_length_event *event) {
    lua_rawgeti(thread, LUA_REGISTRYINDEX, event_ref);
    lua_pushnumber(thread, event->time);
    lua_setfield(thread, -2, "time");
    lua_pushinteger(thread, (lua_Integer)event->input);
    lua_setfield(thread, -2, "input");
    lua_pushinteger(thread, (lua_Integer)event->session);
    lua_setfield(thread, -2, "session");
    lua_pushinteger(thread, (lua_Integer)event->turn);
    lua_setfield(thread, -2, "turn");
    lua_pushinteger(thread, (lua_Integer)event->history);
    lua_setfield(thread, -2, "history");
}

/* The caller's mistake, with the place of its function. */
static mt_code wrong_length(const mt_script_function *self, const mt_length_event *event,
                            uint64_t low, mt_error *error) {
    char value[60], place[MT_LUA_PLACE], where[80] = "";
    mt_script_function_value(self, value, sizeof value);
    if (event->has_session)
        snprintf(where, sizeof where, ", turn %llu of session %llu",
                 (unsigned long long)event->turn, (unsigned long long)event->session);
    return mt_fail(error, MT_ERROR_CALLBACK,
                   "%slength: the function returned %s (at t = %.9g s%s); it must return a whole "
                   "number of tokens, %llu or more",
                   mt_script_function_place(self, place, sizeof place), value, event->time, where,
                   (unsigned long long)low);
}

static mt_code call(void *context, mt_random *random, const mt_length_event *event, uint64_t low,
                    double *tokens, mt_error *error) {
    mt_script_function *self = context;
    lua_State *thread = self->thread;
    int handler = mt_lua_begin_callback(thread, "length", error);
    if (!handler)
        return MT_ERROR_MEMORY;
    mt_script_function_push(self);
    lua_rawgeti(thread, LUA_REGISTRYINDEX, self->own_refs[RANDOM]);
    mt_random *draws = lua_touserdata(thread, -1);
    *draws = *random;
    push_event(thread, self->own_refs[EVENT], event);
    mt_code code = mt_lua_callback(thread, handler, 2, "length", error);
    *random = *draws;
    if (code != MT_OK)
        return code;
    int is_whole;
    lua_Integer whole = lua_tointegerx(thread, -1, &is_whole);
    *tokens = (double)whole;
    if (lua_type(thread, -1) != LUA_TNUMBER || !is_whole || whole < (lua_Integer)low ||
        whole > ((lua_Integer)1 << 53))
        code = wrong_length(self, event, low, error);
    lua_settop(thread, handler - 1);
    return code;
}

/* The function at index 1 with its arguments. */
static mt_script_function *new_function(lua_State *L, mt_error *error) {
    int refs[2];
    mt_lua_push_random(L, 0, "", "");
    refs[RANDOM] = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_createtable(L, 0, 5);
    refs[EVENT] = luaL_ref(L, LUA_REGISTRYINDEX);
    push_event(L, refs[EVENT], &(mt_length_event){0});
    lua_pop(L, 1);
    return mt_script_function_new(L, 1, refs, error);
}

/* ---- rules ---- */

static void release_rule(void *rule) {
    mt_length_rule_release(rule);
}

static const mt_lua_type type = {"moontide.length_rule", "the lengths are closed", release_rule};

mt_length_rule *mt_lua_test_length_rule(lua_State *L, int arg) {
    return mt_lua_test_object(L, arg, &type) ? mt_lua_check_object(L, arg, &type) : NULL;
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
 * time (seconds), input (tokens), session, turn (from 0) and history (tokens) and is the same table each time */
static int custom(lua_State *L) {
    mt_error error;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    void **place = mt_lua_new_object(L, &type);
    mt_script_function *script = new_function(L, &error);
    if (!script)
        return mt_lua_raise_error(L, &error);
    mt_length_function function = {.context = script,
                                   .retain = mt_script_function_retain,
                                   .release = mt_script_function_release,
                                   .call = call};
    mt_length_rule *rule = mt_length_rule_function(&function, &error);
    mt_script_function_release(script);
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
