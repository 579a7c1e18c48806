/* What the files of drive.requests share. Private to this folder. */
#ifndef MT_LUA_DRIVE_REQUESTS_BINDING_H
#define MT_LUA_DRIVE_REQUESTS_BINDING_H

#include "lua/binding.h"

#include "drive/measure/requests.h"

/* The requests at 1; raises when they are none. */
mt_run_requests *mt_lua_check_run_requests(lua_State *L);

/* Methods of theirs (requests_results.c), and the type that one of them works with. */
int mt_lua_requests_results(lua_State *L);
int mt_lua_requests_apart(lua_State *L);
void mt_lua_register_run_counting(lua_State *L);

#endif
