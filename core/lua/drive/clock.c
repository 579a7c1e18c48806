/* drive.now, drive.epoch and what else there is of clocks. */
#include "lua/drive/drive_binding.h"

#include "base/interrupt.h"
#include "drive/clock.h"

#include <time.h>

/* now() -> nanoseconds of the monotonic clock */
static int now(lua_State *L) {
    lua_pushinteger(L, mt_now_ns());
    return 1;
}

/* epoch() -> what makes a monotonic time one since 1970, in nanoseconds */
static int epoch(lua_State *L) {
    struct timespec real;
    int64_t before = mt_now_ns();
    clock_gettime(CLOCK_REALTIME, &real);
    int64_t middle = before + (mt_now_ns() - before) / 2;
    lua_pushinteger(L, (int64_t)real.tv_sec * 1000000000 + real.tv_nsec - middle);
    return 1;
}

/* wait_until(moment) -> true | nil, message, "interrupted" by Ctrl-C */
static int wait_until(lua_State *L) {
    static const int64_t most_ns = 50000000; /* between two looks for Ctrl-C */
    int64_t until = luaL_checkinteger(L, 1);
    for (int64_t left; (left = until - mt_now_ns()) > 0;) {
        if (mt_interrupted()) {
            mt_error error;
            mt_fail(&error, MT_ERROR_INTERRUPTED, "interrupted");
            return mt_lua_failure(L, &error);
        }
        struct timespec nap = {.tv_nsec = (long)(left < most_ns ? left : most_ns)};
        (void)nanosleep(&nap, NULL);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* wall_clock() -> {synchronised =, offset =, max_error =, estimated_error = (seconds)} | nothing
 * where the kernel does not tell */
static int wall_clock(lua_State *L) {
    mt_clock_state state;
    if (mt_clock_look(&state) != 0)
        return 0;
    lua_createtable(L, 0, 4);
    lua_pushboolean(L, state.is_synchronised);
    lua_setfield(L, -2, "synchronised");
    mt_lua_set_number(L, "offset", (double)state.offset_ns * 1e-9);
    mt_lua_set_number(L, "max_error", (double)state.max_error_ns * 1e-9);
    mt_lua_set_number(L, "estimated_error", (double)state.estimated_error_ns * 1e-9);
    return 1;
}

void mt_lua_add_clock(lua_State *L) {
    static const luaL_Reg functions[] = {{"now", now},
                                         {"epoch", epoch},
                                         {"wait_until", wait_until},
                                         {"wall_clock", wall_clock},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
