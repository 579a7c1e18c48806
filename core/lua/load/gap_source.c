/* A script's own arrival process: mt.arrivals(factory), called once a run, and the function it
 * returns, once a request. */
#include "lua/load/load_binding.h"
#include "lua/script_function.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* Calls run on a Lua thread of their own: a run does not know which thread asked it for its next
 * request. Registry references keep both alive. */
typedef struct gap_context {
    uint64_t references;
    lua_State *thread;
    int thread_ref, factory_ref;
} gap_context;

typedef struct gap_state {
    gap_context *context;
    int function_ref;
    int has_begun; /* it has given a gap */
} gap_state;

static void retain(void *context) {
    ((gap_context *)context)->references++;
}

static void release(void *context) {
    gap_context *self = context;
    if (--self->references > 0)
        return;
    luaL_unref(self->thread, LUA_REGISTRYINDEX, self->factory_ref);
    luaL_unref(self->thread, LUA_REGISTRYINDEX, self->thread_ref);
    mt_free(self);
}

/* ---- the factory ---- */

/* Under lua_pcall: (factory, run) -> the factory's function as a registry reference. */
static int call_factory(lua_State *L) {
    const mt_process_context *run = lua_touserdata(L, 2);
    char place[MT_LUA_PLACE];
    lua_pushvalue(L, 1);
    mt_lua_function_place(L, place, sizeof place);
    mt_lua_push_random(L, run->seed, run->name, "arrivals");
    lua_replace(L, 2);
    lua_call(L, 1, 1);
    if (!lua_isfunction(L, -1))
        return luaL_error(L,
                          "%sarrivals: the factory returned %s, it must return a function of "
                          "the time that returns the gap to the next request",
                          place, luaL_typename(L, -1));
    lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
    return 1;
}

static mt_code make(void *context, const mt_process_context *run, void **state, mt_error *error) {
    gap_context *self = context;
    lua_State *thread = self->thread;
    int handler = mt_lua_begin_callback(thread, "arrivals", error);
    if (!handler)
        return MT_ERROR_MEMORY;
    gap_state *made = mt_new(sizeof *made, "arrivals", error);
    if (!made) {
        lua_settop(thread, handler - 1);
        return MT_ERROR_MEMORY;
    }
    lua_pushcfunction(thread, call_factory);
    lua_rawgeti(thread, LUA_REGISTRYINDEX, self->factory_ref);
    lua_pushlightuserdata(thread, (void *)run);
    mt_code code = mt_lua_callback(thread, handler, 2, "arrivals", error);
    if (code != MT_OK) {
        mt_free(made);
        return code;
    }
    made->function_ref = (int)lua_tointeger(thread, -1);
    lua_settop(thread, handler - 1);
    made->context = self;
    retain(self);
    *state = made;
    return MT_OK;
}

/* ---- the gaps ---- */

/* What is wrong with the value on top of the stack, for "the function returned %s"; NULL: nothing.
 */
static const char *fault_of(lua_State *thread, const gap_state *self) {
    static const char *const types[] = {[LUA_TBOOLEAN] = "a boolean",
                                        [LUA_TSTRING] = "a string",
                                        [LUA_TTABLE] = "a table",
                                        [LUA_TFUNCTION] = "a function"};
    int type = lua_type(thread, -1);
    if (type == LUA_TNIL)
        return self->has_begun ? NULL : "nil for the first request: there is none";
    if (type != LUA_TNUMBER)
        return type <= LUA_TFUNCTION && types[type] ? types[type] : "no number";
    double gap = lua_tonumber(thread, -1);
    if (isnan(gap))
        return "NaN";
    if (gap < 0)
        return "a negative gap";
    return isinf(gap) ? "an infinite gap" : NULL;
}

/* The caller's mistake, with the place of its function. */
static mt_code wrong_gap(lua_State *thread, const gap_state *self, const char *fault, double now,
                         mt_error *error) {
    lua_Debug function;
    lua_rawgeti(thread, LUA_REGISTRYINDEX, self->function_ref);
    lua_getinfo(thread, ">S", &function);
    return mt_fail(error, MT_ERROR_CALLBACK,
                   "%s:%d: arrivals: the function returned %s (at t = %.9g s); it must return the "
                   "gap in seconds, 0 or more, or nil at the end",
                   function.short_src, function.linedefined, fault, now);
}

static mt_code next(void *state, double now, double *gap, mt_error *error) {
    gap_state *self = state;
    lua_State *thread = self->context->thread;
    int handler = mt_lua_begin_callback(thread, "arrivals", error);
    if (!handler)
        return MT_ERROR_MEMORY;
    lua_rawgeti(thread, LUA_REGISTRYINDEX, self->function_ref);
    lua_pushnumber(thread, now);
    mt_code code = mt_lua_callback(thread, handler, 1, "arrivals", error);
    if (code != MT_OK)
        return code;
    const char *fault = fault_of(thread, self);
    *gap = lua_isnil(thread, -1) ? NAN : lua_tonumber(thread, -1);
    self->has_begun = 1;
    if (fault)
        code = wrong_gap(thread, self, fault, now, error);
    lua_settop(thread, handler - 1);
    return code;
}

static void close_state(void *state) {
    gap_state *self = state;
    luaL_unref(self->context->thread, LUA_REGISTRYINDEX, self->function_ref);
    release(self->context);
    mt_free(self);
}

mt_code mt_lua_new_gap_source(lua_State *L, int function, mt_gap_source *source, mt_error *error) {
    /* What may raise comes first, while there is nothing to lose. */
    lua_State *thread = mt_lua_new_callback_thread(L);
    int thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, function);
    int factory_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    gap_context *context = mt_allocate(1, sizeof *context);
    if (!context) {
        luaL_unref(L, LUA_REGISTRYINDEX, factory_ref);
        luaL_unref(L, LUA_REGISTRYINDEX, thread_ref);
        return mt_fail_memory(error, "arrivals");
    }
    *context = (gap_context){1, thread, thread_ref, factory_ref};
    *source = (mt_gap_source){.context = context,
                              .retain = retain,
                              .release = release,
                              .make = make,
                              .next = next,
                              .close = close_state};
    return MT_OK;
}
