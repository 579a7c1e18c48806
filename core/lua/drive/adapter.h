/* An adapter's functions in Lua, as a replay calls them. */
#ifndef MT_LUA_DRIVE_ADAPTER_H
#define MT_LUA_DRIVE_ADAPTER_H

#include "lua/drive/drive_binding.h"

#include "drive/replay.h"

/* Where the functions stand on the stack while a replay goes on, and what must outlive a call of them. */
enum { MT_ADAPTER_REQUEST = 3, MT_ADAPTER_EVENT, MT_ADAPTER_HELD, MT_ADAPTER_HELD_PATH };

typedef struct mt_lua_adapter {
    lua_State *L; /* of the running step */
    const char **headers;
    size_t header_capacity;
} mt_lua_adapter;

/* The options of a replay for the functions `request` and `event` (nil: none) of the table at `arg`:
 *
 * request(body text, {number =, line =, path = (of the head), input_length =, output_length =, session_id =
 * (JSON), extra = (JSON members)}) -> {body text, path | nil, list of headers | nil}
 *
 * event(text) -> nil, or {content =, reasoning =, tokens =, usage = {prompt_tokens =, completion_tokens =,
 * cached_tokens =, reasoning_tokens =}, finish =, done =, whole =, error = text | {message =, status =}}; finish or done that is
 * false says that the end is told, and an answer without it is truncated; whole: this is the answer, and it has
 * no tokens */
void mt_lua_adapter_options(lua_State *L, int arg, mt_lua_adapter *adapter, mt_adapter *options);

/* Puts the functions of the table on top, which it takes, at their places: the stack must have just 2
 * values below it. */
void mt_lua_adapter_begin(lua_State *L, mt_lua_adapter *adapter);

#endif
