/* Results between C and Lua: objectives in, figures out. */
#include "lua/drive/results.h"

#include "lua/drive/drive_binding.h"

#include <stdio.h>

const mt_objective *mt_lua_objectives(lua_State *L, int arg, size_t *count) {
    lua_getfield(L, arg, "objectives");
    int list = lua_gettop(L);
    *count = lua_isnil(L, list) ? 0 : (size_t)luaL_len(L, list);
    mt_objective *objectives = lua_newuserdatauv(L, (*count + 1) * sizeof *objectives, 0);
    for (size_t i = 0; i < *count; i++) {
        lua_geti(L, list, (lua_Integer)i + 1);
        lua_geti(L, -1, 1);
        lua_geti(L, -2, 2);
        objectives[i].metric = mt_measure_by_name(luaL_checkstring(L, -2));
        objectives[i].limit = luaL_checknumber(L, -1);
        luaL_argcheck(L, objectives[i].metric >= 0, arg, "an objective of an unknown metric");
        lua_pop(L, 3);
    }
    return objectives;
}

/* Pushes {count =, avg =, min =, max =, std =, sum =, p1 =, ...}. */
static void push_summary(lua_State *L, const mt_sample_summary *summary) {
    lua_createtable(L, 0, 6 + MT_PERCENTILES);
    mt_lua_set_count(L, "count", summary->count);
    mt_lua_set_number(L, "avg", summary->avg);
    mt_lua_set_number(L, "min", summary->min);
    mt_lua_set_number(L, "max", summary->max);
    mt_lua_set_number(L, "std", summary->std);
    mt_lua_set_number(L, "sum", summary->sum);
    for (int i = 0; i < MT_PERCENTILES; i++) {
        char name[8] = "p";
        lua_Integer percentile = mt_percentiles[i];
        snprintf(name, sizeof name, "p%d", (int)percentile);
        mt_lua_set_number(L, name, summary->percentiles[i]);
    }
}

static void push_metrics(lua_State *L, mt_results *results) {
    mt_sample_summary summary;
    lua_newtable(L);
    for (int i = 0; i < MT_MEASURES; i++) {
        mt_sample_summarise(&results->samples[i], &summary);
        if (summary.count == 0)
            continue;
        push_summary(L, &summary);
        lua_setfield(L, -2, mt_measures[i].key);
    }
    const mt_log_histogram *gaps = results->gaps;
    if (!gaps)
        return;
    summary = (mt_sample_summary){.count = gaps->count,
                                  .avg = gaps->mean,
                                  .min = gaps->min,
                                  .max = gaps->max,
                                  .std = mt_log_histogram_deviation(gaps),
                                  .sum = gaps->sum};
    for (int i = 0; i < MT_PERCENTILES; i++)
        summary.percentiles[i] = mt_log_histogram_percentile(gaps, mt_percentiles[i]);
    push_summary(L, &summary);
    lua_setfield(L, -2, "inter_chunk_latency");
}

static void push_failures(lua_State *L, const mt_results *results) {
    lua_newtable(L);
    for (size_t i = 0; i < results->failure_count; i++) {
        const mt_failure_count *one = &results->failures[i];
        char name[32];
        lua_newtable(L);
        mt_lua_set_text(L, "name", mt_results_failure_name(one->failure, one->status, name));
        mt_lua_set_count(L, "count", one->count);
        mt_lua_set_count(L, "status", (uint64_t)one->status);
        mt_lua_set_text(L, "text", one->text);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
}

static void set_moment(lua_State *L, const char *name, int64_t moment) {
    if (moment == MT_NEVER)
        return;
    lua_pushinteger(L, moment);
    lua_setfield(L, -2, name);
}

static void push_lacking(lua_State *L, const mt_results *results) {
    lua_newtable(L);
    for (int i = 0; i < MT_MEASURES; i++)
        if (results->lacking[i] > 0)
            mt_lua_set_count(L, mt_measures[i].key, results->lacking[i]);
}

void mt_lua_push_results(lua_State *L, mt_results *results) {
    lua_newtable(L);
    mt_lua_set_count(L, "due", results->due);
    mt_lua_set_count(L, "done", results->done);
    mt_lua_set_count(L, "failed", results->failed);
    mt_lua_set_count(L, "cancelled", results->cancelled);
    mt_lua_set_count(L, "not_sent", results->not_sent);
    mt_lua_set_count(L, "good", results->good);
    mt_lua_set_count(L, "resent", results->resent);
    mt_lua_set_count(L, "flagged", results->flagged);
    mt_lua_set_count(L, "usage_said", results->usage_said);
    mt_lua_set_count(L, "cached_said", results->cached_said);
    mt_lua_set_number(L, "cached_tokens", results->cached_tokens);
    mt_lua_set_number(L, "prompt_tokens", results->prompt_tokens);
    mt_lua_set_number(L, "input_tokens", results->input_tokens);
    mt_lua_set_number(L, "output_tokens", results->output_tokens);
    mt_lua_set_number(L, "failed_input", results->failed_input);
    set_moment(L, "first_begun", results->first_begun_ns);
    set_moment(L, "last_answer", results->last_answer_ns);
    set_moment(L, "first_due", results->first_due_ns);
    set_moment(L, "last_due", results->last_due_ns);
    set_moment(L, "last_sent", results->last_sent_ns);
    lua_createtable(L, 0, 5);
    mt_lua_set_count(L, "done", results->ended.done);
    mt_lua_set_count(L, "good", results->ended.good);
    mt_lua_set_number(L, "output_tokens", results->ended.output_tokens);
    mt_lua_set_number(L, "input_tokens", results->ended.input_tokens);
    mt_lua_set_number(L, "in_flight", (double)results->ended.in_flight_ns * 1e-9);
    lua_setfield(L, -2, "ended");
    mt_lua_set_number(L, "longest_late", (double)results->longest_late_ns * 1e-9);
    push_metrics(L, results);
    lua_setfield(L, -2, "metrics");
    push_failures(L, results);
    lua_setfield(L, -2, "failures");
    push_lacking(L, results);
    lua_setfield(L, -2, "lacking");
}

const int64_t *mt_lua_phase_ends(lua_State *L, int arg, size_t *count) {
    lua_getfield(L, arg, "phases");
    *count = lua_isnil(L, -1) ? 0 : (size_t)luaL_len(L, -1);
    int64_t *ends = lua_newuserdatauv(L, (*count + 1) * sizeof *ends, 0);
    for (size_t i = 0; i < *count; i++) {
        lua_geti(L, -2, (lua_Integer)i + 1);
        double seconds = luaL_checknumber(L, -1);
        ends[i] = seconds < 9e9 ? (int64_t)(seconds * 1e9) : INT64_MAX;
        lua_pop(L, 1);
    }
    lua_remove(L, -2);
    return ends;
}

void mt_lua_push_phases(lua_State *L, mt_run_phases *phases) {
    lua_createtable(L, (int)phases->count, 0);
    for (size_t i = 0; i < phases->count; i++) {
        double seconds;
        mt_recovery recovery = mt_run_phases_recovery(phases, i, &seconds);
        lua_createtable(L, 0, 4);
        if (phases->list[i].longest_gap_ns > 0)
            mt_lua_set_number(L, "longest_gap", (double)phases->list[i].longest_gap_ns * 1e-6);
        if (recovery != MT_RECOVERY_UNKNOWN) {
            lua_pushboolean(L, recovery == MT_RECOVERY_DONE);
            lua_setfield(L, -2, "is_recovered");
            mt_lua_set_number(L, "recovery", seconds);
        }
        mt_lua_push_results(L, &phases->list[i].results);
        lua_setfield(L, -2, "results");
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
}
