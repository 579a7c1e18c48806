/* Learnt models between Lua and core, for the other bindings. */
#ifndef MT_LUA_PREFIX_MODEL_BINDING_H
#define MT_LUA_PREFIX_MODEL_BINDING_H

#include "lua/binding.h"

#include "prefix/model/model.h"

/* The model at `index`, which the userdata goes on owning (mt_model_retain to keep it); raises when
 * it is none or is closed. */
mt_model *mt_lua_check_model(lua_State *L, int index);

#endif
