/* core.cache: one cache, fed request by request. */
#include "lua/trace/intake.h"
#include "lua/prefix/locality_binding.h"

#include "prefix/analysis/fed.h"

static const char cache_type[] = "moontide.cache_state";

typedef struct cache {
    mt_fed_cache *state; /* NULL once closed */
    int are_several;     /* replicas were asked for */
    mt_lua_intake intake;
    mt_lua_request_buffer buffer;
} cache;

static cache *check_cache(lua_State *L) {
    cache *self = luaL_checkudata(L, 1, cache_type);
    if (!self->state)
        mt_lua_raise(L, "cache: it is closed");
    return self;
}

/* new(block_size, {policy =, size =, touch =, hit_rule =, ttl_ns =, ttl_since =, seed =, tiers =,
 * replicas =, route =}) -> cache; tiers have no ttl_ns */
static int cache_new(lua_State *L) {
    uint64_t block_size = mt_lua_check_count(L, 1, "cache: block_size");
    mt_cache_spec spec = mt_lua_check_cache_spec(L, 2);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 2);
    uint64_t sizes[MT_MOST_TIERS];
    mt_replica_spec servers = mt_lua_check_replicas(L, 2, sizes);
    int are_several = mt_lua_has_field(L, 2, "replicas");
    luaL_argcheck(L, !spec.policy->looks_ahead, 2, "policy");
    luaL_argcheck(L, servers.tier_count == 0 || spec.ttl_ns == MT_NO_TTL, 2, "ttl_ns");
    mt_error error;
    cache *self = mt_lua_new_owner(L, sizeof *self, cache_type);
    self->are_several = are_several;
    self->state = mt_fed_cache_new(&spec, &servers, rule, block_size, &error);
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
 * hit ratios, absent where there is nothing to divide by), and tiers, replicas and imbalance, as
 * analysis:play_replicas gives them */
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
    mt_lua_set_replicas(L, mt_fed_cache_replicas(self->state), self->are_several, played.blocks);
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
