/* core.model: what a synthesiser learns from a trace, and its file. A learner takes requests in, a
 * model is what it leaves. */
#include "lua/trace/intake.h"
#include "lua/prefix/model_binding.h"
#include "lua/stats/statistics_binding.h"

#include "prefix/model/families.h"
#include "prefix/model/figures.h"
#include "prefix/model/knobs.h"
#include "prefix/model/text.h"

#include <math.h>
#include <stdio.h>

/* ---- models ---- */

static void release_model(void *model) {
    mt_model_release(model);
}

static const mt_lua_type model_type = {"moontide.model", "the model is closed", release_model};

mt_model *mt_lua_check_model(lua_State *L, int index) {
    return mt_lua_check_object(L, index, &model_type);
}

/* open(path, skip_bad_lines) -> model, or a source of a trace's requests: as the file begins
 * | nil, message, code */
static int model_open(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    int skip_bad_lines = lua_toboolean(L, 2);
    mt_error error;
    void **source = mt_lua_new_source(L);
    void **place = mt_lua_new_object(L, &model_type);
    mt_input *input = mt_input_open(path, &error);
    if (!input)
        return mt_lua_failure(L, &error);
    int is_model = mt_input_begins(input, MT_MODEL_MAGIC, &error);
    if (is_model == 0) {
        *source = mt_source_open_input(input, skip_bad_lines, &error);
        lua_pop(L, 1);
        return *source ? 1 : mt_lua_failure(L, &error);
    }
    if (is_model > 0)
        *place = mt_model_read(input, &error);
    mt_input_close(input);
    return *place ? 1 : mt_lua_failure(L, &error);
}

/* read(path) -> model | nil, message, code */
static int model_read(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    mt_error error;
    void **place = mt_lua_new_object(L, &model_type);
    mt_input *input = mt_input_open(path, &error);
    if (input)
        *place = mt_model_read(input, &error);
    mt_input_close(input);
    return *place ? 1 : mt_lua_failure(L, &error);
}

/* write(model, path, keep_order) -> bytes | nil, message, code */
static int model_write(lua_State *L) {
    const mt_model *model = mt_lua_check_model(L, 1);
    const char *path = luaL_checkstring(L, 2);
    int keep_order = lua_toboolean(L, 3);
    mt_error error;
    mt_output *output = mt_output_open(path, &error);
    if (!output)
        return mt_lua_failure(L, &error);
    if (mt_model_write(model, keep_order, output, &error) != MT_OK) {
        mt_output_abandon(output);
        return mt_lua_failure(L, &error);
    }
    uint64_t bytes = mt_output_bytes(output);
    if (mt_lua_finish_output(L, &output, &error) != MT_OK) {
        mt_output_abandon(output);
        return mt_lua_failure(L, &error);
    }
    lua_pushinteger(L, (lua_Integer)bytes);
    return 1;
}

/* model:requests() */
static int model_requests(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)mt_lua_check_model(L, 1)->count);
    return 1;
}

/* model:block_size() */
static int model_block_size(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)mt_lua_check_model(L, 1)->block_size);
    return 1;
}

/* model:keeps_order() */
static int model_keeps_order(lua_State *L) {
    lua_pushboolean(L, mt_lua_check_model(L, 1)->gaps_in_order);
    return 1;
}

/* Leaves out what is not known. */
static void set_known(lua_State *L, const char *name, double value) {
    if (!isnan(value))
        mt_lua_set_number(L, name, value);
}

static void set_measures(lua_State *L, const mt_model_measures *measures) {
    set_known(L, "sharing", measures->sharing);
    set_known(L, "session_length", measures->session_length);
    set_known(L, "sessions_at_once", measures->sessions_at_once);
    if (measures->cliff > 0)
        mt_lua_set_count(L, "cliff", measures->cliff);
}

/* measures(model) -> table, with the names of mt_model_measures: without what is not known
 * | nil, message, code */
static int model_measures(lua_State *L) {
    const mt_model *model = mt_lua_check_model(L, 1);
    mt_model_measures measures;
    mt_error error;
    if (mt_model_measure(model, &measures, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, 0, 4);
    set_measures(L, &measures);
    return 1;
}

/* turned(model, knob, number) -> model | nil, message, code: what prefix/model/knobs.h makes of it.
 * knob: "sharing", "session_length", "sessions_at_once", "cliff_at" */
static int model_turned(lua_State *L) {
    static const char *const knobs[] = {"sharing", "session_length", "sessions_at_once", "cliff_at",
                                        NULL};
    mt_lua_check_model(L, 1);
    int knob = luaL_checkoption(L, 2, NULL, knobs);
    double number = mt_lua_check_finite(L, 3, knobs[knob]);
    mt_error error;
    void **place = mt_lua_new_object(L, &model_type);
    const mt_model *model = mt_lua_check_model(L, 1); /* again: a finaliser may have run */
    switch (knob) {
    case 0:
        *place = mt_model_with_sharing(model, number, &error);
        break;
    case 1:
        *place = mt_model_with_session_length(model, number, &error);
        break;
    case 2:
        *place = mt_model_with_sessions_at_once(model, number, &error);
        break;
    default:
        *place = mt_model_with_cliff(
            model, number < 0x1p63 ? (uint64_t)fmax(number, 0) : UINT64_MAX, &error);
    }
    return *place ? 1 : mt_lua_failure(L, &error);
}

/* figures(model) -> table, with the names of prefix/model/figures.h and mt_model_measures
 * (prefix/model/knobs.h) | nil, message, code */
static int model_figures(lua_State *L) {
    const mt_model *model = mt_lua_check_model(L, 1);
    mt_model_figures figures;
    mt_model_measures measures;
    mt_error error;
    if (mt_model_describe(model, &figures, &error) != MT_OK ||
        mt_model_measure(model, &measures, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, 0, 20);
    set_measures(L, &measures);
    mt_lua_set_count(L, "requests", model->count);
    mt_lua_set_count(L, "block_size", model->block_size);
    mt_lua_set_summary(L, "input_length", &figures.input_length);
    mt_lua_set_summary(L, "output_length", &figures.output_length);
    mt_lua_set_summary(L, "shared_length", &figures.shared_length);
    mt_lua_set_count(L, "shared_blocks", figures.shared);
    mt_lua_set_count(L, "returning_blocks", figures.returning);
    mt_lua_set_count(L, "unique_blocks", figures.unique);
    mt_lua_set_count(L, "runs", model->run_count);
    mt_lua_set_quantiles(L, "distance", &figures.distance);
    mt_lua_set_count(L, "instants", figures.instants);
    mt_lua_set_number(L, "span", (double)figures.span_ns / 1e9);
    lua_pushboolean(L, model->gaps_in_order);
    lua_setfield(L, -2, "keeps_order");
    mt_lua_set_count(L, "single_lengths", figures.single_lengths);
    mt_lua_set_count(L, "single_descriptions", figures.single_descriptions);
    mt_lua_set_count(L, "chains", model->chain_count);
    mt_lua_set_count(L, "stretch", mt_model_stretch(model, MT_FAMILY_LONG));
    return 1;
}

static int model_text(lua_State *L) {
    void **place = luaL_checkudata(L, 1, model_type.name);
    const mt_model *model = *place;
    if (!model)
        lua_pushliteral(L, "model (closed)");
    else
        lua_pushfstring(L, "model of %I request%s, blocks of %I tokens, gaps %s",
                        (lua_Integer)model->count, model->count == 1 ? "" : "s",
                        (lua_Integer)model->block_size,
                        model->gaps_in_order ? "in order" : "without their order");
    return 1;
}

/* ---- learners ---- */

typedef struct learner_box {
    void *learner; /* NULL when finished too */
    mt_lua_intake intake;
} learner_box;

static void release_learner(void *learner) {
    mt_learner_free(learner);
}

static const mt_lua_type learner_type = {"moontide.learner", "learn: it is closed",
                                         release_learner};

static learner_box *check_learner(lua_State *L) {
    mt_lua_check_object(L, 1, &learner_type);
    return lua_touserdata(L, 1);
}

/* learner(block_size) -> learner */
static int learner_new(lua_State *L) {
    uint64_t block_size = mt_lua_check_count(L, 1, "learn: block_size");
    mt_error error;
    learner_box *self = mt_lua_new_owner(L, sizeof *self, learner_type.name);
    return mt_lua_keep(L, &self->learner, mt_learner_new(block_size, &error), &error);
}

static mt_code take(void *owner, const mt_request *request, mt_error *error) {
    return mt_learner_add(((learner_box *)owner)->learner, request, error);
}

static int learner_read(lua_State *L) {
    learner_box *self = check_learner(L);
    return mt_lua_intake_read(L, &self->intake, take, self, "learn");
}

static int learner_skipped(lua_State *L) {
    const learner_box *self = luaL_checkudata(L, 1, learner_type.name);
    return mt_lua_intake_skipped(L, &self->intake);
}

/* learner:finish() -> model | nil, message, code; the learner is closed */
static int learner_finish(lua_State *L) {
    learner_box *self = check_learner(L);
    mt_error error;
    void **made = mt_lua_new_object(L, &model_type);
    *made = mt_learner_finish(self->learner, &error);
    mt_learner_free(self->learner);
    self->learner = NULL;
    if (*made)
        return 1;
    snprintf(error.source, sizeof error.source, "%s", self->intake.source);
    return mt_lua_failure(L, &error);
}

int mt_lua_open_model(lua_State *L) {
    static const luaL_Reg functions[] = {{"learner", learner_new},   {"open", model_open},
                                         {"read", model_read},       {"write", model_write},
                                         {"figures", model_figures}, {"measures", model_measures},
                                         {"turned", model_turned},   {NULL, NULL}};
    static const luaL_Reg learner_methods[] = {{"read", learner_read},
                                               {"skipped", learner_skipped},
                                               {"finish", learner_finish},
                                               {"close", mt_lua_close},
                                               {NULL, NULL}};
    static const luaL_Reg methods[] = {{"requests", model_requests},
                                       {"block_size", model_block_size},
                                       {"keeps_order", model_keeps_order},
                                       {"close", mt_lua_close},
                                       {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__tostring", model_text}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_object_type(L, &learner_type, learner_methods, NULL);
    lua_pop(L, 1);
    mt_lua_new_object_type(L, &model_type, methods, meta);
    mt_lua_share_methods(L, "methods");
    return 1;
}
