/* core.radix_source: what the radix method learns from a trace, to be synthesised from. */
#include "lua/synthesis_binding.h"

#include "base/interrupt.h"
#include "lua/trace_binding.h"

#include <stdio.h>
#include <string.h>

static const char source_type[] = "moontide.radix_source";

typedef struct source_box {
    mt_radix_source *source; /* NULL once closed */
    int is_finished;
    uint64_t left_out;               /* requests that did not fit, passed over */
    mt_error first_left;             /* the first of them */
    char name[MT_ERROR_SOURCE_SIZE]; /* what was read last, for messages */
} source_box;

static source_box *check_building(lua_State *L) {
    source_box *self = luaL_checkudata(L, 1, source_type);
    if (!self->source || self->is_finished)
        mt_lua_raise(L, "synthesizer: nothing can be learnt any more");
    return self;
}

mt_radix_source *mt_lua_test_radix_source(lua_State *L, int arg) {
    source_box *self = luaL_testudata(L, arg, source_type);
    if (!self)
        return NULL;
    if (!self->is_finished)
        mt_lua_raise(L, "synthesizer: what was learnt is closed");
    return self->source;
}

/* new(block_size) -> source */
static int source_new(lua_State *L) {
    uint64_t block_size = mt_lua_check_count(L, 1, "synthesizer: block_size");
    mt_error error;
    source_box *self = mt_lua_new_owner(L, sizeof *self, source_type);
    self->source = mt_radix_source_new(block_size, &error);
    return self->source ? 1 : mt_lua_raise_error(L, &error);
}

static int source_release(lua_State *L) {
    source_box *self = luaL_checkudata(L, 1, source_type);
    mt_radix_source *source = self->source;
    self->source = NULL;
    self->is_finished = 0;
    mt_radix_source_release(source);
    return 0;
}

/* Takes in one request of `name`; one that does not fit is passed over if `skip`. */
static mt_code add(source_box *self, const mt_request *request, const char *name, int skip,
                   mt_error *error) {
    mt_code code = mt_radix_source_add(self->source, request, error);
    if (code != MT_ERROR_INPUT)
        return code;
    snprintf(error->source, sizeof error->source, "%s", name);
    if (!skip)
        return code;
    if (self->left_out++ == 0)
        self->first_left = *error;
    return MT_OK;
}

/* source:read(reader, most, skip) -> requests read, fewer than `most` only at the trace's end
 * | nil, message, code */
static int source_read(lua_State *L) {
    source_box *self = check_building(L);
    mt_trace_reader *trace = mt_lua_check_reader(L, 2);
    uint64_t most = mt_lua_check_count(L, 3, "synthesizer: most"), done = 0;
    int skip = lua_toboolean(L, 4), status = 1;
    mt_request request;
    mt_error error;
    snprintf(self->name, sizeof self->name, "%s", mt_trace_name(trace));
    while (done < most && (status = mt_trace_next(trace, &request, &error)) > 0) {
        if (add(self, &request, self->name, skip, &error) != MT_OK)
            return mt_lua_failure(L, &error);
        done++;
    }
    if (status < 0)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)done);
    return 1;
}

/* source:add(columns, skip) -> true | nil, message, code */
static int source_add(lua_State *L) {
    source_box *self = check_building(L);
    const mt_columns *columns = mt_lua_check_columns(L, 2);
    int skip = lua_toboolean(L, 3);
    snprintf(self->name, sizeof self->name, "columns");
    for (size_t i = 0; i < columns->count; i++) {
        mt_request request;
        mt_error error;
        char name[32];
        mt_columns_get(columns, i, &request);
        request.line = 0; /* which file it was the line of is not known any more */
        snprintf(name, sizeof name, "request %zu", i + 1);
        mt_code code = mt_interrupted() ? mt_fail(&error, MT_ERROR_INTERRUPTED, "interrupted")
                                        : add(self, &request, name, skip, &error);
        if (code != MT_OK)
            return mt_lua_failure(L, &error);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* source:skipped([reader]) -> requests and lines passed over, those of the reader included, and
 * what was wrong with the first (or nil) */
static int source_skipped(lua_State *L) {
    const source_box *self = luaL_checkudata(L, 1, source_type);
    mt_error first = self->first_left, bad_line;
    uint64_t count = self->left_out;
    if (!lua_isnoneornil(L, 2)) {
        uint64_t lines = mt_trace_skipped(mt_lua_check_reader(L, 2), &bad_line);
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

/* source:finish() -> source | nil, message, code */
static int source_finish(lua_State *L) {
    source_box *self = check_building(L);
    mt_error error;
    if (mt_radix_source_finish(self->source, &error) != MT_OK) {
        if (error.code == MT_ERROR_INPUT)
            memcpy(error.source, self->name, sizeof error.source);
        return mt_lua_failure(L, &error);
    }
    self->is_finished = 1;
    lua_settop(L, 1);
    return 1;
}

int mt_lua_open_radix_source(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", source_new}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"read", source_read},       {"add", source_add},
                                       {"skipped", source_skipped}, {"finish", source_finish},
                                       {"close", source_release},   {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, source_type, methods, source_release, NULL);
    lua_pop(L, 1);
    return 1;
}
