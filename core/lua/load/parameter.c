/* A distribution's parameter from Lua: a number, or a rate curve read at the request's own time.
 * After the curve's end the parameter keeps its last value: 0 would be no length or think time. */
#include "lua/binding.h"

#include "load/curve/curve.h"

#include <math.h>

static double at(void *context, uint64_t seed, double time) {
    double duration = mt_curve_duration(context);
    return mt_curve_at(context, seed, time < duration ? time : nextafter(duration, 0));
}

static void retain(void *context) {
    mt_curve_retain(context);
}

static void release(void *context) {
    mt_curve_release(context);
}

static char *text(void *context, char *buffer, size_t size) {
    return mt_curve_text(context, buffer, size);
}

static double duration(void *context) {
    return mt_curve_duration(context);
}

int mt_lua_to_parameter(lua_State *L, int index, mt_parameter *parameter) {
    if (lua_type(L, index) == LUA_TNUMBER) {
        *parameter = mt_number(lua_tonumber(L, index));
        return 1;
    }
    if (!luaL_testudata(L, index, "moontide.curve"))
        return 0;
    mt_parameter curve = {0, at, mt_lua_check_curve(L, index), retain, release, text, duration};
    *parameter = curve;
    return 1;
}
