/* core.source: traces as streams, and the steps that can be put on them. A step changes the source
 * it is called on; when it cannot be made the source is closed. Times are seconds. */
#include "lua/trace_binding.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/source/copy.h"

#include <math.h>

static const char source_type[] = "moontide.source";

typedef struct source {
    mt_source *source; /* NULL: closed */
} source;

static source *check_open(lua_State *L, int arg) {
    source *self = luaL_checkudata(L, arg, source_type);
    if (!self->source)
        mt_lua_raise(L, "the trace is closed");
    return self;
}

mt_source *mt_lua_check_source(lua_State *L, int arg) {
    return check_open(L, arg)->source;
}

mt_source **mt_lua_new_source(lua_State *L) {
    source *self = mt_lua_new_owner(L, sizeof *self, source_type);
    return &self->source;
}

mt_source **mt_lua_source_place(lua_State *L, int arg) {
    return &check_open(L, arg)->source;
}

mt_lua_trace mt_lua_check_trace(lua_State *L, int arg) {
    if (luaL_testudata(L, arg, source_type))
        return (mt_lua_trace){NULL, mt_lua_check_source(L, arg)};
    return (mt_lua_trace){mt_lua_check_reader(L, arg), NULL};
}

const char *mt_lua_trace_name(const mt_lua_trace *trace) {
    return trace->reader ? mt_trace_name(trace->reader) : mt_source_name(trace->source);
}

uint64_t mt_lua_trace_skipped(const mt_lua_trace *trace, mt_error *first) {
    return trace->reader ? mt_trace_skipped(trace->reader, first)
                         : mt_source_skipped(trace->source, first);
}

/* The source with the step just put on it -> source | nil, message, code */
static int stepped(lua_State *L, source *self, mt_source *step, const mt_error *error) {
    self->source = step;
    if (!step)
        return mt_lua_failure(L, error);
    lua_settop(L, 1);
    return 1;
}

/* The seconds at `arg` as nanoseconds, `absent` when nil; beyond 64 bits they are cut, for no
 * request is there. */
static int64_t nanoseconds_or(lua_State *L, int arg, int64_t absent, const char *what) {
    if (lua_isnoneornil(L, arg))
        return absent;
    long double value = roundl((long double)mt_lua_check_finite(L, arg, what) * 1e9L);
    if (value >= 9223372036854775807.0L)
        return INT64_MAX;
    if (value <= -9223372036854775807.0L)
        return -INT64_MAX;
    return (int64_t)value;
}

/* ---- where they begin ------------------------------------------------------------------------ */

/* open(path, skip_bad_lines) -> source | nil, message, code */
static int open_source(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    int skip_bad_lines = lua_toboolean(L, 2);
    mt_error error;
    source *self = mt_lua_new_owner(L, sizeof *self, source_type);
    mt_trace_reader *reader = mt_trace_open(path, skip_bad_lines, &error);
    self->source = reader ? mt_source_reader(reader, &error) : NULL;
    return self->source ? 1 : mt_lua_failure(L, &error);
}

/* columns(columns) -> source | nil, message, code */
static int columns_source(lua_State *L) {
    mt_columns *columns = mt_lua_check_columns(L, 1);
    mt_error error;
    source *self = mt_lua_new_owner(L, sizeof *self, source_type);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    self->source = mt_source_columns(columns, &error);
    return self->source ? 1 : mt_lua_failure(L, &error);
}

/* Pushes the new owner of several sources; they stay alive in its user value, the list at 1, for
 * the columns that they may read. Fills `inputs`, `count` of them, which the list no longer has. */
static source *take_inputs(lua_State *L, mt_source ***inputs, size_t *count) {
    luaL_checktype(L, 1, LUA_TTABLE);
    *count = (size_t)lua_rawlen(L, 1);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        check_open(L, -1);
        lua_pop(L, 1);
    }
    source *self = mt_lua_new_owner(L, sizeof *self, source_type);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    *inputs = mt_allocate(*count, sizeof(mt_source *));
    for (size_t i = 0; *inputs && i < *count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        source *input = lua_touserdata(L, -1);
        (*inputs)[i] = input->source; /* NULL when the list has it twice */
        input->source = NULL;
        lua_pop(L, 1);
    }
    return self;
}

/* merge(sources, parts, shared_ids) -> source | nil, message, code */
static int merge(lua_State *L) {
    int parts = lua_toboolean(L, 2), shared = lua_toboolean(L, 3);
    mt_source **inputs;
    size_t count;
    mt_error error;
    mt_inputs kept = parts ? MT_INPUTS_PARTS : shared ? MT_INPUTS_SHARED_IDS : MT_INPUTS_APART;
    source *self = take_inputs(L, &inputs, &count);
    mt_fail_memory(&error, "inputs to merge");
    if (inputs)
        self->source = mt_source_merge(inputs, count, kept, &error);
    mt_free(inputs);
    return self->source ? 1 : mt_lua_failure(L, &error);
}

/* join(sources, gap | nil, parts, shared_ids) -> source | nil, message, code */
static int join(lua_State *L) {
    int64_t gap = nanoseconds_or(L, 2, -1, "join: gap");
    int parts = lua_toboolean(L, 3), shared = lua_toboolean(L, 4);
    mt_source **inputs;
    size_t count;
    mt_error error;
    mt_inputs kept = parts ? MT_INPUTS_PARTS : shared ? MT_INPUTS_SHARED_IDS : MT_INPUTS_APART;
    source *self = take_inputs(L, &inputs, &count);
    mt_fail_memory(&error, "inputs to join");
    if (inputs)
        self->source = mt_source_join(inputs, count, gap, kept, &error);
    mt_free(inputs);
    return self->source ? 1 : mt_lua_failure(L, &error);
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* first(source, most) */
static int first(lua_State *L) {
    source *self = check_open(L, 1);
    uint64_t most = mt_lua_check_count(L, 2, "first");
    mt_error error;
    return stepped(L, self, mt_step_first(self->source, most, &error), &error);
}

/* window(source, start | nil, stop | nil, needs_some) */
static int window(lua_State *L) {
    source *self = check_open(L, 1);
    int64_t start = nanoseconds_or(L, 2, INT64_MIN, "window: start");
    int64_t stop = nanoseconds_or(L, 3, INT64_MAX, "window: stop");
    int needs_some = lua_toboolean(L, 4);
    mt_error error;
    return stepped(L, self, mt_step_window(self->source, start, stop, needs_some, &error), &error);
}

/* where(source, filter, function, as_table) */
static int where(lua_State *L) {
    source *self = check_open(L, 1);
    mt_filter filter = mt_lua_to_filter(L, 2, 3, lua_toboolean(L, 4));
    mt_error error;
    return stepped(L, self, mt_step_where(self->source, &filter, &error), &error);
}

/* thin(source, share, seed) */
static int thin(lua_State *L) {
    source *self = check_open(L, 1);
    double share = mt_lua_check_finite(L, 2, "thin: share");
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 3);
    mt_error error;
    return stepped(L, self, mt_step_thin(self->source, share, seed, &error), &error);
}

/* shard(source, shard, shards) */
static int shard(lua_State *L) {
    source *self = check_open(L, 1);
    uint64_t number = mt_lua_check_count(L, 2, "shard");
    uint64_t shards = mt_lua_check_count(L, 3, "shard: shards");
    mt_error error;
    return stepped(L, self, mt_step_shard(self->source, number, shards, &error), &error);
}

/* shift(source, by) */
static int shift(lua_State *L) {
    source *self = check_open(L, 1);
    int64_t by = nanoseconds_or(L, 2, 0, "shift: by");
    mt_error error;
    return stepped(L, self, mt_step_shift(self->source, by, &error), &error);
}

/* from_zero(source) */
static int from_zero(lua_State *L) {
    source *self = check_open(L, 1);
    mt_error error;
    return stepped(L, self, mt_step_from_zero(self->source, &error), &error);
}

/* speed(source, ratio) */
static int speed(lua_State *L) {
    source *self = check_open(L, 1);
    double ratio = mt_lua_check_finite(L, 2, "speed: ratio");
    mt_error error;
    return stepped(L, self, mt_step_speed(self->source, ratio, &error), &error);
}

/* dequantize(source, period | nil, offset | nil, seed) */
static int dequantize(lua_State *L) {
    source *self = check_open(L, 1);
    int64_t period = nanoseconds_or(L, 2, 0, "dequantize: grid");
    int64_t offset = nanoseconds_or(L, 3, 0, "dequantize: offset");
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 4);
    mt_error error;
    return stepped(L, self, mt_step_dequantize(self->source, period, offset, seed, &error), &error);
}

/* sort(source) */
static int sort(lua_State *L) {
    source *self = check_open(L, 1);
    mt_error error;
    return stepped(L, self, mt_step_sort(self->source, 0, &error), &error);
}

/* loop(source, laps, every | nil, fresh_ids, common_root) */
static int loop(lua_State *L) {
    source *self = check_open(L, 1);
    mt_repeat repeat = {
        .laps = mt_lua_check_count(L, 2, "loop: laps"),
        .every_ns = nanoseconds_or(L, 3, 0, "loop: every"),
        .fresh_ids = lua_toboolean(L, 4),
        .common_root = (size_t)mt_lua_check_count(L, 5, "loop: common_root"),
    };
    mt_error error;
    return stepped(L, self, mt_step_repeat(self->source, &repeat, &error), &error);
}

/* scale(source, input, output, block_size) */
static int scale(lua_State *L) {
    source *self = check_open(L, 1);
    double input = mt_lua_check_finite(L, 2, "scale: input");
    double output = mt_lua_check_finite(L, 3, "scale: output");
    uint64_t block_size = mt_lua_check_count(L, 4, "scale: block_size");
    mt_error error;
    return stepped(L, self, mt_step_scale(self->source, input, output, block_size, &error), &error);
}

/* fit(source, block_size, first_free) */
static int fit(lua_State *L) {
    source *self = check_open(L, 1);
    uint64_t block_size = mt_lua_check_count(L, 2, "fit: block_size");
    uint64_t first_free = mt_lua_check_count(L, 3, "fit: first_free");
    mt_error error;
    return stepped(L, self, mt_step_fit(self->source, block_size, first_free, &error), &error);
}

/* renumber(source, anonymous) */
static int renumber(lua_State *L) {
    source *self = check_open(L, 1);
    int anonymous = lua_toboolean(L, 2);
    mt_error error;
    return stepped(L, self, mt_step_renumber(self->source, anonymous, &error), &error);
}

/* sessions(source, to, from | nil, block_size): "delta" or "cumulative" */
static int sessions(lua_State *L) {
    static const char *const names[] = {"unknown", "cumulative", "delta", NULL};
    source *self = check_open(L, 1);
    mt_rows to = (mt_rows)luaL_checkoption(L, 2, NULL, names);
    mt_rows from = (mt_rows)luaL_checkoption(L, 3, names[MT_ROWS_UNKNOWN], names);
    uint64_t block_size = mt_lua_check_count(L, 4, "sessions: block_size");
    mt_error error;
    return stepped(L, self, mt_step_sessions(self->source, from, to, block_size, &error), &error);
}

/* ---- where they end -------------------------------------------------------------------------- */

/* next(source) -> request | nil at the end | nil, message, code */
static int next(lua_State *L) {
    source *self = check_open(L, 1);
    mt_request request;
    mt_error error;
    int status = mt_source_next(self->source, &request, &error);
    if (status < 0)
        return mt_lua_failure(L, &error);
    if (status > 0)
        mt_lua_push_request(L, &request);
    else
        lua_pushnil(L);
    return 1;
}

/* collect(source) -> columns of all that is left | nil, message, code */
static int collect(lua_State *L) {
    source *self = check_open(L, 1);
    mt_error error;
    mt_columns *columns = mt_lua_new_columns(L);
    return mt_source_collect(self->source, columns, &error) == MT_OK ? 1
                                                                     : mt_lua_failure(L, &error);
}

/* copy(source, writer, most) -> requests written, fewer than `most` only at the end
 * | nil, message, code */
static int copy(lua_State *L) {
    source *self = check_open(L, 1);
    mt_trace_format format;
    mt_output *output = mt_lua_check_writer(L, 2, &format);
    uint64_t most = mt_lua_check_count(L, 3, "copy: most"), written;
    mt_error error;
    if (mt_trace_copy(self->source, output, &format, most, &written, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)written);
    return 1;
}

/* skipped(source) -> number of bad lines passed over, the first one's message (or nil) */
static int skipped(lua_State *L) {
    char text[MT_ERROR_SOURCE_SIZE + MT_ERROR_MESSAGE_SIZE + 64];
    mt_error problem;
    uint64_t count = mt_source_skipped(check_open(L, 1)->source, &problem);
    lua_pushinteger(L, (lua_Integer)count);
    if (count == 0)
        return 1;
    lua_pushstring(L, mt_error_text(&problem, text, sizeof text));
    return 2;
}

static int source_release(lua_State *L) {
    source *self = luaL_checkudata(L, 1, source_type);
    mt_source *taken = self->source;
    self->source = NULL;
    mt_source_free(taken);
    return 0;
}

int mt_lua_open_source(lua_State *L) {
    static const luaL_Reg functions[] = {{"open", open_source}, {"columns", columns_source},
                                         {"merge", merge},      {"join", join},
                                         {"first", first},      {"window", window},
                                         {"where", where},      {"thin", thin},
                                         {"shard", shard},      {"shift", shift},
                                         {"speed", speed},      {"from_zero", from_zero},
                                         {"sort", sort},        {"dequantize", dequantize},
                                         {"loop", loop},        {"scale", scale},
                                         {"fit", fit},          {"renumber", renumber},
                                         {"next", next},        {"sessions", sessions},
                                         {"copy", copy},        {"collect", collect},
                                         {"skipped", skipped},  {"close", source_release},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, source_type, NULL, source_release, NULL);
    lua_pop(L, 1);
    mt_lua_push_filter_maker(L);
    lua_setfield(L, -2, "filter");
    return 1;
}
