#include "lua/embedded.h"

#include "lua/file_text.h"

#include <stdlib.h>
#include <string.h>

const void *mt_embedded_find(const void *table, size_t count, size_t size,
                             const unsigned char *text, const char *name) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *at = (const char *)table + middle * size;
        uint32_t place;
        memcpy(&place, at, sizeof place);
        int order = strcmp((const char *)text + place, name);
        if (order == 0)
            return at;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* embedded(path) -> text | nil: a file built in, or below MOONTIDE_HOME. What comes from packages,
 * "packages/...", is always the one built in. */
int mt_lua_embedded(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    const char *home = getenv("MOONTIDE_HOME");
    if (home && *home && strncmp(path, "packages/", strlen("packages/")) != 0) {
        lua_pushfstring(L, "%s/%s", home, path);
        return mt_lua_push_file(L, lua_tostring(L, -1));
    }
    const mt_embedded_file *file = mt_embedded_find(mt_embedded_files, mt_embedded_count,
                                                    sizeof *file, mt_embedded_text, path);
    if (!file)
        return 0;
    lua_pushlstring(L, (const char *)mt_embedded_text + file->text, file->length);
    return 1;
}

/* embedded_list() -> {path, ...}: the files built in, sorted. With MOONTIDE_HOME only the bundled
 * names are known, so that both see the same commands. */
int mt_lua_embedded_list(lua_State *L) {
    lua_createtable(L, (int)mt_embedded_count, 0);
    for (size_t i = 0; i < mt_embedded_count; i++) {
        lua_pushstring(L, (const char *)mt_embedded_text + mt_embedded_files[i].path);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}
