/* drive.replay: a source of requests that is driven, and what came of it. */
#include "lua/drive/adapter.h"
#include "lua/drive/drive_binding.h"
#include "lua/drive/results.h"

#include "base/memory.h"
#include "drive/replay.h"
#include "trace/step/shard.h"

#include <math.h>
#include <string.h>

static const char replay_type[] = "moontide.replay";

typedef struct replay_owner {
    mt_replay *replay; /* NULL: closed */
    mt_driver *driver; /* for its clock; the driver's userdata is kept by the user value */
    mt_token_texts tokens;
    mt_lua_adapter adapter;
    mt_output *lines, *record, *inputs; /* NULL: not asked for, or finished */
} replay_owner;

static replay_owner *check_replay(lua_State *L) {
    replay_owner *owner = luaL_checkudata(L, 1, replay_type);
    if (!owner->replay)
        mt_lua_raise(L, "the replay is closed");
    return owner;
}

/* ---- options ------------------------------------------------------------------------------------ */

/* members = {{name, JSON text}, ...}, as a C array in a userdata that is left on the stack. */
static void read_members(lua_State *L, mt_body_options *body) {
    lua_getfield(L, 3, "members");
    int list = lua_gettop(L);
    body->member_count = lua_isnil(L, list) ? 0 : (size_t)luaL_len(L, list);
    mt_body_member *members = lua_newuserdatauv(L, (body->member_count + 1) * sizeof *members, 0);
    for (size_t i = 0; i < body->member_count; i++) {
        lua_geti(L, list, (lua_Integer)i + 1);
        lua_geti(L, -1, 1);
        lua_geti(L, -2, 2);
        members[i] = (mt_body_member){luaL_checkstring(L, -2), luaL_checkstring(L, -1)};
        lua_pop(L, 3); /* the texts are held by the table */
    }
    body->members = members;
}

static void read_body(lua_State *L, replay_owner *owner, mt_body_options *body) {
    static const char *const apis[] = {"chat", "tokens", "text", NULL};
    mt_error error;
    lua_getfield(L, 3, "api");
    body->api = luaL_checkoption(L, -1, "chat", apis);
    lua_pop(L, 1);
    body->model = mt_lua_text_field(L, 3, "model");
    body->output_field = mt_lua_text_field(L, 3, "output_field");
    luaL_argcheck(L, body->model && body->output_field, 3, "model and output_field are needed");
    body->forces_output = mt_lua_truth_field(L, 3, "forces_output");
    body->streams = mt_lua_truth_field(L, 3, "streams");
    body->block_size = mt_lua_count_field(L, 3, "block_size", 512);
    body->seed = mt_lua_count_field(L, 3, "seed", 0);
    body->overhead = mt_lua_count_field(L, 3, "overhead", 0);
    body->message_overhead = mt_lua_count_field(L, 3, "message_overhead", 0);
    if (mt_token_texts_make(&owner->tokens, mt_lua_count_field(L, 3, "first_token", 1000),
                            mt_lua_count_field(L, 3, "last_token", 30000), &error) != MT_OK)
        mt_lua_raise_error(L, &error);
    body->tokens = owner->tokens;
    read_members(L, body);
}

/* endpoints = {{host =, path =}, ...} and headers = {text, ...}. */
static void read_heads(lua_State *L, mt_replay_options *options) {
    size_t header_count;
    const char *const *headers = mt_lua_texts_field(L, 3, "headers", &header_count);
    lua_getfield(L, 3, "endpoints");
    int list = lua_gettop(L);
    options->head_count = (size_t)luaL_len(L, list);
    mt_head_options *heads = lua_newuserdatauv(L, (options->head_count + 1) * sizeof *heads, 0);
    for (size_t i = 0; i < options->head_count; i++) {
        lua_geti(L, list, (lua_Integer)i + 1);
        heads[i] = (mt_head_options){.host = mt_lua_text_field(L, -1, "host"),
                                     .path = mt_lua_text_field(L, -1, "path"),
                                     .headers = headers,
                                     .header_count = header_count,
                                     .seed = options->seed};
        luaL_argcheck(L, heads[i].host && heads[i].path, 3, "an endpoint needs host and path");
        lua_pop(L, 1);
    }
    options->heads = heads;
}

static mt_code open_output(lua_State *L, const char *name, mt_output **output, mt_error *error) {
    const char *path = mt_lua_text_field(L, 3, name);
    if (!path)
        return MT_OK;
    *output = mt_output_open(path, error);
    return *output ? MT_OK : mt_code_of(error);
}

static mt_code open_outputs(lua_State *L, replay_owner *owner, mt_error *error) {
    static const char begin[] = "{\"data\": [\n";
    mt_code code = open_output(L, "lines", &owner->lines, error);
    if (code == MT_OK && owner->lines) /* what was done until a host dies is not lost */
        code = mt_output_show_part(owner->lines, error);
    if (code == MT_OK)
        code = open_output(L, "record", &owner->record, error);
    if (code == MT_OK)
        code = open_output(L, "inputs", &owner->inputs, error);
    if (code == MT_OK && owner->inputs)
        code = mt_output_write(owner->inputs, begin, sizeof begin - 1, error);
    return code;
}

/* What the userdata at `arg`, of a type of moontide.core, holds first and goes on owning. */
static void *check_held(lua_State *L, int arg, const char *type, const char *name) {
    void **held = luaL_checkudata(L, arg, type);
    if (!*held)
        mt_lua_raise(L, "the %s is closed", name);
    return *held;
}

/* replay(driver, source, {api =, model =, output_field =, forces_output =, streams =, members =,
 * block_size =, seed =, first_token =, last_token =, overhead =, message_overhead =, endpoints =,
 * headers =, live_history =, by_session =, first_number =, slots =, start = (monotonic ns), window_begin =, window_end = (seconds),
 * cancel_after = distribution, objectives =, by =, phases = (lua/drive/results.h), lines =, record =, inputs = (paths),
 * input_bytes =, hidden = {names}, epoch =, request =, event = (lua/drive/adapter.h)}) -> replay, or nil, message,
 * code. The source must stay open as long. */
static int replay_new(lua_State *L) {
    mt_error error;
    mt_replay_options options = {0};
    mt_driver *driver = mt_lua_check_driver(L, 1);
    mt_source *source = check_held(L, 2, "moontide.reader", "trace");
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    replay_owner *owner = mt_lua_new_owner(L, sizeof *owner, replay_type);
    owner->driver = driver;
    options.seed = mt_lua_count_field(L, 3, "seed", 0);
    read_body(L, owner, &options.body);
    read_heads(L, &options);
    options.objectives = mt_lua_objectives(L, 3, &options.objective_count);
    options.phase_ends_ns = mt_lua_phase_ends(L, 3, &options.phase_count);
    mt_lua_adapter_options(L, 3, &owner->adapter, &options.adapter);
    options.live_history = mt_lua_truth_field(L, 3, "live_history");
    options.by_session = mt_lua_truth_field(L, 3, "by_session");
    options.first_number = mt_lua_count_field(L, 3, "first_number", 0);
    options.slots = mt_lua_count_field(L, 3, "slots", 0);
    options.start_ns = (int64_t)mt_lua_count_field(L, 3, "start", 0);
    options.window_begin_ns = mt_lua_seconds_field(L, 3, "window_begin", INT64_MIN);
    options.window_end_ns = mt_lua_seconds_field(L, 3, "window_end", INT64_MAX);
    options.by = mt_lua_text_field(L, 3, "by");
    options.hidden = mt_lua_texts_field(L, 3, "hidden", &options.hidden_count);
    options.input_bytes = mt_lua_count_field(L, 3, "input_bytes", UINT64_MAX);
    options.epoch_ns = (int64_t)mt_lua_count_field(L, 3, "epoch", 0);
    lua_getfield(L, 3, "cancel_after");
    if (!lua_isnil(L, -1))
        options.cancel_after = check_held(L, -1, "moontide.distribution", "distribution");
    /* All that the options point to is on the stack: one list keeps it as long as the replay. */
    int last = lua_gettop(L);
    lua_newtable(L);
    for (int i = 1; i <= last; i++) {
        if (i == 4)
            continue;
        lua_pushvalue(L, i);
        lua_seti(L, -2, i);
    }
    lua_setiuservalue(L, 4, 1);
    lua_settop(L, 4);
    if (open_outputs(L, owner, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    options.lines = owner->lines;
    options.record = owner->record;
    options.inputs = owner->inputs;
    owner->replay = mt_replay_new(source, driver, &options, &error);
    return owner->replay ? 1 : mt_lua_failure(L, &error);
}

/* replay:start(moment): monotonic nanoseconds; before the first step */
static int replay_start(lua_State *L) {
    mt_replay_start(check_replay(L)->replay, luaL_checkinteger(L, 2));
    return 0;
}

/* ---- running ------------------------------------------------------------------------------------ */

/* replay:step(seconds) -> true, to be called again | false, all has ended | nil, message, code */
static int replay_step(lua_State *L) {
    mt_error error;
    replay_owner *owner = check_replay(L);
    double seconds = luaL_checknumber(L, 2);
    lua_settop(L, 2);
    lua_getiuservalue(L, 1, 1);
    lua_geti(L, -1, 3); /* the options */
    lua_remove(L, -2);
    mt_lua_adapter_begin(L, &owner->adapter);
    int status = mt_replay_step(owner->replay, mt_now_ns() + (int64_t)(seconds * 1e9), &error);
    if (owner->lines) /* a failure is told by the next write */
        (void)mt_output_flush(owner->lines, NULL);
    if (status < 0)
        return mt_lua_failure(L, &error);
    lua_pushboolean(L, status);
    return 1;
}

/* replay:stop(grace seconds, "run_end" | "interrupt"): sends no more */
static int replay_stop(lua_State *L) {
    static const char *const reasons[] = {"run_end", "interrupt", NULL};
    replay_owner *owner = check_replay(L);
    double grace = luaL_checknumber(L, 2);
    int reason = luaL_checkoption(L, 3, "run_end", reasons);
    int64_t until = grace < 9e9 ? mt_now_ns() + (int64_t)(grace * 1e9) : INT64_MAX;
    mt_replay_stop(owner->replay, until,
                   reason == 0 ? MT_FAILURE_CANCELLED_RUN_END : MT_FAILURE_CANCELLED_INTERRUPT);
    return 0;
}

static void set_pair(lua_State *L, const char *name, const double *pair) {
    if (isnan(pair[0]))
        return;
    lua_createtable(L, 2, 0);
    for (int i = 0; i < 2; i++) {
        lua_pushnumber(L, pair[i]);
        lua_seti(L, -2, i + 1);
    }
    lua_setfield(L, -2, name);
}

/* replay:window_has_ended() -> is its end over, and all that was due in it? */
static int replay_window_has_ended(lua_State *L) {
    lua_pushboolean(L, mt_replay_window_has_ended(check_replay(L)->replay));
    return 1;
}

/* replay:look() -> {read =, offered =, ended =, held =, done =, failed =, cancelled =, not_sent =, source_ended =, last_planned = (seconds),
 * write_failures =, write_error =, input_tokens =, output_tokens =, ttft =, itl =, lag =, latency = ({p50,
 * p99} of the last seconds, in ms)} */
static int replay_look(lua_State *L) {
    mt_replay_progress progress;
    char text[MT_ERROR_SOURCE_SIZE + MT_ERROR_MESSAGE_SIZE + 64];
    mt_replay_look(check_replay(L)->replay, &progress);
    lua_newtable(L);
    mt_lua_set_count(L, "read", progress.read);
    mt_lua_set_count(L, "offered", progress.offered);
    mt_lua_set_count(L, "ended", progress.ended);
    mt_lua_set_count(L, "held", progress.held);
    mt_lua_set_count(L, "done", progress.done);
    mt_lua_set_count(L, "failed", progress.failed);
    mt_lua_set_count(L, "cancelled", progress.cancelled);
    mt_lua_set_count(L, "not_sent", progress.not_sent);
    lua_pushboolean(L, progress.source_ended);
    lua_setfield(L, -2, "source_ended");
    lua_pushboolean(L, progress.is_read_whole);
    lua_setfield(L, -2, "read_whole");
    if (progress.last_planned_ns >= 0)
        mt_lua_set_number(L, "last_planned", (double)progress.last_planned_ns * 1e-9);
    mt_lua_set_count(L, "write_failures", progress.write_failures);
    if (progress.write_failures > 0)
        mt_lua_set_text(L, "write_error", mt_error_text(&progress.write_error, text, sizeof text));
    mt_lua_set_number(L, "input_tokens", progress.input_tokens);
    mt_lua_set_number(L, "output_tokens", progress.output_tokens);
    for (int i = 0; i < MT_RECENT_METRICS; i++)
        set_pair(L, mt_recent_names[i], progress.recent[i]);
    return 1;
}

/* replay:failures() -> {name = count}: of all that has ended */
static int replay_failures(lua_State *L) {
    mt_replay *replay = check_replay(L)->replay;
    const mt_results *both[] = {mt_replay_results(replay), mt_replay_outside(replay)};
    lua_newtable(L);
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < both[i]->failure_count; k++) {
            const mt_failure_count *one = &both[i]->failures[k];
            char text[32];
            const char *name = mt_results_failure_name(one->failure, one->status, text);
            lua_getfield(L, -1, name);
            uint64_t before = (uint64_t)lua_tointeger(L, -1);
            lua_pop(L, 1);
            mt_lua_set_count(L, name, before + one->count);
        }
    return 1;
}

/* replay:shard() -> {number of requests of each shard so far} | nothing: the source is no shard's */
static int replay_shard(lua_State *L) {
    check_replay(L);
    lua_getiuservalue(L, 1, 1);
    lua_geti(L, -1, 2);
    mt_source **source = luaL_checkudata(L, -1, "moontide.reader");
    const mt_shard_state *shard = *source ? mt_step_shard_state(*source) : NULL;
    if (!shard || !shard->counts || mt_source_is_live(*source))
        return 0; /* of a live source only its own shard knows how much it is */
    mt_lua_push_counts(L, shard->counts, (size_t)shard->shards, sizeof *shard->counts);
    return 1;
}

/* ---- results --------------------------------------------------------------------------------- */

/* replay:results() -> results of the window, results of what was due outside it, a list of
 * {value = JSON text, results =} by member, and the phases (mt_lua_push_phases). Moments are monotonic nanoseconds, longest_late is in
 * seconds. */
static int replay_results(lua_State *L) {
    mt_replay *replay = check_replay(L)->replay;
    mt_lua_push_results(L, mt_replay_results(replay));
    mt_lua_push_results(L, mt_replay_outside(replay));
    lua_newtable(L);
    for (size_t i = 0; i < mt_replay_group_count(replay); i++) {
        mt_span value;
        mt_results *results = mt_replay_group(replay, i, &value);
        lua_newtable(L);
        lua_pushlstring(L, value.text, value.length);
        lua_setfield(L, -2, "value");
        mt_lua_push_results(L, results);
        lua_setfield(L, -2, "results");
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    mt_lua_push_phases(L, mt_replay_phases(replay));
    return 4;
}

/* replay:percentile(key, percentile) -> of the window's values of that metric; nil where there are none */
static int replay_percentile(lua_State *L) {
    mt_results *results = mt_replay_results(check_replay(L)->replay);
    const char *key = luaL_checkstring(L, 2);
    double percentile = luaL_checknumber(L, 3), value = NAN;
    luaL_argcheck(L, percentile >= 0 && percentile <= 100, 3, "must be between 0 and 100");
    int place = mt_measure_by_name(key);
    if (place >= 0)
        value = mt_sample_percentile(&results->samples[place], percentile);
    else if (strcmp(key, "inter_chunk_latency") == 0 && results->gaps)
        value = mt_log_histogram_percentile(results->gaps, percentile);
    if (isnan(value))
        return 0;
    lua_pushnumber(L, value);
    return 1;
}

/* ---- the end ------------------------------------------------------------------------------------ */

/* What a full disk has left of it stays as "NAME.part". */
static mt_code finish_output(mt_output **output, mt_error *error) {
    mt_output *finished = *output;
    *output = NULL;
    if (!finished)
        return MT_OK;
    if (mt_output_flush(finished, error) == MT_OK)
        return mt_output_finish(finished, error);
    mt_output_finish_part(finished, NULL);
    return mt_code_of(error);
}

/* replay:finish() -> true | nil, message, code, is_recorded: its files are whole; of one that could not be
 * written what was is in "NAME.part". is_recorded: the record is whole, or was not asked for. */
static int replay_finish(lua_State *L) {
    mt_error error, later;
    replay_owner *owner = check_replay(L);
    static const char end[] = "\n]}\n";
    mt_code code = MT_OK;
    if (owner->inputs)
        code = mt_output_write(owner->inputs, end, sizeof end - 1, &error);
    mt_error *first = code == MT_OK ? &error : &later;
    mt_output **outputs[] = {&owner->inputs, &owner->lines, &owner->record};
    int is_recorded = 1;
    for (int i = 0; i < 3; i++)
        if (finish_output(outputs[i], first) != MT_OK) {
            is_recorded = is_recorded && outputs[i] != &owner->record;
            code = first->code;
            first = &later;
        }
    if (code == MT_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    int count = mt_lua_failure(L, &error);
    lua_pushboolean(L, is_recorded);
    return count + 1;
}

static int replay_release(lua_State *L) {
    replay_owner *owner = luaL_checkudata(L, 1, replay_type);
    mt_replay_free(owner->replay);
    owner->replay = NULL;
    mt_token_texts_free(&owner->tokens);
    mt_free(owner->adapter.headers);
    owner->adapter = (mt_lua_adapter){0};
    mt_output_abandon(owner->lines);
    mt_output_abandon(owner->record);
    mt_output_abandon(owner->inputs);
    owner->lines = owner->record = owner->inputs = NULL;
    return 0;
}

/* metrics() -> {{key =, unit =, title =}, ...} */
static int metrics(lua_State *L) {
    lua_newtable(L);
    for (int i = 0; i < MT_MEASURES; i++) {
        lua_newtable(L);
        mt_lua_set_text(L, "key", mt_measures[i].key);
        mt_lua_set_text(L, "unit", mt_measures[i].unit);
        mt_lua_set_text(L, "title", mt_measures[i].title);
        lua_seti(L, -2, i + 1);
    }
    return 1;
}

/* metric(name) -> key | nil */
static int metric(lua_State *L) {
    int place = mt_measure_by_name(luaL_checkstring(L, 1));
    if (place < 0)
        return 0;
    lua_pushstring(L, mt_measures[place].key);
    return 1;
}

void mt_lua_add_replay(lua_State *L) {
    static const luaL_Reg methods[] = {{"start", replay_start},
                                       {"step", replay_step},
                                       {"stop", replay_stop},
                                       {"look", replay_look},
                                       {"failures", replay_failures},
                                       {"shard", replay_shard},
                                       {"window_has_ended", replay_window_has_ended},
                                       {"results", replay_results},
                                       {"percentile", replay_percentile},
                                       {"finish", replay_finish},
                                       {"close", replay_release},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"replay", replay_new}, {"metrics", metrics}, {"metric", metric}, {NULL, NULL}};
    mt_lua_new_type(L, replay_type, methods, replay_release, NULL);
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
