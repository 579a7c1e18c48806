/* core.analysis: a trace's lengths, prefixes and theoretical hit rates, and how it behaves in a
 * cache. */
#include "lua/trace/intake.h"
#include "lua/prefix/locality_binding.h"
#include "lua/stats/statistics_binding.h"

#include "base/memory.h"
#include "prefix/analysis/analysis.h"
#include "prefix/analysis/halves.h"
#include "prefix/analysis/played.h"
#include "prefix/block/numbering.h"
#include "trace/member.h"

#include <string.h>

static const char analysis_type[] = "moontide.analysis";

typedef struct analysis {
    mt_numbering *numbering; /* NULL once sealed, and like the next two once closed */
    mt_analysis *state;      /* of the requests with their ids as numbers */
    mt_locality *locality;   /* the same */
    mt_lua_intake intake;
    char *by;          /* the member by which requests are grouped; NULL: they are not */
    mt_texts texts;    /* its values, raw tokens, by group; an empty one for those without it */
    mt_halves *halves; /* NULL: it has none */
    struct analysis *half[2]; /* then they are its user value, a list */
} analysis;

static analysis *check_analysis(lua_State *L) {
    analysis *self = luaL_checkudata(L, 1, analysis_type);
    if (!self->locality)
        mt_lua_raise(L, "analyze: it is closed");
    return self;
}

/* Pushes an analysis. */
static analysis *push_analysis(lua_State *L, uint64_t block_size, const char *by) {
    mt_error error;
    analysis *self = mt_lua_new_owner(L, sizeof *self, analysis_type);
    if ((self->numbering = mt_numbering_new(&error)))
        self->state = mt_analysis_new(block_size, &error);
    if (self->state)
        self->locality = mt_locality_new(block_size, &error);
    if (self->locality && by && !(self->by = mt_copy_text(by, strlen(by))))
        mt_fail_memory(&error, "analysis");
    if (!self->locality || (by && !self->by))
        mt_lua_raise_error(L, &error);
    mt_analysis_share(self->state, self->locality);
    return self;
}

/* new(block_size [, by]) -> analysis; by: the member by which requests are grouped */
static int analysis_new(lua_State *L) {
    uint64_t block_size = mt_lua_check_count(L, 1, "analyze: block_size");
    push_analysis(L, block_size, luaL_optstring(L, 2, NULL));
    return 1;
}

/* analysis:halve(block_size, seed): what it takes in from now on goes to one of two further
 * analyses too, by session (prefix/analysis/halves.h) */
static int analysis_halve(lua_State *L) {
    analysis *self = check_analysis(L);
    uint64_t block_size = mt_lua_check_count(L, 2, "analyze: block_size");
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 3);
    mt_error error;
    luaL_argcheck(L, !self->halves, 1, "has halves");
    lua_createtable(L, 2, 0);
    analysis *halves[2];
    for (int i = 0; i < 2; i++) {
        halves[i] = push_analysis(L, block_size, NULL);
        mt_analysis_allow_no_output(halves[i]->state);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setiuservalue(L, 1, 1);
    if (!(self->halves = mt_halves_new(seed, &error)))
        return mt_lua_raise_error(L, &error);
    self->half[0] = halves[0];
    self->half[1] = halves[1];
    return 0;
}

/* analysis:half(1 | 2) -> that analysis, sessions (and requests without one) in it */
static int analysis_half(lua_State *L) {
    const analysis *self = check_analysis(L);
    lua_Integer which = luaL_checkinteger(L, 2);
    luaL_argcheck(L, self->halves && (which == 1 || which == 2), 2, "no such half");
    lua_getiuservalue(L, 1, 1);
    lua_rawgeti(L, -1, which);
    lua_pushinteger(L, (lua_Integer)mt_halves_units(self->halves, (int)which - 1));
    return 2;
}

static int analysis_release(lua_State *L) {
    analysis *self = luaL_checkudata(L, 1, analysis_type);
    mt_numbering *numbering = self->numbering;
    mt_analysis *state = self->state;
    mt_locality *locality = self->locality;
    self->numbering = NULL;
    self->state = NULL;
    self->locality = NULL;
    mt_numbering_free(numbering);
    mt_analysis_free(state);
    mt_locality_free(locality);
    mt_halves_free(self->halves);
    self->halves = NULL;
    mt_texts_free(&self->texts);
    mt_free(self->by);
    self->by = NULL;
    return 0;
}

/* Groups the request that was taken in last. */
static mt_code group(analysis *self, const mt_request *request, mt_error *error) {
    mt_span value = mt_request_member(request, self->by);
    uint32_t number;
    if (mt_texts_intern(&self->texts, value.text ? value.text : "", value.length, &number))
        return mt_fail_memory(error, "analysis");
    if (number >= MT_LUA_MOST_GROUPS)
        return mt_fail(error, MT_ERROR_VALUE, "%s has more than %d values: too many to group by",
                       self->by, MT_LUA_MOST_GROUPS);
    mt_locality_set_group(self->locality, number);
    return MT_OK;
}

/* Takes the request that was taken in last into a half too. */
static mt_code take_half(analysis *self, const mt_request *numbered, mt_error *error) {
    mt_request part;
    int which;
    mt_code code = mt_halves_place(self->halves, self->locality, numbered, &which, &part, error);
    if (code)
        return code;
    analysis *half = self->half[which];
    if (!half->locality)
        return mt_fail(error, MT_ERROR_VALUE, "a half is closed");
    if ((code = mt_analysis_check(half->state, &part, error)) == MT_OK &&
        (code = mt_locality_add(half->locality, &part, error)) == MT_OK)
        code = mt_analysis_add(half->state, &part, error);
    return code;
}

static mt_code take(void *owner, const mt_request *request, mt_error *error) {
    analysis *self = owner;
    mt_request numbered = *request;
    mt_code code = mt_analysis_check(self->state, request, error);
    if (code == MT_OK && request->hash_count > 0 &&
        !(numbered.hash_ids =
              mt_numbering_of(self->numbering, request->hash_ids, request->hash_count, error)))
        code = mt_code_of(error);
    if (code == MT_OK && (code = mt_locality_add(self->locality, &numbered, error)) == MT_OK)
        code = mt_analysis_add(self->state, &numbered, error);
    if (code == MT_OK && self->halves)
        code = take_half(self, &numbered, error);
    return code == MT_OK && self->by ? group(self, request, error) : code;
}

/* analysis:seal(): nothing will be read any more; gives back what only that needs, of the halves
 * too */
static int analysis_seal(lua_State *L) {
    analysis *self = check_analysis(L);
    mt_numbering_free(self->numbering);
    self->numbering = NULL;
    mt_analysis_seal(self->state);
    mt_locality_seal(self->locality);
    for (int i = 0; i < 2 && self->halves; i++) {
        if (!self->half[i]->locality)
            continue;
        mt_analysis_seal(self->half[i]->state);
        mt_locality_seal(self->half[i]->locality);
    }
    if (self->halves)
        mt_halves_seal(self->halves);
    return 0;
}

static int analysis_read(lua_State *L) {
    analysis *self = check_analysis(L);
    if (!self->numbering)
        mt_lua_raise(L, "analyze: it is sealed");
    return mt_lua_intake_read(L, &self->intake, take, self, "analyze");
}

static int analysis_skipped(lua_State *L) {
    const analysis *self = check_analysis(L);
    return mt_lua_intake_skipped(L, &self->intake);
}

/* analysis:result() -> {requests, blocks, drawn_from | nil, metrics = {name = {mean, ...}}}
 * | nil, message, code */
static int analysis_result(lua_State *L) {
    analysis *self = check_analysis(L);
    mt_analysis_result result;
    mt_error error;
    if (mt_analysis_finish(self->state, &result, &error) != MT_OK) {
        memcpy(error.source, self->intake.source, sizeof error.source);
        return mt_lua_failure(L, &error);
    }
    lua_createtable(L, 0, 3);
    mt_lua_set_count(L, "requests", result.requests);
    mt_lua_set_count(L, "blocks", result.blocks);
    double contents = mt_analysis_drawn_from(self->state);
    if (contents > 0)
        mt_lua_set_count(L, "drawn_from", (uint64_t)(contents + 0.5));
    lua_createtable(L, 0, 5);
    mt_lua_set_summary(L, "input_length", &result.input_length);
    mt_lua_set_summary(L, "context_length", &result.context_length);
    mt_lua_set_summary(L, "unique_prompt_length", &result.unique_prompt_length);
    mt_lua_set_summary(L, "output_length", &result.output_length);
    mt_lua_set_summary(L, "theoretical_hit_rate", &result.theoretical_hit_rate);
    lua_setfield(L, -2, "metrics");
    return 1;
}

/* analysis:sample(metric) -> sample of the requests' values, empty when none has one */
static int analysis_sample(lua_State *L) {
    /* In the order of mt_metric. */
    static const char *const names[] = {"input_length",         "context_length",
                                        "unique_prompt_length", "output_length",
                                        "theoretical_hit_rate", NULL};
    const analysis *self = check_analysis(L);
    mt_metric metric = (mt_metric)luaL_checkoption(L, 2, NULL, names);
    mt_lua_sample *sample = mt_lua_new_sample(L, mt_analysis_values(self->state, metric, NULL));
    mt_lua_sort_sample(sample, mt_analysis_values(self->state, metric, sample->values));
    return 1;
}

/* analysis:allow_no_output() */
static int analysis_allow_no_output(lua_State *L) {
    mt_analysis_allow_no_output(check_analysis(L)->state);
    return 0;
}

const mt_texts *mt_lua_check_groups(lua_State *L) {
    return &check_analysis(L)->texts;
}

mt_locality *mt_lua_check_locality(lua_State *L) {
    return check_analysis(L)->locality;
}

int mt_lua_open_analysis(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"new", analysis_new}, {"policies", mt_lua_policies}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"read", analysis_read},       {"seal", analysis_seal},
        {"skipped", analysis_skipped}, {"result", analysis_result},
        {"sample", analysis_sample},   {"halve", analysis_halve},
        {"half", analysis_half},       {"allow_no_output", analysis_allow_no_output},
        {"close", analysis_release},   {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, analysis_type, methods, analysis_release, NULL);
    lua_getfield(L, -1, "__index");
    luaL_setfuncs(L, mt_lua_locality_methods, 0);
    luaL_setfuncs(L, mt_lua_played_methods, 0);
    luaL_setfuncs(L, mt_lua_course_methods, 0);
    lua_pop(L, 2);
    mt_lua_register_hit_curve(L);
    mt_lua_register_played(L);
    mt_lua_register_sample(L);
    return 1;
}
