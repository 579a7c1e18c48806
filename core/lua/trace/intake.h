/* What learns from a trace request by request, seen from Lua: `read` from a source, and `skipped`,
 * with the requests that do not fit passed over if so wished. */
#ifndef MT_LUA_TRACE_INTAKE_H
#define MT_LUA_TRACE_INTAKE_H

#include "lua/trace/source_binding.h"

typedef struct mt_lua_intake {
    uint64_t taken;                    /* requests looked at */
    uint64_t left_out;                 /* of them, those that did not fit and were passed over */
    mt_error first_left;               /* the first of them */
    char source[MT_ERROR_SOURCE_SIZE]; /* what was read last, for messages */
} mt_lua_intake;

/* Takes in one request for `owner`; MT_ERROR_INPUT, source left empty, when it does not fit. */
typedef mt_code (*mt_lua_taker)(void *owner, const mt_request *request, mt_error *error);

/* owner:read(source, most, skip, is_numbered) -> requests read, fewer than `most` only at the
 * trace's end | nil, message, code. who: "analyze", for messages. is_numbered: they are no lines of
 * a file, and messages call them "request 1" and so on. */
int mt_lua_intake_read(lua_State *L, mt_lua_intake *intake, mt_lua_taker take, void *owner,
                       const char *who);

/* owner:skipped(source) -> requests and lines passed over, those of the source included, and what
 * was wrong with the first (or nil) */
int mt_lua_intake_skipped(lua_State *L, const mt_lua_intake *intake);

#endif
