/* What a cache analysis says, as Lua values, for the binding of analyses. Each pushes its result
 * and returns how many values those are; on failure nil, message, code. */
#ifndef MT_LUA_LOCALITY_BINDING_H
#define MT_LUA_LOCALITY_BINDING_H

#include "lua/binding.h"
#include "prefix/analysis/locality.h"

/* {requests, blocks, distinct_blocks, hits, hits_within, timed, backward, first, last (seconds),
 * sessions, given, single, reuse_time, turns, think_time (tables of quantiles)}; what is not known
 * is absent. */
int mt_lua_push_locality(lua_State *L, const mt_locality *locality);

/* A list of {requests, blocks, tokens}, at most `most`. */
int mt_lua_push_prefixes(lua_State *L, const mt_locality *locality, size_t most);

/* A list of {requests, blocks, hit_ratio}, one a stretch of width_ns. */
int mt_lua_push_hit_bins(lua_State *L, const mt_locality *locality, int64_t from_ns,
                         int64_t width_ns, size_t count);

/* A list of what mt_lua_push_dispersion pushes: a table for each window (nanoseconds) among the
 * arguments from `first` to `last`. */
int mt_lua_push_arrivals(lua_State *L, const mt_locality *locality, int first, int last);

/* {period, offset (seconds), instants} of the grid that the times lie on; an empty table where
 * there is none. */
int mt_lua_push_clock(lua_State *L, const mt_locality *locality);

/* A userdata with at([size]) -> by request, by block, by token, and size(share); it does not need
 * the locality any more. Its type is registered first. */
int mt_lua_push_hit_curve(lua_State *L, const mt_locality *locality);
void mt_lua_register_hit_curve(lua_State *L);

#endif
