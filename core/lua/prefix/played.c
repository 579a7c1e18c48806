/* What core.analysis says of caches that are played through: any policy, ages, tiers, replicas. */
#include "lua/prefix/locality_binding.h"

#include "prefix/analysis/sampled.h"
#include "text/json.h"

#include <string.h>

/* The text field of the table at `arg`, one of `names` (ended by NULL), as its place there; the
 * first where it is absent. */
static int check_name(lua_State *L, int arg, const char *field, const char *const names[]) {
    int place = 0;
    if (mt_lua_has_field(L, arg, field)) {
        const char *name = luaL_checkstring(L, -1);
        while (names[place] && strcmp(names[place], name) != 0)
            place++;
        luaL_argcheck(L, names[place] != NULL, arg, field);
    }
    lua_pop(L, 1);
    return place;
}

/* The whole field of the table at `arg`, at least `least`; `otherwise` where it is absent. */
static int64_t check_whole(lua_State *L, int arg, const char *field, int64_t least,
                           int64_t otherwise) {
    int64_t value = otherwise;
    if (mt_lua_has_field(L, arg, field)) {
        value = luaL_checkinteger(L, -1);
        luaL_argcheck(L, value >= least, arg, field);
    }
    lua_pop(L, 1);
    return value;
}

mt_hit_rule mt_lua_check_hit_rule(lua_State *L, int arg) {
    static const char *const rules[] = {"all", "vllm", NULL};
    return (mt_hit_rule)check_name(L, arg, "hit_rule", rules);
}

mt_touch_order mt_lua_check_touch(lua_State *L, int arg) {
    static const char *const orders[] = {"root", "leaf", NULL};
    return (mt_touch_order)check_name(L, arg, "touch", orders);
}

mt_cache_spec mt_lua_check_cache_spec(lua_State *L, int arg) {
    static const char *const sinces[] = {"use", "write", NULL};
    mt_cache_spec spec = {.policy = &mt_policy_lru};
    luaL_checktype(L, arg, LUA_TTABLE);
    if (mt_lua_has_field(L, arg, "policy"))
        luaL_argcheck(L, (spec.policy = mt_policy_named(luaL_checkstring(L, -1))), arg, "policy");
    lua_pop(L, 1);
    int64_t size = check_whole(L, arg, "size", 1, INT64_MAX);
    spec.size = size == INT64_MAX ? UINT64_MAX : (uint64_t)size;
    spec.order = mt_lua_check_touch(L, arg);
    spec.ttl_ns = check_whole(L, arg, "ttl_ns", 0, MT_NO_TTL);
    spec.since = (mt_ttl_since)check_name(L, arg, "ttl_since", sinces);
    spec.seed = (uint64_t)check_whole(L, arg, "seed", INT64_MIN, 0);
    return spec;
}

static void push_played(lua_State *L, const mt_played *played) {
    lua_createtable(L, 0, 5);
    mt_lua_set_number(L, "request", played->ratio.request);
    mt_lua_set_number(L, "block", played->ratio.block);
    mt_lua_set_number(L, "token", played->ratio.token);
    mt_lua_set_number(L, "within", played->within);
    mt_lua_set_number(L, "across", played->ratio.block - played->within);
}

/* Sets over_time of the table on top: by stretch of time the hit ratio by block, false where there
 * are no blocks. */
static void set_over_time(lua_State *L, const mt_locality *self, const uint32_t *hits,
                          mt_hit_rule rule, const mt_lua_stretches *all) {
    mt_hit_bin *bins = lua_newuserdatauv(L, (all->count + 1) * sizeof *bins, 0);
    mt_locality_over_time(self, hits, rule, all->from_ns, all->width_ns, bins, all->count);
    lua_createtable(L, (int)all->count, 0);
    for (size_t i = 0; i < all->count; i++) {
        if (bins[i].blocks > 0)
            lua_pushnumber(L, (double)bins[i].hits / (double)bins[i].blocks);
        else
            lua_pushboolean(L, 0);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -3, "over_time");
    lua_pop(L, 1);
}

/* Pushes a group's value: a string's text, any other token as it is, "" where there is none. */
static void push_value(lua_State *L, mt_span token) {
    luaL_Buffer text;
    if (token.length == 0 || token.text[0] != '"') {
        lua_pushlstring(L, token.text, token.length);
        return;
    }
    char *to = luaL_buffinitsize(L, &text, token.length);
    luaL_pushresultsize(&text, mt_json_decode(token.text, token.length, to));
}

/* Sets by of the table on top: a list of what push_played pushes, with value, requests, blocks. */
static void set_groups(lua_State *L, const mt_locality *self, const uint32_t *hits,
                       mt_hit_rule rule, const mt_texts *texts) {
    mt_played *groups = lua_newuserdatauv(L, (texts->count + 1) * sizeof *groups, 0);
    mt_locality_tally_groups(self, hits, rule, groups, texts->count);
    lua_createtable(L, (int)texts->count, 0);
    for (size_t i = 0; i < texts->count; i++) {
        push_played(L, &groups[i]);
        mt_lua_set_count(L, "requests", groups[i].requests);
        mt_lua_set_count(L, "blocks", groups[i].blocks);
        push_value(L, mt_texts_get(texts, (uint32_t)i));
        lua_setfield(L, -2, "value");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -3, "by");
    lua_pop(L, 1);
}

/* analysis:play({policy =, size =, touch =, hit_rule =, ttl_ns =, ttl_since =, seed =} [, from_ns,
 * width_ns, count]) -> {request, block, token, within, across} (ratios; absent where there is
 * nothing to divide by), over_time where stretches of time were given, and by where requests are
 * grouped: a list of {value, requests, blocks, request, block, token, within, across}
 * | nil, message, code */
static int play(lua_State *L) {
    const mt_locality *self = mt_lua_check_locality(L);
    mt_cache_spec spec = mt_lua_check_cache_spec(L, 2);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 2);
    int has_stretches = !lua_isnoneornil(L, 3);
    mt_lua_stretches all = {0, 0, 0};
    if (has_stretches)
        all = mt_lua_check_stretches(L, 3);
    uint32_t *hits = lua_newuserdatauv(L, (mt_locality_requests(self) + 1) * sizeof *hits, 0);
    mt_error error;
    if (mt_locality_hits(self, &spec, rule, hits, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    mt_played played = mt_locality_tally(self, hits, rule);
    push_played(L, &played);
    if (has_stretches)
        set_over_time(L, self, hits, rule, &all);
    const mt_texts *texts = mt_lua_check_groups(L);
    if (texts->count > 0)
        set_groups(L, self, hits, rule, texts);
    return 1;
}

/* analysis:play_lru({size, ...}, {touch =, hit_rule =}) -> by place what play gives of an LRU cache of that size,
 * without over_time and by; sizes rise, and are at most 64 */
static int play_lru(lua_State *L) {
    const mt_locality *self = mt_lua_check_locality(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TTABLE);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 3);
    mt_touch_order order = mt_lua_check_touch(L, 3);
    size_t count = lua_rawlen(L, 2);
    uint64_t sizes[MT_MOST_TALLIED];
    mt_played played[MT_MOST_TALLIED];
    luaL_argcheck(L, count <= MT_MOST_TALLIED, 2, "too many");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        lua_Integer size = luaL_checkinteger(L, -1);
        luaL_argcheck(L, size > 0 && (i == 0 || (uint64_t)size >= sizes[i - 1]), 2, "must rise");
        sizes[i] = (uint64_t)size;
        lua_pop(L, 1);
    }
    mt_locality_tally_lru(self, sizes, count, order, rule, played);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_played(L, &played[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- from a sample ---- */

static void release_sample(void *sample) {
    mt_block_sample_free(sample);
}

static const mt_lua_type block_sample_type = {"moontide.block_sample", "analyze: it is closed",
                                              release_sample};

/* analysis:block_sample(rate, seed) -> sample, which needs the analysis, unchanged
 * | nil, message, code */
static int block_sample(lua_State *L) {
    const mt_locality *self = mt_lua_check_locality(L);
    double rate = mt_lua_check_finite(L, 2, "analyze: sample");
    luaL_argcheck(L, rate > 0 && rate <= 1, 2, "must be above 0 and at most 1");
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 3);
    mt_error error;
    lua_settop(L, 1);
    void **place = mt_lua_new_object(L, &block_sample_type);
    lua_insert(L, 1);
    lua_setiuservalue(L, 1, 1); /* keeps the analysis */
    *place = mt_block_sample_new(self, rate, seed, &error);
    return *place ? 1 : mt_lua_failure(L, &error);
}

/* sample:play{what analysis:play takes, a policy that is sampled, without ages} -> what that gives, and error = {request,
 * block, token} (standard errors) | nil, message, code */
static int sample_play(lua_State *L) {
    mt_block_sample *self = mt_lua_check_object(L, 1, &block_sample_type);
    lua_getiuservalue(L, 1, 1);
    lua_insert(L, 1);
    mt_lua_check_locality(L);
    lua_remove(L, 1);
    mt_cache_spec spec = mt_lua_check_cache_spec(L, 2);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 2);
    luaL_argcheck(L, spec.policy->is_sampled, 2, "policy");
    luaL_argcheck(L, spec.ttl_ns == MT_NO_TTL, 2, "ttl_ns");
    mt_sampled sampled;
    mt_error error;
    if (mt_block_sample_play(self, &spec, rule, &sampled, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    push_played(L, &sampled.played);
    lua_createtable(L, 0, 3);
    mt_lua_set_number(L, "request", sampled.error.request);
    mt_lua_set_number(L, "block", sampled.error.block);
    mt_lua_set_number(L, "token", sampled.error.token);
    lua_setfield(L, -2, "error");
    return 1;
}

/* ---- tiers and replicas ---- */

/* The list of sizes on top, as tiers. */
static size_t check_tiers(lua_State *L, int arg, uint64_t sizes[MT_MOST_TIERS]) {
    size_t count = lua_rawlen(L, -1);
    luaL_argcheck(L, count > 0 && count <= MT_MOST_TIERS, arg, "tiers");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        lua_Integer size = luaL_checkinteger(L, -1);
        luaL_argcheck(L, size > 0, arg, "tiers");
        sizes[i] = (uint64_t)size;
        lua_pop(L, 1);
    }
    return count;
}

mt_replica_spec mt_lua_check_replicas(lua_State *L, int arg, uint64_t tiers[MT_MOST_TIERS]) {
    static const char *const routes[] = {"round-robin", "session", "prefix", "least-loaded", NULL};
    mt_replica_spec servers = {.count = (size_t)check_whole(L, arg, "replicas", 1, 1),
                               .route = (mt_route)check_name(L, arg, "route", routes),
                               .tiers = tiers};
    luaL_argcheck(L, servers.count <= MT_MOST_REPLICAS, arg, "replicas");
    if (mt_lua_has_field(L, arg, "tiers"))
        servers.tier_count = check_tiers(L, arg, tiers);
    lua_pop(L, 1);
    return servers;
}

/* Sets tiers of the table on top where there are some: `block` is of all `blocks` that there are. */
static void set_tiers(lua_State *L, const mt_tier_counts *counts, size_t count, uint64_t blocks) {
    if (count == 0)
        return;
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 5);
        mt_lua_set_count(L, "size", counts[i].size);
        mt_lua_set_number(L, "block", mt_ratio_of((double)counts[i].hits, blocks));
        mt_lua_set_count(L, "moved_up", counts[i].moved_up);
        mt_lua_set_count(L, "moved_down", counts[i].moved_down);
        mt_lua_set_count(L, "evicted", counts[i].evicted);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "tiers");
}

void mt_lua_set_replicas(lua_State *L, const mt_replicas *replicas, int are_several,
                         uint64_t blocks) {
    size_t tier_count = mt_replicas_tier_count(replicas);
    mt_tier_counts all[MT_MOST_TIERS];
    mt_replicas_all_tiers(replicas, all);
    set_tiers(L, all, tier_count, blocks);
    if (!are_several)
        return;
    mt_lua_set_number(L, "imbalance", mt_replicas_imbalance(replicas));
    size_t count = mt_replicas_count(replicas);
    const mt_replica_counts *counts = mt_replicas_counts(replicas);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 4);
        mt_lua_set_count(L, "requests", counts[i].requests);
        mt_lua_set_count(L, "blocks", counts[i].blocks);
        mt_lua_set_number(L, "block", mt_ratio_of((double)counts[i].hits, counts[i].blocks));
        set_tiers(L, mt_replicas_tiers(replicas, i), tier_count, counts[i].blocks);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "replicas");
}

static void release_replicas(void *replicas) {
    mt_replicas_close(replicas);
}

static const mt_lua_type replicas_type = {"moontide.replicas", "analyze: they are closed",
                                          release_replicas};

/* analysis:play_replicas{replicas = n, route =, tiers = sizes, policy =, size =, touch =, hit_rule =,
 * seed =} -> what play gives; where tiers are given, tiers of all replicas together: a list of {size (of
 * each), block (hits that came from it / all blocks), moved_up, moved_down, evicted (blocks)}; where
 * replicas are given, imbalance (of blocks to compute: the most of a replica / the mean) and replicas: a
 * list of {requests, blocks, block (hits / blocks), tiers (of its own)} | nil, message, code */
static int play_replicas(lua_State *L) {
    const mt_locality *self = mt_lua_check_locality(L);
    mt_cache_spec spec = mt_lua_check_cache_spec(L, 2);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 2);
    uint64_t sizes[MT_MOST_TIERS];
    mt_replica_spec servers = mt_lua_check_replicas(L, 2, sizes);
    int are_several = mt_lua_has_field(L, 2, "replicas");
    luaL_argcheck(L, !spec.policy->looks_ahead, 2, "policy");
    luaL_argcheck(L, spec.ttl_ns == MT_NO_TTL, 2, "ttl_ns");
    uint32_t *hits = lua_newuserdatauv(L, (mt_locality_requests(self) + 1) * sizeof *hits, 0);
    mt_error error;
    void **place = mt_lua_new_object(L, &replicas_type);
    mt_replicas *replicas = *place = mt_replicas_open(&spec, &servers, rule, &error);
    if (!replicas || mt_locality_play_replicas(self, replicas, hits, &error) != MT_OK) {
        *place = NULL;
        mt_replicas_close(replicas);
        return mt_lua_failure(L, &error);
    }
    mt_played played = mt_locality_tally(self, hits, rule);
    push_played(L, &played);
    mt_lua_set_replicas(L, replicas, are_several, played.blocks);
    *place = NULL;
    mt_replicas_close(replicas);
    return 1;
}

void mt_lua_register_played(lua_State *L) {
    static const luaL_Reg methods[] = {{"play", sample_play}, {NULL, NULL}};
    static const luaL_Reg none[] = {{NULL, NULL}};
    mt_lua_new_object_type(L, &block_sample_type, methods, NULL);
    mt_lua_new_object_type(L, &replicas_type, none, NULL);
    lua_pop(L, 2);
}

/* core.analysis.policies() -> list of {name, summary, looks_ahead, is_sampled}, in their order */
int mt_lua_policies(lua_State *L) {
    size_t count;
    const mt_policy *const *policies = mt_policies(&count);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 4);
        lua_pushstring(L, policies[i]->name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, policies[i]->summary);
        lua_setfield(L, -2, "summary");
        lua_pushboolean(L, policies[i]->looks_ahead);
        lua_setfield(L, -2, "looks_ahead");
        lua_pushboolean(L, policies[i]->is_sampled);
        lua_setfield(L, -2, "is_sampled");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const luaL_Reg mt_lua_played_methods[] = {{"play", play},
                                          {"play_lru", play_lru},
                                          {"block_sample", block_sample},
                                          {"play_replicas", play_replicas},
                                          {NULL, NULL}};
