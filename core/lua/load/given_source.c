/* A script's own source of requests: mt.stream{ requests = function(random) ... }, called once a run,
 * and the function it returns, once a request. */
#include "lua/load/load_binding.h"
#include "lua/script_function.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct given_state {
    mt_script_function *factory;
    int function_ref, row_ref; /* of the row that was given last, which keeps its parts */
    uint64_t count;            /* rows given */
} given_state;

/* What a call under lua_pcall is given as a light userdata. */
typedef struct factory_call {
    const mt_process_context *run;
    given_state *made;
} factory_call;

/* (factory, call): the factory's function, and a place for rows, as registry references. */
static int call_factory(lua_State *L) {
    factory_call *call = lua_touserdata(L, 2);
    char place[MT_LUA_PLACE];
    lua_pushvalue(L, 1);
    mt_lua_function_place(L, place, sizeof place);
    mt_lua_push_random(L, call->run->seed, call->run->name, "requests");
    lua_replace(L, 2);
    lua_call(L, 1, 1);
    if (!lua_isfunction(L, -1))
        return luaL_error(L,
                          "%srequests: the factory returned %s, it must return a function that "
                          "returns the next request, a table",
                          place, luaL_typename(L, -1));
    lua_pushboolean(L, 1);
    call->made->row_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    call->made->function_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void free_state(given_state *self) {
    luaL_unref(self->factory->thread, LUA_REGISTRYINDEX, self->function_ref);
    luaL_unref(self->factory->thread, LUA_REGISTRYINDEX, self->row_ref);
    mt_script_function_release(self->factory);
    mt_free(self);
}

static mt_code make(void *context, const mt_process_context *run, void **state, mt_error *error) {
    mt_script_function *factory = context;
    lua_State *thread = factory->thread;
    int handler = mt_lua_begin_callback(thread, "requests", error);
    if (!handler)
        return MT_ERROR_MEMORY;
    given_state *made = mt_new(sizeof *made, "requests", error);
    if (!made) {
        lua_settop(thread, handler - 1);
        return MT_ERROR_MEMORY;
    }
    *made = (given_state){factory, LUA_NOREF, LUA_NOREF, 0};
    mt_script_function_retain(factory);
    factory_call call = {run, made};
    lua_pushcfunction(thread, call_factory);
    mt_script_function_push(factory);
    lua_pushlightuserdata(thread, &call);
    mt_code code = mt_lua_callback(thread, handler, 2, "requests", error);
    if (code != MT_OK) {
        free_state(made);
        return code;
    }
    lua_settop(thread, handler - 1);
    *state = made;
    return MT_OK;
}

/* The mistake in a row, with the place of the function. */
static mt_code wrong_row(const given_state *self, const char *what, mt_error *error) {
    lua_Debug function;
    lua_rawgeti(self->factory->thread, LUA_REGISTRYINDEX, self->function_ref);
    lua_getinfo(self->factory->thread, ">S", &function);
    return mt_fail(error, MT_ERROR_CALLBACK, "%s:%d: requests: request %llu: %s",
                   function.short_src, function.linedefined, (unsigned long long)self->count, what);
}

static mt_code wrong_value(const given_state *self, const char *name, const char *must,
                           mt_error *error) {
    char value[60], what[200];
    mt_script_function_value(self->factory, value, sizeof value);
    snprintf(what, sizeof what, "%s must be %s, not %s", name, must, value);
    return wrong_row(self, what, error);
}

/* Tokens of the value on top; *is_there: it is not nil. */
static mt_code tokens_of(const given_state *self, const char *name, lua_Integer low, int *is_there,
                         uint64_t *tokens, mt_error *error) {
    lua_State *thread = self->factory->thread;
    int is_whole;
    lua_Integer value = lua_tointegerx(thread, -1, &is_whole);
    *is_there = !lua_isnil(thread, -1);
    if (!*is_there)
        return MT_OK;
    if (lua_type(thread, -1) != LUA_TNUMBER || !is_whole || value < low ||
        value > ((lua_Integer)1 << 53))
        return wrong_value(self, name,
                           low > 0 ? "a whole number of tokens, 1 or more"
                                   : "a whole number of tokens, 0 or more",
                           error);
    *tokens = (uint64_t)value;
    return MT_OK;
}

/* What a row may have; session is looked at before the lengths. */
enum { TIME, SESSION, INPUT, NEW_INPUT, OUTPUT, PROMPT, MEMBERS };
static const char *const members[MEMBERS] = {"time",      "session", "input",
                                             "new_input", "output",  "prompt"};

static mt_code read_prompt(const given_state *self, mt_given_request *request, mt_error *error) {
    lua_State *thread = self->factory->thread;
    if (lua_isnil(thread, -1))
        return MT_OK;
    void **prompt = luaL_testudata(thread, -1, "moontide.prompt");
    if (!prompt || !*prompt || mt_prompt_decides(*prompt, NULL))
        return wrong_value(self, "prompt", "a prompt source such as mt.shared_prefix{...}", error);
    request->prompt = *prompt;
    return MT_OK;
}

/* The member on top of the stack. */
static mt_code read_member(const given_state *self, int member, int *has_input,
                           mt_given_request *request, mt_error *error) {
    lua_State *thread = self->factory->thread;
    mt_length_draw *lengths = &request->lengths;
    int is_there = 0;
    mt_code code = MT_OK;
    switch (member) {
    case TIME:
        request->time = lua_tonumber(thread, -1);
        if (lua_type(thread, -1) != LUA_TNUMBER || !(request->time >= 0) || isinf(request->time))
            code = wrong_value(self, "time", "seconds, 0 or more", error);
        break;
    case SESSION:
        if (lua_isnil(thread, -1))
            break;
        if (lua_type(thread, -1) != LUA_TSTRING && !lua_isinteger(thread, -1))
            return wrong_value(self, "session", "a text or a whole number", error);
        request->session = lua_tolstring(thread, -1, &request->session_length);
        break;
    case INPUT:
    case NEW_INPUT:
        code = tokens_of(self, members[member], 1, &is_there, &lengths->input, error);
        *has_input += is_there;
        lengths->input_is_new |= is_there && member == NEW_INPUT;
        break;
    case OUTPUT:
        code = tokens_of(self, "output", 0, &lengths->has_output, &lengths->output, error);
        break;
    default:
        code = read_prompt(self, request, error);
    }
    return code;
}

static int is_member(const char *name) {
    for (int i = 0; i < MEMBERS; i++)
        if (strcmp(name, members[i]) == 0)
            return 1;
    return 0;
}

static mt_code check_names(const given_state *self, mt_error *error) {
    lua_State *thread = self->factory->thread;
    for (lua_pushnil(thread); lua_next(thread, -2); lua_pop(thread, 1))
        if (lua_type(thread, -2) != LUA_TSTRING || !is_member(lua_tostring(thread, -2))) {
            char what[200];
            snprintf(what, sizeof what,
                     "unknown member %.60s (a request has time, session, input or new_input, "
                     "output, prompt)",
                     lua_type(thread, -2) == LUA_TSTRING ? lua_tostring(thread, -2) : "of a list");
            return wrong_row(self, what, error);
        }
    return MT_OK;
}

/* The row on top of the stack, which stays in row_ref. */
static mt_code read_row(given_state *self, mt_given_request *request, mt_error *error) {
    lua_State *thread = self->factory->thread;
    int has_input = 0;
    if (!lua_istable(thread, -1))
        return wrong_value(self, "it", "a table, or nil at the end", error);
    mt_code code = check_names(self, error);
    for (int i = 0; code == MT_OK && i < MEMBERS; i++) {
        lua_pushstring(thread, members[i]);
        lua_rawget(thread, -2);
        if (i == SESSION && lua_isinteger(thread, -1)) { /* as the text that the row then keeps */
            lua_tostring(thread, -1);
            lua_pushstring(thread, members[i]);
            lua_pushvalue(thread, -2);
            lua_rawset(thread, -4);
        }
        code = read_member(self, i, &has_input, request, error);
        if (code == MT_OK)
            lua_pop(thread, 1);
    }
    if (code != MT_OK)
        return code;
    if (has_input != 1)
        return wrong_row(self,
                         has_input ? "input is the whole prompt, new_input what is added: give one"
                                   : "input or new_input is required",
                         error);
    if (request->session && !request->lengths.input_is_new)
        return wrong_row(self, "in a session new_input says what a turn adds", error);
    return MT_OK;
}

typedef struct next_call {
    given_state *self;
    mt_given_request *request;
    mt_error *error;
    int got;
} next_call;

/* Under lua_pcall: (call). The row stays in row_ref, so that its text and its prompt do. */
static int call_next(lua_State *L) {
    next_call *call = lua_touserdata(L, 1);
    given_state *self = call->self;
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->function_ref);
    lua_call(L, 0, 1);
    self->count++;
    call->got = 0;
    if (lua_isnil(L, -1))
        return 0;
    lua_pushvalue(L, -1);
    lua_rawseti(L, LUA_REGISTRYINDEX, self->row_ref);
    call->got = read_row(self, call->request, call->error) == MT_OK ? 1 : -1;
    return 0;
}

static int next(void *state, mt_given_request *request, mt_error *error) {
    given_state *self = state;
    lua_State *thread = self->factory->thread;
    next_call call = {self, request, error, -1};
    int handler = mt_lua_begin_callback(thread, "requests", error);
    if (!handler)
        return -1;
    *request = (mt_given_request){0};
    lua_pushcfunction(thread, call_next);
    lua_pushlightuserdata(thread, &call);
    if (mt_lua_callback(thread, handler, 1, "requests", error) != MT_OK)
        return -1;
    lua_settop(thread, handler - 1);
    return call.got;
}

static void close_state(void *state) {
    free_state(state);
}

mt_code mt_lua_new_request_function(lua_State *L, int function, mt_request_function *source,
                                    mt_error *error) {
    const int none[2] = {LUA_NOREF, LUA_NOREF};
    mt_script_function *factory = mt_script_function_new(L, function, none, error);
    if (!factory)
        return MT_ERROR_MEMORY;
    *source = (mt_request_function){.context = factory,
                                    .retain = mt_script_function_retain,
                                    .release = mt_script_function_release,
                                    .make = make,
                                    .next = next,
                                    .close = close_state};
    return MT_OK;
}
