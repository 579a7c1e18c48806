/* core.model: what a synthesiser learns from a trace, and its file. A learner takes requests in, a
 * model is what it leaves. */
#include "lua/intake.h"
#include "lua/model_binding.h"
#include "lua/statistics_binding.h"

#include "prefix/model/figures.h"
#include "prefix/model/text.h"

#include <stdio.h>

static const char learner_type[] = "moontide.learner";
static const char model_type[] = "moontide.model";

/* ---- models ---- */

typedef struct model_box {
    mt_model *model; /* NULL once closed */
} model_box;

mt_model *mt_lua_check_model(lua_State *L, int index) {
    const model_box *self = luaL_checkudata(L, index, model_type);
    if (!self->model)
        mt_lua_raise(L, "the model is closed");
    return self->model;
}

static int model_release(lua_State *L) {
    model_box *self = luaL_checkudata(L, 1, model_type);
    mt_model *model = self->model;
    self->model = NULL;
    mt_model_release(model);
    return 0;
}

/* open(path, skip_bad_lines) -> model, or a source of a trace's requests: as the file begins
 * | nil, message, code */
static int model_open(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    int skip_bad_lines = lua_toboolean(L, 2);
    mt_error error;
    mt_source **source = mt_lua_new_source(L);
    model_box *self = mt_lua_new_owner(L, sizeof *self, model_type);
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
        self->model = mt_model_read(input, &error);
    mt_input_close(input);
    return self->model ? 1 : mt_lua_failure(L, &error);
}

/* read(path) -> model | nil, message, code */
static int model_read(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    mt_error error;
    model_box *self = mt_lua_new_owner(L, sizeof *self, model_type);
    mt_input *input = mt_input_open(path, &error);
    if (input)
        self->model = mt_model_read(input, &error);
    mt_input_close(input);
    return self->model ? 1 : mt_lua_failure(L, &error);
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

/* figures(model) -> table, with the names of prefix/model/figures.h | nil, message, code */
static int model_figures(lua_State *L) {
    const mt_model *model = mt_lua_check_model(L, 1);
    mt_model_figures figures;
    mt_error error;
    if (mt_model_describe(model, &figures, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, 0, 16);
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
    return 1;
}

static int model_text(lua_State *L) {
    const model_box *self = luaL_checkudata(L, 1, model_type);
    if (!self->model) {
        lua_pushliteral(L, "model (closed)");
        return 1;
    }
    lua_pushfstring(L, "model of %I request%s, blocks of %I tokens, gaps %s",
                    (lua_Integer)self->model->count, self->model->count == 1 ? "" : "s",
                    (lua_Integer)self->model->block_size,
                    self->model->gaps_in_order ? "in order" : "without their order");
    return 1;
}

/* ---- learners ---- */

typedef struct learner_box {
    mt_learner *learner; /* NULL once finished or closed */
    mt_lua_intake intake;
} learner_box;

static learner_box *check_learner(lua_State *L) {
    learner_box *self = luaL_checkudata(L, 1, learner_type);
    if (!self->learner)
        mt_lua_raise(L, "learn: it is closed");
    return self;
}

static int learner_release(lua_State *L) {
    learner_box *self = luaL_checkudata(L, 1, learner_type);
    mt_learner *learner = self->learner;
    self->learner = NULL;
    mt_learner_free(learner);
    return 0;
}

/* learner(block_size) -> learner */
static int learner_new(lua_State *L) {
    uint64_t block_size = mt_lua_check_count(L, 1, "learn: block_size");
    mt_error error;
    learner_box *self = mt_lua_new_owner(L, sizeof *self, learner_type);
    self->learner = mt_learner_new(block_size, &error);
    return self->learner ? 1 : mt_lua_raise_error(L, &error);
}

static mt_code take(void *owner, const mt_request *request, mt_error *error) {
    return mt_learner_add(((learner_box *)owner)->learner, request, error);
}

static int learner_read(lua_State *L) {
    learner_box *self = check_learner(L);
    return mt_lua_intake_read(L, &self->intake, take, self, "learn");
}

static int learner_skipped(lua_State *L) {
    const learner_box *self = luaL_checkudata(L, 1, learner_type);
    return mt_lua_intake_skipped(L, &self->intake);
}

/* learner:finish() -> model | nil, message, code; the learner is closed */
static int learner_finish(lua_State *L) {
    learner_box *self = check_learner(L);
    mt_error error;
    model_box *made = mt_lua_new_owner(L, sizeof *made, model_type);
    made->model = mt_learner_finish(self->learner, &error);
    mt_learner_free(self->learner);
    self->learner = NULL;
    if (made->model)
        return 1;
    snprintf(error.source, sizeof error.source, "%s", self->intake.source);
    return mt_lua_failure(L, &error);
}

int mt_lua_open_model(lua_State *L) {
    static const luaL_Reg functions[] = {{"learner", learner_new},   {"open", model_open},
                                         {"read", model_read},       {"write", model_write},
                                         {"figures", model_figures}, {NULL, NULL}};
    static const luaL_Reg learner_methods[] = {{"read", learner_read},
                                               {"skipped", learner_skipped},
                                               {"finish", learner_finish},
                                               {"close", learner_release},
                                               {NULL, NULL}};
    static const luaL_Reg methods[] = {{"requests", model_requests},
                                       {"block_size", model_block_size},
                                       {"keeps_order", model_keeps_order},
                                       {"close", model_release},
                                       {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__tostring", model_text}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, learner_type, learner_methods, learner_release, NULL);
    lua_pop(L, 1);
    mt_lua_new_type(L, model_type, methods, model_release, meta);
    lua_getfield(L, -1, "__index");
    lua_setfield(L, -3, "methods");
    lua_pop(L, 1);
    return 1;
}
