/* The Lua files built into the executable and the module, made by core/embed.c: lua/ for the
 * executable's own searcher, scripts/ for both. MOONTIDE_HOME=dir reads them below dir instead. */
#ifndef MT_LUA_EMBEDDED_H
#define MT_LUA_EMBEDDED_H

#include <lua.h>

#include <stddef.h>
#include <stdint.h>

/* Where each file is in mt_embedded_text, in the order of the paths. These are places and no pointers: a
 * table of pointers has to be written to, page by page, at every start. */
typedef struct mt_embedded_file {
    uint32_t path; /* from the project's top: "lua/moontide/init.lua", "scripts/sin.lua"; or of a
                      package: "packages/chart.js"; ends in '\0' */
    uint32_t text; /* followed by a '\0' */
    uint32_t length;
} mt_embedded_file;

extern const unsigned char mt_embedded_text[];
extern const mt_embedded_file mt_embedded_files[];
extern const size_t mt_embedded_count;

/* A module of lua/, compiled by the Lua that is linked into the executable; only that has them. In the order
 * of the names, and as above places in mt_compiled_text. */
typedef struct mt_compiled_module {
    uint32_t name; /* as require has it: "moontide.kit.nearest" */
    uint32_t path; /* of its file, as above */
    uint32_t chunk, length;
} mt_compiled_module;

extern const unsigned char mt_compiled_text[];
extern const mt_compiled_module mt_compiled_modules[];
extern const size_t mt_compiled_count;

/* The element of table[0..count), each of `size` bytes and beginning with the place of its name in `text`,
 * whose name that is; NULL: there is none. */
const void *mt_embedded_find(const void *table, size_t count, size_t size,
                             const unsigned char *text, const char *name);

/* core.embedded(path) -> text | nil, core.embedded_list() -> {path, ...} sorted; with MOONTIDE_HOME
 * too only the built-in names are known, so that both see the same commands. */
int mt_lua_embedded(lua_State *L);
int mt_lua_embedded_list(lua_State *L);

#endif
