/* What core.analysis says of caches that are played through: any policy, ages, touch orders. */
#include "lua/locality_binding.h"

#include "prefix/analysis/played.h"

#include <math.h>
#include <string.h>

/* The text field of the table at `arg`, one of `names` (ended by NULL), as its place there; the
 * first where it is absent. */
static int check_name(lua_State *L, int arg, const char *field, const char *const names[]) {
    int place = 0;
    if (mt_lua_has_field(L, arg, field))
        for (const char *name = luaL_checkstring(L, -1); strcmp(names[place], name) != 0;)
            if (!names[++place])
                luaL_argerror(L, arg, field);
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

mt_cache_spec mt_lua_check_cache_spec(lua_State *L, int arg) {
    static const char *const orders[] = {"root", "leaf", NULL};
    static const char *const sinces[] = {"use", "write", NULL};
    mt_cache_spec spec = {.policy = &mt_policy_lru};
    luaL_checktype(L, arg, LUA_TTABLE);
    if (mt_lua_has_field(L, arg, "policy"))
        luaL_argcheck(L, (spec.policy = mt_policy_named(luaL_checkstring(L, -1))), arg, "policy");
    lua_pop(L, 1);
    int64_t size = check_whole(L, arg, "size", 1, INT64_MAX);
    spec.size = size == INT64_MAX ? UINT64_MAX : (uint64_t)size;
    spec.order = (mt_touch_order)check_name(L, arg, "touch", orders);
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

/* analysis:play{policy =, size =, touch =, hit_rule =, ttl_ns =, ttl_since =, seed =} -> {request,
 * block, token, within, across} (ratios; absent where there is nothing to divide by)
 * | nil, message, code */
static int play(lua_State *L) {
    const mt_locality *self = mt_lua_check_locality(L);
    mt_cache_spec spec = mt_lua_check_cache_spec(L, 2);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 2);
    uint32_t *hits = lua_newuserdatauv(L, (mt_locality_requests(self) + 1) * sizeof *hits, 0);
    mt_error error;
    if (mt_locality_hits(self, &spec, rule, hits, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    mt_played played = mt_locality_tally(self, hits, rule);
    push_played(L, &played);
    return 1;
}

/* core.analysis.policies() -> list of {name, summary, looks_ahead}, in their order */
int mt_lua_policies(lua_State *L) {
    size_t count;
    const mt_policy *const *policies = mt_policies(&count);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 3);
        lua_pushstring(L, policies[i]->name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, policies[i]->summary);
        lua_setfield(L, -2, "summary");
        lua_pushboolean(L, policies[i]->looks_ahead);
        lua_setfield(L, -2, "looks_ahead");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const luaL_Reg mt_lua_played_methods[] = {{"play", play}, {NULL, NULL}};
