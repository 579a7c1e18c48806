/* What the binding files of moontide.drive share. One opener a file of this folder: each pushes a
 * table of functions; module.c lists them. */
#ifndef MT_LUA_DRIVE_DRIVE_BINDING_H
#define MT_LUA_DRIVE_DRIVE_BINDING_H

#include "lua/binding.h"

int mt_lua_open_mock(lua_State *L);

#endif
