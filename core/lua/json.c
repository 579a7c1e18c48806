/* core.json: JSON text to Lua values, and Lua strings to JSON strings. Encoding is the business of
 * lua/moontide/json.lua. */
#include "lua/binding.h"

#include "trace/json.h"
#include "trace/scanner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The metatables that json.lua gives to null and to lists without elements. */
static const char null_type[] = "moontide.json.null";
static const char array_type[] = "moontide.json.array";

/* Stack slots a level of nesting uses: table, name, element, and one to spare. */
enum { SLOTS = 4 };

static const char *push_value(lua_State *L, const mt_json *json, const char *at);

/* The string token at `at`; returns the position after it. */
static const char *push_string(lua_State *L, const mt_json *json, const char *at) {
    const char *after = mt_json_string(json, at);
    size_t length = (size_t)(after - at);
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, length);
    luaL_pushresultsize(&buffer, mt_json_decode(at, length, room));
    return after;
}

/* Pushes the number text[0..length): an integer when it is written as one and fits, its digits as a
 * string when it does not fit, else a float. Returns 0 when no float is that large. */
static int push_number(lua_State *L, const char *text, size_t length) {
    mt_decimal decimal;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '.' && text[i] != 'e' && text[i] != 'E')
            continue;
        lua_Number number = strtod(text, NULL); /* ends by itself: a Lua string has a '\0' */
        lua_pushnumber(L, number);
        return isfinite(number);
    }
    uint64_t limit = (uint64_t)INT64_MAX;
    int fits = mt_decimal_scan(text, length, 0, &decimal) == 0 &&
               decimal.magnitude <= limit + (decimal.negative ? 1 : 0);
    if (!fits)
        lua_pushlstring(L, text, length);
    else if (decimal.negative)
        lua_pushinteger(L, -(lua_Integer)(decimal.magnitude - 1) - 1);
    else
        lua_pushinteger(L, (lua_Integer)decimal.magnitude);
    return 1;
}

static const char *push_list(lua_State *L, const mt_json *json, const char *at) {
    lua_newtable(L);
    at = mt_json_space(json, at + 1);
    if (*at == ']') {
        luaL_setmetatable(L, array_type);
        return at + 1;
    }
    for (lua_Integer i = 1;; i++) {
        at = push_value(L, json, at);
        if (!at)
            return NULL;
        lua_rawseti(L, -2, i);
        at = mt_json_space(json, at);
        if (*at++ == ']')
            return at;
    }
}

static const char *push_object(lua_State *L, const mt_json *json, const char *at) {
    lua_newtable(L);
    at = mt_json_space(json, at + 1);
    if (*at == '}')
        return at + 1;
    for (;;) {
        const char *name = at = mt_json_space(json, at);
        at = push_string(L, json, at);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) != LUA_TNIL) {
            char shown[64];
            return mt_json_fail(json, name, "the member %s is there twice",
                                mt_json_quote(json, name, shown, sizeof shown));
        }
        lua_pop(L, 1);
        at = mt_json_space(json, at);
        at = push_value(L, json, at + 1);
        if (!at)
            return NULL;
        lua_rawset(L, -3);
        at = mt_json_space(json, at);
        if (*at++ == '}')
            return at;
    }
}

/* Pushes the value at `at`, whose grammar was checked before, nesting included. Returns the
 * position after it, or NULL with the error filled (and anything pushed). */
static const char *push_value(lua_State *L, const mt_json *json, const char *at) {
    luaL_checkstack(L, SLOTS, "JSON is nested too deep");
    at = mt_json_space(json, at);
    switch (*at) {
    case '{':
        return push_object(L, json, at);
    case '[':
        return push_list(L, json, at);
    case '"':
        return push_string(L, json, at);
    case 't':
        lua_pushboolean(L, 1);
        return at + 4;
    case 'f':
        lua_pushboolean(L, 0);
        return at + 5;
    case 'n':
        luaL_getmetatable(L, null_type);
        lua_getfield(L, -1, "value");
        lua_remove(L, -2);
        return at + 4;
    default: {
        const char *after = mt_json_number(json, at);
        if (!push_number(L, at, (size_t)(after - at)))
            return mt_json_fail(json, at, "the number %.*s is too large", (int)(after - at), at);
        return after;
    }
    }
}

/* A column counted from the text's begin becomes a line and a column where there are several. */
static void find_line(mt_error *error, const char *text) {
    const char *line = text, *at = text + error->column - 1;
    if (!memchr(text, '\n', (size_t)(at - text)))
        return;
    error->line = 1;
    for (const char *c = text; c < at; c++)
        if (*c == '\n') {
            error->line++;
            line = c + 1;
        }
    error->column = (uint64_t)(at - line) + 1;
}

/* decode(text) -> value | nil, message, code */
static int decode(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    mt_error error;
    mt_json json = {text, text + length, &error};
    if (mt_scan_value(text, length, &error) == MT_OK && push_value(L, &json, text))
        return 1;
    mt_error shown;
    find_line(&error, text);
    if (error.line)
        mt_fail(&shown, MT_ERROR_INPUT, "line %llu, column %llu: %s",
                (unsigned long long)error.line, (unsigned long long)error.column, error.message);
    else
        mt_fail(&shown, MT_ERROR_INPUT, "column %llu: %s", (unsigned long long)error.column,
                error.message);
    return mt_lua_failure(L, &shown);
}

/* quote(text) -> the JSON string token of a text in UTF-8 */
static int quote(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, 6 * length + 2);
    luaL_pushresultsize(&buffer, mt_json_encode(text, length, room));
    return 1;
}

int mt_lua_open_json(lua_State *L) {
    static const luaL_Reg functions[] = {{"decode", decode}, {"quote", quote}, {NULL, NULL}};
    luaL_newlib(L, functions);
    luaL_newmetatable(L, array_type);
    lua_setfield(L, -2, "array");
    luaL_newmetatable(L, null_type);
    lua_setfield(L, -2, "null");
    return 1;
}
