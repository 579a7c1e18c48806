/* Profiles between Lua and core, for the other bindings. */
#ifndef MT_LUA_TRACE_PROFILE_BINDING_H
#define MT_LUA_TRACE_PROFILE_BINDING_H

#include "lua/binding.h"

#include "trace/profile.h"

/* The open profile at `arg`; raises when it is none. */
mt_profile *mt_lua_check_profile(lua_State *L, int arg);

#endif
