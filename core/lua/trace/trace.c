/* core.trace: writers of traces. */
#include "lua/trace/trace_binding.h"

#include "base/interrupt.h"
#include "trace/end/ends.h"

#include <signal.h>
#include <string.h>

static const char writer_type[] = "moontide.writer";

/* Registry: the names of the .part files that interrupted writers left, a list. */
static const char kept_parts_key[] = "moontide.kept_parts";

/* Registry: true once core.trace.finish_is_last was called. */
static const char last_key[] = "moontide.finish_is_last";

/* ---- writers ---- */

typedef struct writer {
    mt_output *output; /* NULL: finished or abandoned */
    mt_trace_format format;
    mt_lua_request_buffer buffer;
} writer;

static writer *check_open_writer(lua_State *L, int arg) {
    writer *self = luaL_checkudata(L, arg, writer_type);
    if (!self->output)
        mt_lua_raise(L, "the trace writer is finished");
    return self;
}

mt_output *mt_lua_check_writer(lua_State *L, int arg, mt_trace_format *format) {
    writer *self = check_open_writer(L, arg);
    if (format)
        *format = self->format;
    return self->output;
}

/* The format of that name; raises when there is none. */
static const mt_format_kind *check_format(lua_State *L, int arg) {
    const char *name = luaL_checkstring(L, arg);
    for (size_t i = 0; mt_format_kinds[i]; i++)
        if (strcmp(name, mt_format_kinds[i]->name) == 0)
            return mt_format_kinds[i];
    mt_lua_raise(L, "there is no output format '%s'", name);
}

/* formats() -> list of the names of the output formats */
static int formats(lua_State *L) {
    lua_newtable(L);
    for (size_t i = 0; mt_format_kinds[i]; i++) {
        lua_pushstring(L, mt_format_kinds[i]->name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* writer(path, compact, timestamp_digits [, format]) -> writer | nil, message, code */
static int open_writer(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    int compact = lua_toboolean(L, 2);
    lua_Integer digits = luaL_checkinteger(L, 3);
    const mt_format_kind *kind = lua_isnoneornil(L, 4) ? NULL : check_format(L, 4);
    mt_error error;
    if (digits < 0 || digits > 6)
        return mt_lua_raise(L, "timestamp_digits must be between 0 and 6, not %I", digits);
    writer *self = mt_lua_new_owner(L, sizeof *self, writer_type);
    self->format = (mt_trace_format){compact, (int)digits, kind};
    self->output = mt_output_open(path, &error);
    return self->output ? 1 : mt_lua_failure(L, &error);
}

static mt_code write_columns(writer *self, mt_columns *columns, mt_error *error) {
    mt_written written;
    mt_source *source = mt_source_columns(columns, error);
    if (!source)
        return mt_code_of(error);
    mt_code code =
        mt_source_write(source, self->output, &self->format, UINT64_MAX, &written, error);
    mt_source_free(source);
    return code;
}

/* writer:write(request | columns) -> true | nil, message, code */
static int writer_write(lua_State *L) {
    writer *self = check_open_writer(L, 1);
    mt_columns *columns = mt_lua_test_columns(L, 2);
    mt_error error;
    mt_code code;
    if (columns) {
        code = write_columns(self, columns, &error);
    } else {
        mt_request request;
        mt_lua_fill_request(L, 2, "write", &self->buffer, &request);
        code = mt_trace_write(self->output, &request, &self->format, &error);
    }
    return mt_lua_done(L, code, &error);
}

mt_code mt_lua_finish_output(lua_State *L, mt_output **output, mt_error *error) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    enum { SIGNALS = sizeof signals / sizeof *signals };
    int is_last = lua_getfield(L, LUA_REGISTRYINDEX, last_key) == LUA_TBOOLEAN;
    sigset_t blocked, before;
    lua_pop(L, 1);
    sigemptyset(&blocked);
    for (int i = 0; i < SIGNALS; i++)
        sigaddset(&blocked, signals[i]);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    mt_output *whole = *output;
    mt_code code = mt_poll_interrupt(error);
    if (code == MT_OK) {
        *output = NULL;
        code = mt_output_finish(whole, error);
    }
    if (code == MT_OK && is_last) {
        mt_interrupt_is_late = 1;
        for (int i = 0; i < SIGNALS; i++) { /* what is still printed is not cut short */
            struct sigaction action;
            sigaction(signals[i], NULL, &action);
            action.sa_flags |= SA_RESTART;
            sigaction(signals[i], &action, NULL);
        }
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* finish_is_last(): the next output that is finished is all that the command still writes. */
static int finish_is_last(lua_State *L) {
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, last_key);
    return 0;
}

/* writer:text(bytes) -> true | nil, message, code: what is no line of ours */
static int writer_write_text(lua_State *L) {
    writer *self = check_open_writer(L, 1);
    size_t length;
    const char *bytes = luaL_checklstring(L, 2, &length);
    mt_error error;
    mt_code code = mt_output_write(self->output, bytes, length, &error);
    return mt_lua_done(L, code, &error);
}

/* writer:finish() -> true | nil, message, code */
static int writer_finish(lua_State *L) {
    writer *self = check_open_writer(L, 1);
    mt_error error;
    return mt_lua_done(L, mt_lua_finish_output(L, &self->output, &error), &error);
}

/* Keeps what an interrupted writer has written as TARGET.part and notes the name. The name is
 * pushed and the list grown before the output leaves its owner: both can raise. */
static void keep_part(lua_State *L, writer *self) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, kept_parts_key);
    lua_Integer position = luaL_len(L, -1) + 1;
    lua_pushfstring(L, "%s.part", mt_output_target(self->output));
    lua_rawseti(L, -2, position);
    mt_output *output = self->output;
    self->output = NULL;
    if (mt_output_finish_part(output, NULL) != MT_OK) {
        lua_pushnil(L);
        lua_rawseti(L, -2, position);
    }
    lua_pop(L, 1);
}

/* Released unfinished, a writer leaves its target as it was. */
static int writer_release(lua_State *L) {
    writer *self = luaL_checkudata(L, 1, writer_type);
    mt_lua_request_buffer_free(&self->buffer);
    if (!self->output)
        return 0;
    int is_kept = mt_interrupted() && mt_output_bytes(self->output) > 0;
    if (is_kept && mt_output_target(self->output)) {
        keep_part(L, self);
        return 0;
    }
    mt_output *output = self->output;
    self->output = NULL;
    if (is_kept)
        mt_output_finish_part(output, NULL);
    else
        mt_output_abandon(output);
    return 0;
}

static int writer_text(lua_State *L) {
    writer *self = luaL_checkudata(L, 1, writer_type);
    if (self->output)
        lua_pushfstring(L, "trace writer of %s", mt_output_name(self->output));
    else
        lua_pushliteral(L, "trace writer (finished)");
    return 1;
}

/* replaces(path, input) -> would writing to path replace the file that is read as input? */
static int output_replaces(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    lua_pushboolean(L, mt_output_replaces(path, luaL_checkstring(L, 2)));
    return 1;
}

/* kept_parts() -> list of the .part files that interrupted writers left, in order */
static int kept_parts(lua_State *L) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, kept_parts_key);
    return 1;
}

/* parts_are_told(): a further Ctrl-C lets them be */
static int parts_are_told(lua_State *L) {
    (void)L;
    mt_output_parts_are_told();
    return 0;
}

/* ---- the module ---- */

int mt_lua_open_trace(lua_State *L) {
    static const luaL_Reg functions[] = {{"writer", open_writer},
                                         {"formats", formats},
                                         {"kept_parts", kept_parts},
                                         {"parts_are_told", parts_are_told},
                                         {"replaces", output_replaces},
                                         {"finish_is_last", finish_is_last},
                                         {NULL, NULL}};
    static const luaL_Reg writer_methods[] = {{"write", writer_write},
                                              {"text", writer_write_text},
                                              {"finish", writer_finish},
                                              {"close", writer_release},
                                              {NULL, NULL}};
    static const luaL_Reg writer_meta[] = {{"__tostring", writer_text}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_newtable(L);
    mt_lua_new_type(L, writer_type, writer_methods, writer_release, writer_meta);
    mt_lua_share_methods(L, "writer");
    lua_setfield(L, -2, "methods");
    return 1;
}
