/* What core.analysis says of caches: figures, hit curves, prefixes, hits over time. */
#include "lua/locality_binding.h"
#include "lua/statistics_binding.h"

#include "base/sort.h"
#include "stats/grid.h"

#include <math.h>

static const char hit_curve_type[] = "moontide.hit_curve";

typedef struct hit_curve {
    mt_hit_curve *curve; /* NULL once released */
} hit_curve;

int mt_lua_push_locality(lua_State *L, const mt_locality *locality) {
    mt_locality_result result;
    mt_error error;
    if (mt_locality_finish(locality, &result, &error) != MT_OK)
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

int mt_lua_push_prefixes(lua_State *L, const mt_locality *locality, size_t most) {
    mt_error error;
    size_t count;
    mt_shared_prefix *prefixes = lua_newuserdatauv(L, (most + 1) * sizeof *prefixes, 0);
    if (mt_locality_prefixes(locality, prefixes, most, &count, &error) != MT_OK)
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

int mt_lua_push_hit_bins(lua_State *L, const mt_locality *locality, int64_t from_ns,
                         int64_t width_ns, size_t count) {
    mt_hit_bin *bins = lua_newuserdatauv(L, (count + 1) * sizeof *bins, 0);
    mt_locality_over_time(locality, from_ns, width_ns, bins, count);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 4);
        mt_lua_set_count(L, "requests", bins[i].requests);
        mt_lua_set_count(L, "blocks", bins[i].blocks);
        if (bins[i].blocks > 0)
            mt_lua_set_number(L, "hit_ratio", (double)bins[i].hits / (double)bins[i].blocks);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* Pushes a scratch userdata with the times that there are, *count of them. */
static int64_t *push_times(lua_State *L, const mt_locality *locality, size_t *count) {
    *count = mt_locality_times(locality, NULL);
    int64_t *times = lua_newuserdatauv(L, (*count + 1) * sizeof *times, 0);
    mt_locality_times(locality, times);
    return times;
}

int mt_lua_push_arrivals(lua_State *L, const mt_locality *locality, int first, int last) {
    mt_error error;
    size_t count;
    for (int arg = first; arg <= last; arg++)
        luaL_argcheck(L, luaL_checkinteger(L, arg) > 0, arg, "must be above 0");
    int64_t *times = push_times(L, locality, &count);
    if (mt_sort_times(times, count, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, last - first + 1, 0);
    for (int arg = first; arg <= last; arg++) {
        mt_dispersion dispersion;
        int64_t window_ns = lua_tointeger(L, arg);
        mt_disperse(times, count, window_ns, &dispersion);
        mt_lua_push_dispersion(L, window_ns, &dispersion);
        lua_rawseti(L, -2, arg - first + 1);
    }
    return 1;
}

int mt_lua_push_clock(lua_State *L, const mt_locality *locality) {
    mt_error error;
    mt_grid grid;
    size_t count;
    int64_t *times = push_times(L, locality, &count);
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

int mt_lua_push_hit_curve(lua_State *L, const mt_locality *locality) {
    mt_error error;
    hit_curve *self = mt_lua_new_owner(L, sizeof *self, hit_curve_type);
    self->curve = mt_locality_hit_curve(locality, &error);
    return self->curve ? 1 : mt_lua_failure(L, &error);
}

static const mt_hit_curve *check_curve(lua_State *L) {
    const hit_curve *self = luaL_checkudata(L, 1, hit_curve_type);
    if (!self->curve)
        mt_lua_raise(L, "analyze: it is closed");
    return self->curve;
}

static int hit_curve_release(lua_State *L) {
    hit_curve *self = luaL_checkudata(L, 1, hit_curve_type);
    mt_hit_curve *curve = self->curve;
    self->curve = NULL;
    mt_hit_curve_free(curve);
    return 0;
}

static void push_ratio(lua_State *L, double ratio) {
    if (isnan(ratio))
        lua_pushnil(L);
    else
        lua_pushnumber(L, ratio);
}

/* curve:at([size]) -> by request, by block, by token (nil: nothing to divide by); of an infinite
 * cache without a size */
static int hit_curve_at(lua_State *L) {
    const mt_hit_curve *curve = check_curve(L);
    uint64_t size =
        lua_isnoneornil(L, 2) ? MT_INFINITE_CACHE : mt_lua_check_count(L, 2, "hit_ratio: the size");
    mt_hit_ratio ratio = mt_hit_curve_at(curve, size);
    push_ratio(L, ratio.request);
    push_ratio(L, ratio.block);
    push_ratio(L, ratio.token);
    return 3;
}

/* curve:size(share) -> blocks of the least cache with that share of the attainable hits */
static int hit_curve_size(lua_State *L) {
    const mt_hit_curve *curve = check_curve(L);
    double share = mt_lua_check_not_negative(L, 2, "analyze: the share");
    lua_pushinteger(L, (lua_Integer)mt_hit_curve_size(curve, share));
    return 1;
}

void mt_lua_register_hit_curve(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"at", hit_curve_at}, {"size", hit_curve_size}, {NULL, NULL}};
    mt_lua_new_type(L, hit_curve_type, methods, hit_curve_release, NULL);
    lua_pop(L, 1);
}
