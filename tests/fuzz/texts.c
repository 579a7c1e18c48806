/* A fuzz target: the texts that options take - curves, distributions, sizes, bounds, expressions of
 * --where - as Lua reads them (texts.lua). Runs from the folder that has lua/. */
#include "fuzz.h"

#include <lauxlib.h>
#include <lualib.h>

int luaopen_moontide_core(lua_State *L);

/* A state with the function of texts.lua. */
static lua_State *begin(void) {
    lua_State *L = luaL_newstate();
    check(L != NULL);
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_moontide_core);
    lua_setfield(L, -2, "moontide.core");
    if (luaL_dostring(L, "package.path = 'lua/?.lua;lua/?/init.lua;' .. package.path\n"
                         "return (dofile 'tests/fuzz/texts.lua')") != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    L = L ? L : begin();
    lua_pushvalue(L, -1);
    lua_pushlstring(L, size ? (const char *)data : "", size);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
        abort();
    }
    return 0;
}
