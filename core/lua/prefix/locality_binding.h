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

/* Registers "moontide.block_sample", which one of them gives, and what another holds meanwhile. */
void mt_lua_register_played(lua_State *L);

/* core.analysis.policies */
int mt_lua_policies(lua_State *L);

/* The cache that the table at `arg` says, the order of its field touch, and what counts as a hit by its
 * field hit_rule. */
mt_cache_spec mt_lua_check_cache_spec(lua_State *L, int arg);
mt_touch_order mt_lua_check_touch(lua_State *L, int arg);
mt_hit_rule mt_lua_check_hit_rule(lua_State *L, int arg);

/* What the table at `arg` says of servers: how many, its field `replicas` (1 where it is absent), route,
 * and tiers (a list of whole numbers from 1 on), which come to stand in `tiers`. */
mt_replica_spec mt_lua_check_replicas(lua_State *L, int arg, uint64_t tiers[MT_MOST_TIERS]);

/* Sets in the table on top what analysis:play_replicas gives of tiers and, where they are several, of
 * replicas; there are `blocks` in all. */
void mt_lua_set_replicas(lua_State *L, const mt_replicas *replicas, int are_several,
                         uint64_t blocks);

/* Stretches of time, three arguments from `arg` on: from_ns, width_ns, count. */
typedef struct mt_lua_stretches {
    int64_t from_ns, width_ns;
    uint64_t count;
} mt_lua_stretches;

mt_lua_stretches mt_lua_check_stretches(lua_State *L, int arg);

/* Registers "moontide.hit_curve", which one of them gives. */
void mt_lua_register_hit_curve(lua_State *L);

#endif
