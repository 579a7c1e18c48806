/* The Lua files built into the executable and the module, made by core/embed.c: lua/ for the
 * executable's own searcher, scripts/ for both. MOONTIDE_HOME=dir reads them below dir instead. */
#ifndef MT_LUA_EMBEDDED_H
#define MT_LUA_EMBEDDED_H

#include <lua.h>

#include <stddef.h>

typedef struct mt_embedded_file {
    const char *path; /* from the project's top: "lua/moontide/init.lua", "scripts/sin.lua"; or of a
                         package: "packages/chart.js" */
    const char *text; /* followed by a '\0' */
    size_t length;
} mt_embedded_file;

/* Ends with an entry whose path is NULL. */
extern const mt_embedded_file mt_embedded_files[];

/* core.embedded(path) -> text | nil, core.embedded_list() -> {path, ...} sorted; with MOONTIDE_HOME
 * too only the built-in names are known, so that both see the same commands. */
int mt_lua_embedded(lua_State *L);
int mt_lua_embedded_list(lua_State *L);

#endif
