/* core.process: arrival processes as userdata "moontide.process". */
#include "load/process/branch.h"
#include "lua/load/load_binding.h"
#include "lua/trace/trace_binding.h"
#include "stats/convolution.h"

#include <math.h>

static void release(void *process) {
    mt_process_release(process);
}

static const mt_lua_type type = {"moontide.process", "the arrival process is closed", release};

mt_process *mt_lua_check_process(lua_State *L, int arg) {
    return mt_lua_check_object(L, arg, &type);
}

mt_process *mt_lua_test_process(lua_State *L, int arg) {
    void **place = mt_lua_test_object(L, arg, &type);
    return place ? *place : NULL;
}

/* even(curve, phase) */
static int even(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    double phase = luaL_checknumber(L, 2);
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_even(curve, phase, &error), &error);
}

/* poisson(curve): the curve is its user value, of which a faster one can be made */
static int poisson(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    void **place = mt_lua_new_object(L, &type);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return mt_lua_keep(L, place, mt_process_poisson(curve, &error), &error);
}

/* poisson_counts(curve, interval) */
static int poisson_counts(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    double interval = luaL_checknumber(L, 2);
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_poisson_counts(curve, interval, &error), &error);
}

/* renewal(curve, gaps) */
static int renewal(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    mt_distribution *gaps = mt_lua_check_distribution(L, 2);
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_renewal(curve, gaps, &error), &error);
}

/* mmpp(curve, {level, ...}, {dwell seconds, ...}) */
static int mmpp(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    size_t count, dwell_count;
    double *levels = mt_lua_check_numbers(L, 2, "mmpp: level", &count);
    double *dwells = mt_lua_check_numbers(L, 3, "mmpp: dwelling time", &dwell_count);
    luaL_argcheck(L, dwell_count == count, 3, "as many dwelling times as levels");
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_mmpp(curve, levels, dwells, count, &error), &error);
}

/* hawkes(curve, branching, decay) */
static int hawkes(lua_State *L) {
    mt_error error;
    mt_curve *curve = mt_lua_check_curve(L, 1);
    double branching = luaL_checknumber(L, 2), decay = luaL_checknumber(L, 3);
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_hawkes(curve, branching, decay, &error), &error);
}

/* The rules for a session's context from the table at arg: {clear_at=, clear_keep=, clear_share=,
 * compact_at=, compact_keep= (a distribution), max_input=}; what is not there is 0. */
static mt_context_rules check_rules(lua_State *L, int arg) {
    mt_context_rules rules = {0};
    luaL_checktype(L, arg, LUA_TTABLE);
    if (mt_lua_has_field(L, arg, "clear_at"))
        rules.clear_at = mt_lua_check_count(L, -1, "clear: at");
    if (mt_lua_has_field(L, arg, "clear_keep"))
        rules.clear_keep = mt_lua_check_count(L, -1, "clear: keep");
    if (mt_lua_has_field(L, arg, "clear_share"))
        rules.clear_share = luaL_checknumber(L, -1);
    if (mt_lua_has_field(L, arg, "compact_at"))
        rules.compact_at = mt_lua_check_count(L, -1, "compact: at");
    if (mt_lua_has_field(L, arg, "compact_keep"))
        rules.compact_keep = mt_lua_check_distribution(L, -1); /* held by the table */
    if (mt_lua_has_field(L, arg, "max_input"))
        rules.max_input = mt_lua_check_count(L, -1, "sessions: max_input");
    return rules;
}

/* sessions(starts, turns, think, first_token seconds, per_token seconds, rules [, service in place
 * of both times]) */
static int sessions(lua_State *L) {
    mt_error error;
    mt_process *starts = mt_lua_check_process(L, 1);
    mt_session_shape shape = {.turns = mt_lua_check_distribution(L, 2),
                              .think = mt_lua_check_distribution(L, 3),
                              .first_token = luaL_checknumber(L, 4),
                              .per_token = luaL_checknumber(L, 5),
                              .rules = check_rules(L, 6),
                              .service = lua_isnoneornil(L, 7) ? NULL : mt_lua_check_service(L, 7)};
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_sessions(starts, &shape, &error), &error);
}

static const char *const join_names[] = {"none", "all", "any", NULL};

/* A level of branched below, from the table on top of the stack, which keeps its parts alive. */
static mt_branch_shape check_branch(lua_State *L) {
    int table = lua_gettop(L);
    mt_branch_shape branch = {.child.first_token = NAN};
    luaL_checktype(L, table, LUA_TTABLE);
    if (mt_lua_has_field(L, table, "every"))
        branch.every = mt_lua_check_count(L, -1, "branch: every");
    if (mt_lua_has_field(L, table, "chance"))
        branch.chance = luaL_checknumber(L, -1);
    lua_getfield(L, table, "inherits");
    branch.inherits = lua_toboolean(L, -1);
    lua_getfield(L, table, "join");
    branch.join = (mt_join_kind)luaL_checkoption(L, -1, "none", join_names);
    lua_getfield(L, table, "count");
    branch.count = mt_lua_check_distribution(L, -1);
    lua_getfield(L, table, "turns");
    branch.child.turns = mt_lua_check_distribution(L, -1);
    lua_getfield(L, table, "think");
    branch.child.think = mt_lua_check_distribution(L, -1);
    if (mt_lua_has_field(L, table, "first_token")) {
        branch.child.first_token = luaL_checknumber(L, -1);
        lua_getfield(L, table, "per_token");
        branch.child.per_token = luaL_checknumber(L, -1);
    }
    if (mt_lua_has_field(L, table, "service"))
        branch.child.service = mt_lua_check_service(L, -1);
    lua_getfield(L, table, "rules");
    branch.child.rules = check_rules(L, lua_gettop(L));
    lua_settop(L, table);
    return branch;
}

/* branched(process, {level, ...}): a level is {every= or chance=, count=, join=, inherits=, turns=,
 * think=, first_token=, per_token=, service=, rules=} */
static int branched(lua_State *L) {
    mt_error error;
    mt_branch_shape levels[MT_BRANCH_LEVELS];
    mt_process *sessions = mt_lua_check_process(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = lua_rawlen(L, 2);
    luaL_argcheck(L, count >= 1 && count <= MT_BRANCH_LEVELS, 2, "1 to 8 levels");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        levels[i] = check_branch(L);
        lua_pop(L, 1);
    }
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_branched(sessions, levels, count, &error), &error);
}

/* recorded(columns, speed, wrap, is_from_zero): the columns' timestamps; all requests must have one */
static int recorded(lua_State *L) {
    mt_error error;
    mt_columns *columns = mt_lua_check_columns(L, 1);
    double speed = luaL_checknumber(L, 2);
    int wrap = lua_toboolean(L, 3);
    double *times = lua_newuserdatauv(L, columns->count * sizeof *times + 1, 0);
    for (size_t i = 0; i < columns->count; i++) {
        mt_request request;
        mt_columns_get(columns, i, &request);
        if (!(request.has & MT_HAS_TIME))
            return mt_lua_raise(L, "times_of: request %I of the trace has no timestamp",
                                (lua_Integer)i + 1);
        times[i] = (double)request.time_ns * 1e-9;
    }
    double origin = lua_toboolean(L, 4) && columns->count > 0 ? times[0] : 0;
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(
        L, place, mt_process_recorded(times, columns->count, origin, speed, wrap, &error), &error);
}

/* closed(users, think) */
static int closed(lua_State *L) {
    mt_error error;
    uint64_t users = mt_lua_check_count(L, 1, "closed: users");
    mt_distribution *think = mt_lua_check_distribution(L, 2);
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_closed(users, think, &error), &error);
}

/* custom(factory): factory(random) returns a function of the time now (seconds) that returns the
 * gap to the next request (seconds), or nil at the end */
static int custom(lua_State *L) {
    mt_error error;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    void **place = mt_lua_new_object(L, &type);
    mt_gap_source source;
    if (mt_lua_new_gap_source(L, 1, &source, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    mt_process *process = mt_process_custom(&source, &error);
    source.release(source.context);
    return mt_lua_keep(L, place, process, &error);
}

/* given(factory): factory(random) returns a function that returns the next request, a table with
 * time, session, input or new_input, output and prompt, or nil at the end */
static int given(lua_State *L) {
    mt_error error;
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    void **place = mt_lua_new_object(L, &type);
    mt_request_function source;
    if (mt_lua_new_request_function(L, 1, &source, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    mt_process *process = mt_process_given(&source, &error);
    source.release(source.context);
    return mt_lua_keep(L, place, process, &error);
}

/* duration(process, [factor of all rates]) -> seconds after which nothing new begins, math.huge when it goes on */
static int duration(lua_State *L) {
    lua_pushnumber(L, mt_process_duration(mt_lua_check_process(L, 1), luaL_optnumber(L, 2, 1)));
    return 1;
}

/* period(process) -> seconds after which its curve repeats, 0 when it does not or has none */
static int period(lua_State *L) {
    mt_curve *curve = mt_process_curve(mt_lua_check_process(L, 1));
    double seconds = curve ? mt_curve_period(curve, NULL) : 0;
    lua_pushnumber(L, isfinite(seconds) ? seconds : 0);
    return 1;
}

/* has_formula(process) -> boolean: are its requests and lengths on average known without a run? */
static int has_formula(lua_State *L) {
    lua_pushboolean(L, mt_process_has_formula(mt_lua_check_process(L, 1)));
    return 1;
}

/* has_sessions(process) -> boolean */
static int has_sessions(lua_State *L) {
    lua_pushboolean(L, mt_process_has_sessions(mt_lua_check_process(L, 1)));
    return 1;
}

/* wants_answers(process) -> boolean: has it sessions, or is it a closed loop? */
static int wants_answers(lua_State *L) {
    lua_pushboolean(L, mt_process_wants_answers(mt_lua_check_process(L, 1)));
    return 1;
}

/* starts(process) -> what begins its sessions; of a plain process itself */
static int starts_of(lua_State *L) {
    mt_error error;
    mt_process *process = mt_lua_check_process(L, 1);
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_retain(mt_process_starts(process)), &error);
}

/* restarted(process, starts) -> its sessions with these starts; of a plain process the starts */
static int restarted(lua_State *L) {
    mt_error error;
    mt_process *process = mt_lua_check_process(L, 1);
    mt_process *starts = mt_lua_check_process(L, 2);
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_process_restarted(process, starts, &error), &error);
}

/* mean_over_noise(process, factor, end) -> requests or sessions that begin on average over seeds; nil where
 * no formula knows it */
static int mean_over_noise(lua_State *L) {
    mt_process *process = mt_lua_check_process(L, 1);
    mt_process_context context = {
        .name = "", .factor = luaL_checknumber(L, 2), .end = luaL_checknumber(L, 3)};
    double mean = mt_process_mean_over_noise(process, &context);
    if (isnan(mean))
        return 0;
    lua_pushnumber(L, mean);
    return 1;
}

/* name(process) -> string: of its kind */
static int name(lua_State *L) {
    lua_pushstring(L, mt_process_name(mt_lua_check_process(L, 1)));
    return 1;
}

/* is_noisy(process) -> boolean: does its curve depend on the seed? */
static int is_noisy(lua_State *L) {
    mt_curve *curve = mt_process_curve(mt_lua_check_process(L, 1));
    lua_pushboolean(L, curve && mt_curve_is_noisy(curve));
    return 1;
}

/* shape_duration(process) -> seconds after which a curve in its turns or think times keeps its last value,
 * math.huge where none ends */
static int shape_duration(lua_State *L) {
    lua_pushnumber(L, mt_process_shape_duration(mt_lua_check_process(L, 1)));
    return 1;
}

/* follows_time(process) -> boolean: do turns, think times, services or branches? */
static int follows_time(lua_State *L) {
    lua_pushboolean(L, mt_process_follows_time(mt_lua_check_process(L, 1)));
    return 1;
}

/* follows_load(process) -> boolean: does its service? */
static int follows_load(lua_State *L) {
    lua_pushboolean(L, mt_process_follows_load(mt_lua_check_process(L, 1)));
    return 1;
}

/* is_closed(process) -> boolean: is it a closed loop, or has it sessions that one begins? */
static int is_closed(lua_State *L) {
    lua_pushboolean(L, mt_process_is_closed(mt_lua_check_process(L, 1)));
    return 1;
}

/* areas(process, seed, factor, end, answer tokens, horizon, bins) -> {requests on average, ...}:
 * one number for each bin over [0, horizon), counting requests and sessions that begin before the
 * end. */
static int areas(lua_State *L) {
    mt_error error;
    mt_process *process = mt_lua_check_process(L, 1);
    mt_process_context context = {.seed = (uint64_t)luaL_checkinteger(L, 2),
                                  .name = "",
                                  .factor = luaL_checknumber(L, 3),
                                  .end = luaL_checknumber(L, 4)};
    double answer_tokens = luaL_checknumber(L, 5);
    double horizon = luaL_checknumber(L, 6);
    lua_Integer count = luaL_checkinteger(L, 7);
    luaL_argcheck(L, count >= 1 && count <= 100000, 7, "1 to 100000 bins");
    mt_process_bins bins = {.requests = lua_newuserdatauv(L, (size_t)count * sizeof(double), 0),
                            .count = (size_t)count,
                            .horizon = horizon};
    if (mt_process_expect_bins(process, &context, answer_tokens, &bins, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 0; i < count; i++) {
        lua_pushnumber(L, bins.requests[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* The numbers of the list at `index`, from `first` on, `count` of them. */
static double *numbers_of(lua_State *L, int index, lua_Integer first, lua_Integer count) {
    double *numbers = lua_newuserdatauv(L, (size_t)count * sizeof *numbers + 1, 0);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, index, first + i);
        numbers[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return numbers;
}

/* spread(sum, areas, first, last, kernel): adds to the list `sum`, in steps of time, what the units that
 * begin in steps `first` to `last` bring by and by: areas[i] units, each with kernel[1] in its own step,
 * kernel[2] in the one after, ... */
static int spread(lua_State *L) {
    for (int arg = 1; arg <= 5; arg++)
        if (arg != 3 && arg != 4)
            luaL_checktype(L, arg, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
    lua_Integer first = luaL_checkinteger(L, 3), last = luaL_checkinteger(L, 4);
    luaL_argcheck(L, first >= 1 && last <= count && last <= (lua_Integer)lua_rawlen(L, 2), 3,
                  "outside of the lists");
    if (last < first)
        return 0;
    lua_Integer after = count - first + 1, units = last - first + 1;
    lua_Integer kernel_count = (lua_Integer)lua_rawlen(L, 5);
    double *sum = numbers_of(L, 1, first, after);
    const double *areas = numbers_of(L, 2, first, units);
    const double *kernel = numbers_of(L, 5, 1, kernel_count);
    if (mt_convolve(areas, (size_t)units, kernel, (size_t)kernel_count, sum, (size_t)after) != 0) {
        mt_error error;
        mt_fail_memory(&error, "profile");
        return mt_lua_raise_error(L, &error);
    }
    for (lua_Integer i = 0; i < after; i++) {
        lua_pushnumber(L, sum[i]);
        lua_rawseti(L, 1, first + i);
    }
    return 0;
}

static int to_text(lua_State *L) {
    char text[512];
    lua_pushstring(L, mt_process_text(mt_lua_check_process(L, 1), text, sizeof text));
    return 1;
}

int mt_lua_open_process(lua_State *L) {
    static const luaL_Reg meta[] = {{"__tostring", to_text}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"even", even},
                                         {"poisson", poisson},
                                         {"poisson_counts", poisson_counts},
                                         {"renewal", renewal},
                                         {"mmpp", mmpp},
                                         {"hawkes", hawkes},
                                         {"sessions", sessions},
                                         {"branched", branched},
                                         {"recorded", recorded},
                                         {"closed", closed},
                                         {"custom", custom},
                                         {"given", given},
                                         {"duration", duration},
                                         {"period", period},
                                         {"has_formula", has_formula},
                                         {"has_sessions", has_sessions},
                                         {"wants_answers", wants_answers},
                                         {"is_closed", is_closed},
                                         {"areas", areas},
                                         {"spread", spread},
                                         {"starts", starts_of},
                                         {"restarted", restarted},
                                         {"mean_over_noise", mean_over_noise},
                                         {"is_noisy", is_noisy},
                                         {"name", name},
                                         {"shape_duration", shape_duration},
                                         {"follows_time", follows_time},
                                         {"follows_load", follows_load},
                                         {NULL, NULL}};
    mt_lua_new_object_type(L, &type, NULL, meta);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
