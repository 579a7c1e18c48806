/* What the body of a Lua loop does with its variable.
 *
 *     for r in plan:requests() do sum = sum + r.input_length end
 *
 * gives each request a table of its own, since a loop may keep it, change it or hand it on. This one does
 * nothing of that: its body, as Lua has compiled it, only reads members of `r` by name, so nobody can tell
 * whether each request has a table or all have one, nor what else would be in it. Making the table is
 * most of what such a loop costs. */
#ifndef MT_LUA_TRACE_LOOP_BODY_H
#define MT_LUA_TRACE_LOOP_BODY_H

#include "lua/binding.h"

/* For a method that was called as above, and will return the loop's function: the members of a request
 * (mt_lua_fields_named) that the body reads, where its variable is used for nothing else; -1 where it may be, or
 * where that cannot be known: the method's value goes elsewhere than into a `for`, the call stands twice on its
 * line, the function has no line numbers, or the interpreter is no Lua 5.4.
 *
 * For the C function that the method, written in Lua, calls directly; it may be located (core.base.located).
 * What it relies on is the binary form of Lua 5.4's functions (lua_dump; lopcodes.h, ldump.c of Lua 5.4). */
long mt_lua_loop_reads(lua_State *L);

#endif
