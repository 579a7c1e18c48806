/* core.convert: conversions of logs into traces. Positional and strict; lua/moontide/convert.lua is
 * the pleasant side. */
#include "lua/trace_binding.h"

#include "trace/convert/conversion.h"

#include <math.h>
#include <string.h>

static const char type_name[] = "moontide.conversion_state";

typedef struct owner {
    mt_conversion *conversion; /* NULL: closed */
    mt_log *log;               /* the one that is read, NULL between two */
} owner;

static owner *check_open(lua_State *L) {
    owner *self = luaL_checkudata(L, 1, type_name);
    if (!self->conversion)
        mt_lua_raise(L, "the conversion is closed");
    return self;
}

static mt_log *check_log(lua_State *L, const owner *self) {
    if (!self->log)
        mt_lua_raise(L, "the conversion reads no log now");
    return self->log;
}

/* new(model | nil, log_type | nil, skip, limit | nil, hash_blocks, seed, no_sessions) -> state */
static int new_conversion(lua_State *L) {
    mt_conversion_options options = {
        .model = luaL_optstring(L, 1, NULL),
        .log_type = luaL_optstring(L, 2, NULL),
        .skip = mt_lua_check_count(L, 3, "convert: skip"),
        .limit = lua_isnoneornil(L, 4) ? UINT64_MAX : mt_lua_check_count(L, 4, "convert: limit"),
        .hash_blocks = mt_lua_check_count(L, 5, "convert: hash_blocks"),
        .seed = (uint64_t)luaL_checkinteger(L, 6),
        .no_sessions = lua_toboolean(L, 7)};
    mt_error error;
    owner *self = mt_lua_new_owner(L, sizeof *self, type_name);
    self->conversion = mt_conversion_new(&options, &error);
    return self->conversion ? 1 : mt_lua_raise_error(L, &error);
}

static void close_log(owner *self) {
    mt_log *log = self->log;
    self->log = NULL;
    mt_log_close(log);
}

static int release(lua_State *L) {
    owner *self = luaL_checkudata(L, 1, type_name);
    mt_conversion *conversion = self->conversion;
    self->conversion = NULL;
    close_log(self);
    mt_conversion_free(conversion);
    return 0;
}

/* The text of a field of the table at `index`, NULL without one; it stays in the table. */
static const char *column_name(lua_State *L, int index, const char *field) {
    lua_getfield(L, index, field);
    const char *name = luaL_optstring(L, -1, NULL);
    lua_pop(L, 1);
    return name;
}

static void push_columns(lua_State *L, const mt_log *log) {
    size_t count;
    const mt_span *names = mt_log_columns_of(log, &count);
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(L, names[i].text, names[i].length);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* state:open(path, format | nil, columns, time_digits, block_size, skip_bad_rows)
 * -> {format, columns} | nil, message, code */
static int open_log(lua_State *L) {
    owner *self = check_open(L);
    const char *path = luaL_checkstring(L, 2);
    luaL_checktype(L, 4, LUA_TTABLE);
    mt_log_options options = {.format = luaL_optstring(L, 3, NULL),
                              .columns = {.timestamp = column_name(L, 4, "timestamp"),
                                          .input = column_name(L, 4, "input"),
                                          .output = column_name(L, 4, "output"),
                                          .session = column_name(L, 4, "session"),
                                          .model = column_name(L, 4, "model"),
                                          .log_type = column_name(L, 4, "log_type")},
                              .time_digits = (int)luaL_checkinteger(L, 5),
                              .block_size = mt_lua_check_count(L, 6, "convert: block_size"),
                              .skip_bad_rows = lua_toboolean(L, 7)};
    mt_error error;
    if (self->log)
        return mt_lua_raise(L, "the conversion reads a log already");
    self->log = mt_log_open(path, &options, &error);
    if (!self->log)
        return mt_lua_failure(L, &error);
    if (mt_conversion_begin_log(self->conversion, self->log, &error) != MT_OK) {
        close_log(self);
        return mt_lua_failure(L, &error);
    }
    lua_createtable(L, 0, 3);
    lua_pushstring(L, mt_log_format(self->log));
    lua_setfield(L, -2, "format");
    lua_pushinteger(L, (lua_Integer)mt_log_block_size(self->log));
    lua_setfield(L, -2, "block_size");
    push_columns(L, self->log);
    lua_setfield(L, -2, "columns");
    return 1;
}

/* state:read(most) -> rows taken, fewer only at the log's end | nil, message, code */
static int read_rows(lua_State *L) {
    owner *self = check_open(L);
    uint64_t most = mt_lua_check_count(L, 2, "convert: most"), taken;
    mt_error error;
    check_log(L, self);
    if (mt_conversion_read(self->conversion, most, &taken, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)taken);
    return 1;
}

static void set_count(lua_State *L, const char *name, uint64_t value) {
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

/* What was wrong with the first bad row, as `first_bad`. */
static void set_first_bad(lua_State *L, const mt_log *log) {
    char text[MT_ERROR_SOURCE_SIZE + MT_ERROR_MESSAGE_SIZE + 64];
    mt_error first;
    if (mt_log_skipped(log, &first) == 0)
        return;
    lua_pushstring(L, mt_error_text(&first, text, sizeof text));
    lua_setfield(L, -2, "first_bad");
}

/* state:end_log(speed) -> {rows, bad, first_bad, kept, backwards, backwards_line, has_dates, and
 * where there are times first, last, begins, ends in nanoseconds} | nil, message, code */
static int end_log(lua_State *L) {
    owner *self = check_open(L);
    double speed = mt_lua_check_finite(L, 2, "convert: speed");
    mt_log *log = check_log(L, self);
    mt_conversion_log summary;
    mt_error error;
    if (!(speed > 0))
        return mt_lua_raise(L, "convert: speed must be above 0, not %f", speed);
    if (mt_conversion_end_log(self->conversion, speed, &summary, &error) != MT_OK) {
        close_log(self);
        return mt_lua_failure(L, &error);
    }
    lua_createtable(L, 0, 11);
    set_count(L, "rows", summary.rows);
    set_count(L, "bad", summary.bad);
    set_count(L, "kept", summary.kept);
    set_count(L, "backwards", summary.backwards);
    set_count(L, "backwards_line", summary.backwards_line);
    set_first_bad(L, log);
    lua_pushboolean(L, mt_log_has_dates(log));
    lua_setfield(L, -2, "has_dates");
    if (summary.has_times) {
        set_count(L, "first", (uint64_t)summary.first_ns);
        set_count(L, "last", (uint64_t)summary.last_ns);
        set_count(L, "begins", (uint64_t)summary.begins_ns);
        set_count(L, "ends", (uint64_t)summary.ends_ns);
    }
    close_log(self);
    return 1;
}

/* state:finish() -> true | nil, message, code */
static int finish(lua_State *L) {
    owner *self = check_open(L);
    mt_error error;
    if (mt_conversion_finish(self->conversion, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* state:write(writer, most) -> requests written, fewer only at the end | nil, message, code */
static int write_requests(lua_State *L) {
    owner *self = check_open(L);
    mt_trace_format format;
    mt_output *output = mt_lua_check_writer(L, 2, &format);
    uint64_t most = mt_lua_check_count(L, 3, "convert: most"), written;
    mt_error error;
    if (mt_conversion_write(self->conversion, output, &format, most, &written, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)written);
    return 1;
}

static void set_lengths(lua_State *L, const char *name, const mt_length_statistics *lengths) {
    lua_createtable(L, 0, 4);
    set_count(L, "min", lengths->min);
    set_count(L, "max", lengths->max);
    lua_pushnumber(L, lengths->mean);
    lua_setfield(L, -2, "mean");
    if (!isnan(lengths->sample_deviation)) {
        lua_pushnumber(L, lengths->sample_deviation);
        lua_setfield(L, -2, "std");
    }
    lua_setfield(L, -2, name);
}

/* state:result() -> all that mt_conversion_result has; duration and bin in seconds */
static int result(lua_State *L) {
    owner *self = check_open(L);
    mt_conversion_result all;
    mt_conversion_measure(self->conversion, &all);
    lua_createtable(L, 0, 16);
    set_count(L, "rows", all.rows);
    set_count(L, "bad", all.bad);
    set_count(L, "of_model", all.of_model);
    set_count(L, "of_type", all.of_type);
    set_count(L, "after_skip", all.after_skip);
    set_count(L, "requests", all.requests);
    set_count(L, "sessions", all.sessions);
    set_count(L, "without_output", all.without_output);
    set_count(L, "blocks", all.blocks);
    set_count(L, "distinct", all.distinct);
    set_count(L, "longest", all.longest);
    set_lengths(L, "input_length", &all.input);
    set_lengths(L, "output_length", &all.output);
    if (all.has_times) {
        lua_pushnumber(L, (double)all.duration_ns / 1e9);
        lua_setfield(L, -2, "duration");
    }
    if (all.bins == 0)
        return 1;
    lua_pushnumber(L, all.bin_seconds);
    lua_setfield(L, -2, "bin");
    lua_createtable(L, (int)all.bins, 0);
    for (size_t i = 0; i < all.bins; i++) {
        lua_pushinteger(L, (lua_Integer)all.in_bin[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "in_bin");
    return 1;
}

int mt_lua_open_convert(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", new_conversion}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"open", open_log},        {"read", read_rows}, {"end_log", end_log}, {"finish", finish},
        {"write", write_requests}, {"result", result},  {"close", release},   {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, type_name, methods, release, NULL);
    lua_pop(L, 1);
    return 1;
}
