/* Sources of requests between Lua and core, for the other bindings: one userdata type, whatever they
 * come from. It is called "moontide.reader", for scripts meet it as what mt.trace.open gives. */
#ifndef MT_LUA_TRACE_SOURCE_BINDING_H
#define MT_LUA_TRACE_SOURCE_BINDING_H

#include "lua/trace/trace_binding.h"

#include "load/plan.h"
#include "prefix/synthesis/synthesis.h"
#include "trace/source/source.h"
#include "trace/step/steps.h"

/* The open source at `arg`; raises when it is none or is closed. */
mt_source *mt_lua_check_source(lua_State *L, int arg);

/* The same, with the place it is in, so that a step can be put on it. */
void **mt_lua_source_place(lua_State *L, int arg);

/* Pushes a closed source and gives its place: what is put there the userdata owns. */
void **mt_lua_new_source(lua_State *L);

/* Seconds at `arg` as nanoseconds, `absent` when nil; beyond 64 bits they are cut, for no request
 * is there. */
int64_t mt_lua_nanoseconds(lua_State *L, int arg, int64_t absent, const char *what);

/* Functions of core.source in files of their own; ended by NULL. */
extern const luaL_Reg mt_lua_source_steps[]; /* source_steps.c */
extern const luaL_Reg mt_lua_source_ends[];  /* source_ends.c */

/* The open plan (plan.c), synthesis (synthesis.c) at `arg`; raises when it is none. */
mt_plan *mt_lua_check_plan(lua_State *L, int arg);
mt_synthesis *mt_lua_check_synthesis(lua_State *L, int arg);

/* The "moontide.filter" at `arg` with the function at `function`, called with a request as a table
 * (as_table) or without an argument, for mt_step_where: a reference until the filter is released.
 */
mt_filter mt_lua_to_filter(lua_State *L, int arg, int function, int as_table);

/* Registers "moontide.filter" and pushes the function that makes one. */
void mt_lua_push_filter_maker(lua_State *L);

#endif
