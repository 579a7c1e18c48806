/* drive.contrast: two finished runs against each other. */
#include "lua/drive/drive_binding.h"
#include "lua/drive/results.h"

#include "drive/measure/contrast.h"

#include <stdio.h>

static void release_contrast(void *object) {
    mt_contrast_free(object);
}

static const mt_lua_type contrast_type = {"moontide.contrast", "the runs are compared already",
                                          release_contrast};

static void set_pair(lua_State *L, const char *name, uint64_t first, uint64_t second) {
    lua_createtable(L, 2, 0);
    mt_lua_push_whole(L, first);
    lua_rawseti(L, -2, 1);
    mt_lua_push_whole(L, second);
    lua_rawseti(L, -2, 2);
    lua_setfield(L, -2, name);
}

static void set_difference(lua_State *L, const char *name, const mt_difference *difference) {
    lua_createtable(L, 0, 4);
    mt_lua_set_number(L, "first", difference->first);
    mt_lua_set_number(L, "second", difference->second);
    mt_lua_set_number(L, "low", difference->low);
    mt_lua_set_number(L, "high", difference->high);
    lua_setfield(L, -2, name);
}

/* Sets a metric of the table on top, where both runs have values. */
static void set_metric(lua_State *L, const char *key, const uint64_t *counts,
                       const mt_difference *differences) {
    if (counts[0] == 0 || counts[1] == 0)
        return;
    lua_newtable(L);
    set_pair(L, "counts", counts[0], counts[1]);
    set_difference(L, "avg", &differences[0]);
    for (int i = 0; i < MT_PERCENTILES; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", mt_percentiles[i]);
        set_difference(L, name, &differences[1 + i]);
    }
    lua_setfield(L, -2, key);
}

static void push_basis(lua_State *L, const mt_contrast_basis *basis) {
    lua_newtable(L);
    lua_pushboolean(L, basis->is_paired);
    lua_setfield(L, -2, "is_paired");
    lua_pushboolean(L, basis->by_session);
    lua_setfield(L, -2, "by_session");
    mt_lua_set_count(L, "matched", basis->matched);
    set_pair(L, "units", basis->units[0], basis->units[1]);
    set_pair(L, "blocks", basis->blocks[0], basis->blocks[1]);
}

/* Both fill the table on top. */
static mt_code set_metrics(lua_State *L, mt_contrast *contrast, mt_error *error) {
    mt_difference differences[MT_CONTRAST_STATISTICS];
    uint64_t counts[2];
    mt_code code = MT_OK;
    for (int m = 0; m < MT_MEASURES; m++) {
        code = mt_contrast_metric(contrast, m, counts, differences, error);
        if (code != MT_OK)
            return code;
        set_metric(L, mt_measures[m].key, counts, differences);
    }
    code = mt_contrast_gaps(contrast, counts, differences, error);
    if (code == MT_OK)
        set_metric(L, "inter_chunk_latency", counts, differences);
    return code;
}

static mt_code set_rates(lua_State *L, mt_contrast *contrast, mt_error *error) {
    for (int i = 0; i < MT_CONTRAST_RATES; i++) {
        const mt_contrast_rate *rate = &mt_contrast_rates[i];
        mt_difference difference;
        mt_code code = mt_contrast_of_rate(contrast, rate, &difference, error);
        if (code != MT_OK)
            return code;
        set_difference(L, rate->key, &difference);
    }
    return MT_OK;
}

/* The texts are held by the options' table. */
static void read_values(lua_State *L, mt_contrast_options *options) {
    if (!options->by)
        return;
    lua_getfield(L, 3, "values");
    for (int s = 0; s < 2; s++) {
        lua_geti(L, -1, s + 1);
        options->values[s].text = luaL_checklstring(L, -1, &options->values[s].length);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* The window of a run in the list `windows` of the table at 3: {begin, end, is it of each part's own clock?} in
 * nanoseconds since 1970; none where it is not there. */
static mt_contrast_window window_of(lua_State *L, lua_Integer place) {
    mt_contrast_window window = {0};
    lua_getfield(L, 3, "windows");
    if (lua_istable(L, -1) && lua_geti(L, -1, place) == LUA_TTABLE) {
        lua_geti(L, -1, 1);
        lua_geti(L, -2, 2);
        lua_geti(L, -3, 3);
        window = (mt_contrast_window){luaL_checkinteger(L, -3), luaL_checkinteger(L, -2),
                                      lua_toboolean(L, -1)};
    }
    lua_settop(L, 3);
    return window;
}

/* contrast(requests, requests, {objectives =, seed =, drawn_apart =, windows = {{begin, end} or false, ...},
 * by = (a member: only requests that have
 * values = {JSON of the first run, of the second} of it)}) -> {is_paired =, by_session =, matched =, units = {a, b},
 * blocks = {a, b}, metrics = {key = {counts = {a, b}, avg =, p1 =, ...}}, rates = {key =, ...}} with {first =, second =, low =, high =} for each number; what cannot be said is not there |
 * nil, message, code */
static int contrast(lua_State *L) {
    mt_error error;
    const mt_run_requests *first = luaL_checkudata(L, 1, "moontide.run_requests");
    const mt_run_requests *second = luaL_checkudata(L, 2, "moontide.run_requests");
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    mt_contrast_options options = {.seed = mt_lua_count_field(L, 3, "seed", 0),
                                   .drawn_apart = mt_lua_truth_field(L, 3, "drawn_apart"),
                                   .by = mt_lua_text_field(L, 3, "by"),
                                   .windows = {window_of(L, 1), window_of(L, 2)}};
    options.objectives = mt_lua_objectives(L, 3, &options.objective_count);
    read_values(L, &options);
    void **place = mt_lua_new_object(L, &contrast_type);
    mt_contrast *self = mt_contrast_new(first, second, &options, &error);
    if (!self)
        return mt_lua_failure(L, &error);
    *place = self;
    push_basis(L, mt_contrast_basis_of(self));
    lua_newtable(L);
    if (set_metrics(L, self, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_setfield(L, -2, "metrics");
    lua_newtable(L);
    if (set_rates(L, self, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_setfield(L, -2, "rates");
    *place = NULL;
    mt_contrast_free(self);
    return 1;
}

void mt_lua_add_contrast(lua_State *L) {
    mt_lua_new_object_type(L, &contrast_type, NULL, NULL);
    lua_pop(L, 1);
    lua_pushcfunction(L, contrast);
    lua_setfield(L, -2, "contrast");
}
