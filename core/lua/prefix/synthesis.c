/* core.synthesis: what makes requests after a trace or a model; core.source.synthesis and
 * core.source.timed_synthesis take it. */
#include "lua/prefix/model_binding.h"
#include "lua/trace/source_binding.h"
#include "lua/stats/statistics_binding.h"
#include "lua/prefix/synthesis_binding.h"

#include <string.h>

static void release(void *synthesis) {
    mt_synthesis_release(synthesis);
}

static const mt_lua_type type = {"moontide.synthesis", "synthesizer: it is closed", release};

mt_synthesis *mt_lua_check_synthesis(lua_State *L, int arg) {
    return mt_lua_check_object(L, arg, &type);
}

/* ---- options ---- */

/* The field of the table at 2. */
static double number_of(lua_State *L, const char *name) {
    lua_getfield(L, 2, name);
    double value = mt_lua_check_finite(L, -1, name);
    lua_pop(L, 1);
    return value;
}

static uint64_t count_of(lua_State *L, const char *name, uint64_t absent) {
    lua_getfield(L, 2, name);
    uint64_t value = lua_isnil(L, -1) ? absent : mt_lua_check_count(L, -1, name);
    lua_pop(L, 1);
    return value;
}

static mt_synthesis_options options_of(lua_State *L) {
    lua_getfield(L, 2, "arrivals");
    const char *arrivals = lua_tostring(L, -1);
    int resample = arrivals && strcmp(arrivals, "resample") == 0;
    lua_pop(L, 1);
    lua_getfield(L, 2, "seed");
    uint64_t seed = (uint64_t)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    return (mt_synthesis_options){
        .seed = seed,
        .block_size = count_of(L, "block_size", 0),
        .prefix_len_multiplier = number_of(L, "prefix_len_multiplier"),
        .prompt_len_multiplier = number_of(L, "prompt_len_multiplier"),
        .osl_multiplier = number_of(L, "osl_multiplier"),
        .prefix_root_multiplier = count_of(L, "prefix_root_multiplier", 1),
        .min_isl = count_of(L, "min_isl", 0),
        .max_isl = count_of(L, "max_isl", UINT64_MAX),
        .min_osl = count_of(L, "min_osl", 0),
        .max_osl = count_of(L, "max_osl", UINT64_MAX),
        .requests = count_of(L, "requests", 0),
        .resample = resample,
    };
}

static mt_synthesis_times times_of(lua_State *L) {
    static const char *const kinds[] = {"iid", "source", "follow", "resample", "plan", NULL};
    mt_synthesis_times times = {.speedup = number_of(L, "speed_ratio")};
    lua_getfield(L, 2, "arrivals");
    int kind = luaL_checkoption(L, -1, NULL, kinds);
    times.are_drawn = kind < 4;
    times.kind = kind >= 1 && kind < 4 ? MT_GAPS_SOURCE : MT_GAPS_IID;
    times.of_chains = kind == 2 || kind == 3;
    lua_getfield(L, 2, "dequantize");
    times.dequantize = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return times;
}

/* What requests are made after: the radix source at 1, else the model there. */
static mt_origin check_origin(lua_State *L) {
    mt_origin origin = {.source = mt_lua_test_radix_source(L, 1)};
    if (!origin.source)
        origin.model = mt_lua_check_model(L, 1);
    return origin;
}

/* about(radix_source | model) -> {requests=, block_size=, chains=, gaps_in_order=} */
static int synthesis_about(lua_State *L) {
    mt_origin origin = check_origin(L);
    lua_createtable(L, 0, 4);
    mt_lua_set_count(L, "requests", mt_origin_requests(&origin));
    mt_lua_set_count(L, "chains", origin.model ? origin.model->chain_count : 0);
    mt_lua_set_count(L, "block_size", mt_origin_block_size(&origin));
    lua_pushboolean(L, mt_origin_keeps_order(&origin));
    lua_setfield(L, -2, "gaps_in_order");
    return 1;
}

/* open(radix_source | model, {seed=, block_size=, prefix_len_multiplier=, prompt_len_multiplier=,
 * osl_multiplier=, prefix_root_multiplier=, min_isl=, max_isl=, min_osl=, max_osl=, speed_ratio=,
 * requests=, arrivals="iid"|"source"|"follow"|"resample"|"plan", dequantize=, compact=,
 * with_sessions=}) -> synthesis | nil, message, code */
static int synthesis_open(lua_State *L) {
    check_origin(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    mt_synthesis_options options = options_of(L);
    mt_synthesis_times times = times_of(L);
    lua_getfield(L, 2, "compact");
    int compact = lua_toboolean(L, -1);
    lua_getfield(L, 2, "with_sessions");
    times.with_sessions = lua_toboolean(L, -1);
    lua_pop(L, 2);
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    mt_origin origin = check_origin(L); /* again: making the owner may have run a finaliser */
    *place = mt_synthesis_new(&origin, &options, &times, compact, &error);
    return *place ? 1 : mt_lua_failure(L, &error);
}

/* synthesis:summary() -> {requests, blocks, duration (seconds), metrics = {name = {mean, ...}}}
 * | nil, message, code */
static int synthesis_summary(lua_State *L) {
    mt_synthesis_summary summary;
    mt_error error;
    if (mt_synthesis_summarise(mt_lua_check_synthesis(L, 1), &summary, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, 0, 4);
    mt_lua_set_count(L, "requests", summary.requests);
    mt_lua_set_count(L, "blocks", summary.blocks);
    mt_lua_set_number(L, "duration", (double)summary.last_time_ns * 1e-9);
    lua_createtable(L, 0, 4);
    mt_lua_set_summary(L, "input_length", &summary.input_length);
    mt_lua_set_summary(L, "context_length", &summary.context_length);
    mt_lua_set_summary(L, "unique_prompt_length", &summary.unique_prompt_length);
    mt_lua_set_summary(L, "output_length", &summary.output_length);
    lua_setfield(L, -2, "metrics");
    return 1;
}

int mt_lua_open_synthesis(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"about", synthesis_about}, {"open", synthesis_open}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"summary", synthesis_summary}, {"close", mt_lua_close}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_object_type(L, &type, methods, NULL);
    lua_pop(L, 1);
    return 1;
}
