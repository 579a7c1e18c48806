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

/* A module of lua/, compiled by the Lua that is linked into the executable; only that has them. */
typedef struct mt_compiled_module {
    const char *name; /* as require has it: "moontide.kit.nearest" */
    const char *path; /* of its file, as above */
    const char *chunk;
    size_t length;
} mt_compiled_module;

/* Ends with an entry whose name is NULL. */
extern const mt_compiled_module mt_compiled_modules[];

/* core.embedded(path) -> text | nil, core.embedded_list() -> {path, ...} sorted; with MOONTIDE_HOME
 * too only the built-in names are known, so that both see the same commands. */
int mt_lua_embedded(lua_State *L);
int mt_lua_embedded_list(lua_State *L);

#endif
