#include "lua/embedded.h"

#include "lua/file_text.h"

#include <stdlib.h>
#include <string.h>

/* embedded(path) -> text | nil: a file built in, or below MOONTIDE_HOME. What comes from packages,
 * "packages/...", is always the one built in. */
int mt_lua_embedded(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    const char *home = getenv("MOONTIDE_HOME");
    if (home && *home && strncmp(path, "packages/", strlen("packages/")) != 0) {
        lua_pushfstring(L, "%s/%s", home, path);
        return mt_lua_push_file(L, lua_tostring(L, -1));
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
