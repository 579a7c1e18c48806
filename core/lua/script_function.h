/* A script's function that core calls: on a Lua thread of its own, held by references in the
 * registry. */
#ifndef MT_LUA_SCRIPT_FUNCTION_H
#define MT_LUA_SCRIPT_FUNCTION_H

#include "lua/binding.h"

typedef struct mt_script_function {
    uint64_t references;
    lua_State *thread;
    int thread_ref, function_ref;
    int own_refs[2]; /* two values of the binding's own, or LUA_NOREF */
} mt_script_function;

/* The function at `index` with one reference; takes what own_refs refer to over. What may raise
 * comes first. NULL with *error when out of memory. */
mt_script_function *mt_script_function_new(lua_State *L, int index, const int own_refs[2],
                                           mt_error *error);

/* For the structs of core that hold one as their context. */
void mt_script_function_retain(void *context);
void mt_script_function_release(void *context);

/* Pushes the function, for mt_lua_callback. */
void mt_script_function_push(const mt_script_function *self);

/* Describes the value on top of the thread's stack, as "the function returned %s". Returns buffer. */
char *mt_script_function_value(const mt_script_function *self, char *buffer, size_t size);

/* Where the function stands, as "SCRIPT:LINE: "; "" of one that C made, as coroutine.wrap does. Returns
 * buffer, for which MT_LUA_PLACE bytes suffice. */
char *mt_script_function_place(const mt_script_function *self, char *buffer, size_t size);

/* The same of the function on top of the stack, which it pops. */
char *mt_lua_function_place(lua_State *L, char *buffer, size_t size);

enum { MT_LUA_PLACE = LUA_IDSIZE + 20 };

#endif
