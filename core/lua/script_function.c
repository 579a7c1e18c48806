#include "lua/script_function.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>

static void unref_all(lua_State *L, const mt_script_function *self) {
    luaL_unref(L, LUA_REGISTRYINDEX, self->function_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, self->own_refs[0]);
    luaL_unref(L, LUA_REGISTRYINDEX, self->own_refs[1]);
    luaL_unref(L, LUA_REGISTRYINDEX, self->thread_ref);
}

mt_script_function *mt_script_function_new(lua_State *L, int index, const int own_refs[2],
                                           mt_error *error) {
    mt_script_function made = {.references = 1, .own_refs = {own_refs[0], own_refs[1]}};
    index = lua_absindex(L, index);
    made.thread = mt_lua_new_callback_thread(L);
    made.thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, index);
    made.function_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    mt_script_function *self = mt_allocate(1, sizeof *self);
    if (!self) {
        unref_all(L, &made);
        return mt_null(mt_fail_memory(error, "a script's function"));
    }
    *self = made;
    return self;
}

void mt_script_function_retain(void *context) {
    ((mt_script_function *)context)->references++;
}

void mt_script_function_release(void *context) {
    mt_script_function *self = context;
    if (--self->references > 0)
        return;
    unref_all(self->thread, self);
    mt_free(self);
}

void mt_script_function_push(const mt_script_function *self) {
    lua_rawgeti(self->thread, LUA_REGISTRYINDEX, self->function_ref);
}

char *mt_script_function_value(const mt_script_function *self, char *buffer, size_t size) {
    lua_State *thread = self->thread;
    if (lua_type(thread, -1) == LUA_TNUMBER)
        snprintf(buffer, size, isnan(lua_tonumber(thread, -1)) ? "NaN" : "%.14g",
                 lua_tonumber(thread, -1));
    else
        snprintf(buffer, size, "%s%s", lua_isnil(thread, -1) ? "" : "a ",
                 luaL_typename(thread, -1));
    return buffer;
}

char *mt_lua_function_place(lua_State *L, char *buffer, size_t size) {
    lua_Debug function;
    lua_getinfo(L, ">S", &function);
    buffer[0] = '\0';
    if (function.linedefined > 0)
        snprintf(buffer, size, "%s:%d: ", function.short_src, function.linedefined);
    return buffer;
}

char *mt_script_function_place(const mt_script_function *self, char *buffer, size_t size) {
    mt_script_function_push(self);
    return mt_lua_function_place(self->thread, buffer, size);
}
