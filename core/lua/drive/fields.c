#include "lua/drive/drive_binding.h"

#include <math.h>

const char *mt_lua_text_field(lua_State *L, int arg, const char *name) {
    lua_getfield(L, arg, name);
    const char *text = lua_isnil(L, -1) ? NULL : luaL_checkstring(L, -1);
    lua_pop(L, 1);
    return text;
}

int mt_lua_truth_field(lua_State *L, int arg, const char *name) {
    lua_getfield(L, arg, name);
    int truth = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return truth;
}

uint64_t mt_lua_count_field(lua_State *L, int arg, const char *name, uint64_t absent) {
    lua_getfield(L, arg, name);
    uint64_t count = lua_isnil(L, -1) ? absent : mt_lua_check_count(L, -1, name);
    lua_pop(L, 1);
    return count;
}

int64_t mt_lua_seconds_field(lua_State *L, int arg, const char *name, int64_t absent) {
    lua_getfield(L, arg, name);
    double seconds = lua_isnil(L, -1) ? NAN : luaL_checknumber(L, -1);
    lua_pop(L, 1);
    if (isnan(seconds))
        return absent;
    return seconds < 9.2e9 ? (int64_t)llround(seconds * 1e9) : INT64_MAX;
}

const char *const *mt_lua_texts_field(lua_State *L, int arg, const char *name, size_t *count) {
    arg = lua_absindex(L, arg);
    lua_getfield(L, arg, name);
    int list = lua_gettop(L);
    *count = lua_isnil(L, list) ? 0 : (size_t)luaL_len(L, list);
    const char **texts = lua_newuserdatauv(L, (*count + 1) * sizeof *texts, 1);
    for (size_t i = 0; i < *count; i++) {
        lua_geti(L, list, (lua_Integer)i + 1);
        texts[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    lua_pushvalue(L, list); /* which keeps the texts alive */
    lua_setiuservalue(L, -2, 1);
    lua_remove(L, list);
    return texts;
}

void mt_lua_set_text(lua_State *L, const char *name, const char *value) {
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}
