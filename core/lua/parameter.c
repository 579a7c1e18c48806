/* A distribution's parameter from Lua: a number, or a rate curve read at the request's own time. */
#include "lua/binding.h"

int mt_lua_to_parameter(lua_State *L, int index, mt_parameter *parameter) {
    if (lua_type(L, index) == LUA_TNUMBER) {
        *parameter = mt_number(lua_tonumber(L, index));
        return 1;
    }
    return 0;
}
