#include "lua/drive/adapter.h"

#include "base/memory.h"

static const char request_what[] = "the adapter's request function",
                  event_what[] = "the adapter's event function";

/* ---- request ------------------------------------------------------------------------------------ */

static void push_row(lua_State *L, const mt_request *request, uint64_t number, const char *path) {
    lua_createtable(L, 0, 11); /* the adapter in Lua adds some */
    mt_lua_set_count(L, "number", number);
    mt_lua_set_count(L, "line", request->line);
    mt_lua_set_text(L, "path", path);
    if (request->has & MT_HAS_INPUT_LENGTH)
        mt_lua_set_count(L, "input_length", request->input_length);
    if (request->has & MT_HAS_OUTPUT_LENGTH)
        mt_lua_set_count(L, "output_length", request->output_length);
    if (request->has & MT_HAS_SESSION) {
        lua_pushlstring(L, request->session.text, request->session.length);
        lua_setfield(L, -2, "session_id");
    }
    lua_pushlstring(L, request->extra.text ? request->extra.text : "", request->extra.length);
    lua_setfield(L, -2, "extra");
}

/* The head's own headers and those of the list at MT_ADAPTER_HELD, which holds their texts. */
static mt_code add_headers(mt_lua_adapter *adapter, mt_head_options *head, mt_error *error) {
    lua_State *L = adapter->L;
    if (!lua_istable(L, MT_ADAPTER_HELD))
        return MT_OK;
    size_t more = lua_rawlen(L, MT_ADAPTER_HELD);
    if (MT_GROW(adapter->headers, adapter->header_capacity, head->header_count + more) != 0)
        return mt_fail_memory(error, "headers");
    for (size_t i = 0; i < head->header_count; i++)
        adapter->headers[i] = head->headers[i];
    for (size_t i = 0; i < more; i++) {
        lua_rawgeti(L, MT_ADAPTER_HELD, (lua_Integer)i + 1);
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        lua_pop(L, 1);
        if (!text)
            return mt_fail(error, MT_ERROR_CALLBACK, "%s: a header is no text", request_what);
        adapter->headers[head->header_count++] = text;
    }
    head->headers = adapter->headers;
    return MT_OK;
}

static mt_code make_request(void *context, const mt_request *request, uint64_t number,
                            mt_text *body, mt_head_options *head, mt_error *error) {
    mt_lua_adapter *adapter = context;
    lua_State *L = adapter->L;
    int handler = mt_lua_begin_callback(L, request_what, error);
    if (handler == 0)
        return MT_ERROR_MEMORY;
    lua_pushvalue(L, MT_ADAPTER_REQUEST);
    lua_pushlstring(L, body->bytes, body->length);
    push_row(L, request, number, head->path);
    mt_code code = mt_lua_callback(L, handler, 2, request_what, error);
    if (code != MT_OK)
        return code;
    if (!lua_istable(L, -1)) {
        lua_settop(L, handler - 1);
        return mt_fail(error, MT_ERROR_CALLBACK, "%s gave no list", request_what);
    }
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    lua_rawgeti(L, -3, 3);
    size_t length;
    const char *text = lua_tolstring(L, -3, &length);
    body->length = 0;
    if (!text || mt_text_add(body, text, length) != 0)
        code = mt_fail(error, MT_ERROR_CALLBACK, "%s gave no body", request_what);
    lua_replace(L, MT_ADAPTER_HELD);
    if (lua_isstring(L, -1))
        head->path = lua_tostring(L, -1);
    lua_replace(L, MT_ADAPTER_HELD_PATH);
    lua_settop(L, handler - 1);
    return code == MT_OK ? add_headers(adapter, head, error) : code;
}

/* ---- event -------------------------------------------------------------------------------------- */

static int64_t count_in(lua_State *L, int table, const char *name) {
    int is_number;
    lua_getfield(L, table, name);
    lua_Integer count = lua_tointegerx(L, -1, &is_number);
    lua_pop(L, 1);
    return is_number && count >= 0 ? count : MT_COUNT_ABSENT;
}

static void read_usage(lua_State *L, int table, mt_said *said) {
    lua_getfield(L, table, "usage");
    if (lua_istable(L, -1)) {
        int usage = lua_gettop(L);
        said->says |= MT_SAYS_USAGE;
        said->prompt_tokens = count_in(L, usage, "prompt_tokens");
        said->completion_tokens = count_in(L, usage, "completion_tokens");
        said->cached_tokens = count_in(L, usage, "cached_tokens");
        said->reasoning_tokens = count_in(L, usage, "reasoning_tokens");
    }
    lua_pop(L, 1);
}

/* An end: `says`, or that it is still to come, or nothing. */
static unsigned read_end(lua_State *L, int table, const char *name, unsigned says) {
    int type = lua_getfield(L, table, name);
    int is_end = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return type == LUA_TNIL ? 0 : is_end ? says : MT_SAYS_NO_END;
}

/* Bytes of a member that is a text; 0 where it is none. */
static size_t text_length(lua_State *L, int table, const char *name) {
    size_t length = 0;
    lua_getfield(L, table, name);
    if (lua_type(L, -1) == LUA_TSTRING)
        lua_tolstring(L, -1, &length);
    lua_pop(L, 1);
    return length;
}

static void read_content(lua_State *L, int table, mt_said *said) {
    int64_t tokens = count_in(L, table, "tokens");
    size_t reasoning = text_length(L, table, "reasoning");
    size_t length = text_length(L, table, "content") + reasoning;
    if (reasoning > 0)
        said->says |= MT_SAYS_REASONING;
    if (length > 0)
        said->says |= MT_SAYS_CONTENT;
    else if (tokens > 0)
        said->says |= MT_SAYS_LIVE; /* tokens that make no text yet */
    if (tokens > 0)
        said->tokens = tokens;
}

/* The text of it is held at MT_ADAPTER_HELD. */
static void read_error(lua_State *L, int table, mt_said *said) {
    lua_getfield(L, table, "error");
    if (lua_toboolean(L, -1)) {
        said->says |= MT_SAYS_ERROR;
        if (lua_istable(L, -1)) {
            int64_t status = count_in(L, lua_gettop(L), "status");
            said->error_status = status > 0 && status < 1000 ? (int)status : 0;
            lua_getfield(L, -1, "message");
            lua_remove(L, -2);
        }
        if (lua_type(L, -1) == LUA_TSTRING)
            said->error_message.text = lua_tolstring(L, -1, &said->error_message.length);
    }
    lua_replace(L, MT_ADAPTER_HELD);
}

static mt_code read_event(void *context, mt_span event, mt_said *said, mt_error *error) {
    lua_State *L = ((mt_lua_adapter *)context)->L;
    int handler = mt_lua_begin_callback(L, event_what, error);
    if (handler == 0)
        return MT_ERROR_MEMORY;
    lua_pushvalue(L, MT_ADAPTER_EVENT);
    lua_pushlstring(L, event.text, event.length);
    mt_code code = mt_lua_callback(L, handler, 1, event_what, error);
    if (code != MT_OK)
        return code;
    int table = lua_gettop(L);
    if (lua_istable(L, table)) {
        read_content(L, table, said);
        read_usage(L, table, said);
        read_error(L, table, said);
        said->says |= read_end(L, table, "done", MT_SAYS_DONE);
        said->says |= read_end(L, table, "finish", MT_SAYS_FINISH);
        lua_getfield(L, table, "whole");
        if (lua_toboolean(L, -1))
            said->says |= MT_SAYS_WHOLE;
        lua_pop(L, 1);
    } else if (!lua_isnil(L, table)) {
        code = mt_fail(error, MT_ERROR_CALLBACK, "%s must return a table or nil, not a %s",
                       event_what, luaL_typename(L, table));
    }
    lua_settop(L, handler - 1);
    return code;
}

/* ---- both --------------------------------------------------------------------------------------- */

static int has_function(lua_State *L, int arg, const char *name) {
    int type = lua_getfield(L, arg, name);
    lua_pop(L, 1);
    return type == LUA_TFUNCTION;
}

void mt_lua_adapter_options(lua_State *L, int arg, mt_lua_adapter *adapter, mt_adapter *options) {
    options->context = adapter;
    options->request = has_function(L, arg, "request") ? make_request : NULL;
    options->event = has_function(L, arg, "event") ? read_event : NULL;
}

void mt_lua_adapter_begin(lua_State *L, mt_lua_adapter *adapter) {
    adapter->L = L;
    int table = lua_gettop(L);
    lua_getfield(L, table, "request");
    lua_getfield(L, table, "event");
    lua_remove(L, table);
    lua_pushnil(L);
    lua_pushnil(L);
}
