/* moontide.curl: the transport through libcurl, as a light userdata that moontide.drive's driver takes.
 * A module of its own, which is loaded only when that transport is used. */
#include "lua/binding.h"

#include "base/module_file.h"
#include "drive/curl/curl.h"

MT_MODULE_OF_THIS_VERSION;

__attribute__((visibility("default"))) int luaopen_moontide_curl(lua_State *L);

int luaopen_moontide_curl(lua_State *L) {
    lua_pushlightuserdata(L, (void *)&mt_transport_curl);
    return 1;
}
