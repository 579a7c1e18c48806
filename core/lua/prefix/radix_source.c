/* core.radix_source: what the radix method learns from a trace, to be synthesised from. */
#include "lua/prefix/synthesis_binding.h"

#include "lua/trace/intake.h"
#include "lua/trace/trace_binding.h"

#include <string.h>

typedef struct source_box {
    void *source;
    int is_finished;
    mt_lua_intake intake;
} source_box;

static void release(void *source) {
    mt_radix_source_release(source);
}

static const mt_lua_type type = {"moontide.radix_source", "synthesizer: what was learnt is closed",
                                 release};

static source_box *check_building(lua_State *L) {
    source_box *self = luaL_checkudata(L, 1, type.name);
    if (!self->source || self->is_finished)
        mt_lua_raise(L, "synthesizer: nothing can be learnt any more");
    return self;
}

mt_radix_source *mt_lua_test_radix_source(lua_State *L, int arg) {
    source_box *self = luaL_testudata(L, arg, type.name);
    if (self && !(self->source && self->is_finished))
        mt_lua_raise(L, "%s", type.closed);
    return self ? self->source : NULL;
}

/* new(block_size) -> source */
static int source_new(lua_State *L) {
    uint64_t block_size = mt_lua_check_count(L, 1, "synthesizer: block_size");
    mt_error error;
    source_box *self = mt_lua_new_owner(L, sizeof *self, type.name);
    return mt_lua_keep(L, &self->source, mt_radix_source_new(block_size, &error), &error);
}

static mt_code take(void *owner, const mt_request *request, mt_error *error) {
    return mt_radix_source_add(((source_box *)owner)->source, request, error);
}

static int source_read(lua_State *L) {
    source_box *self = check_building(L);
    return mt_lua_intake_read(L, &self->intake, take, self, "synthesizer");
}

static int source_skipped(lua_State *L) {
    const source_box *self = luaL_checkudata(L, 1, type.name);
    return mt_lua_intake_skipped(L, &self->intake);
}

/* source:finish() -> source | nil, message, code */
static int source_finish(lua_State *L) {
    source_box *self = check_building(L);
    mt_error error;
    const mt_radix_source *source = self->source;
    if (mt_radix_finish(source->tree, &error) != MT_OK) {
        if (error.code == MT_ERROR_INPUT)
            memcpy(error.source, self->intake.source, sizeof error.source);
        return mt_lua_failure(L, &error);
    }
    self->is_finished = 1;
    lua_settop(L, 1);
    return 1;
}

int mt_lua_open_radix_source(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", source_new}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"read", source_read},
                                       {"skipped", source_skipped},
                                       {"finish", source_finish},
                                       {"close", mt_lua_close},
                                       {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_object_type(L, &type, methods, NULL);
    lua_pop(L, 1);
    return 1;
}
