/* A whole file as a Lua string: for the executable, and for what builds it, which is linked with nothing of
 * ours. */
#ifndef MT_LUA_FILE_TEXT_H
#define MT_LUA_FILE_TEXT_H

#include <lauxlib.h>
#include <lua.h>

#include <errno.h>
#include <stdio.h>

/* The __gc of a file's owner. */
static inline int mt_lua_close_file(lua_State *L) {
    FILE **owner = lua_touserdata(L, 1);
    if (*owner)
        fclose(*owner);
    *owner = NULL;
    return 0;
}

/* Pushes the file's bytes and gives 1; where it cannot be read it pushes nothing, and 0: errno says why. Where
 * memory runs out it raises, and the file is closed with the userdata that owns it. */
static inline int mt_lua_push_file(lua_State *L, const char *path) {
    enum { READ_BLOCK = 1 << 13 };
    int top = lua_gettop(L);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): of a pointer */
    FILE **owner = lua_newuserdatauv(L, sizeof *owner, 0);
    *owner = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, mt_lua_close_file);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    *owner = fopen(path, "rb");
    if (!*owner) {
        int problem = errno;
        lua_settop(L, top);
        errno = problem;
        return 0;
    }
    luaL_Buffer text;
    size_t got;
    luaL_buffinit(L, &text);
    do {
        char *room = luaL_prepbuffsize(&text, READ_BLOCK);
        got = fread(room, 1, READ_BLOCK, *owner);
        luaL_addsize(&text, got);
    } while (got > 0);
    int failed = ferror(*owner), problem = errno;
    fclose(*owner);
    *owner = NULL;
    luaL_pushresult(&text);
    lua_remove(L, top + 1);
    if (failed)
        lua_settop(L, top);
    errno = problem;
    return !failed;
}

#endif
