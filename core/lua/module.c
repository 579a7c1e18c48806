/* moontide.core: the C half, a table of tables. Works in the executable and in a stock lua5.4. */
#include "lua/binding.h"
#include "lua/embedded.h"

static const luaL_Reg openers[] = {
    {"base", mt_lua_open_base},
    {"json", mt_lua_open_json},
    {"hash", mt_lua_open_hash},
    {"columns", mt_lua_open_columns},
    {"trace", mt_lua_open_trace},
    {"analysis", mt_lua_open_analysis},
    {"cache", mt_lua_open_cache},
    {"log", mt_lua_open_log},
    {"radix", mt_lua_open_radix},
    {"model", mt_lua_open_model},
    {"radix_source", mt_lua_open_radix_source},
    {"synthesis", mt_lua_open_synthesis},
    {"random", mt_lua_open_random},
    {"distribution", mt_lua_open_distribution},
    {"curve", mt_lua_open_curve},
    {"process", mt_lua_open_process},
    {"lengths", mt_lua_open_lengths},
    {"length_rule", mt_lua_open_length_rule},
    {"service", mt_lua_open_service},
    {"prompt", mt_lua_open_prompt},
    {"plan", mt_lua_open_plan},
    {"csv", mt_lua_open_csv},
    {"interrupt", mt_lua_open_interrupt},
    {"source", mt_lua_open_source},
    {"lint", mt_lua_open_lint},
    {"lost", mt_lua_open_lost},
    {"series", mt_lua_open_series},
    {"profile", mt_lua_open_profile},
    {NULL, NULL},
};

static int usage_text(lua_State *L) {
    lua_getfield(L, 1, "message");
    return 1;
}

__attribute__((visibility("default"))) int luaopen_moontide_core(lua_State *L) {
    luaL_newmetatable(L, "moontide.usage");
    lua_pushcfunction(L, usage_text);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
    lua_newtable(L);
    for (const luaL_Reg *opener = openers; opener->name; opener++) {
        lua_pushcfunction(L, opener->func);
        lua_call(L, 0, 1);
        lua_setfield(L, -2, opener->name);
    }
    lua_pushcfunction(L, mt_lua_embedded);
    lua_setfield(L, -2, "embedded");
    lua_pushcfunction(L, mt_lua_embedded_list);
    lua_setfield(L, -2, "embedded_list");
    lua_pushliteral(L, MT_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}
