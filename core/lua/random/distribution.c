/* core.distribution: distributions as userdata "moontide.distribution"; makers are positional. */
#include "lua/binding.h"

#include "random/distribution.h"

#include <math.h>

static void release(void *distribution) {
    mt_distribution_release(distribution);
}

static const mt_lua_type type = {"moontide.distribution", "the distribution is closed", release};

mt_distribution *mt_lua_check_distribution(lua_State *L, int arg) {
    void **place = mt_lua_test_object(L, arg, &type);
    if (!place)
        mt_lua_raise(L, "argument %d must be a distribution, not %s", arg, luaL_typename(L, arg));
    if (!*place)
        mt_lua_raise(L, "%s", type.closed);
    return *place;
}

/* make(name, {parameter = number | curve}) */
static int make(lua_State *L) {
    enum { MOST = 4 };
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    mt_named_parameter given[MOST];
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        if (lua_type(L, 3) != LUA_TSTRING || count == MOST)
            return mt_lua_raise(L, "%s: takes at most %d named parameters", name, MOST);
        given[count].name = lua_tostring(L, 3); /* stays valid: a key of the table */
        if (!mt_lua_to_parameter(L, 4, &given[count].value))
            return mt_lua_raise(L, "%s: %s must be a number or a curve, not %s", name,
                                given[count].name, luaL_typename(L, 4));
        count++;
    }
    void **place = mt_lua_new_object(L, &type);
    mt_error error;
    return mt_lua_keep(L, place, mt_distribution_make(name, given, count, &error), &error);
}

/* empirical(values [, weights]) */
static int empirical(lua_State *L) {
    lua_settop(L, 2);
    size_t count;
    size_t weighted = 0;
    double *values = mt_lua_check_numbers(L, 1, "empirical: value", &count);
    double *weights = NULL;
    if (!lua_isnil(L, 2)) {
        weights = mt_lua_check_numbers(L, 2, "empirical: weight", &weighted);
        if (weighted != count)
            return mt_lua_raise(L, "empirical: there are %I values and %I weights",
                                (lua_Integer)count, (lua_Integer)weighted);
    }
    void **place = mt_lua_new_object(L, &type);
    mt_error error;
    return mt_lua_keep(L, place, mt_distribution_empirical(values, weights, count, &error), &error);
}

/* mix(parts, weights) */
static int mix(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    size_t count;
    double *weights = mt_lua_check_numbers(L, 2, "mix: weight", &count);
    if (lua_rawlen(L, 1) != count)
        return mt_lua_raise(L, "mix: there must be as many weights as parts");
    mt_distribution **parts = lua_newuserdatauv(L, count * sizeof(void *) + 1, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        parts[i] = mt_lua_check_distribution(L, -1);
        lua_pop(L, 1); /* the table keeps it */
    }
    void **place = mt_lua_new_object(L, &type);
    mt_error error;
    return mt_lua_keep(L, place, mt_distribution_mix(parts, weights, count, &error), &error);
}

/* affine(distribution, factor, offset) */
static int affine(lua_State *L) {
    mt_distribution *part = mt_lua_check_distribution(L, 1);
    double factor = mt_lua_check_finite(L, 2, "the factor");
    double offset = mt_lua_check_finite(L, 3, "what is added");
    void **place = mt_lua_new_object(L, &type);
    mt_error error;
    return mt_lua_keep(L, place, mt_distribution_affine(part, factor, offset, &error), &error);
}

/* clamp(distribution, low, high); -math.huge and math.huge: no bound */
static int clamp(lua_State *L) {
    mt_distribution *part = mt_lua_check_distribution(L, 1);
    double low = luaL_checknumber(L, 2);
    double high = luaL_checknumber(L, 3);
    void **place = mt_lua_new_object(L, &type);
    mt_error error;
    return mt_lua_keep(L, place, mt_distribution_clamp(part, low, high, &error), &error);
}

/* forms() -> { {name, parameter, ...}, ... }: the ways to give the named distributions. */
static int forms(lua_State *L) {
    lua_newtable(L);
    const mt_distribution_form *form;
    for (size_t i = 0; (form = mt_distribution_forms(i)); i++) {
        lua_newtable(L);
        lua_pushstring(L, form->name);
        lua_rawseti(L, -2, 1);
        for (int j = 0; j < 2 && form->parameter[j]; j++) {
            lua_pushstring(L, form->parameter[j]);
            lua_rawseti(L, -2, j + 2);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* ---- methods; [time [, seed]] say where parameters that are curves are read ---- */

static double opt_time(lua_State *L, int arg) {
    return lua_isnoneornil(L, arg) ? 0 : mt_lua_check_finite(L, arg, "the time");
}

static uint64_t opt_seed(lua_State *L, int arg) {
    return (uint64_t)luaL_optinteger(L, arg, 0);
}

static int mean(lua_State *L) {
    mt_distribution *self = mt_lua_check_distribution(L, 1);
    double time = opt_time(L, 2);
    lua_pushnumber(L, mt_distribution_mean(self, opt_seed(L, 3), time));
    return 1;
}

/* mean_rounded([low, high [, time [, seed]]]) */
static int mean_rounded(lua_State *L) {
    mt_distribution *self = mt_lua_check_distribution(L, 1);
    double low = luaL_optnumber(L, 2, -INFINITY);
    double high = luaL_optnumber(L, 3, INFINITY);
    if (!(low <= high))
        return mt_lua_raise(L, "mean_rounded: the lower bound must not be above the upper");
    double time = opt_time(L, 4);
    uint64_t seed = opt_seed(L, 5);
    mt_error error;
    mt_distribution *whole = mt_distribution_whole(self, &error);
    if (!whole)
        return mt_lua_raise_error(L, &error);
    double mean = mt_distribution_mean_rounded(whole, seed, time, low, high);
    mt_distribution_release(whole);
    lua_pushnumber(L, mean);
    return 1;
}

/* probability_below(x [, time [, seed]]): P(X <= x) */
static int probability_below(lua_State *L) {
    mt_distribution *self = mt_lua_check_distribution(L, 1);
    double x = luaL_checknumber(L, 2);
    double time = opt_time(L, 3);
    lua_pushnumber(L, mt_distribution_probability_below(self, x, opt_seed(L, 4), time));
    return 1;
}

static int lowest(lua_State *L) {
    lua_pushnumber(L, mt_distribution_lowest(mt_lua_check_distribution(L, 1)));
    return 1;
}

static int highest(lua_State *L) {
    lua_pushnumber(L, mt_distribution_highest(mt_lua_check_distribution(L, 1)));
    return 1;
}

static int varies(lua_State *L) {
    lua_pushboolean(L, mt_distribution_varies(mt_lua_check_distribution(L, 1)));
    return 1;
}

static int is_shape(lua_State *L) {
    lua_pushboolean(L, mt_distribution_is_shape(mt_lua_check_distribution(L, 1)));
    return 1;
}

static int text(lua_State *L) {
    char buffer[1000];
    void **place = luaL_checkudata(L, 1, type.name);
    lua_pushstring(L, *place ? mt_distribution_text(*place, buffer, sizeof buffer)
                             : "distribution (closed)");
    return 1;
}

int mt_lua_open_distribution(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"make", make},   {"empirical", empirical}, {"mix", mix}, {"affine", affine},
        {"clamp", clamp}, {"forms", forms},         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"mean", mean},
                                       {"mean_rounded", mean_rounded},
                                       {"probability_below", probability_below},
                                       {"lowest", lowest},
                                       {"highest", highest},
                                       {"varies", varies},
                                       {"is_shape", is_shape},
                                       {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__tostring", text}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_object_type(L, &type, methods, meta);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "metatable");
    mt_lua_share_methods(L, "methods");
    luaL_newmetatable(L, "moontide.choice");
    lua_setfield(L, -2, "choice_metatable");
    return 1;
}
