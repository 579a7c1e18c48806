#include "lua/trace/intake.h"

#include <stdio.h>

/* Takes in one request of the source; one that does not fit is passed over if `skip`. */
static mt_code take_one(mt_lua_intake *intake, mt_lua_taker take, void *owner, mt_request *request,
                        int is_numbered, int skip, mt_error *error) {
    intake->taken++;
    if (is_numbered)
        request->line = 0; /* which file it was the line of is not known any more */
    mt_code code = take(owner, request, error);
    if (code != MT_ERROR_INPUT)
        return code;
    if (is_numbered)
        snprintf(error->source, sizeof error->source, "request %llu",
                 (unsigned long long)intake->taken);
    else
        snprintf(error->source, sizeof error->source, "%s", intake->source);
    error->can_be_skipped = 1;
    if (!skip)
        return code;
    if (intake->left_out++ == 0)
        intake->first_left = *error;
    return MT_OK;
}

int mt_lua_intake_read(lua_State *L, mt_lua_intake *intake, mt_lua_taker take, void *owner,
                       const char *who) {
    mt_source *source = mt_lua_check_source(L, 2);
    char name[64];
    snprintf(name, sizeof name, "%s: most", who);
    uint64_t most = mt_lua_check_count(L, 3, name), done = 0;
    int skip = lua_toboolean(L, 4), is_numbered = lua_toboolean(L, 5), status = 1;
    mt_request request;
    mt_error error;
    snprintf(intake->source, sizeof intake->source, "%s", mt_source_name(source));
    while (done < most && (status = mt_source_next(source, &request, &error)) > 0) {
        if (take_one(intake, take, owner, &request, is_numbered, skip, &error) != MT_OK)
            return mt_lua_failure(L, &error);
        done++;
    }
    if (status < 0)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)done);
    return 1;
}

int mt_lua_intake_skipped(lua_State *L, const mt_lua_intake *intake) {
    mt_error first = intake->first_left, bad_line;
    uint64_t lines = mt_source_skipped(mt_lua_check_source(L, 2), &bad_line);
    uint64_t count = intake->left_out + lines;
    if (lines > 0 && (intake->left_out == 0 || bad_line.line < first.line))
        first = bad_line;
    return mt_lua_push_skipped(L, count, &first);
}
