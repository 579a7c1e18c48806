/* core.curve: rate curves. Positional and strict; lua/moontide/load/curve.lua is the pleasant
 * side. */
#include "lua/binding.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "load/curve/curve.h"

#include <math.h>

enum { TEXT_SIZE = 1024 };

static void release(void *curve) {
    mt_curve_release(curve);
}

static const mt_lua_type type = {"moontide.curve", "the rate curve is closed", release};

/* What the curves of one Lua state share: upvalue 1 of every function here. */
typedef struct shared {
    uint64_t noises; /* noises made since the last reset: the number of the next one */
    uint64_t seed;   /* what values, areas and plots are drawn from */
} shared;

static shared *shared_of(lua_State *L) {
    return lua_touserdata(L, lua_upvalueindex(1));
}

mt_curve *mt_lua_check_curve(lua_State *L, int arg) {
    void **place = mt_lua_test_object(L, arg, &type);
    if (!place)
        mt_lua_raise(L, "argument %d must be a rate curve, not %s", arg, luaL_typename(L, arg));
    if (!*place)
        mt_lua_raise(L, "%s", type.closed);
    return *place;
}

/* Gives the curve to the userdata on top, or raises "NAME: what is wrong". */
static int keep(lua_State *L, void **place, const char *name, mt_curve *curve,
                const mt_error *error) {
    *place = curve;
    return curve ? 1 : mt_lua_raise(L, "%s: %s", name, error->message);
}

/* ---- makers ---- */

/* constant(rate, duration) */
static int constant(lua_State *L) {
    double rate = luaL_checknumber(L, 1), duration = luaL_checknumber(L, 2);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "const", mt_curve_constant(rate, duration, &error), &error);
}

/* ramp(from, to, duration) */
static int ramp(lua_State *L) {
    double from = luaL_checknumber(L, 1), to = luaL_checknumber(L, 2);
    double duration = luaL_checknumber(L, 3);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "ramp", mt_curve_ramp(from, to, duration, &error), &error);
}

/* sine(mean, amplitude, period, phase) */
static int sine(lua_State *L) {
    double mean = luaL_checknumber(L, 1), amplitude = luaL_checknumber(L, 2);
    double period = luaL_checknumber(L, 3), phase = luaL_checknumber(L, 4);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "sine", mt_curve_sine(mean, amplitude, period, phase, &error), &error);
}

/* spike(at, height, rise, fall) */
static int spike(lua_State *L) {
    double at = luaL_checknumber(L, 1), height = luaL_checknumber(L, 2);
    double rise = luaL_checknumber(L, 3), fall = luaL_checknumber(L, 4);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "spike", mt_curve_spike(at, height, rise, fall, &error), &error);
}

/* noise(cv, corr_time): a new realisation each time. */
static int noise(lua_State *L) {
    double cv = luaL_checknumber(L, 1), corr_time = luaL_checknumber(L, 2);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    uint64_t number = shared_of(L)->noises++;
    return keep(L, place, "noise", mt_curve_noise(cv, corr_time, number, &error), &error);
}

/* Two lists of one length, at arguments 1 and 2. */
static void two_lists(lua_State *L, double **first, double **second, size_t *count) {
    size_t other;
    *first = mt_lua_check_numbers(L, 1, "rate", count);
    *second = mt_lua_check_numbers(L, 2, "time", &other);
    if (*count != other)
        luaL_error(L, "the lists are of different lengths: %d and %d", (int)*count, (int)other);
}

/* steps(rates, durations) */
static int steps(lua_State *L) {
    size_t count;
    double *rates, *durations;
    two_lists(L, &rates, &durations, &count);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "steps", mt_curve_steps(rates, durations, count, &error), &error);
}

/* points(rates, times, smooth) */
static int points(lua_State *L) {
    size_t count;
    double *rates, *times;
    two_lists(L, &rates, &times, &count);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "points",
                mt_curve_points(rates, times, count, lua_toboolean(L, 3), &error), &error);
}

/* sampled(rates, times, duration, label) */
static int sampled(lua_State *L) {
    size_t count;
    double *rates, *times;
    double duration = luaL_checknumber(L, 3);
    const char *label = luaL_checkstring(L, 4);
    two_lists(L, &rates, &times, &count);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "curve", mt_curve_sampled(times, rates, count, duration, label, &error),
                &error);
}

/* ---- operations ---- */

/* Operations that differ only in what core does: of two curves, or of a curve and a number. */
typedef struct operation {
    const char *name;  /* in core.curve */
    const char *label; /* in messages */
    mt_curve *(*of_two)(mt_curve *a, mt_curve *b, mt_error *error);
    mt_curve *(*of_number)(mt_curve *curve, double number, mt_error *error);
} operation;

static const operation operations[] = {
    {"add", "a + b", .of_two = mt_curve_add},
    {"subtract", "a - b", .of_two = mt_curve_subtract},
    {"multiply", "a * b", .of_two = mt_curve_multiply},
    {"divide", "a / b", .of_two = mt_curve_divide},
    {"maximum", "max", .of_two = mt_curve_maximum},
    {"minimum", "min", .of_two = mt_curve_minimum},
    {"after", "a .. b", .of_two = mt_curve_then},
    {"take", "take", .of_number = mt_curve_take},
    {"pad", "pad", .of_number = mt_curve_pad},
    {"shift", "shift", .of_number = mt_curve_shift},
    {"stretch", "stretch", .of_number = mt_curve_stretch},
    {"speed", "speed", .of_number = mt_curve_speed},
};

/* Any of them; upvalue 1 says which. */
static int operate(lua_State *L) {
    const operation *self = lua_touserdata(L, lua_upvalueindex(1));
    mt_curve *a = mt_lua_check_curve(L, 1), *b = NULL;
    double number = 0;
    if (self->of_two)
        b = mt_lua_check_curve(L, 2);
    else
        number = luaL_checknumber(L, 2);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    mt_curve *made = b ? self->of_two(a, b, &error) : self->of_number(a, number, &error);
    return keep(L, place, self->label, made, &error);
}

static void add_operations(lua_State *L) {
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        lua_pushlightuserdata(L, (void *)&operations[i]);
        lua_pushcclosure(L, operate, 1);
        lua_setfield(L, -2, operations[i].name);
    }
}

static int negate(lua_State *L) {
    mt_curve *curve = mt_lua_check_curve(L, 1);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "-a", mt_curve_negate(curve, &error), &error);
}

/* loop(curve, times): 0 is for ever. */
static int loop(lua_State *L) {
    mt_curve *curve = mt_lua_check_curve(L, 1);
    uint64_t times = mt_lua_check_count(L, 2, "loop: the number of rounds");
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "loop", mt_curve_loop(curve, times, &error), &error);
}

/* clamp(curve, low, high) */
static int clamp(lua_State *L) {
    mt_curve *curve = mt_lua_check_curve(L, 1);
    double low = luaL_checknumber(L, 2), high = luaL_checknumber(L, 3);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "clamp", mt_curve_clamp(curve, low, high, &error), &error);
}

/* scale_to(curve, target, by_maximum) */
static int scale_to(lua_State *L) {
    mt_curve *curve = mt_lua_check_curve(L, 1);
    double target = luaL_checknumber(L, 2);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return keep(L, place, "scale_to", mt_curve_scale_to(curve, target, lua_toboolean(L, 3), &error),
                &error);
}

/* ---- readings ---- */

/* Raises for a reading over [t0, t1] that is not finite, and says where. */
static int not_finite(lua_State *L, const mt_curve *curve, double t0, double t1) {
    if (mt_interrupted())
        return luaL_error(L, "interrupted");
    double t = mt_curve_not_finite_at(curve, shared_of(L)->seed, t0, t1);
    lua_pushfstring(L, "the rate is not finite at t = %f s (a division by 0?)", t < 0 ? t1 : t);
    return mt_lua_raise(L, "%s", lua_tostring(L, -1));
}

/* at(curve, t, seed of its noise | nil) */
static int at(lua_State *L) {
    const mt_curve *curve = mt_lua_check_curve(L, 1);
    double t = mt_lua_check_finite(L, 2, "the time");
    uint64_t seed = lua_isnoneornil(L, 3) ? shared_of(L)->seed : (uint64_t)luaL_checkinteger(L, 3);
    double rate = mt_curve_at(curve, seed, t);
    if (!isfinite(rate))
        return mt_lua_raise(L, "the rate is %s at t = %f s (a division by 0?)",
                            isnan(rate) ? "not a number" : "infinite", t);
    lua_pushnumber(L, rate);
    return 1;
}

/* area(curve, t0, t1) */
static int area(lua_State *L) {
    const mt_curve *curve = mt_lua_check_curve(L, 1);
    double t0 = mt_lua_check_finite(L, 2, "area: the start");
    double t1 = mt_lua_check_finite(L, 3, "area: the end");
    if (t1 < t0)
        return mt_lua_raise(L, "area: the end (%f s) is before the start (%f s)", t1, t0);
    double value = mt_curve_area(curve, shared_of(L)->seed, t0, t1);
    if (!isfinite(value))
        return not_finite(L, curve, t0, t1);
    lua_pushnumber(L, value);
    return 1;
}

typedef double summary(const mt_curve *curve, uint64_t seed, double horizon);

static int summarise(lua_State *L, summary *read) {
    const mt_curve *curve = mt_lua_check_curve(L, 1);
    double horizon = luaL_checknumber(L, 2);
    double settled, period = mt_curve_period(curve, &settled);
    double value = read(curve, shared_of(L)->seed, horizon);
    if (!isfinite(value))
        return not_finite(L, curve, 0, isnan(period) ? horizon : settled + period);
    lua_pushnumber(L, value);
    return 1;
}

/* mean(curve, horizon) -> it and, where it is estimated, what it may be wrong by;
 * maximum_of(curve, horizon): of an endless curve up to the horizon; 0: where it
 * settles in the long run, in its first period. */
static int mean(lua_State *L) {
    const mt_curve *curve = mt_lua_check_curve(L, 1);
    double horizon = luaL_checknumber(L, 2), error;
    int is_estimated = mt_curve_is_bent(curve) && isinf(mt_curve_duration(curve)) &&
                       !isnan(mt_curve_period(curve, NULL));
    if (summarise(L, mt_curve_mean) != 1 || !is_estimated)
        return 1;
    mt_curve_estimated_mean(curve, horizon, &error);
    lua_pushnumber(L, error);
    return 2;
}

static int maximum_of(lua_State *L) {
    return summarise(L, mt_curve_max);
}

/* duration(curve) */
static int duration(lua_State *L) {
    lua_pushnumber(L, mt_curve_duration(mt_lua_check_curve(L, 1)));
    return 1;
}

/* period(curve) -> period, settled (nil, nil: finite, or it never settles), noisy */
static int period(lua_State *L) {
    const mt_curve *curve = mt_lua_check_curve(L, 1);
    double settled, length = mt_curve_period(curve, &settled);
    if (isnan(length)) {
        lua_pushnil(L);
        lua_pushnil(L);
    } else {
        lua_pushnumber(L, length);
        lua_pushnumber(L, settled);
    }
    lua_pushboolean(L, mt_curve_is_noisy(curve));
    return 3;
}

/* is(value): is it a curve? */
static int is(lua_State *L) {
    lua_pushboolean(L, luaL_testudata(L, 1, type.name) != NULL);
    return 1;
}

/* reset(seed): before a script loads, so that its noises are the same ones each time. */
static int reset(lua_State *L) {
    lua_Integer seed = luaL_checkinteger(L, 1);
    shared_of(L)->noises = 0;
    shared_of(L)->seed = (uint64_t)seed;
    return 0;
}

static int text(lua_State *L) {
    const mt_curve *curve = mt_lua_check_curve(L, 1);
    char buffer[TEXT_SIZE];
    lua_pushstring(L, mt_curve_text(curve, buffer, sizeof buffer));
    return 1;
}

/* c.duration, or a method (upvalue 1: the table of them). */
static int index_curve(lua_State *L) {
    const mt_curve *curve = mt_lua_check_curve(L, 1);
    if (lua_type(L, 2) == LUA_TSTRING && lua_rawequal(L, 2, lua_upvalueindex(2))) {
        lua_pushnumber(L, mt_curve_duration(curve));
        return 1;
    }
    lua_pushvalue(L, 2);
    lua_gettable(L,
                 lua_upvalueindex(1)); /* it may say what there is when there is no such method */
    return 1;
}

/* Registers the type; the metatable and its methods' table become fields of the module (on top). */
static void open_type(lua_State *L) {
    static const luaL_Reg meta[] = {{"__tostring", text}, {NULL, NULL}};
    mt_lua_new_object_type(L, &type, NULL, meta);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, "methods");
    lua_pushliteral(L, "duration");
    lua_pushcclosure(L, index_curve, 2);
    lua_setfield(L, -2, "__index");
    lua_setfield(L, -2, "metatable");
}

int mt_lua_open_curve(lua_State *L) {
    static const luaL_Reg functions[] = {{"constant", constant},
                                         {"ramp", ramp},
                                         {"steps", steps},
                                         {"points", points},
                                         {"sine", sine},
                                         {"spike", spike},
                                         {"noise", noise},
                                         {"sampled", sampled},
                                         {"negate", negate},
                                         {"loop", loop},
                                         {"clamp", clamp},
                                         {"scale_to", scale_to},
                                         {"at", at},
                                         {"area", area},
                                         {"mean", mean},
                                         {"maximum_of", maximum_of},
                                         {"duration", duration},
                                         {"period", period},
                                         {"is", is},
                                         {"reset", reset},
                                         {"text", text},
                                         {NULL, NULL}};
    luaL_newlibtable(L, functions);
    shared *state = lua_newuserdatauv(L, sizeof *state, 0);
    state->noises = 0;
    state->seed = 0;
    luaL_setfuncs(L, functions, 1);
    add_operations(L);
    open_type(L);
    return 1;
}
