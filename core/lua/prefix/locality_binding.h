/* Methods of an analysis that say how a trace behaves in a cache, for the binding of analyses. */
#ifndef MT_LUA_PREFIX_LOCALITY_BINDING_H
#define MT_LUA_PREFIX_LOCALITY_BINDING_H

#include "lua/binding.h"
#include "prefix/analysis/played.h"
#include "text/texts.h"

/* The locality of the open analysis at 1, which it goes on owning; raises when it is none. */
mt_locality *mt_lua_check_locality(lua_State *L);

/* Its groups of requests: the value of each, a raw JSON token or empty; no texts where there are no
 * groups, at most MT_LUA_MOST_GROUPS. */
enum { MT_LUA_MOST_GROUPS = 1000 };
const mt_texts *mt_lua_check_groups(lua_State *L);

/* The methods, ended by NULL; the second ones play caches through, the third ones are for comparing
 * traces. */
extern const luaL_Reg mt_lua_locality_methods[], mt_lua_played_methods[], mt_lua_course_methods[];

/* Registers "moontide.block_sample", which one of them gives. */
void mt_lua_register_block_sample(lua_State *L);

/* core.analysis.policies */
int mt_lua_policies(lua_State *L);

/* The cache that the table at `arg` says, the order of its field touch, and what counts as a hit by its
 * field hit_rule. */
mt_cache_spec mt_lua_check_cache_spec(lua_State *L, int arg);
mt_touch_order mt_lua_check_touch(lua_State *L, int arg);
mt_hit_rule mt_lua_check_hit_rule(lua_State *L, int arg);

/* The list of whole numbers from 1 on, field `tiers` of the table at `arg`; how many there are. The
 * number of its field `replicas` (1 where it is absent), and its route. */
size_t mt_lua_check_tiers(lua_State *L, int arg, uint64_t sizes[MT_MOST_TIERS]);
size_t mt_lua_check_replicas(lua_State *L, int arg, mt_route *route);

/* Push a list: {size, block, moved_up, moved_down, evicted} of each tier, `block` of all `blocks`
 * that there are; {requests, blocks, block (hits / blocks)} of each replica. */
void mt_lua_push_tiers(lua_State *L, const mt_tier_counts *counts, size_t count, uint64_t blocks);
void mt_lua_push_replicas(lua_State *L, const mt_replica_counts *counts, size_t count);

/* Stretches of time, three arguments from `arg` on: from_ns, width_ns, count. */
typedef struct mt_lua_stretches {
    int64_t from_ns, width_ns;
    uint64_t count;
} mt_lua_stretches;

mt_lua_stretches mt_lua_check_stretches(lua_State *L, int arg);

/* Registers "moontide.hit_curve", which one of them gives. */
void mt_lua_register_hit_curve(lua_State *L);

#endif
