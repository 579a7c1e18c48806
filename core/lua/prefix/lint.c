/* core.lint: what contradicts itself in a trace. */
#include "lua/trace/intake.h"

#include "prefix/lint/lint.h"

typedef struct lint {
    void *state;
    mt_lua_intake intake;
} lint;

static void release(void *state) {
    mt_lint_free(state);
}

static const mt_lua_type type = {"moontide.lint_state", "lint: it is closed", release};

/* new(block_size): 0 for the one that fits best */
static int lint_new(lua_State *L) {
    uint64_t block_size = mt_lua_check_count(L, 1, "lint: block_size");
    mt_error error;
    lint *self = mt_lua_new_owner(L, sizeof *self, type.name);
    return mt_lua_keep(L, &self->state, mt_lint_new(block_size, &error), &error);
}

static mt_code take(void *owner, const mt_request *request, mt_error *error) {
    return mt_lint_add(((lint *)owner)->state, request, error);
}

static int lint_read(lua_State *L) {
    mt_lua_check_object(L, 1, &type);
    lint *self = lua_touserdata(L, 1);
    return mt_lua_intake_read(L, &self->intake, take, self, "lint");
}

/* ---- the result as a table ---- */

/* An id, of any 64 bits. */
static void set_id(lua_State *L, const char *name, uint64_t value) {
    mt_lua_push_whole(L, value);
    lua_setfield(L, -2, name);
}

/* A time in milliseconds, with its digits. */
static void set_time(lua_State *L, const char *name, int64_t nanoseconds) {
    char digits[32];
    lua_pushlstring(L, digits, (size_t)(mt_write_milliseconds(nanoseconds, 6, digits) - digits));
    lua_setfield(L, -2, name);
}

/* name = {count, lines = {...}} */
static void set_lines(lua_State *L, const char *name, const mt_lines *lines) {
    lua_createtable(L, 0, 2);
    mt_lua_set_count(L, "count", lines->count);
    size_t kept = lines->count < MT_LINES_KEPT ? (size_t)lines->count : MT_LINES_KEPT;
    mt_lua_push_counts(L, lines->line, kept, sizeof *lines->line);
    lua_setfield(L, -2, "lines");
    lua_setfield(L, -2, name);
}

static void set_times(lua_State *L, const mt_lint_result *result) {
    static const char *const reasons[] = {NULL, "epoch", "load", "slow", "turns"};
    static const char *const units[] = {"ms", "s", "us", "ns"};
    set_lines(L, "decreasing", &result->decreasing);
    set_time(L, "decreased_to", result->decreased_to_ns);
    set_time(L, "decreased_from", result->from_ns);
    set_lines(L, "without_time", &result->without_time);
    mt_lua_set_count(L, "times", result->times);
    set_time(L, "first", result->first_ns);
    mt_lua_set_number(L, "span", (double)result->span_ns / 1e9);
    mt_lua_set_number(L, "requests_a_second", result->requests_a_second);
    mt_lua_set_number(L, "tokens_a_second", result->tokens_a_second);
    if (result->unit_reason) {
        lua_pushstring(L, reasons[result->unit_reason]);
        lua_setfield(L, -2, "seconds_because");
        lua_pushstring(L, units[result->unit]);
        lua_setfield(L, -2, "unit");
    }
    if (result->grid.period_ns) {
        mt_lua_push_grid(L, &result->grid);
        lua_setfield(L, -2, "grid");
    }
}

static void set_blocks(lua_State *L, const mt_lint_result *result) {
    set_lines(L, "empty_prompts", &result->empty_prompts);
    set_lines(L, "no_requests", &result->no_requests);
    set_lines(L, "bare_turns", &result->bare_turns);
    set_lines(L, "empty_ids", &result->empty_ids);
    lua_pushboolean(L, result->looks_like_log);
    lua_setfield(L, -2, "looks_like_log");
    lua_pushboolean(L, result->is_whole);
    lua_setfield(L, -2, "is_whole");
    mt_lua_set_count(L, "block_size", result->block_size);
    mt_lua_set_count(L, "prompts", result->prompts);
    mt_lua_set_count(L, "fits", result->size_fit.fits);
    set_lines(L, "misfits", &result->size_fit.misfits);
    set_id(L, "misfit_input", result->size_fit.input_length);
    mt_lua_set_count(L, "misfit_ids", result->size_fit.hash_count);
    mt_lua_set_count(L, "better_size", result->better_size);
    mt_lua_set_count(L, "other_size", result->other_size);
    mt_lua_set_count(L, "better_fits", result->better_fits);
    set_lines(L, "two_parents", &result->two_parents);
    set_id(L, "conflict_id", result->conflict.id);
    mt_lua_set_count(L, "conflict_line", result->conflict.line);
    if (result->conflict.has_now)
        set_id(L, "parent_now", result->conflict.now);
    if (result->conflict.has_before)
        set_id(L, "parent_before", result->conflict.before);
    mt_lua_set_count(L, "next_id", result->next_id);
}

static void set_rows(lua_State *L, const mt_lint_result *result) {
    static const char *const names[] = {NULL, "cumulative", "delta"};
    const mt_rows_evidence *evidence = &result->evidence;
    if (result->twice_named > 0) {
        mt_lua_set_count(L, "twice_named", result->twice_named);
        lua_pushstring(L, result->twice_name);
        lua_setfield(L, -2, "twice_name");
    }
    set_lines(L, "lost_names", &result->lost_names);
    lua_pushstring(L, result->lost_name);
    lua_setfield(L, -2, "lost_name");
    lua_pushstring(L, names[result->rows]); /* nil for NULL */
    lua_setfield(L, -2, "rows");
    mt_lua_set_count(L, "continued", evidence->continued);
    mt_lua_set_count(L, "apart", evidence->apart);
    mt_lua_set_count(L, "longer", evidence->longer);
    mt_lua_set_count(L, "shorter", evidence->shorter);
    mt_lua_set_count(L, "first_apart", evidence->first_apart);
    mt_lua_set_count(L, "first_shorter", evidence->first_shorter);
}

/* lint:result() -> table, the members of mt_lint_result | nil, message, code */
static int lint_result(lua_State *L) {
    mt_lint_result result;
    mt_error error;
    if (mt_lint_finish(mt_lua_check_object(L, 1, &type), &result, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_newtable(L);
    mt_lua_set_count(L, "requests", result.requests);
    set_times(L, &result);
    set_blocks(L, &result);
    set_rows(L, &result);
    return 1;
}

int mt_lua_open_lint(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", lint_new}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"read", lint_read}, {"result", lint_result}, {"close", mt_lua_close}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_object_type(L, &type, methods, NULL);
    lua_pop(L, 1);
    return 1;
}
