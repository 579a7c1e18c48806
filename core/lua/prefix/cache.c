/* core.cache: one cache, fed request by request. */
#include "lua/trace/intake.h"
#include "lua/prefix/locality_binding.h"

#include "prefix/analysis/fed.h"

static const char cache_type[] = "moontide.cache_state";

typedef struct cache {
    mt_fed_cache *state; /* NULL once closed */
    mt_lua_intake intake;
    mt_lua_request_buffer buffer;
} cache;

static cache *check_cache(lua_State *L) {
    cache *self = luaL_checkudata(L, 1, cache_type);
    if (!self->state)
        mt_lua_raise(L, "cache: it is closed");
    return self;
}

/* Opens what the table at 2 says: tiers, replicas, or one cache. */
static mt_fed_cache *open_state(lua_State *L, const mt_cache_spec *spec, mt_hit_rule rule,
                                uint64_t block_size, mt_error *error) {
    uint64_t sizes[MT_MOST_TIERS];
    mt_route route;
    int has_tiers = mt_lua_has_field(L, 2, "tiers"),
        has_replicas = mt_lua_has_field(L, 2, "replicas");
    lua_pop(L, 2);
    if (has_tiers) {
        size_t count = mt_lua_check_tiers(L, 2, sizes);
        return mt_fed_tiers_new(spec, sizes, count, rule, block_size, error);
    }
    if (!has_replicas)
        return mt_fed_cache_new(spec, rule, block_size, error);
    size_t count = mt_lua_check_replicas(L, 2, &route);
    return mt_fed_replicas_new(spec, count, route, rule, block_size, error);
}

/* new(block_size, {policy =, size =, touch =, hit_rule =, ttl_ns =, ttl_since =, seed =, tiers =,
 * or replicas =, route =}) -> cache */
static int cache_new(lua_State *L) {
    uint64_t block_size = mt_lua_check_count(L, 1, "cache: block_size");
    mt_cache_spec spec = mt_lua_check_cache_spec(L, 2);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 2);
    luaL_argcheck(L, !spec.policy->looks_ahead, 2, "policy");
    mt_error error;
    cache *self = mt_lua_new_owner(L, sizeof *self, cache_type);
    self->state = open_state(L, &spec, rule, block_size, &error);
    return self->state ? 1 : mt_lua_raise_error(L, &error);
}

static int cache_release(lua_State *L) {
    cache *self = luaL_checkudata(L, 1, cache_type);
    mt_fed_cache *state = self->state;
    self->state = NULL;
    mt_fed_cache_free(state);
    mt_lua_request_buffer_free(&self->buffer);
    return 0;
}

static mt_code take(void *owner, const mt_request *request, mt_error *error) {
    size_t hits;
    return mt_fed_cache_access(((cache *)owner)->state, request, &hits, error);
}

static int cache_read(lua_State *L) {
    cache *self = check_cache(L);
    return mt_lua_intake_read(L, &self->intake, take, self, "cache");
}

/* cache:access(request) -> blocks that hit | nil, message, code */
static int cache_access(lua_State *L) {
    cache *self = check_cache(L);
    mt_request request;
    mt_error error;
    size_t hits;
    mt_lua_fill_request(L, 2, "cache:access", &self->buffer, &request);
    if (mt_fed_cache_access(self->state, &request, &hits, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)hits);
    return 1;
}

/* cache:figures() -> {requests, blocks, tokens, held, request, block, token} (the last three are
 * hit ratios, absent where there is nothing to divide by), and tiers, or replicas and imbalance, as
 * analysis:play_tiers and play_replicas give them */
static int cache_figures(lua_State *L) {
    const cache *self = check_cache(L);
    mt_played played = mt_fed_cache_played(self->state);
    lua_createtable(L, 0, 7);
    mt_lua_set_count(L, "requests", played.requests);
    mt_lua_set_count(L, "blocks", played.blocks);
    mt_lua_set_count(L, "tokens", played.tokens);
    mt_lua_set_count(L, "held", mt_fed_cache_held(self->state));
    mt_lua_set_number(L, "request", played.ratio.request);
    mt_lua_set_number(L, "block", played.ratio.block);
    mt_lua_set_number(L, "token", played.ratio.token);
    const mt_tiers *tiers = mt_fed_cache_tiers(self->state);
    const mt_replicas *replicas = mt_fed_cache_replicas(self->state);
    if (tiers) {
        mt_lua_push_tiers(L, mt_tiers_counts(tiers), mt_tiers_count(tiers), played.blocks);
        lua_setfield(L, -2, "tiers");
    }
    if (replicas) {
        mt_lua_set_number(L, "imbalance", mt_replicas_imbalance(replicas));
        mt_lua_push_replicas(L, mt_replicas_counts(replicas), mt_replicas_count(replicas));
        lua_setfield(L, -2, "replicas");
    }
    return 1;
}

int mt_lua_open_cache(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", cache_new}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"read", cache_read},
                                       {"access", cache_access},
                                       {"figures", cache_figures},
                                       {"close", cache_release},
                                       {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, cache_type, methods, cache_release, NULL);
    lua_pop(L, 1);
    return 1;
}
