/* core.prompt and core.lengths: prompt sources and lengths as userdata. */
#include "lua/load/load_binding.h"
#include "lua/prefix/model_binding.h"
#include "lua/trace/trace_binding.h"

#include "base/memory.h"

/* ---- lengths ---- */

static void release_lengths(void *lengths) {
    mt_lengths_release(lengths);
}

static const mt_lua_type lengths_type = {"moontide.lengths", "the lengths are closed",
                                         release_lengths};

mt_lengths *mt_lua_check_lengths(lua_State *L, int arg) {
    return mt_lua_check_object(L, arg, &lengths_type);
}

/* Reads {input, is_new, output} at `at`, distributions or rules. output may be false; input may be false where the prompt
 * source decides it. */
static mt_length_pair check_pair(lua_State *L, int at) {
    mt_length_pair pair = {0};
    lua_geti(L, at, 1);
    if (lua_toboolean(L, -1) && !(pair.input_rule = mt_lua_test_length_rule(L, -1)))
        pair.input = mt_lua_check_distribution(L, -1);
    lua_geti(L, at, 2);
    pair.input_is_new = lua_toboolean(L, -1);
    lua_geti(L, at, 3);
    if (lua_toboolean(L, -1) && !(pair.output_rule = mt_lua_test_length_rule(L, -1)))
        pair.output = mt_lua_check_distribution(L, -1);
    lua_pop(L, 3);
    return pair;
}

/* pair({input, is_new, output or false}) */
static int pair(lua_State *L) {
    mt_error error;
    luaL_checktype(L, 1, LUA_TTABLE);
    mt_length_pair value = check_pair(L, 1);
    void **place = mt_lua_new_object(L, &lengths_type);
    return mt_lua_keep(L, place, mt_lengths_pair(&value, &error), &error);
}

/* classes({ {input, is_new, output or false, weight curve}, ... }) */
static int classes(lua_State *L) {
    mt_error error;
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t count = (size_t)luaL_len(L, 1);
    /* Lua owns the arrays while arguments are still being checked. */
    mt_length_pair *pairs = lua_newuserdatauv(L, count * sizeof *pairs + 1, 0);
    mt_curve **weights = lua_newuserdatauv(L, count * sizeof(mt_curve *) + 1, 0);
    for (size_t i = 0; i < count; i++) {
        lua_geti(L, 1, (lua_Integer)i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        pairs[i] = check_pair(L, lua_gettop(L));
        lua_geti(L, -1, 4);
        weights[i] = mt_lua_check_curve(L, -1);
        lua_pop(L, 2);
    }
    void **place = mt_lua_new_object(L, &lengths_type);
    return mt_lua_keep(L, place, mt_lengths_classes(pairs, weights, count, &error), &error);
}

/* Request i's lengths; output UINT64_MAX when it has none. */
static void fill_lengths(lua_State *L, const char *name, size_t i, const mt_request *request,
                         uint64_t *input, uint64_t *output) {
    if (!(request->has & MT_HAS_INPUT_LENGTH) || request->input_length == 0)
        mt_lua_raise(L, "%s: request %I of the trace has no input_length above 0", name,
                     (lua_Integer)i + 1);
    *input = request->input_length;
    *output = request->has & MT_HAS_OUTPUT_LENGTH ? request->output_length : UINT64_MAX;
}

/* recorded(columns): one of the trace's pairs of lengths, drawn whole; all must have an
 * input_length */
static int recorded_lengths(lua_State *L) {
    mt_error error;
    mt_columns *columns = mt_lua_check_columns(L, 1);
    size_t count = columns->count;
    uint64_t *lists = lua_newuserdatauv(L, 2 * count * sizeof *lists + 1, 0);
    for (size_t i = 0; i < count; i++) {
        mt_request request;
        mt_columns_get(columns, i, &request);
        fill_lengths(L, "lengths_of", i, &request, &lists[i], &lists[count + i]);
    }
    void **place = mt_lua_new_object(L, &lengths_type);
    return mt_lua_keep(L, place, mt_lengths_recorded(lists, lists + count, count, &error), &error);
}

/* have_rules(lengths) -> boolean: are they unknown on average? */
static int have_rules(lua_State *L) {
    lua_pushboolean(L, mt_lengths_have_rules(mt_lua_check_lengths(L, 1)));
    return 1;
}

int mt_lua_open_lengths(lua_State *L) {
    static const luaL_Reg functions[] = {{"pair", pair},
                                         {"classes", classes},
                                         {"recorded", recorded_lengths},
                                         {"have_rules", have_rules},
                                         {NULL, NULL}};
    mt_lua_new_object_type(L, &lengths_type, NULL, NULL);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}

/* ---- prompts ---- */

static void release_prompt(void *prompt) {
    mt_prompt_release(prompt);
}

static const mt_lua_type prompt_type = {"moontide.prompt", "the prompt source is closed",
                                        release_prompt};

mt_prompt *mt_lua_check_prompt(lua_State *L, int arg) {
    return mt_lua_check_object(L, arg, &prompt_type);
}

mt_prompt *mt_lua_test_prompt(lua_State *L, int arg) {
    void **place = mt_lua_test_object(L, arg, &prompt_type);
    return place ? *place : NULL;
}

/* Registry: a handle of the one prompt that all of unique()'s share. No script is given this handle, so none
 * can close it. */
static const char unique_key[] = "moontide.prompt.unique";

/* unique() -> a handle of its own over the shared prompt: closing one closes no other */
static int unique(lua_State *L) {
    mt_error error;
    lua_rawgetp(L, LUA_REGISTRYINDEX, unique_key);
    mt_prompt *shared = mt_lua_test_prompt(L, -1);
    if (!shared) { /* not made yet, or the state is being closed */
        void **kept = mt_lua_new_object(L, &prompt_type);
        mt_lua_keep(L, kept, mt_prompt_unique(&error), &error);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, unique_key);
        shared = *kept;
    }
    void **place = mt_lua_new_object(L, &prompt_type);
    return mt_lua_keep(L, place, mt_prompt_retain(shared), &error);
}

/* random_blocks(total) */
static int random_blocks(lua_State *L) {
    mt_error error;
    uint64_t total = mt_lua_check_count(L, 1, "random_blocks: total");
    void **place = mt_lua_new_object(L, &prompt_type);
    return mt_lua_keep(L, place, mt_prompt_random_blocks(total, &error), &error);
}

/* Reads {tokens, pick, count, name}: pick a distribution, or how many contents are equally likely;
 * name a string or nil. */
static mt_prompt_part check_part(lua_State *L, int at) {
    mt_prompt_part part = {0};
    lua_geti(L, at, 1);
    part.tokens = mt_lua_check_distribution(L, -1);
    lua_geti(L, at, 2);
    if (lua_isuserdata(L, -1))
        part.pick = mt_lua_check_distribution(L, -1);
    else
        part.uniform = mt_lua_check_count(L, -1, "parts: pick");
    lua_geti(L, at, 3);
    part.count = mt_lua_check_count(L, -1, "parts: count");
    lua_geti(L, at, 4);
    part.name = luaL_optstring(L, -1, NULL); /* held by the table */
    lua_pop(L, 4);
    return part;
}

/* parts({ {tokens, pick, count, name}, ... }, text) */
static int parts(lua_State *L) {
    mt_error error;
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *text = luaL_checkstring(L, 2);
    size_t count = (size_t)luaL_len(L, 1);
    mt_prompt_part *list = lua_newuserdatauv(L, count * sizeof *list + 1, 0);
    for (size_t i = 0; i < count; i++) {
        lua_geti(L, 1, (lua_Integer)i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        list[i] = check_part(L, lua_gettop(L));
        lua_pop(L, 1);
    }
    void **place = mt_lua_new_object(L, &prompt_type);
    return mt_lua_keep(L, place, mt_prompt_parts(list, count, text, &error), &error);
}

/* recorded(columns, wrap): the prompts of a trace; every request must have an input_length */
static int recorded_prompts(lua_State *L) {
    mt_error error;
    mt_columns *columns = mt_lua_check_columns(L, 1);
    int wrap = lua_toboolean(L, 2);
    size_t count = columns->count;
    uint64_t *lists = lua_newuserdatauv(L, 3 * count * sizeof *lists + 1, 0);
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        mt_request request;
        mt_columns_get(columns, i, &request);
        fill_lengths(L, "prompts_of", i, &request, &lists[i], &lists[count + i]);
        lists[2 * count + i] = total += request.hash_count;
    }
    mt_recorded_prompts recorded = {.inputs = lists,
                                    .outputs = lists + count,
                                    .id_ends = lists + 2 * count,
                                    .ids = columns->hash_ids.data,
                                    .count = count};
    void **place = mt_lua_new_object(L, &prompt_type);
    return mt_lua_keep(L, place, mt_prompt_recorded(&recorded, wrap, &error), &error);
}

/* learned(model) */
static int learned_prompts(lua_State *L) {
    mt_error error;
    mt_model *model = mt_lua_check_model(L, 1);
    void **place = mt_lua_new_object(L, &prompt_type);
    return mt_lua_keep(L, place, mt_prompt_learned(model, &error), &error);
}

/* decides(prompt) -> boolean: does it fix the lengths itself? */
static int decides(lua_State *L) {
    lua_pushboolean(L, mt_prompt_decides(mt_lua_check_prompt(L, 1), NULL));
    return 1;
}

static int prompt_text(lua_State *L) {
    lua_pushstring(L, mt_prompt_text(mt_lua_check_prompt(L, 1)));
    return 1;
}

int mt_lua_open_prompt(lua_State *L) {
    static const luaL_Reg meta[] = {{"__tostring", prompt_text}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"unique", unique},
                                         {"random_blocks", random_blocks},
                                         {"parts", parts},
                                         {"recorded", recorded_prompts},
                                         {"learned", learned_prompts},
                                         {"decides", decides},
                                         {NULL, NULL}};
    mt_lua_new_object_type(L, &prompt_type, NULL, meta);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
