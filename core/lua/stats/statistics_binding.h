/* Samples and dispersions between Lua and core, for the other bindings. */
#ifndef MT_LUA_STATS_STATISTICS_BINDING_H
#define MT_LUA_STATS_STATISTICS_BINDING_H

#include "lua/binding.h"

#include "stats/dispersion.h"
#include "stats/quantiles.h"
#include "stats/summary.h"

/* Set a table of numbers as a field of the one on top: an empty one for a summary of nothing, none
 * for quantiles of nothing. */
void mt_lua_set_summary(lua_State *L, const char *name, const mt_summary *summary);
void mt_lua_set_quantiles(lua_State *L, const char *name, const mt_quantiles *quantiles);

/* Numbers in ascending order, as the userdata "moontide.sample" holds them; its method is
 * sample:distance(other). */
typedef struct mt_lua_sample {
    void *values; /* double each; NULL once closed */
    size_t count;
} mt_lua_sample;

/* Pushes a new sample with room for `count` values, for the caller to fill at once and to hand to
 * mt_lua_sort_sample with the number that there are. Raises when memory is out. */
mt_lua_sample *mt_lua_new_sample(lua_State *L, size_t count);
void mt_lua_sort_sample(mt_lua_sample *sample, size_t count);
void mt_lua_register_sample(lua_State *L);

/* Pushes counts in windows of window_ns nanoseconds as a table: window (seconds), windows, requests
 * (in them), mean and peak (requests per second), coefficient_of_variation, variance_over_mean.
 * What the windows are too few for is absent. */
void mt_lua_push_dispersion(lua_State *L, int64_t window_ns, const mt_dispersion *dispersion);

#endif
