/* core.source: the steps that can be put on a source of requests. A step changes the source it is
 * called on -> source | nil, message, code; when it cannot be made the source is closed. Times are
 * seconds. */
#include "lua/trace/profile_binding.h"
#include "lua/trace/source_binding.h"

#include "prefix/lint/sized.h"
#include "prefix/synthesis/synthesis.h"

#include <math.h>

int64_t mt_lua_nanoseconds(lua_State *L, int arg, int64_t absent, const char *what) {
    if (lua_isnoneornil(L, arg))
        return absent;
    long double value = roundl((long double)mt_lua_check_finite(L, arg, what) * 1e9L);
    if (value >= 9223372036854775807.0L)
        return INT64_MAX;
    if (value <= -9223372036854775807.0L)
        return -INT64_MAX;
    return (int64_t)value;
}

/* The source with the step just put on it. */
static int stepped(lua_State *L, void **self, mt_source *step, const mt_error *error) {
    *self = step;
    if (!step)
        return mt_lua_failure(L, error);
    lua_settop(L, 1);
    return 1;
}

static const char *const row_names[] = {"unknown", "cumulative", "delta", NULL};

/* sized(source, block_size (0: found), by_majority, as_it_is, looks_at_rows) -> source, block size, is it
 * found, are ids of whole blocks only, are there any, may requests wait for others, is there none, what
 * session rows look like ("unknown" too where nobody looked) */
static int step_sized(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    uint64_t size = mt_lua_check_count(L, 2, "block_size");
    unsigned ways = (lua_toboolean(L, 3) ? MT_SIZED_BY_MAJORITY : 0) |
                    (lua_toboolean(L, 4) ? MT_SIZED_AS_IT_IS : 0) |
                    (lua_toboolean(L, 5) ? MT_SIZED_ROWS : 0);
    mt_sizing sizing;
    mt_error error;
    int pushed = stepped(L, self, mt_step_sized(*self, size, ways, &sizing, &error), &error);
    if (!*self)
        return pushed;
    lua_pushinteger(L, (lua_Integer)sizing.block_size);
    lua_pushboolean(L, sizing.is_found);
    lua_pushboolean(L, sizing.is_whole);
    lua_pushboolean(L, sizing.has_ids);
    lua_pushboolean(L, sizing.has_waits);
    lua_pushboolean(L, sizing.is_empty);
    lua_pushstring(L, row_names[sizing.rows]);
    return 8;
}

/* first(source, most) */
static int step_first(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    uint64_t most = mt_lua_check_count(L, 2, "first");
    mt_error error;
    return stepped(L, self, mt_step_first(*self, most, &error), &error);
}

/* reblock(source, factor, the new blocks' tokens) */
static int step_reblock(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    uint64_t factor = mt_lua_check_count(L, 2, "reblock");
    uint64_t size = mt_lua_check_count(L, 3, "reblock");
    mt_error error;
    return stepped(L, self, mt_step_reblock(*self, factor, size, &error), &error);
}

/* watch(source, profile) */
static int step_watch(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    mt_profile *profile = mt_lua_check_profile(L, 2);
    mt_error error;
    return stepped(L, self, mt_step_watch(*self, profile, &error), &error);
}

/* window(source, start | nil, stop | nil, needs_some) */
static int step_window(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    int64_t start = mt_lua_nanoseconds(L, 2, INT64_MIN, "window: start");
    int64_t stop = mt_lua_nanoseconds(L, 3, INT64_MAX, "window: stop");
    int needs_some = lua_toboolean(L, 4);
    mt_error error;
    return stepped(L, self, mt_step_window(*self, start, stop, needs_some, &error), &error);
}

/* where(source, filter, function, as_table) */
static int step_where(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    mt_filter filter = mt_lua_to_filter(L, 2, 3, lua_toboolean(L, 4));
    mt_error error;
    return stepped(L, self, mt_step_where(*self, &filter, &error), &error);
}

/* thin(source, share, seed) */
static int step_thin(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    double share = mt_lua_check_finite(L, 2, "thin: share");
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 3);
    mt_error error;
    return stepped(L, self, mt_step_thin(*self, share, seed, &error), &error);
}

/* shard(source, shard, shards, ahead | nil): `ahead`, a source of the same requests, is closed */
static int step_shard(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    uint64_t number = mt_lua_check_count(L, 2, "shard");
    uint64_t shards = mt_lua_check_count(L, 3, "shard: shards");
    void **ahead = lua_isnoneornil(L, 4) ? NULL : mt_lua_source_place(L, 4);
    mt_error error;
    if (ahead == self)
        return mt_lua_raise(L, "shard: a source cannot be looked through before itself");
    mt_source *step = mt_step_shard(*self, number, shards, &error), *looked = ahead ? *ahead : NULL;
    if (ahead)
        *ahead = NULL;
    if (looked)
        step = mt_step_shard_look(step, looked, &error);
    return stepped(L, self, step, &error);
}

/* shift(source, by) */
static int step_shift(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    int64_t by = mt_lua_nanoseconds(L, 2, 0, "shift: by");
    mt_error error;
    return stepped(L, self, mt_step_shift(*self, by, &error), &error);
}

/* from_zero(source) */
static int step_from_zero(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    mt_error error;
    return stepped(L, self, mt_step_from_zero(*self, &error), &error);
}

/* speed(source, ratio) */
static int step_speed(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    double ratio = mt_lua_check_finite(L, 2, "speed: ratio");
    mt_error error;
    return stepped(L, self, mt_step_speed(*self, ratio, &error), &error);
}

/* dequantize(source, period | nil, offset | nil, seed) */
static int step_dequantize(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    int64_t period = mt_lua_nanoseconds(L, 2, 0, "dequantize: grid");
    int64_t offset = mt_lua_nanoseconds(L, 3, 0, "dequantize: offset");
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 4);
    mt_error error;
    return stepped(L, self, mt_step_dequantize(*self, period, offset, seed, &error), &error);
}

/* times_from_delays(source, ttft, per_token) */
static int step_times_from_delays(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    mt_service service = {mt_lua_nanoseconds(L, 2, 0, "times_from_delays: ttft"),
                          mt_lua_nanoseconds(L, 3, 0, "times_from_delays: per_token")};
    mt_error error;
    return stepped(L, self, mt_step_times_from_delays(*self, &service, &error), &error);
}

/* sort(source) */
static int step_sort(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    mt_error error;
    return stepped(L, self, mt_step_sort(*self, 0, &error), &error);
}

/* loop(source, laps, every | nil, fresh_ids, common_root) */
static int step_loop(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    mt_repeat repeat = {
        .laps = mt_lua_check_count(L, 2, "loop: laps"),
        .every_ns = mt_lua_nanoseconds(L, 3, 0, "loop: every"),
        .fresh_ids = lua_toboolean(L, 4),
        .common_root = (size_t)mt_lua_check_count(L, 5, "loop: common_root"),
    };
    mt_error error;
    return stepped(L, self, mt_step_repeat(*self, &repeat, &error), &error);
}

/* scale(source, input, output, block_size) */
static int step_scale(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    double input = mt_lua_check_finite(L, 2, "scale: input");
    double output = mt_lua_check_finite(L, 3, "scale: output");
    uint64_t block_size = mt_lua_check_count(L, 4, "scale: block_size");
    mt_error error;
    return stepped(L, self, mt_step_scale(*self, input, output, block_size, &error), &error);
}

/* fit_ids(source, block_size, first_free) */
static int step_fit(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    uint64_t block_size = mt_lua_check_count(L, 2, "fit_ids: block_size");
    uint64_t first_free = mt_lua_check_count(L, 3, "fit_ids: first_free");
    mt_error error;
    return stepped(L, self, mt_step_fit(*self, block_size, first_free, &error), &error);
}

/* renumber(source, anonymous) */
static int step_renumber(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    int anonymous = lua_toboolean(L, 2);
    mt_error error;
    return stepped(L, self, mt_step_renumber(*self, anonymous, &error), &error);
}

/* sessions(source, to, from | nil, block_size): "delta" or "cumulative" */
static int step_sessions(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    mt_rows to = (mt_rows)luaL_checkoption(L, 2, NULL, row_names);
    mt_rows from = (mt_rows)luaL_checkoption(L, 3, row_names[MT_ROWS_UNKNOWN], row_names);
    uint64_t block_size = mt_lua_check_count(L, 4, "sessions: block_size");
    mt_error error;
    return stepped(L, self, mt_step_sessions(*self, from, to, block_size, &error), &error);
}

/* guessed_sessions(source, to, block_size) -> source and what its rows were guessed to be, or
 * "unknown" where no session has a second turn; or nil, message, code */
static int step_guessed_sessions(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    mt_rows found, to = (mt_rows)luaL_checkoption(L, 2, NULL, row_names);
    uint64_t block_size = mt_lua_check_count(L, 3, "sessions: block_size");
    mt_error error;
    int count =
        stepped(L, self, mt_step_sessions_guessed(*self, to, block_size, &found, &error), &error);
    if (count != 1)
        return count;
    lua_pushstring(L, row_names[found]);
    return 2;
}

/* synthesis(source, synthesis): the source's times, the rest from the synthesis */
static int step_synthesis(lua_State *L) {
    void **self = mt_lua_source_place(L, 1);
    mt_synthesis *synthesis = mt_lua_check_synthesis(L, 2);
    mt_error error;
    return stepped(L, self, mt_step_synthesis(*self, synthesis, &error), &error);
}

const luaL_Reg mt_lua_source_steps[] = {{"sized", step_sized},
                                        {"first", step_first},
                                        {"watch", step_watch},
                                        {"reblock", step_reblock},
                                        {"window", step_window},
                                        {"where", step_where},
                                        {"thin", step_thin},
                                        {"shard", step_shard},
                                        {"shift", step_shift},
                                        {"from_zero", step_from_zero},
                                        {"speed", step_speed},
                                        {"dequantize", step_dequantize},
                                        {"times_from_delays", step_times_from_delays},
                                        {"sort", step_sort},
                                        {"loop", step_loop},
                                        {"scale", step_scale},
                                        {"fit_ids", step_fit},
                                        {"renumber", step_renumber},
                                        {"sessions", step_sessions},
                                        {"guessed_sessions", step_guessed_sessions},
                                        {"timed_synthesis", step_synthesis},
                                        {NULL, NULL}};
