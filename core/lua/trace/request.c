/* A request as a Lua table. The other way: request_fill.c. */
#include "lua/trace/request_fields.h"

#include "text/json.h"

#include <limits.h>
#include <string.h>

static void push_milliseconds(lua_State *L, int64_t nanoseconds) {
    if (nanoseconds % MT_LUA_MILLISECOND == 0)
        lua_pushinteger(L, nanoseconds / MT_LUA_MILLISECOND);
    else
        lua_pushnumber(L, (lua_Number)nanoseconds / (lua_Number)MT_LUA_MILLISECOND);
}

/* A string token decoded, or a number token as Lua reads it. */
static void push_token(lua_State *L, mt_span token) {
    if (token.text[0] == '"') {
        luaL_Buffer text;
        char *to = luaL_buffinitsize(L, &text, token.length);
        luaL_pushresultsize(&text, mt_json_decode(token.text, token.length, to));
    } else {
        lua_pushlstring(L, token.text, token.length);
        lua_stringtonumber(L, lua_tostring(L, -1));
        lua_remove(L, -2);
    }
}

static void push_extra(lua_State *L, mt_span extra) {
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    luaL_addchar(&text, '{');
    luaL_addlstring(&text, extra.text, extra.length);
    luaL_addchar(&text, '}');
    luaL_pushresult(&text);
}

/* Between pausing and resuming the collector, as all of push_members is. */
static void push_ids(lua_State *L, const mt_request *request) {
    size_t count = request->hash_count;
    lua_createtable(L, count < INT_MAX ? (int)count : INT_MAX, 0);
    for (size_t i = 0; i < count; i++) {
        mt_lua_push_whole(L, request->hash_ids[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_field(lua_State *L, const mt_request *request, const mt_lua_field *field) {
    const char *place = (const char *)request + field->place;
    uint64_t bits;
    mt_span token;
    switch (field->kind) {
    case MT_LUA_WHOLE:
        memcpy(&bits, place, sizeof bits);
        mt_lua_push_whole(L, bits);
        break;
    case MT_LUA_MILLISECONDS:
        memcpy(&bits, place, sizeof bits);
        push_milliseconds(L, (int64_t)bits);
        break;
    case MT_LUA_IDS:
        push_ids(L, request);
        break;
    case MT_LUA_TEXT:
    case MT_LUA_TOKEN:
        memcpy(&token, place, sizeof token);
        push_token(L, token);
        break;
    case MT_LUA_EXTRA:
        push_extra(L, request->extra);
    }
}

static int has_value(const mt_request *request, const mt_lua_field *field) {
    if (field->has)
        return (request->has & field->has) != 0;
    return field->kind == MT_LUA_EXTRA ? request->extra.length > 0 : request->line != 0;
}

/* Registry: the list of the fields' names, so that no request looks for eight strings. */
static const char names_key[] = "moontide.request.names";

static void push_field_names(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, names_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_createtable(L, MT_LUA_MEMBERS, 0);
    for (int i = 0; i < MT_LUA_MEMBERS; i++) {
        lua_pushstring(L, mt_lua_fields[i].name);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, names_key);
}

void mt_lua_push_field_name(lua_State *L, int place) {
    lua_pushstring(L, mt_lua_fields[place].name);
}

static void push_members(lua_State *L, const mt_request *request) {
    int places[MT_LUA_MEMBERS], count = 0;
    for (int i = 0; i < MT_LUA_MEMBERS; i++)
        if (has_value(request, &mt_lua_fields[i]))
            places[count++] = i;
    push_field_names(L);
    lua_createtable(L, 0, count); /* a place for each of them and no more: half of it is memory */
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, -2, places[i] + 1);
        push_field(L, request, &mt_lua_fields[places[i]]);
        lua_rawset(L, -3);
    }
    lua_remove(L, -2);
}

void mt_lua_push_field_at(lua_State *L, const mt_request *request, int place) {
    if (has_value(request, &mt_lua_fields[place]))
        push_field(L, request, &mt_lua_fields[place]);
    else
        lua_pushnil(L);
}

int mt_lua_push_field(lua_State *L, const mt_request *request, const char *name) {
    int place = mt_lua_field_of(name);
    if (place >= 0)
        mt_lua_push_field_at(L, request, place);
    return place >= 0;
}

void mt_lua_push_request(lua_State *L, const mt_request *request) {
    luaL_checkstack(L, 8, "request");
    int was_running = mt_lua_pause_collector(L);
    push_members(L, request);
    mt_lua_resume_collector(L, was_running);
}
