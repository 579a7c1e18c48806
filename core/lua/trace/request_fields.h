/* The fields of a request as scripts know them: names, where each stands in a request, and how it is read. For
 * the files that make tables of requests (request.c) and requests of tables (request_fill.c). */
#ifndef MT_LUA_TRACE_REQUEST_FIELDS_H
#define MT_LUA_TRACE_REQUEST_FIELDS_H

#include "lua/trace/trace_binding.h"

/* How the 64 bits, or the span, of a field are read. */
typedef enum mt_lua_field_kind {
    MT_LUA_WHOLE,
    MT_LUA_MILLISECONDS,
    MT_LUA_IDS,
    MT_LUA_TEXT,
    MT_LUA_TOKEN,
    MT_LUA_EXTRA
} mt_lua_field_kind;

typedef struct mt_lua_field {
    const char *name;
    size_t place; /* in a request */
    mt_lua_field_kind kind;
    unsigned has; /* 0: it is there when it is not 0, not empty */
} mt_lua_field;

/* All that can be asked of a request by name; of these, the members of its table, which come first; and of
 * those, the ones that are read of a table, which come first. */
enum {
    MT_LUA_FIELDS = 11,
    MT_LUA_MEMBERS = MT_LUA_FIELDS - 1,
    MT_LUA_READ_MEMBERS = MT_LUA_MEMBERS - 1
};

extern const mt_lua_field mt_lua_fields[MT_LUA_FIELDS];

/* Of which time is counted in requests, in milliseconds in tables. */
enum { MT_LUA_MILLISECOND = 1000000 /* nanoseconds */ };

#endif
