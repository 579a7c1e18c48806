#include "lua/intake.h"

#include "base/interrupt.h"

#include <stdio.h>

/* Takes in one request of `source`; one that does not fit is passed over if `skip`. */
static mt_code take_one(mt_lua_intake *intake, mt_lua_taker take, void *owner,
                        const mt_request *request, const char *source, int skip, mt_error *error) {
    mt_code code = take(owner, request, error);
    if (code != MT_ERROR_INPUT)
        return code;
    snprintf(error->source, sizeof error->source, "%s", source);
    if (!skip)
        return code;
    if (intake->left_out++ == 0)
        intake->first_left = *error;
    return MT_OK;
}

int mt_lua_intake_read(lua_State *L, mt_lua_intake *intake, mt_lua_taker take, void *owner,
                       const char *who) {
    mt_lua_trace trace = mt_lua_check_trace(L, 2);
    char name[64];
    snprintf(name, sizeof name, "%s: most", who);
    uint64_t most = mt_lua_check_count(L, 3, name), done = 0;
    int skip = lua_toboolean(L, 4), status = 1;
    mt_request request;
    mt_error error;
    snprintf(intake->source, sizeof intake->source, "%s", mt_lua_trace_name(&trace));
    while (done < most && (status = mt_lua_trace_next(&trace, &request, &error)) > 0) {
        if (take_one(intake, take, owner, &request, intake->source, skip, &error) != MT_OK)
            return mt_lua_failure(L, &error);
        done++;
    }
    if (status < 0)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)done);
    return 1;
}

int mt_lua_intake_add(lua_State *L, mt_lua_intake *intake, mt_lua_taker take, void *owner) {
    const mt_columns *columns = mt_lua_check_columns(L, 2);
    int skip = lua_toboolean(L, 3);
    snprintf(intake->source, sizeof intake->source, "columns");
    for (size_t i = 0; i < columns->count; i++) {
        mt_request request;
        mt_error error;
        char source[32];
        mt_columns_get(columns, i, &request);
        request.line = 0; /* which file it was the line of is not known any more */
        snprintf(source, sizeof source, "request %zu", i + 1);
        mt_code code = mt_interrupted()
                           ? mt_fail(&error, MT_ERROR_INTERRUPTED, "interrupted")
                           : take_one(intake, take, owner, &request, source, skip, &error);
        if (code != MT_OK)
            return mt_lua_failure(L, &error);
    }
    lua_pushboolean(L, 1);
    return 1;
}

int mt_lua_intake_skipped(lua_State *L, const mt_lua_intake *intake) {
    mt_error first = intake->first_left, bad_line;
    uint64_t count = intake->left_out;
    if (!lua_isnoneornil(L, 2)) {
        mt_lua_trace trace = mt_lua_check_trace(L, 2);
        uint64_t lines = mt_lua_trace_skipped(&trace, &bad_line);
        if (lines > 0 && (count == 0 || bad_line.line < first.line))
            first = bad_line;
        count += lines;
    }
    char text[MT_ERROR_SOURCE_SIZE + MT_ERROR_MESSAGE_SIZE + 64];
    lua_pushinteger(L, (lua_Integer)count);
    if (count == 0)
        return 1;
    lua_pushstring(L, mt_error_text(&first, text, sizeof text));
    return 2;
}
