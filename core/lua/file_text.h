/* A whole file as a Lua string: for the executable, and for what builds it, which is linked with nothing of
 * ours. */
#ifndef MT_LUA_FILE_TEXT_H
#define MT_LUA_FILE_TEXT_H

#include <lauxlib.h>
#include <lua.h>

#include <stdio.h>

/* Pushes the file's bytes and gives 1; where it cannot be read it pushes nothing, and 0: errno says why. */
static inline int mt_lua_push_file(lua_State *L, const char *path) {
    enum { READ_BLOCK = 1 << 13 };
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    int top = lua_gettop(L);
    luaL_Buffer text;
    size_t got;
    luaL_buffinit(L, &text);
    do {
        char *room = luaL_prepbuffsize(&text, READ_BLOCK);
        got = fread(room, 1, READ_BLOCK, file);
        luaL_addsize(&text, got);
    } while (got > 0);
    int failed = ferror(file);
    fclose(file);
    luaL_pushresult(&text);
    if (failed)
        lua_settop(L, top);
    return !failed;
}

#endif
