/* A script's own arrival process: mt.arrivals(factory), called once a run, and the function it
 * returns, once a request. */
#include "lua/load_binding.h"

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

/* The error on top of the thread's stack becomes the run's. */
static mt_code failed(lua_State *thread, mt_error *error) {
    if (lua_istable(thread, -1)) /* a usage error that nobody located */
        lua_getfield(thread, -1, "message");
    const char *message = lua_tostring(thread, -1);
    mt_fail(error, MT_ERROR_CALLBACK, "%s", message ? message : "arrivals: the function failed");
    lua_settop(thread, 0);
    return MT_ERROR_CALLBACK;
}

/* Under lua_pcall: factory(random) -> function, kept in the registry; returns the reference. */
static int call_factory(lua_State *L) {
    const mt_process_context *run = lua_touserdata(L, 2);
    mt_lua_push_random(L, run->seed, run->name, "arrivals");
    lua_replace(L, 2);
    lua_call(L, 1, 1);
    if (!lua_isfunction(L, -1))
        return luaL_error(L,
                          "arrivals: the factory returned %s, it must return a function of the "
                          "time that returns the gap to the next request",
                          luaL_typename(L, -1));
    lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
    return 1;
}

static mt_code make(void *context, const mt_process_context *run, void **state, mt_error *error) {
    gap_context *self = context;
    lua_State *L = self->thread;
    gap_state *made = mt_allocate(1, sizeof *made);
    if (!made)
        return mt_fail_memory(error, "arrivals");
    lua_pushcfunction(L, call_factory);
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->factory_ref);
    lua_pushlightuserdata(L, (void *)run);
    if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
        mt_free(made);
        return failed(L, error);
    }
    made->function_ref = (int)lua_tointeger(L, -1);
    made->context = self;
    lua_settop(L, 0);
    retain(self);
    *state = made;
    return MT_OK;
}

static mt_code next(void *state, double now, double *gap, mt_error *error) {
    gap_state *self = state;
    lua_State *L = self->context->thread;
    lua_rawgeti(L, LUA_REGISTRYINDEX, self->function_ref);
    lua_pushnumber(L, now);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
        return failed(L, error);
    int is_number;
    *gap = lua_tonumberx(L, -1, &is_number);
    if (lua_isnil(L, -1))
        *gap = NAN;
    else if (!is_number || isnan(*gap))
        mt_fail(
            error, MT_ERROR_VALUE,
            "arrivals: the function returned %s at t = %.9g s; it must return the gap in seconds, "
            "or nil at the end",
            is_number ? "NaN" : luaL_typename(L, -1), now);
    int is_wrong = !lua_isnil(L, -1) && (!is_number || isnan(*gap));
    lua_settop(L, 0);
    return is_wrong ? MT_ERROR_VALUE : MT_OK;
}

static void close_state(void *state) {
    gap_state *self = state;
    luaL_unref(self->context->thread, LUA_REGISTRYINDEX, self->function_ref);
    release(self->context);
    mt_free(self);
}

mt_code mt_lua_new_gap_source(lua_State *L, int function, mt_gap_source *source, mt_error *error) {
    /* What may raise comes first, while there is nothing to lose. */
    lua_State *thread = lua_newthread(L);
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
