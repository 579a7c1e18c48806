/* What core.analysis says of caches and clocks: figures, hit curves, prefixes, hits over time. */
#include "lua/prefix/locality_binding.h"
#include "lua/stats/statistics_binding.h"

#include "base/sort.h"
#include "prefix/cache/bends.h"
#include "stats/grid.h"

#include <math.h>

/* analysis:locality() -> {requests, blocks, distinct_blocks, hits, hits_within, timed, backward,
 * first, last (seconds), sessions, given, single, reuse_time, turns, think_time (tables of
 * quantiles)}, without what is not known | nil, message, code */
static int locality(lua_State *L) {
    mt_locality_result result;
    mt_error error;
    if (mt_locality_finish(mt_lua_check_locality(L), &result, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, 0, 16);
    mt_lua_set_count(L, "requests", result.totals.requests);
    mt_lua_set_count(L, "blocks", result.totals.blocks);
    mt_lua_set_count(L, "distinct_blocks", result.distinct_blocks);
    mt_lua_set_count(L, "hits", result.hits);
    mt_lua_set_count(L, "hits_within", result.hits_within);
    mt_lua_set_count(L, "timed", result.timed);
    mt_lua_set_count(L, "backward", result.backward);
    if (result.timed > 0) {
        mt_lua_set_number(L, "first", (double)result.first_ns / 1e9);
        mt_lua_set_number(L, "last", (double)result.last_ns / 1e9);
    }
    mt_lua_set_count(L, "sessions", result.sessions);
    mt_lua_set_count(L, "given", result.given);
    mt_lua_set_count(L, "single", result.single);
    mt_lua_set_quantiles(L, "reuse_time", &result.reuse_time);
    mt_lua_set_quantiles(L, "turns", &result.turns);
    mt_lua_set_quantiles(L, "think_time", &result.think_time);
    return 1;
}

/* analysis:prefixes(most) -> list of {requests, blocks, tokens} | nil, message, code */
static int shared_prefixes(lua_State *L) {
    const mt_locality *self = mt_lua_check_locality(L);
    uint64_t most = mt_lua_check_count(L, 2, "analyze: most");
    luaL_argcheck(L, most <= 100000, 2, "too many");
    mt_error error;
    size_t count;
    mt_shared_prefix *prefixes = lua_newuserdatauv(L, (most + 1) * sizeof *prefixes, 0);
    if (mt_locality_prefixes(self, prefixes, most, &count, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 4);
        mt_lua_set_count(L, "requests", prefixes[i].requests);
        mt_lua_set_count(L, "blocks", prefixes[i].blocks);
        mt_lua_set_count(L, "tokens", prefixes[i].tokens);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

mt_lua_stretches mt_lua_check_stretches(lua_State *L, int arg) {
    mt_lua_stretches all = {luaL_checkinteger(L, arg), luaL_checkinteger(L, arg + 1), 0};
    all.count = mt_lua_check_count(L, arg + 2, "analyze: bins");
    luaL_argcheck(L, all.width_ns > 0, arg + 1, "must be above 0");
    luaL_argcheck(L, all.count <= 100000, arg + 2, "too many");
    return all;
}

/* analysis:over_time(from_ns, width_ns, count, {hit_rule =}) -> list of {requests, blocks,
 * hit_ratio, distinct_blocks}; what is not known is absent */
static int over_time(lua_State *L) {
    const mt_locality *self = mt_lua_check_locality(L);
    mt_lua_stretches all = mt_lua_check_stretches(L, 2);
    luaL_checktype(L, 5, LUA_TTABLE);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 5);
    mt_hit_bin *bins = lua_newuserdatauv(L, (all.count + 1) * sizeof *bins, 0);
    mt_locality_over_time(self, NULL, rule, all.from_ns, all.width_ns, bins, all.count);
    lua_createtable(L, (int)all.count, 0);
    for (size_t i = 0; i < all.count; i++) {
        lua_createtable(L, 0, 5);
        mt_lua_set_count(L, "requests", bins[i].requests);
        mt_lua_set_count(L, "blocks", bins[i].blocks);
        if (bins[i].blocks > 0)
            mt_lua_set_number(L, "hit_ratio", (double)bins[i].hits / (double)bins[i].blocks);
        if (bins[i].distinct_blocks > 0)
            mt_lua_set_count(L, "distinct_blocks", bins[i].distinct_blocks);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* Pushes a scratch userdata with the times that there are, *count of them. */
static int64_t *push_times(lua_State *L, size_t *count) {
    const mt_locality *self = mt_lua_check_locality(L);
    *count = (size_t)mt_locality_times(self, NULL);
    int64_t *times = lua_newuserdatauv(L, (*count + 1) * sizeof *times, 0);
    mt_locality_times(self, times);
    return times;
}

/* analysis:arrivals(window_ns, ...) -> list of what mt_lua_push_dispersion pushes
 * | nil, message, code */
static int arrivals(lua_State *L) {
    mt_error error;
    size_t count;
    int last = lua_gettop(L);
    for (int arg = 2; arg <= last; arg++)
        luaL_argcheck(L, luaL_checkinteger(L, arg) > 0, arg, "must be above 0");
    int64_t *times = push_times(L, &count);
    if (mt_sort_times(times, count, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, last - 1, 0);
    for (int arg = 2; arg <= last; arg++) {
        mt_dispersion dispersion;
        int64_t window_ns = lua_tointeger(L, arg);
        mt_disperse(times, count, window_ns, &dispersion);
        mt_lua_push_dispersion(L, window_ns, &dispersion);
        lua_rawseti(L, -2, arg - 1);
    }
    return 1;
}

/* analysis:clock() -> {period, offset (seconds), instants} of the grid that the times lie on, empty
 * where there is none | nil, message, code */
static int clock_grid(lua_State *L) {
    mt_error error;
    mt_grid grid;
    size_t count;
    int64_t *times = push_times(L, &count);
    if (mt_grid_detect(times, count, &grid, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, 0, 3);
    if (grid.period_ns > 0) {
        mt_lua_set_number(L, "period", (double)grid.period_ns / 1e9);
        mt_lua_set_number(L, "offset", (double)grid.offset_ns / 1e9);
        mt_lua_set_count(L, "instants", grid.instants);
    }
    return 1;
}

/* ---- the hit curve ---- */

static void release_hit_curve(void *curve) {
    mt_hit_curve_free(curve);
}

static const mt_lua_type hit_curve_type = {"moontide.hit_curve", "analyze: it is closed",
                                           release_hit_curve};

/* analysis:hit_curve{touch =, hit_rule =} -> hit curve, which does not need the analysis any more
 * | nil, message, code */
static int hit_curve(lua_State *L) {
    const mt_locality *self = mt_lua_check_locality(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 2);
    mt_error error;
    void **place = mt_lua_new_object(L, &hit_curve_type);
    *place = mt_locality_hit_curve(self, mt_lua_check_touch(L, 2), rule, &error);
    return *place ? 1 : mt_lua_failure(L, &error);
}

/* curve:at([size]) -> by request, by block, by token (nil: nothing to divide by); of an infinite
 * cache without a size */
static int hit_curve_at(lua_State *L) {
    const mt_hit_curve *curve = mt_lua_check_object(L, 1, &hit_curve_type);
    uint64_t size =
        lua_isnoneornil(L, 2) ? MT_INFINITE_CACHE : mt_lua_check_count(L, 2, "hit_ratio: the size");
    mt_hit_ratio ratio = mt_hit_curve_at(curve, size);
    mt_lua_push_number(L, ratio.request);
    mt_lua_push_number(L, ratio.block);
    mt_lua_push_number(L, ratio.token);
    return 3;
}

/* curve:size(share) -> blocks of the least cache with that share of the attainable hits */
static int hit_curve_size(lua_State *L) {
    const mt_hit_curve *curve = mt_lua_check_object(L, 1, &hit_curve_type);
    double share = mt_lua_check_not_negative(L, 2, "analyze: the share");
    lua_pushinteger(L, (lua_Integer)mt_hit_curve_size(curve, share));
    return 1;
}

/* curve:bends(distinct_blocks [, curve, ...]) -> list of sizes at which to show it and the others */
static int hit_curve_bends(lua_State *L) {
    enum { MOST_CURVES = 16 };
    const mt_hit_curve *curves[MOST_CURVES];
    uint64_t sizes[MT_MOST_BENDS], distinct_blocks;
    size_t count = 0, found;
    mt_error error;
    int last = lua_gettop(L);
    luaL_argcheck(L, last <= MOST_CURVES + 1, last, "too many curves");
    curves[count++] = mt_lua_check_object(L, 1, &hit_curve_type);
    distinct_blocks = mt_lua_check_count(L, 2, "analyze: distinct blocks");
    luaL_argcheck(L, distinct_blocks > 0, 2, "must be above 0");
    for (int arg = 3; arg <= last; arg++)
        curves[count++] = mt_lua_check_object(L, arg, &hit_curve_type);
    if (mt_hit_curve_bends(curves, count, distinct_blocks, sizes, &found, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    lua_createtable(L, (int)found, 0);
    for (size_t i = 0; i < found; i++) {
        lua_pushinteger(L, (lua_Integer)sizes[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const luaL_Reg mt_lua_locality_methods[] = {{"locality", locality},
                                            {"hit_curve", hit_curve},
                                            {"prefixes", shared_prefixes},
                                            {"over_time", over_time},
                                            {"arrivals", arrivals},
                                            {"clock", clock_grid},
                                            {NULL, NULL}};

void mt_lua_register_hit_curve(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"at", hit_curve_at}, {"size", hit_curve_size}, {"bends", hit_curve_bends}, {NULL, NULL}};
    mt_lua_new_object_type(L, &hit_curve_type, methods, NULL);
    lua_pop(L, 1);
}
