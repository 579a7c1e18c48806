/* moontide.drive: what drives endpoints, as a Lua module of its own beside moontide.core. It links
 * libevent, and only the commands that drive load it. */
#include "lua/binding.h"

__attribute__((visibility("default"))) int luaopen_moontide_drive(lua_State *L);

int luaopen_moontide_drive(lua_State *L) {
    lua_newtable(L);
    return 1;
}
