/* Methods of an analysis that say how a trace behaves in a cache, for the binding of analyses. */
#ifndef MT_LUA_LOCALITY_BINDING_H
#define MT_LUA_LOCALITY_BINDING_H

#include "lua/binding.h"
#include "prefix/analysis/locality.h"

/* The locality of the open analysis at 1, which it goes on owning; raises when it is none. */
mt_locality *mt_lua_check_locality(lua_State *L);

/* The methods, ended by NULL. */
extern const luaL_Reg mt_lua_locality_methods[];

/* Registers "moontide.hit_curve", which one of them gives. */
void mt_lua_register_hit_curve(lua_State *L);

#endif
