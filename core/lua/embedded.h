/* The Lua files built into the executable, made by core/embed.c. */
#ifndef MT_LUA_EMBEDDED_H
#define MT_LUA_EMBEDDED_H

#include <stddef.h>

typedef struct mt_embedded_file {
    const char *path; /* from the project's top: "lua/moontide/init.lua", "scripts/sin.lua" */
    const char *text; /* followed by a '\0' */
    size_t length;
} mt_embedded_file;

/* Ends with an entry whose path is NULL. */
extern const mt_embedded_file mt_embedded_files[];

#endif
