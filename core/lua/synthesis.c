/* core.synthesis: requests made after a trace or a model. */
#include "lua/synthesis_binding.h"

#include "base/interrupt.h"
#include "load/run_synthesis.h"
#include "lua/load_binding.h"
#include "lua/locality_binding.h"
#include "lua/model_binding.h"
#include "lua/trace_binding.h"
#include "prefix/synthesis/synthesis.h"

#include <math.h>
#include <string.h>

static const char synthesis_type[] = "moontide.synthesis";

typedef struct synthesis_box {
    mt_synthesis *synthesis; /* NULL once closed */
    mt_radix_source *source; /* a reference: what it draws from; NULL where that is a model */
} synthesis_box;

static mt_synthesis *check_synthesis(lua_State *L, int arg) {
    synthesis_box *self = luaL_checkudata(L, arg, synthesis_type);
    if (!self->synthesis)
        mt_lua_raise(L, "synthesizer: it is closed");
    return self->synthesis;
}

static int synthesis_release(lua_State *L) {
    synthesis_box *self = luaL_checkudata(L, 1, synthesis_type);
    mt_synthesis *synthesis = self->synthesis;
    mt_radix_source *source = self->source;
    memset(self, 0, sizeof *self);
    mt_synthesis_free(synthesis);
    mt_radix_source_release(source);
    return 0;
}

/* ---- options ----------------------------------------------------------------------------------
 */

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
    };
}

/* All of it but the gaps, of which there are none for "plan". */
static mt_synthesis_times times_of(lua_State *L, int *has_gaps) {
    static const char *const kinds[] = {"iid", "source", "plan", NULL};
    mt_synthesis_times times = {.speedup = number_of(L, "speed_ratio")};
    lua_getfield(L, 2, "arrivals");
    int kind = luaL_checkoption(L, -1, NULL, kinds);
    lua_pop(L, 1);
    times.kind = kind == 1 ? MT_GAPS_SOURCE : MT_GAPS_IID;
    lua_getfield(L, 2, "dequantize");
    times.dequantize = lua_toboolean(L, -1);
    lua_pop(L, 1);
    *has_gaps = kind < 2;
    return times;
}

/* What requests are drawn from: the radix source at 1, else the model there. */
typedef struct origin {
    mt_radix_source *source; /* NULL: a model */
    mt_model *model;
} origin;

static origin check_origin(lua_State *L) {
    origin from = {mt_lua_test_radix_source(L, 1), NULL};
    if (!from.source)
        from.model = mt_lua_check_model(L, 1);
    return from;
}

/* about(radix_source | model) -> {requests=, block_size=, gaps_in_order=} */
static int synthesis_about(lua_State *L) {
    origin from = check_origin(L);
    size_t count;
    if (from.source)
        mt_radix_source_gaps(from.source, &count);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, (lua_Integer)(from.source ? count : from.model->count));
    lua_setfield(L, -2, "requests");
    lua_pushinteger(L, (lua_Integer)(from.source ? mt_radix_source_block_size(from.source)
                                                 : from.model->block_size));
    lua_setfield(L, -2, "block_size");
    lua_pushboolean(L, from.source || from.model->gaps_in_order);
    lua_setfield(L, -2, "gaps_in_order");
    return 1;
}

/* open(radix_source | model, {seed=, block_size=, prefix_len_multiplier=, prompt_len_multiplier=,
 * osl_multiplier=, prefix_root_multiplier=, min_isl=, max_isl=, min_osl=, max_osl=, speed_ratio=,
 * arrivals="iid"|"source"|"plan", dequantize=, compact=}) -> synthesis | nil, message, code */
static int synthesis_open(lua_State *L) {
    check_origin(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    mt_synthesis_options options = options_of(L);
    int has_gaps;
    mt_synthesis_times times = times_of(L, &has_gaps);
    lua_getfield(L, 2, "compact");
    int compact = lua_toboolean(L, -1);
    mt_error error;
    synthesis_box *self = mt_lua_new_owner(L, sizeof *self, synthesis_type);
    origin from = check_origin(L); /* again: making the owner may have run a finaliser */
    const mt_radix *tree = NULL;
    if (from.source) {
        self->source = mt_radix_source_retain(from.source);
        tree = mt_radix_source_tree(from.source);
        times.gaps_ns = mt_radix_source_gaps(from.source, &times.count);
    } else {
        times.gaps_ns = from.model->gaps_ns;
        times.count = from.model->count;
    }
    if (!has_gaps)
        times.gaps_ns = NULL;
    self->synthesis = mt_synthesis_new(from.model, tree, &options, &times, compact, &error);
    return self->synthesis ? 1 : mt_lua_failure(L, &error);
}

/* ---- making requests --------------------------------------------------------------------------
 *
 * With a run, its requests say when, and where it ends no more are made. */

static mt_run *optional_run(lua_State *L, int arg) {
    return lua_isnoneornil(L, arg) ? NULL : mt_lua_check_run(L, arg);
}

/* The next request: 1, 0 at the run's end, -1 on failure. */
static int make_next(mt_synthesis *synthesis, mt_run *run, mt_request *request, mt_error *error) {
    if (run)
        return mt_run_synthesize(run, synthesis, request, error);
    return mt_synthesis_next(synthesis, request, error) == MT_OK ? 1 : -1;
}

/* synthesis:next([run]) -> request, or nothing at the run's end | nil, message, code */
static int synthesis_next(lua_State *L) {
    mt_synthesis *synthesis = check_synthesis(L, 1);
    mt_run *run = optional_run(L, 2);
    mt_request request;
    mt_error error;
    int got = make_next(synthesis, run, &request, &error);
    if (got < 0)
        return mt_lua_failure(L, &error);
    if (got == 0)
        return 0;
    mt_lua_push_request(L, &request);
    return 1;
}

/* synthesis:write(writer, most [, run]) -> requests written, fewer only at the run's end
 * | nil, message, code; the writer stays open */
static int synthesis_write(lua_State *L) {
    mt_synthesis *synthesis = check_synthesis(L, 1);
    mt_trace_format format;
    mt_output *output = mt_lua_check_writer(L, 2, &format);
    uint64_t most = mt_lua_check_count(L, 3, "synthesizer: requests"), written;
    mt_run *run = optional_run(L, 4);
    mt_error error;
    mt_code code =
        run ? mt_run_synthesize_write(run, synthesis, output, &format, most, &written, &error)
            : mt_synthesis_write(synthesis, output, &format, most, &written, &error);
    if (code != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)written);
    return 1;
}

/* synthesis:columns(most [, run]) -> columns of the next requests | nil, message, code */
static int synthesis_columns(lua_State *L) {
    mt_synthesis *synthesis = check_synthesis(L, 1);
    uint64_t most = mt_lua_check_count(L, 2, "synthesizer: requests");
    mt_run *run = optional_run(L, 3);
    mt_columns *columns = mt_lua_new_columns(L);
    mt_request request;
    mt_error error;
    int got = 1;
    for (uint64_t i = 0; got > 0 && i < most; i++) {
        if (mt_interrupted()) {
            mt_fail(&error, MT_ERROR_INTERRUPTED, "interrupted");
            got = -1;
        } else if ((got = make_next(synthesis, run, &request, &error)) > 0 &&
                   mt_columns_append(columns, &request, &error) != MT_OK) {
            got = -1;
        }
    }
    return got < 0 ? mt_lua_failure(L, &error) : 1;
}

/* synthesis:summary() -> {requests, blocks, duration (seconds), metrics = {name = {mean, ...}}}
 * | nil, message, code */
static int synthesis_summary(lua_State *L) {
    mt_synthesis_summary summary;
    mt_error error;
    if (mt_synthesis_summarise(check_synthesis(L, 1), &summary, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)summary.requests);
    lua_setfield(L, -2, "requests");
    lua_pushinteger(L, (lua_Integer)summary.blocks);
    lua_setfield(L, -2, "blocks");
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
        {"next", synthesis_next},       {"write", synthesis_write},
        {"columns", synthesis_columns}, {"summary", synthesis_summary},
        {"close", synthesis_release},   {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, synthesis_type, methods, synthesis_release, NULL);
    lua_pop(L, 1);
    return 1;
}
