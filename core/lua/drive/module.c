/* moontide.drive: what drives endpoints, as a Lua module of its own beside moontide.core. It links
 * libevent, and only the commands that drive load it. */
#include "lua/drive/drive_binding.h"

static const luaL_Reg openers[] = {{"mock", mt_lua_open_mock}, {NULL, NULL}};

__attribute__((visibility("default"))) int luaopen_moontide_drive(lua_State *L);

int luaopen_moontide_drive(lua_State *L) {
    lua_newtable(L);
    for (const luaL_Reg *opener = openers; opener->name; opener++) {
        lua_pushcfunction(L, opener->func);
        lua_call(L, 0, 1);
        lua_setfield(L, -2, opener->name);
    }
    return 1;
}
