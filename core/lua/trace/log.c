/* core.log: logs as sources, and the steps that make traces of them. Positional and strict;
 * lua/moontide/trace/log.lua and convert.lua are the pleasant side. Times are nanoseconds. */
#include "lua/trace/source_binding.h"

#include "trace/log/source.h"

#include <math.h>

/* Names of a CSV's columns, by role. */
static const char *const roles[MT_LOG_ROLES] = {"timestamp", "input", "output",
                                                "session",   "model", "log_type"};

/* ---- opening ---- */

/* The text of a field of the table at `index`, NULL without one; it stays in the table. */
static const char *text_field(lua_State *L, int index, const char *field) {
    lua_getfield(L, index, field);
    const char *text = luaL_optstring(L, -1, NULL);
    lua_pop(L, 1);
    return text;
}

static lua_Integer number_field(lua_State *L, int index, const char *field, lua_Integer absent) {
    lua_getfield(L, index, field);
    lua_Integer number = luaL_optinteger(L, -1, absent);
    lua_pop(L, 1);
    return number;
}

static void set_flag(lua_State *L, const char *name, int value) {
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static void push_about(lua_State *L, const mt_log *log) {
    mt_log_facts facts = mt_log_facts_of(log);
    lua_createtable(L, 0, 8);
    lua_pushstring(L, facts.format);
    lua_setfield(L, -2, "format");
    mt_lua_set_count(L, "block_size", facts.block_size);
    set_flag(L, "has_times", facts.has_times);
    set_flag(L, "has_texts", facts.has_texts);
    set_flag(L, "starts_unknown", facts.starts_unknown);
    set_flag(L, "has_waits", facts.has_waits);
    mt_lua_set_count(L, "passed_over", facts.passed_over);
    lua_createtable(L, (int)facts.column_count, 0);
    for (size_t i = 0; i < facts.column_count; i++) {
        lua_pushlstring(L, facts.columns[i].text, facts.columns[i].length);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "columns");
}

/* open(path, options) -> source, {format, block_size (0: not known), has_times, has_texts,
 * starts_unknown, has_waits, passed_over, columns} | nil, message, code. options: format, columns
 * (a table by role), delimiter, time_digits, block_size, skip_bad_lines, start ("together",
 * "uniform" or "poisson") with start_value and start_seed; model, log_type, skip, limit, number,
 * rows_before, in_order as mt_log_wanted has them. All may be absent. */
static int open_log(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    mt_log_options options = {.format = text_field(L, 2, "format"),
                              .time_digits = (int)number_field(L, 2, "time_digits", -1),
                              .block_size = (uint64_t)number_field(L, 2, "block_size", 0)};
    static const char *const rules[] = {"script", "words", "chars", "bytes", NULL};
    lua_getfield(L, 2, "count");
    options.token_rule = (mt_token_rule)luaL_checkoption(L, -1, "script", rules);
    lua_getfield(L, 2, "tokens_per_char");
    options.tokens_per_char = luaL_optnumber(L, -1, 0);
    static const char *const laws[] = {"together", "uniform", "poisson", NULL};
    lua_getfield(L, 2, "start");
    options.start.law = (mt_log_start_law)luaL_checkoption(L, -1, "together", laws);
    lua_getfield(L, 2, "start_value");
    options.start.value = luaL_optnumber(L, -1, 1);
    options.start.seed = (uint64_t)number_field(L, 2, "start_seed", 0);
    const char *delimiter = text_field(L, 2, "delimiter");
    options.delimiter = delimiter ? *delimiter : '\0';
    mt_log_wanted rows = {.model = text_field(L, 2, "model"),
                          .log_type = text_field(L, 2, "log_type"),
                          .skip = (uint64_t)number_field(L, 2, "skip", 0),
                          .limit = (uint64_t)number_field(L, 2, "limit", -1),
                          .number = (uint64_t)number_field(L, 2, "number", 0),
                          .rows_before = (uint64_t)number_field(L, 2, "rows_before", 0)};
    mt_error error;
    lua_getfield(L, 2, "skip_bad_lines");
    options.skip_bad_rows = lua_toboolean(L, -1);
    lua_getfield(L, 2, "in_order");
    rows.in_order = lua_toboolean(L, -1);
    lua_getfield(L, 2, "columns");
    for (size_t i = 0; lua_istable(L, -1) && i < MT_LOG_ROLES; i++)
        options.columns[i] = text_field(L, lua_gettop(L), roles[i]);
    void **place = mt_lua_new_source(L);
    mt_log *log = mt_log_open(path, &options, &error);
    if (log)
        *place = mt_source_log(log, &rows, &error);
    if (!*place)
        return mt_lua_failure(L, &error);
    push_about(L, log);
    return 2;
}

/* ---- what a log gave ---- */

/* summary(source, speed) -> the members of mt_log_summary, bad, first_bad, has_times, has_dates;
 * first_ns and last_ns only where there are times, and span_ns, from one to the other at that
 * speed; nothing: why it gave none | nil, message, code */
static int summarise(lua_State *L) {
    mt_source *source = mt_lua_check_source(L, 1);
    double speed = mt_lua_check_finite(L, 2, "log: speed");
    char text[MT_ERROR_SOURCE_SIZE + MT_ERROR_MESSAGE_SIZE + 64];
    mt_log_summary summary;
    mt_error error, first;
    int64_t span = 0;
    const mt_log *log = mt_source_log_of(source, &summary);
    if (!log || !(speed > 0))
        return mt_lua_raise(L, "this is no log, or no speed");
    mt_log_facts facts = mt_log_facts_of(log);
    int has_times = summary.timed > 0;
    if (has_times && (__builtin_sub_overflow(summary.last_ns, summary.first_ns, &span) ||
                      (speed != 1 && mt_scale_time(span, speed, &span) != 0))) {
        mt_fail(&error, MT_ERROR_VALUE, "%s: at a speed of %g, its times span more than 292 years",
                facts.name, speed);
        return mt_lua_failure(L, &error);
    }
    uint64_t bad = mt_log_skipped(log, &first);
    lua_createtable(L, 0, 16);
    mt_lua_set_count(L, "rows", summary.rows);
    mt_lua_set_count(L, "of_model", summary.of_model);
    mt_lua_set_count(L, "of_type", summary.of_type);
    mt_lua_set_count(L, "after_skip", summary.after_skip);
    mt_lua_set_count(L, "kept", summary.kept);
    mt_lua_set_count(L, "backwards", summary.backwards);
    mt_lua_set_count(L, "backwards_line", summary.backwards_line);
    mt_lua_set_count(L, "bad", bad);
    mt_lua_set_count(L, "parts_without_text", facts.parts_without_text);
    set_flag(L, "has_times", has_times);
    set_flag(L, "has_dates", facts.has_dates);
    if (bad > 0) {
        lua_pushstring(L, mt_error_text(&first, text, sizeof text));
        lua_setfield(L, -2, "first_bad");
    }
    if (summary.kept == 0) {
        lua_pushstring(L, mt_source_log_nothing(source, text, sizeof text));
        lua_setfield(L, -2, "nothing");
    }
    if (has_times) {
        mt_lua_set_count(L, "first_ns", (uint64_t)summary.first_ns);
        mt_lua_set_count(L, "last_ns", (uint64_t)summary.last_ns);
        mt_lua_set_count(L, "span_ns", (uint64_t)span);
    }
    return 1;
}

/* failed_at_row(source) -> was its failure about a row that skip_bad_lines passes over? */
static int failed_at_row(lua_State *L) {
    mt_log_summary summary;
    const mt_log *log = mt_source_log_of(mt_lua_check_source(L, 1), &summary);
    lua_pushboolean(L, log && mt_log_facts_of(log).failed_at_row);
    return 1;
}

/* ---- steps ---- */

/* prompts(source, ahead | nil, block_size, hash_blocks | nil, seed, no_sessions) -> source
 * | nil, message, code. `ahead`, a source, is closed. */
static int prompts(lua_State *L) {
    void **place = mt_lua_source_place(L, 1);
    void **ahead = lua_isnil(L, 2) ? NULL : mt_lua_source_place(L, 2);
    mt_prompts options = {.block_size = mt_lua_check_count(L, 3, "prompts: block_size"),
                          .hash_blocks = lua_isnil(L, 4)
                                             ? UINT64_MAX
                                             : mt_lua_check_count(L, 4, "prompts: hash_blocks"),
                          .seed = (uint64_t)luaL_checkinteger(L, 5),
                          .no_sessions = lua_toboolean(L, 6)};
    mt_error error;
    if (ahead == place)
        return mt_lua_raise(L, "prompts: a source cannot be looked through before itself");
    mt_source *looked = ahead ? *ahead : NULL;
    if (ahead)
        *ahead = NULL;
    *place = mt_step_prompts(*place, looked, &options, &error);
    if (!*place)
        return mt_lua_failure(L, &error);
    lua_settop(L, 1);
    return 1;
}

/* measure(source, end_ns, bins) -> source | nil, message, code */
static int measure(lua_State *L) {
    void **place = mt_lua_source_place(L, 1);
    int64_t end = luaL_checkinteger(L, 2);
    size_t bins = (size_t)mt_lua_check_count(L, 3, "measure: bins");
    mt_error error;
    *place = mt_step_measure(*place, end, bins, &error);
    if (!*place)
        return mt_lua_failure(L, &error);
    lua_settop(L, 1);
    return 1;
}

static void set_lengths(lua_State *L, const char *name, const mt_summary *lengths) {
    if (lengths->count == 0)
        return;
    lua_createtable(L, 0, 4);
    mt_lua_set_count(L, "min", (uint64_t)lengths->min);
    mt_lua_set_count(L, "max", (uint64_t)lengths->max);
    lua_pushnumber(L, lengths->mean);
    lua_setfield(L, -2, "mean");
    if (!isnan(lengths->sample_deviation)) {
        lua_pushnumber(L, lengths->sample_deviation);
        lua_setfield(L, -2, "std");
    }
    lua_setfield(L, -2, name);
}

/* measures(source) -> {requests, sessions, without_input, without_output, longest, blocks,
 * distinct, input_length, output_length}, the counts of the bins; what a measured source has given
 * so far */
static int measures(lua_State *L) {
    mt_step_measures all;
    mt_source *source = mt_lua_check_source(L, 1);
    const uint64_t *in_bin = mt_source_measures(source, &all);
    if (!in_bin || all.requests == 0)
        return mt_lua_raise(L, "measures: nothing is measured, or memory is out");
    lua_createtable(L, 0, 16);
    mt_lua_set_count(L, "requests", all.requests);
    mt_lua_set_count(L, "sessions", all.sessions);
    mt_lua_set_count(L, "without_input", all.without_input);
    mt_lua_set_count(L, "without_output", all.without_output);
    mt_lua_set_count(L, "longest", all.longest);
    mt_lua_set_count(L, "blocks", all.blocks);
    mt_lua_set_count(L, "distinct", mt_source_prompt_ids(source));
    mt_lua_set_count(L, "made", mt_source_prompts_made(source));
    set_lengths(L, "input_length", &all.input);
    set_lengths(L, "output_length", &all.output);
    mt_lua_set_count(L, "unknown_output", all.requests - all.output.count);
    lua_createtable(L, MT_MEASURE_BINS, 0);
    for (size_t i = 0; i < MT_MEASURE_BINS; i++) {
        lua_pushinteger(L, (lua_Integer)in_bin[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 2;
}

static void push_formats(lua_State *L) {
    size_t count = mt_log_format_count();
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        mt_log_format format = mt_log_format_of(i);
        lua_createtable(L, 0, 4);
        lua_pushstring(L, format.name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, format.title);
        lua_setfield(L, -2, "title");
        set_flag(L, "takes_columns", format.takes_columns);
        mt_lua_set_count(L, "block_size", format.block_size);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

int mt_lua_open_log(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"open", open_log},   {"summary", summarise}, {"failed_at_row", failed_at_row},
        {"prompts", prompts}, {"measure", measure},   {"measures", measures},
        {NULL, NULL}};
    luaL_newlib(L, functions);
    push_formats(L);
    lua_setfield(L, -2, "formats");
    return 1;
}
