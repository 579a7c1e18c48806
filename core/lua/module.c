/* moontide.core: the C half, a table of tables. Works in the executable and in a stock lua5.4.
 *
 * A table in it, with the types that go with it, is made when it is first asked for: most commands need few
 * of them. Values of a type may be wanted before anybody has asked for its table: then all are made
 * (mt_lua_new_owner). */
#include "lua/binding.h"
#include "lua/embedded.h"

#include <string.h>

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

/* core.NAME of what is not there yet; nil where there is no such table. Upvalue 1: core. */
static int open_one(lua_State *L) {
    const char *name = lua_tostring(L, 2);
    for (const luaL_Reg *opener = openers; name && opener->name; opener++)
        if (strcmp(opener->name, name) == 0) {
            lua_pushcfunction(L, opener->func);
            lua_call(L, 0, 1);
            lua_pushvalue(L, -1);
            lua_setfield(L, lua_upvalueindex(1), name);
            return 1;
        }
    return 0;
}

static int open_all(lua_State *L) {
    for (const luaL_Reg *opener = openers; opener->name; opener++) {
        lua_getfield(L, lua_upvalueindex(1), opener->name);
        lua_pop(L, 1);
    }
    return 0;
}

__attribute__((visibility("default"))) int luaopen_moontide_core(lua_State *L) {
    luaL_newmetatable(L, "moontide.usage");
    lua_pushcfunction(L, usage_text);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, open_one, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, open_all, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, mt_lua_open_all_key);
    lua_pushcfunction(L, mt_lua_embedded);
    lua_setfield(L, -2, "embedded");
    lua_pushcfunction(L, mt_lua_embedded_list);
    lua_setfield(L, -2, "embedded_list");
    lua_pushliteral(L, MT_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}
