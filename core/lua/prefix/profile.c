/* core.profile: what a load is, counted over its requests. */
#include "lua/trace/intake.h"
#include "lua/prefix/locality_binding.h"
#include "lua/trace/profile_binding.h"

#include "base/memory.h"
#include "prefix/analysis/fed.h"
#include "stats/summary.h"
#include "trace/profile.h"

#include <math.h>

typedef struct profile {
    void *state;
    mt_lua_intake intake;
} profile;

static void release(void *state) {
    mt_profile_release(state);
}

static const mt_lua_type type = {"moontide.profile", "profile: it is closed", release};

mt_profile *mt_lua_check_profile(lua_State *L, int arg) {
    return mt_lua_check_object(L, arg, &type);
}

/* new{ step =, from = | nil (the first request), to = | nil, ttft = | nil, per_token =, by = | nil,
 * no_series =, counts_only = }: seconds */
static int profile_new(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    mt_profile_options options = {.to_ns = INT64_MAX};
    mt_lua_has_field(L, 1, "step");
    options.step_ns = mt_lua_nanoseconds(L, 2, 0, "profile: step");
    options.from_first = !mt_lua_has_field(L, 1, "from");
    options.from_ns = mt_lua_nanoseconds(L, 3, 0, "profile: from");
    mt_lua_has_field(L, 1, "to");
    options.to_ns = mt_lua_nanoseconds(L, 4, INT64_MAX, "profile: to");
    options.is_served = mt_lua_has_field(L, 1, "ttft");
    if (options.is_served) {
        options.ttft = mt_lua_check_not_negative(L, 5, "profile: ttft");
        mt_lua_has_field(L, 1, "per_token");
        options.per_token = mt_lua_check_not_negative(L, 6, "profile: per_token");
    }
    mt_lua_has_field(L, 1, "by");
    options.by = luaL_optstring(L, -1, NULL);
    mt_lua_has_field(L, 1, "no_series");
    options.no_series = lua_toboolean(L, -1);
    mt_lua_has_field(L, 1, "counts_only");
    options.counts_only = lua_toboolean(L, -1);
    mt_error error;
    profile *self = mt_lua_new_owner(L, sizeof *self, type.name);
    return mt_lua_keep(L, &self->state, mt_profile_new(&options, &error), &error);
}

static mt_code access_fed(void *state, const mt_request *request, size_t *hits, mt_error *error) {
    return mt_fed_cache_access(state, request, hits, error);
}

static void release_fed(void *state) {
    mt_fed_cache_free(state);
}

/* profile:count_hits{size =, touch =, hit_rule =}: of an LRU cache of so many blocks, without limit where
 * that is not said; the first such cache in each step of the series too. Before the first request,
 * up to 8 times. */
static int profile_count_hits(lua_State *L) {
    mt_profile *self = mt_lua_check_profile(L, 1);
    luaL_argcheck(L, self->cache_count < MT_PROFILE_CACHES, 1, "has too many caches");
    luaL_argcheck(L, self->requests == 0, 1, "has begun");
    mt_cache_spec spec = mt_lua_check_cache_spec(L, 2);
    mt_hit_rule rule = mt_lua_check_hit_rule(L, 2);
    mt_error error;
    mt_fed_cache *fed = mt_fed_cache_new(&spec, NULL, rule, 0, &error);
    if (!fed)
        return mt_lua_raise_error(L, &error);
    mt_profile_add_cache(self, (mt_profile_cache){fed, access_fed, release_fed});
    return 0;
}

static mt_code take(void *owner, const mt_request *request, mt_error *error) {
    return mt_profile_add(((profile *)owner)->state, request, error);
}

static int profile_read(lua_State *L) {
    mt_lua_check_object(L, 1, &type);
    profile *self = lua_touserdata(L, 1);
    return mt_lua_intake_read(L, &self->intake, take, self, "profile");
}

static int profile_skipped(lua_State *L) {
    mt_lua_check_object(L, 1, &type);
    return mt_lua_intake_skipped(L, &((profile *)lua_touserdata(L, 1))->intake);
}

/* ---- what was counted, as tables ---- */

static void set_lengths(lua_State *L, const char *name, const mt_profile_lengths *lengths) {
    static const struct {
        const char *name;
        double percentile;
    } wanted[] = {{"min", 0},  {"p10", 10}, {"p25", 25}, {"p50", 50}, {"p75", 75},
                  {"p90", 90}, {"p95", 95}, {"p99", 99}, {"max", 100}};
    if (lengths->count == 0)
        return;
    mt_exact_sum sum = {0, 0};
    for (size_t i = 0; i < lengths->count; i++)
        mt_exact_add(&sum, lengths->values[i]);
    double mean = (sum.sum + sum.lost) / (double)lengths->count;
    mt_exact_sum squares = {0, 0};
    for (size_t i = 0; i < lengths->count; i++)
        mt_exact_add(&squares, (lengths->values[i] - mean) * (lengths->values[i] - mean));
    lua_createtable(L, 0, 13);
    mt_lua_set_count(L, "count", lengths->count);
    mt_lua_set_number(L, "sum", sum.sum + sum.lost);
    mt_lua_set_number(L, "mean", mean);
    mt_lua_set_number(L, "std", sqrt((squares.sum + squares.lost) / (double)lengths->count));
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        mt_lua_set_number(L, wanted[i].name,
                          mt_percentile(lengths->values, lengths->count, wanted[i].percentile));
    lua_setfield(L, -2, name);
}

static void push_sums(lua_State *L, const mt_time_bin *bin) {
    lua_createtable(L, 0, 6);
    mt_lua_set_count(L, "requests", bin->requests);
    mt_lua_set_count(L, "inputs", bin->inputs);
    mt_lua_set_count(L, "outputs", bin->outputs);
    mt_lua_set_number(L, "input_tokens", bin->input);
    mt_lua_set_number(L, "output_tokens", bin->output);
}

/* profile:counted() -> requests, timed, within, sessions, first and last (seconds), input_length
 * and output_length (count, sum, mean, min, p10, ..., max), hit_ratios (by block, of each cache in
 * the order of count_hits; false without blocks), groups (a list: value, raw JSON, and sums) */
static int profile_counted(lua_State *L) {
    mt_profile *self = mt_lua_check_profile(L, 1);
    mt_profile_finish(self);
    lua_createtable(L, 0, 10);
    mt_lua_set_count(L, "requests", self->requests);
    mt_lua_set_count(L, "timed", self->timed);
    mt_lua_set_count(L, "within", self->within);
    mt_lua_set_count(L, "sessions", self->sessions.count);
    mt_lua_set_count(L, "without_session", self->without_session);
    if (self->timed > 0) {
        mt_lua_set_number(L, "first", (double)self->first_ns / 1e9);
        mt_lua_set_number(L, "last", (double)self->last_ns / 1e9);
    }
    set_lengths(L, "input_length", &self->inputs);
    set_lengths(L, "output_length", &self->outputs);
    lua_createtable(L, (int)self->cache_count, 0);
    for (size_t i = 0; i < self->cache_count; i++) {
        const mt_profile_hits *all = &self->totals[i];
        if (all->blocks > 0)
            lua_pushnumber(L, (double)all->hits / (double)all->blocks);
        else
            lua_pushboolean(L, 0);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "hit_ratios");
    lua_createtable(L, (int)self->groups.count, 0);
    for (size_t i = 0; i < self->groups.count; i++) {
        mt_span value = mt_texts_get(&self->groups, (uint32_t)i);
        push_sums(L, &self->group_sums[i]);
        lua_pushlstring(L, value.text, value.length);
        lua_setfield(L, -2, "value");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "groups");
    return 1;
}

/* A list of the levels' means as a field; none where there are none. */
static void set_levels(lua_State *L, const char *name, const mt_levels *levels) {
    double *means = lua_newuserdatauv(L, (levels->count + 1) * sizeof *means, 0);
    mt_levels_means(levels, means);
    lua_createtable(L, (int)levels->count, 0);
    for (size_t i = 0; i < levels->count; i++) {
        lua_pushnumber(L, means[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -3, name);
    lua_pop(L, 1);
}

static void set_steps(lua_State *L, const mt_profile *self, const char *name, int which) {
    lua_createtable(L, (int)self->step_count, 0);
    for (size_t i = 0; i < self->step_count; i++) {
        const mt_time_bin *bin = &self->steps[i];
        lua_pushnumber(L, which == 0   ? (double)bin->requests
                          : which == 1 ? bin->input
                                       : bin->output);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

/* The hit ratio by block in each step; false where it has no blocks. */
static void set_hits(lua_State *L, const mt_profile *self) {
    lua_createtable(L, (int)self->step_count, 0);
    for (size_t i = 0; i < self->step_count; i++) {
        const mt_profile_hits *hits = &self->hits[i];
        if (hits->blocks > 0)
            lua_pushnumber(L, (double)hits->hits / (double)hits->blocks);
        else
            lua_pushboolean(L, 0);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "hit_ratio");
}

/* profile:series() -> from and step (seconds); lists of a value a step: requests, input_tokens,
 * output_tokens (of the requests that come then) and, where answers are served, in_flight,
 * kv_tokens, tokens_made (a second), which go on until the last answer has ended; where hits are
 * counted hit_ratio by block, false where a step has none */
static int profile_series(lua_State *L) {
    mt_profile *self = mt_lua_check_profile(L, 1);
    lua_createtable(L, 0, 8);
    mt_lua_set_number(L, "from", (double)self->origin_ns / 1e9);
    mt_lua_set_number(L, "step", (double)self->options.step_ns / 1e9);
    set_steps(L, self, "requests", 0);
    set_steps(L, self, "input_tokens", 1);
    set_steps(L, self, "output_tokens", 2);
    if (self->options.is_served) {
        set_levels(L, "in_flight", &self->in_flight);
        set_levels(L, "kv_tokens", &self->kv_tokens);
        set_levels(L, "tokens_made", &self->made);
    }
    if (self->cache_count > 0)
        set_hits(L, self);
    return 1;
}

int mt_lua_open_profile(lua_State *L) {
    static const luaL_Reg methods[] = {{"read", profile_read},
                                       {"skipped", profile_skipped},
                                       {"counted", profile_counted},
                                       {"series", profile_series},
                                       {"count_hits", profile_count_hits},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"new", profile_new}, {NULL, NULL}};
    mt_lua_new_object_type(L, &type, methods, NULL);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
