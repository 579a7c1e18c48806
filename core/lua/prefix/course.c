/* What core.analysis says of a trace for comparing it with another one: roots, turns too early,
 * hits and tokens over time, samples of sessions. */
#include "lua/prefix/locality_binding.h"
#include "lua/stats/statistics_binding.h"

#include "prefix/analysis/course.h"

enum { PARTS = 10, MOST_WINDOWS = 16 };

static void set_roots(lua_State *L, const mt_locality *self) {
    mt_roots roots = mt_locality_roots(self);
    mt_lua_set_count(L, "roots", roots.count);
    mt_lua_set_number(L, "root_share", mt_ratio_of((double)roots.commonest, roots.requests));
}

static void set_parts(lua_State *L, const mt_locality *self) {
    double ratios[PARTS];
    mt_locality_hits_by_part(self, ratios, PARTS);
    lua_createtable(L, PARTS, 0);
    for (int i = 0; i < PARTS; i++) {
        mt_lua_push_number(L, ratios[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "tenths");
}

/* Sets a table: by window in seconds, whole ones, the coefficient of variation. */
static mt_code set_tokens(lua_State *L, const mt_locality *self, const char *name, int is_output,
                          int windows, mt_error *error) {
    mt_code code = MT_OK;
    lua_createtable(L, 0, windows);
    for (int i = 1; code == MT_OK && i <= windows; i++) {
        mt_variation vary;
        int64_t seconds = lua_tointeger(L, 3 + i);
        code = mt_locality_tokens_vary(self, is_output, seconds * 1000000000, &vary, error);
        if (code)
            break;
        mt_lua_push_number(L, vary.coefficient_of_variation);
        lua_rawseti(L, -2, seconds);
    }
    lua_setfield(L, -2, name);
    return code;
}

/* analysis:course(ttft_ns, token_ns, window, ...) -> {roots, root_share, turns, early
 * (mt_early), tenths (hit ratios of an infinite cache by tenth of the requests), input_tokens,
 * output_tokens (coefficient of variation by window, seconds)}; what is not known is absent
 * | nil, message, code */
static int course(lua_State *L) {
    const mt_locality *self = mt_lua_check_locality(L);
    uint64_t ttft = mt_lua_check_count(L, 2, "compare: ttft");
    uint64_t token = mt_lua_check_count(L, 3, "compare: per_token");
    int windows = lua_gettop(L) - 3;
    luaL_argcheck(L, windows <= MOST_WINDOWS, 4, "too many");
    for (int arg = 4; arg <= windows + 3; arg++)
        luaL_argcheck(L, luaL_checkinteger(L, arg) > 0 && lua_tointeger(L, arg) < 9000000000, arg,
                      "must be above 0");
    mt_early early;
    mt_error error;
    if (mt_locality_early(self, (int64_t)ttft, (int64_t)token, &early, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, 0, 8);
    set_roots(L, self);
    mt_lua_set_count(L, "turns", early.turns);
    mt_lua_set_count(L, "early", early.early);
    set_parts(L, self);
    if (set_tokens(L, self, "input_tokens", 0, windows, &error) != MT_OK ||
        set_tokens(L, self, "output_tokens", 1, windows, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    return 1;
}

static int push_sample(lua_State *L, size_t (*fill)(const mt_locality *self, double *values)) {
    const mt_locality *self = mt_lua_check_locality(L);
    mt_lua_sample *sample = mt_lua_new_sample(L, fill(self, NULL));
    mt_lua_sort_sample(sample, fill(self, sample->values));
    return 1;
}

/* analysis:think_times() -> sample of seconds, one a turn that has one, perhaps empty */
static int think_times(lua_State *L) {
    return push_sample(L, mt_locality_think_times);
}

/* analysis:turns() -> sample of the turns of each session, perhaps empty */
static int turns(lua_State *L) {
    return push_sample(L, mt_locality_turns);
}

const luaL_Reg mt_lua_course_methods[] = {
    {"course", course}, {"think_times", think_times}, {"turns", turns}, {NULL, NULL}};
