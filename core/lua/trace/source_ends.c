/* core.source: where requests go. Each takes what is left in a source of any kind. */
#include "lua/trace/loop_body.h"
#include "lua/trace/source_binding.h"

#include "trace/end/ends.h"

#include <math.h>
#include <stdio.h>

/* Pushes the next request as a table, nil at the end; nothing, and -1, on failure. */
static int push_next(lua_State *L, mt_error *error) {
    mt_request request;
    int status = mt_source_next(mt_lua_check_source(L, 1), &request, error);
    if (status > 0)
        mt_lua_push_request(L, &request);
    else if (status == 0)
        lua_pushnil(L);
    return status;
}

/* next(source) -> request | nil at the end | nil, message, code */
static int next(lua_State *L) {
    mt_error error;
    return push_next(L, &error) < 0 ? mt_lua_failure(L, &error) : 1;
}

/* call(source): the same for a generic `for`, which has no place for a message: failures raise. */
static int call(lua_State *L) {
    mt_error error;
    return push_next(L, &error) < 0 ? mt_lua_throw_failure(L, &error) : 1;
}

/* What a loop's step remembers beside its source and `over`, which are upvalues. */
typedef struct loop_state {
    lua_Integer count; /* of requests so far */
    int asked;         /* names */
    int are_numbers;   /* all of them */
    int places[];      /* of their fields */
} loop_state;

enum { ITS_SOURCE = 1, ITS_OVER, ITS_STATE, ITS_TABLE, ITS_NAMES /* from here on */ };

/* The next request: 1. At the end, or on failure with (nil, message, code), `over` is called: what
 * it returns is pushed, and 0 given. */
static int step(lua_State *L, mt_request *request) {
    mt_source **place = lua_touserdata(L, lua_upvalueindex(ITS_SOURCE));
    mt_error error;
    int status = *place ? mt_source_next(*place, request, &error) : 0; /* `over` has closed it */
    if (status > 0)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(ITS_OVER));
    lua_call(L, status < 0 ? mt_lua_failure(L, &error) : 0, 1);
    return 0;
}

static int requests_step(lua_State *L) {
    mt_request request;
    if (step(L, &request))
        mt_lua_push_request(L, &request);
    return 1;
}

/* The same for a loop that only reads members of its requests: they share one table, which has those. */
static int reads_step(lua_State *L) {
    mt_request request;
    if (!step(L, &request))
        return 1;
    const loop_state *state = lua_touserdata(L, lua_upvalueindex(ITS_STATE));
    lua_pushvalue(L,
                  lua_upvalueindex(ITS_TABLE)); /* of the stack a C function has what this takes */
    int was_running = state->are_numbers ? 0 : mt_lua_pause_collector(L);
    for (int i = 0; i < state->asked; i++) {
        lua_pushvalue(L, lua_upvalueindex(ITS_NAMES + i));
        mt_lua_push_field_at(L, &request, state->places[i]);
        lua_rawset(L, -3);
    }
    mt_lua_resume_collector(L, was_running);
    return 1;
}

/* Pushes the state of a loop over so many fields, none of which is known yet. */
static loop_state *push_state(lua_State *L, int asked) {
    loop_state *state =
        lua_newuserdatauv(L, sizeof *state + (size_t)asked * sizeof *state->places, 0);
    *state = (loop_state){.are_numbers = 1};
    return state;
}

static void ask(loop_state *state, int place) {
    state->places[state->asked++] = place;
    state->are_numbers = state->are_numbers && mt_lua_is_number_field(place);
}

/* reads() -> for a public method that is called in a `for` and gives requests() its value: what the loop
 * reads of them; nil where it may do more */
static int reads(lua_State *L) {
    long members = mt_lua_loop_reads(L);
    if (members < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, members);
    return 1;
}

/* requests(source, over, what reads() gave) -> function() -> the next request as a table: of its own, unless the
 * loop cannot tell; what `over` returns ends the loop */
static int requests(lua_State *L) {
    mt_lua_check_source(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, ITS_STATE);
    if (!lua_isnil(L, ITS_STATE)) {
        lua_Integer members = lua_tointeger(L, ITS_STATE);
        loop_state *state = push_state(L, __builtin_popcountll((unsigned long long)members));
        for (int i = 0; members >> i != 0; i++)
            if (members >> i & 1)
                ask(state, i);
        lua_replace(L, ITS_STATE);
        lua_newtable(L);
        for (int i = 0; i < state->asked; i++)
            mt_lua_push_field_name(L, state->places[i]);
        lua_pushcclosure(L, reads_step, ITS_TABLE + state->asked);
        return 1;
    }
    lua_settop(L, ITS_OVER);
    lua_pushcclosure(L, requests_step, ITS_OVER);
    return 1;
}

static int members_step(lua_State *L) {
    mt_request request;
    if (!step(L, &request))
        return 1;
    loop_state *state = lua_touserdata(L, lua_upvalueindex(ITS_STATE));
    if (state->asked > LUA_MINSTACK - 8) /* less than that a C function always has */
        luaL_checkstack(L, state->asked + 8, "members");
    lua_pushinteger(L, ++state->count);
    int was_running = state->are_numbers ? 0 : mt_lua_pause_collector(L);
    for (int i = 0; i < state->asked; i++)
        mt_lua_push_field_at(L, &request, state->places[i]);
    mt_lua_resume_collector(L, was_running);
    return state->asked + 1;
}

/* members(source, over, name ...) -> function() -> number of the request from 1, its fields of
 * these names. No table is made, except of hash_ids. What `over` returns ends the loop. */
static int members(lua_State *L) {
    int asked = lua_gettop(L) - 2;
    mt_lua_check_source(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    loop_state *state = push_state(L, asked);
    for (int i = 0; i < asked; i++) {
        const char *name = luaL_checkstring(L, i + 3);
        int place = mt_lua_field_of(name);
        if (place < 0)
            return mt_lua_raise(L, "members: a request has no '%s'", name);
        ask(state, place);
    }
    lua_insert(L, ITS_STATE);
    lua_settop(L, ITS_STATE);
    lua_pushcclosure(L, members_step, ITS_STATE);
    return 1;
}

/* collect(source) -> columns of all that is left | nil, message, code */
static int collect(lua_State *L) {
    mt_source *source = mt_lua_check_source(L, 1);
    uint64_t count;
    mt_error error;
    mt_columns *columns = mt_lua_new_columns(L);
    mt_code code = mt_source_collect(source, columns, UINT64_MAX, &count, &error);
    return code == MT_OK ? 1 : mt_lua_failure(L, &error);
}

/* append(source, columns, most) -> requests appended, fewer than `most` only at the end
 * | nil, message, code */
static int append(lua_State *L) {
    mt_source *source = mt_lua_check_source(L, 1);
    mt_columns *columns = mt_lua_check_columns(L, 2);
    uint64_t most = mt_lua_check_count(L, 3, "append: most"), count;
    mt_error error;
    if (mt_source_collect(source, columns, most, &count, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

/* leave_ids(source, writer): the writer is given all that is left in the source, whose ids may be left as text */
static int leave_ids(lua_State *L) {
    mt_trace_format format;
    mt_source *source = mt_lua_check_source(L, 1);
    mt_lua_check_writer(L, 2, &format);
    if (mt_writes_ids_text(&format))
        mt_source_leave_ids(source);
    return 0;
}

/* write(source, writer, most) -> requests written, fewer than `most` only at the end, and the seconds of
 * the last one where it has a time | nil, message, code; the writer stays open */
static int write(lua_State *L) {
    mt_source *source = mt_lua_check_source(L, 1);
    mt_trace_format format;
    mt_output *output = mt_lua_check_writer(L, 2, &format);
    uint64_t most = mt_lua_check_count(L, 3, "write: most");
    mt_written written;
    mt_error error;
    if (mt_source_write(source, output, &format, most, &written, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushinteger(L, (lua_Integer)written.count);
    if (written.last_ns == INT64_MIN)
        return 1;
    lua_pushnumber(L, (double)written.last_ns * 1e-9);
    return 2;
}

/* digest(source, most, timestamp digits) -> 16 hexadecimal digits | nil, message, code */
static int digest(lua_State *L) {
    mt_source *source = mt_lua_check_source(L, 1);
    uint64_t most = mt_lua_check_count(L, 2, "digest: most"), sum;
    mt_trace_format format = {.timestamp_digits = (int)luaL_checkinteger(L, 3)};
    char text[17];
    mt_error error;
    if (mt_source_digest(source, &format, most, &sum, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
    lua_pushstring(L, text);
    return 1;
}

/* Pushes a list of one member of the bins: its value divided by its count, NaN without a count. */
static void push_means(lua_State *L, const mt_time_bin *bins, lua_Integer count, int is_output) {
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 0; i < count; i++) {
        uint64_t values = is_output ? bins[i].outputs : bins[i].inputs;
        double sum = is_output ? bins[i].output : bins[i].input;
        lua_pushnumber(L, values > 0 ? sum / (double)values : (lua_Number)NAN);
        lua_rawseti(L, -2, i + 1);
    }
}

/* bins(source, from, to, count) -> requests, mean input_length, mean output_length a bin (NaN
 * without one) | nil, message, code. from < to, seconds. */
static int bins(lua_State *L) {
    mt_source *source = mt_lua_check_source(L, 1);
    double from = mt_lua_check_finite(L, 2, "from"), to = mt_lua_check_finite(L, 3, "to");
    lua_Integer count = luaL_checkinteger(L, 4);
    luaL_argcheck(L, count >= 1 && count <= MT_LUA_MOST_BINS, 4, "bins");
    luaL_argcheck(L, from < to && fabs(from) < 9.2e9 && fabs(to) < 9.2e9, 3, "a range of time");
    mt_time_bin *counted = mt_lua_new_zeros(L, (size_t)count, sizeof *counted);
    mt_error error;
    if (mt_source_bins(source, (int64_t)(from * 1e9), (int64_t)ceil(to * 1e9), counted,
                       (size_t)count, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    mt_lua_push_counts(L, &counted->requests, (size_t)count, sizeof *counted);
    push_means(L, counted, count, 0);
    push_means(L, counted, count, 1);
    return 3;
}

/* skipped(source) -> number of bad lines passed over, the first one's message (or nil) */
static int skipped(lua_State *L) {
    mt_error first;
    uint64_t count = mt_source_skipped(mt_lua_check_source(L, 1), &first);
    return mt_lua_push_skipped(L, count, &first);
}

const luaL_Reg mt_lua_source_ends[] = {
    {"next", next},     {"call", call},       {"requests", requests},
    {"reads", reads},   {"members", members}, {"collect", collect},
    {"append", append}, {"write", write},     {"leave_ids", leave_ids},
    {"digest", digest}, {"bins", bins},       {"skipped", skipped},
    {NULL, NULL}};
