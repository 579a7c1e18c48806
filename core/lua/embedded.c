#include "lua/embedded.h"

#include <lauxlib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BLOCK = 1 << 13 };

/* embedded(path) -> text | nil: a file built in, or below MOONTIDE_HOME. What comes from packages,
 * "packages/...", is always the one built in. */
int mt_lua_embedded(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    const char *home = getenv("MOONTIDE_HOME");
    if (home && *home && strncmp(path, "packages/", strlen("packages/")) != 0) {
        lua_pushfstring(L, "%s/%s", home, path);
        FILE *file = fopen(lua_tostring(L, -1), "rb");
        if (!file)
            return 0;
        luaL_Buffer text;
        luaL_buffinit(L, &text);
        size_t got;
        do {
            char *room = luaL_prepbuffsize(&text, READ_BLOCK);
            got = fread(room, 1, READ_BLOCK, file);
            luaL_addsize(&text, got);
        } while (got > 0);
        fclose(file);
        luaL_pushresult(&text);
        return 1;
    }
    for (const mt_embedded_file *file = mt_embedded_files; file->path; file++)
        if (strcmp(file->path, path) == 0) {
            lua_pushlstring(L, file->text, file->length);
            return 1;
        }
    return 0;
}

/* embedded_list() -> {path, ...}: the files built in, sorted. With MOONTIDE_HOME only the bundled
 * names are known, so that both see the same commands. */
int mt_lua_embedded_list(lua_State *L) {
    lua_newtable(L);
    lua_Integer count = 0;
    for (const mt_embedded_file *file = mt_embedded_files; file->path; file++) {
        lua_pushstring(L, file->path);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}
