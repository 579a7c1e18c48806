/* moontide.drive: what drives endpoints, as a Lua module of its own beside moontide.core. It links
 * libevent, and only the commands that drive load it. */
#include "lua/drive/drive_binding.h"

#include "base/module_file.h"

MT_MODULE_OF_THIS_VERSION;

__attribute__((visibility("default"))) int luaopen_moontide_drive(lua_State *L);

int luaopen_moontide_drive(lua_State *L) {
    lua_newtable(L);
    mt_lua_add_clock(L);
    mt_lua_add_driver(L);
    mt_lua_add_replay(L);
    mt_lua_add_requests(L);
    mt_lua_add_contrast(L);
    mt_lua_add_scraper(L);
    mt_lua_add_page(L);
    mt_lua_add_texts(L);
    lua_pushcfunction(L, mt_lua_open_mock);
    lua_call(L, 0, 1);
    mt_lua_add_child(L);
    lua_setfield(L, -2, "mock");
    return 1;
}
