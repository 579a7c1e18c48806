/* core.random: generators "moontide.random" and weighted choice "moontide.sampler". */
#include "lua/binding.h"

#include <string.h>

#include "random/distribution.h"

#include <math.h>

static const char *const random_type = "moontide.random";

mt_random *mt_lua_check_random(lua_State *L, int arg) {
    mt_random *random = luaL_testudata(L, arg, random_type);
    if (!random)
        mt_lua_raise(L, "argument %d must be a generator (mt.random), not %s", arg,
                     luaL_typename(L, arg));
    return random;
}

void mt_lua_push_random(lua_State *L, uint64_t seed, const char *name, const char *purpose) {
    mt_random *random = mt_lua_new_owner(L, sizeof *random, random_type);
    mt_random_start(random, mt_random_key_of(seed, name, strlen(name), purpose, strlen(purpose)));
}

/* new(seed, name, purpose) */
static int new_random(lua_State *L) {
    int is_integer;
    lua_Integer seed = lua_tointegerx(L, 1, &is_integer);
    if (!is_integer || lua_type(L, 1) != LUA_TNUMBER)
        return mt_lua_raise(L, "random: seed must be a whole number, not %s",
                            luaL_tolstring(L, 1, NULL));
    const char *text[2];
    size_t length[2];
    for (int i = 0; i < 2; i++) {
        if (lua_type(L, i + 2) != LUA_TSTRING)
            return mt_lua_raise(L, "random: %s must be a string, not %s", i ? "purpose" : "name",
                                luaL_typename(L, i + 2));
        text[i] = lua_tolstring(L, i + 2, &length[i]);
    }
    mt_random *random = mt_lua_new_owner(L, sizeof *random, random_type);
    mt_random_start(random,
                    mt_random_key_of((uint64_t)seed, text[0], length[0], text[1], length[1]));
    return 1;
}

/* seek(item): goes to the first draw of the item; returns the generator */
static int seek(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    mt_random_seek(self, mt_lua_check_count(L, 2, "seek: item"));
    lua_settop(L, 1);
    return 1;
}

static int u32(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)mt_random_u32(mt_lua_check_random(L, 1)));
    return 1;
}

static int u64(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)mt_random_u64(mt_lua_check_random(L, 1)));
    return 1;
}

/* uniform([low, high]) */
static int uniform(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    double low = 0;
    double high = 1;
    if (!lua_isnoneornil(L, 2) || !lua_isnoneornil(L, 3)) {
        low = mt_lua_check_finite(L, 2, "uniform: low");
        high = mt_lua_check_finite(L, 3, "uniform: high");
        if (low > high)
            return mt_lua_raise(L, "uniform: low must not be above high (they are %f and %f)", low,
                                high);
    }
    lua_pushnumber(L, low + mt_random_uniform(self) * (high - low));
    return 1;
}

/* below(n): 0..n-1 */
static int below(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    uint64_t bound = mt_lua_check_count(L, 2, "below: n");
    if (bound == 0)
        return mt_lua_raise(L, "below: n must be at least 1 (it is 0)");
    lua_pushinteger(L, (lua_Integer)mt_random_below(self, bound));
    return 1;
}

static double check_above_0(lua_State *L, int arg, const char *what) {
    double value = mt_lua_check_finite(L, arg, what);
    if (!(value > 0))
        mt_lua_raise(L, "%s must be above 0 (it is %f)", what, value);
    return value;
}

/* normal([mean, deviation]) */
static int normal(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    double mean = 0;
    double deviation = 1;
    if (!lua_isnoneornil(L, 2) || !lua_isnoneornil(L, 3)) {
        mean = mt_lua_check_finite(L, 2, "normal: mean");
        deviation = mt_lua_check_not_negative(L, 3, "normal: std");
    }
    lua_pushnumber(L, mean + deviation * mt_draw_normal(self));
    return 1;
}

/* exponential([mean]) */
static int exponential(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    double mean = lua_isnoneornil(L, 2) ? 1 : check_above_0(L, 2, "exponential: mean");
    lua_pushnumber(L, mean * mt_draw_exponential(self));
    return 1;
}

/* gamma(shape): scale 1 */
static int gamma_of_shape(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    lua_pushnumber(L, mt_draw_gamma(self, check_above_0(L, 2, "gamma: shape")));
    return 1;
}

static int poisson(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    double mean = mt_lua_check_not_negative(L, 2, "poisson: mean");
    if (mean > 1e9)
        return mt_lua_raise(L, "poisson: mean must be at most 1e9 (it is %f)", mean);
    lua_pushinteger(L, (lua_Integer)mt_draw_poisson(self, mean));
    return 1;
}

/* geometric(mean): 1, 2, ...; the bound keeps every draw an integer */
static int geometric(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    double mean = mt_lua_check_finite(L, 2, "geometric: mean");
    if (mean < 1 || mean > 1e15)
        return mt_lua_raise(L, "geometric: mean must be between 1 and 1e15 (it is %f)", mean);
    lua_pushinteger(L, (lua_Integer)mt_draw_geometric(self, mean));
    return 1;
}

/* zipf(n, s): 1..n */
static int zipf(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    uint64_t n = mt_lua_check_count(L, 2, "zipf: n");
    double s = mt_lua_check_not_negative(L, 3, "zipf: s");
    if (n < 1 || n > UINT64_C(1) << 53)
        return mt_lua_raise(L, "zipf: n must be between 1 and 2^53 (it is %I)", (lua_Integer)n);
    if (s > 1000)
        return mt_lua_raise(L, "zipf: s must be at most 1000 (it is %f)", s);
    lua_pushinteger(L, (lua_Integer)mt_draw_zipf(self, (double)n, s));
    return 1;
}

/* draw(distribution [, time]); a number is a fixed distribution */
static int draw(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_pushnumber(L, mt_lua_check_finite(L, 2, "draw: the number"));
        return 1;
    }
    if (!mt_lua_is(L, 2, "moontide.distribution"))
        return mt_lua_raise(L, "draw: takes a distribution or a number, not %s",
                            luaL_typename(L, 2));
    mt_distribution *distribution = mt_lua_check_distribution(L, 2);
    double time = lua_isnoneornil(L, 3) ? 0 : mt_lua_check_finite(L, 3, "draw: time");
    lua_pushnumber(L, mt_distribution_draw(distribution, self, time));
    return 1;
}

static int random_text(lua_State *L) {
    mt_random *self = mt_lua_check_random(L, 1);
    lua_pushfstring(L, "random (seed %I, item %I)", (lua_Integer)self->key.seed,
                    (lua_Integer)self->item);
    return 1;
}

/* ---- sampler ---- */

/* Its user value is the list of values. */
typedef struct sampler {
    void *alias;
    size_t count;
} sampler;

static void release_sampler(void *alias) {
    mt_alias_free(alias);
}

static const mt_lua_type sampler_type = {"moontide.sampler", "the sampler is closed",
                                         release_sampler};

static sampler *check_sampler(lua_State *L) {
    mt_lua_check_object(L, 1, &sampler_type);
    return lua_touserdata(L, 1);
}

/* sampler(values [, weights]) */
static int new_sampler(lua_State *L) {
    lua_settop(L, 2);
    if (lua_type(L, 1) != LUA_TTABLE)
        return mt_lua_raise(L, "sampler: values must be a list, not %s", luaL_typename(L, 1));
    size_t count = lua_rawlen(L, 1);
    if (!lua_isnil(L, 2) && lua_type(L, 2) != LUA_TTABLE)
        return mt_lua_raise(L, "sampler: weights must be a list, not %s", luaL_typename(L, 2));
    if (lua_istable(L, 2) && lua_rawlen(L, 2) != count)
        return mt_lua_raise(L, "sampler: there are %I values and %I weights", (lua_Integer)count,
                            (lua_Integer)lua_rawlen(L, 2));
    if (count == 0)
        return mt_lua_raise(L, "sampler: there must be at least one value");
    double *weights = lua_isnil(L, 2) ? lua_newuserdatauv(L, count * sizeof *weights, 0)
                                      : mt_lua_check_numbers(L, 2, "sampler: weight", &count);
    for (size_t i = 0; i < count && lua_isnil(L, 2); i++)
        weights[i] = 1;
    sampler *self = mt_lua_new_owner(L, sizeof *self, sampler_type.name);
    lua_createtable(L, count < INT32_MAX ? (int)count : 0, 0);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i);
        lua_rawseti(L, -2, (lua_Integer)i);
    }
    lua_setiuservalue(L, -2, 1);
    mt_error error;
    self->count = count;
    self->alias = mt_alias_new(weights, count, &error);
    return self->alias ? 1 : mt_lua_raise(L, "sampler: %s", error.message);
}

/* draw(random): one of the values */
static int sampler_draw(lua_State *L) {
    sampler *self = check_sampler(L);
    mt_random *random = mt_lua_check_random(L, 2);
    lua_getiuservalue(L, 1, 1);
    lua_rawgeti(L, -1, (lua_Integer)mt_alias_draw(self->alias, random) + 1);
    return 1;
}

static int sampler_length(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_sampler(L)->count);
    return 1;
}

static int sampler_text(lua_State *L) {
    lua_pushfstring(L, "sampler (%I values)", (lua_Integer)check_sampler(L)->count);
    return 1;
}

int mt_lua_open_random(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"new", new_random}, {"sampler", new_sampler}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"seek", seek},
                                       {"u32", u32},
                                       {"u64", u64},
                                       {"uniform", uniform},
                                       {"below", below},
                                       {"normal", normal},
                                       {"gamma", gamma_of_shape},
                                       {"exponential", exponential},
                                       {"poisson", poisson},
                                       {"geometric", geometric},
                                       {"zipf", zipf},
                                       {"draw", draw},
                                       {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__tostring", random_text}, {NULL, NULL}};
    static const luaL_Reg sampler_methods[] = {{"draw", sampler_draw}, {NULL, NULL}};
    static const luaL_Reg sampler_meta[] = {
        {"__tostring", sampler_text}, {"__len", sampler_length}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, random_type, methods, NULL, meta);
    mt_lua_share_methods(L, "methods");
    mt_lua_new_object_type(L, &sampler_type, sampler_methods, sampler_meta);
    mt_lua_share_methods(L, "sampler_methods");
    return 1;
}
