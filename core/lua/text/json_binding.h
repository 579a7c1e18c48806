/* What the two halves of core.json, reading and writing, have in common. */
#ifndef MT_LUA_TEXT_JSON_BINDING_H
#define MT_LUA_TEXT_JSON_BINDING_H

#include "lua/binding.h"

/* Metatables in the registry: of null, of arrays and of objects in declared order. */
#define MT_JSON_NULL "moontide.json.null"
#define MT_JSON_ARRAY "moontide.json.array"
#define MT_JSON_OBJECT "moontide.json.object"

/* encode(value, indent, compact) -> text. indent: spaces a level, -1: one line. compact: no spaces
 * after "," and ":". */
int mt_lua_json_encode(lua_State *L);

/* Registers the type that mt_lua_json_encode works in. */
void mt_lua_json_new_encoder_type(lua_State *L);

#endif
