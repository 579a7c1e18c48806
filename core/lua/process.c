/* core.process: arrival processes as userdata "moontide.process". */
#include "lua/load_binding.h"

#include <math.h>

static const char type_name[] = "moontide.process";

typedef struct process_owner {
    mt_process *process;
} process_owner;

mt_process *mt_lua_check_process(lua_State *L, int arg) {
    return ((process_owner *)luaL_checkudata(L, arg, type_name))->process;
}

/* Fills the owner on top of the stack, or raises. */
static int keep(lua_State *L, process_owner *owner, mt_process *process, const mt_error *error) {
    owner->process = process;
    return process ? 1 : mt_lua_raise_error(L, error);
}

/* even(curve, phase) */
static int even(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    double phase = luaL_checknumber(L, 2);
    process_owner *owner = mt_lua_new_owner(L, sizeof *owner, type_name);
    return keep(L, owner, mt_process_even(curve, phase, &error), &error);
}

/* poisson(curve) */
static int poisson(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    process_owner *owner = mt_lua_new_owner(L, sizeof *owner, type_name);
    return keep(L, owner, mt_process_poisson(curve, &error), &error);
}

/* poisson_counts(curve, interval) */
static int poisson_counts(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    double interval = luaL_checknumber(L, 2);
    process_owner *owner = mt_lua_new_owner(L, sizeof *owner, type_name);
    return keep(L, owner, mt_process_poisson_counts(curve, interval, &error), &error);
}

/* renewal(curve, gaps) */
static int renewal(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    mt_distribution *gaps = mt_lua_check_distribution(L, 2);
    process_owner *owner = mt_lua_new_owner(L, sizeof *owner, type_name);
    return keep(L, owner, mt_process_renewal(curve, gaps, &error), &error);
}

/* duration(process) -> seconds of its curve, math.huge when endless */
static int duration(lua_State *L) {
    mt_curve *curve = mt_process_curve(mt_lua_check_process(L, 1));
    lua_pushnumber(L, curve ? mt_curve_duration(curve) : INFINITY);
    return 1;
}

/* areas(process, seed, factor, duration, bins) -> {requests on average, ...} a bin: the clamped
 * curve's area */
static int areas(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_process_curve(mt_lua_check_process(L, 1));
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 2);
    double factor = luaL_checknumber(L, 3), duration = luaL_checknumber(L, 4);
    lua_Integer bins = luaL_checkinteger(L, 5);
    luaL_argcheck(L, bins >= 1 && bins <= 100000, 5, "1 to 100000 bins");
    lua_createtable(L, (int)bins, 0);
    mt_clock *clock = curve ? mt_clock_open(curve, seed, factor, duration, &error) : NULL;
    if (curve && !clock)
        return mt_lua_raise_error(L, &error);
    double before = 0, area = 0;
    for (lua_Integer i = 1; i <= bins; i++) {
        double t = duration * (double)i / (double)bins;
        if (clock && mt_clock_area(clock, t, &area, &error) != MT_OK) {
            mt_clock_close(clock);
            return mt_lua_raise_error(L, &error);
        }
        lua_pushnumber(L, area - before); /* the table has its room: nothing here raises */
        lua_rawseti(L, -2, i);
        before = area;
    }
    mt_clock_close(clock);
    return 1;
}

static int to_text(lua_State *L) {
    char text[512];
    lua_pushstring(L, mt_process_text(mt_lua_check_process(L, 1), text, sizeof text));
    return 1;
}

static int release(lua_State *L) {
    process_owner *owner = luaL_checkudata(L, 1, type_name);
    mt_process_release(owner->process);
    owner->process = NULL;
    return 0;
}

int mt_lua_open_process(lua_State *L) {
    static const luaL_Reg meta[] = {{"__tostring", to_text}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"even", even},       {"poisson", poisson},   {"poisson_counts", poisson_counts},
        {"renewal", renewal}, {"duration", duration}, {"areas", areas},
        {NULL, NULL}};
    mt_lua_new_type(L, type_name, NULL, release, meta);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
