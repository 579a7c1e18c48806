/* What the binding files of the load room ask of one another: the value behind a userdata argument.
 * Each raises a type error naming the argument when it is something else. */
#ifndef MT_LUA_LOAD_LOAD_BINDING_H
#define MT_LUA_LOAD_LOAD_BINDING_H

#include "load/plan.h"
#include "lua/binding.h"

mt_process *mt_lua_check_process(lua_State *L, int arg);
mt_session_service *mt_lua_check_service(lua_State *L, int arg);
mt_lengths *mt_lua_check_lengths(lua_State *L, int arg);
mt_prompt *mt_lua_check_prompt(lua_State *L, int arg);
mt_length_rule *mt_lua_test_length_rule(lua_State *L, int arg); /* NULL: it is none */
mt_process *mt_lua_test_process(lua_State *L, int arg);         /* NULL: it is none, or closed */
mt_prompt *mt_lua_test_prompt(lua_State *L, int arg);           /* the same */
mt_fields *mt_lua_check_fields(lua_State *L, int arg);

/* The function at `function` as a source of requests, with one reference. */
mt_code mt_lua_new_request_function(lua_State *L, int function, mt_request_function *source,
                                    mt_error *error);

/* The function at `function` as a source of gaps, with one reference. */
mt_code mt_lua_new_gap_source(lua_State *L, int function, mt_gap_source *source, mt_error *error);

#endif
