/* What requests are synthesised from, between Lua and core, for the other bindings. */
#ifndef MT_LUA_PREFIX_SYNTHESIS_BINDING_H
#define MT_LUA_PREFIX_SYNTHESIS_BINDING_H

#include "lua/binding.h"

#include "prefix/radix/source.h"

/* The finished "moontide.radix_source" at `arg`, which the userdata goes on owning; NULL when it is
 * anything else. Raises when it is closed. */
mt_radix_source *mt_lua_test_radix_source(lua_State *L, int arg);

#endif
