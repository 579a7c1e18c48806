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

/* rate(process, seed, t) -> the curve's value, clamped to 0 */
static int rate(lua_State *L) {
    mt_curve *curve = mt_process_curve(mt_lua_check_process(L, 1));
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 2);
    double value = curve ? mt_curve_at(curve, seed, luaL_checknumber(L, 3)) : 0;
    lua_pushnumber(L, value > 0 ? value : 0);
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
        {"renewal", renewal}, {"duration", duration}, {"rate", rate},
        {NULL, NULL}};
    mt_lua_new_type(L, type_name, NULL, release, meta);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
