/* drive.requests: the requests of a finished run, in columns. */
#include "lua/drive/drive_binding.h"
#include "lua/drive/requests_binding.h"

#include "drive/measure/merge.h"
#include "text/json_items.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const char requests_type[] = "moontide.run_requests";

mt_run_requests *mt_lua_check_run_requests(lua_State *L) {
    return luaL_checkudata(L, 1, requests_type);
}

/* requests() -> requests, empty */
static int requests_new(lua_State *L) {
    mt_lua_new_owner(L, sizeof(mt_run_requests), requests_type);
    return 1;
}

/* requests:read(path, part, may be cut) -> was it cut? | nil, message, code. Appends. */
static int requests_read(lua_State *L) {
    mt_error error;
    mt_run_requests *requests = mt_lua_check_run_requests(L);
    const char *path = luaL_checkstring(L, 2);
    uint64_t part = mt_lua_check_count(L, 3, "part");
    int cut = 0;
    mt_code code = mt_run_requests_read(requests, path, (uint32_t)part,
                                        lua_toboolean(L, 4) ? &cut : NULL, &error);
    if (code != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushboolean(L, cut);
    return 1;
}

/* ---- columns ------------------------------------------------------------------------------------ */

enum { WHOLE, MOMENT, SMALL, PART, TRUTH, TEXT, PHASE, OUTCOME };

static const struct member {
    const char *name;
    int kind;
    size_t place;
} members[] = {
    {"number", WHOLE, offsetof(mt_run_request, number)},
    {"line", WHOLE, offsetof(mt_run_request, line)},
    {"session", TEXT, offsetof(mt_run_request, session)},
    {"turn", WHOLE, offsetof(mt_run_request, turn)},
    {"phase", PHASE, 0},
    {"due", MOMENT, offsetof(mt_run_request, due_ns)},
    {"begun", MOMENT, offsetof(mt_run_request, begun_ns)},
    {"sent", MOMENT, offsetof(mt_run_request, sent_ns)},
    {"first_byte", MOMENT, offsetof(mt_run_request, answer_ns)},
    {"end", MOMENT, offsetof(mt_run_request, end_ns)},
    {"outcome", OUTCOME, 0},
    {"status", SMALL, offsetof(mt_run_request, status)},
    {"message", TEXT, offsetof(mt_run_request, message)},
    {"endpoint", SMALL, offsetof(mt_run_request, endpoint)},
    {"shard", PART, offsetof(mt_run_request, part)},
    {"chunks", WHOLE, offsetof(mt_run_request, chunks)},
    {"resent", TRUTH, offsetof(mt_run_request, was_resent)},
};
enum { MEMBERS = sizeof members / sizeof *members };

static void push_text(lua_State *L, mt_span text) {
    lua_pushlstring(L, text.text, text.length);
}

static void push_member(lua_State *L, const mt_run_requests *requests, size_t i,
                        const struct member *member) {
    static const char *const phases[] = {"profiling", "outside", "warmup"};
    const mt_run_request *row = &requests->rows[i];
    const char *place = (const char *)row + member->place;
    char name[32];
    int64_t moment;
    switch (member->kind) {
    case WHOLE:
        mt_lua_push_whole(L, *(const uint64_t *)(const void *)place);
        break;
    case MOMENT:
        moment = *(const int64_t *)(const void *)place;
        if (moment == MT_NEVER)
            lua_pushnumber(L, (lua_Number)NAN);
        else
            lua_pushinteger(L, moment);
        break;
    case SMALL:
        lua_pushinteger(L, *(const uint16_t *)(const void *)place);
        break;
    case PART:
        lua_pushinteger(L, *(const uint32_t *)(const void *)place);
        break;
    case TRUTH:
        lua_pushboolean(L, *(const uint8_t *)place);
        break;
    case TEXT:
        push_text(L, mt_run_requests_text(requests, *(const uint32_t *)(const void *)place));
        break;
    case PHASE:
        lua_pushstring(L, phases[row->phase]);
        break;
    default:
        if (row->failure == MT_FAILURE_OTHER && row->name > 0)
            push_text(L, mt_run_requests_text(requests, row->name));
        else
            lua_pushstring(L, mt_results_failure_name(row->failure, row->status, name));
    }
}

/* requests:column(name) -> a list with a value for each request: of a metric numbers, NaN where it
 * has none; moments in nanoseconds since 1970, NaN where they never came; `phase`, `outcome`,
 * `session` (raw JSON) and `message` are texts. nil where there is no such column. */
static int requests_column(lua_State *L) {
    const mt_run_requests *requests = mt_lua_check_run_requests(L);
    const char *name = luaL_checkstring(L, 2);
    const struct member *member = NULL;
    for (size_t i = 0; i < MEMBERS; i++)
        if (strcmp(name, members[i].name) == 0)
            member = &members[i];
    int metric = member ? -1 : mt_measure_by_name(name);
    if (!member && metric < 0)
        return 0;
    lua_createtable(L, requests->count < INT32_MAX ? (int)requests->count : 0, 0);
    for (size_t i = 0; i < requests->count; i++) {
        if (member)
            push_member(L, requests, i, member);
        else
            lua_pushnumber(L, mt_run_requests_metric(requests, i, metric));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* requests:members(name) -> of each request the value of that member of its row, as JSON text (""
 * where it has none); of "endpoint" the number of its URL, from 0 */
static int requests_members(lua_State *L) {
    const mt_run_requests *requests = mt_lua_check_run_requests(L);
    const char *name = luaL_checkstring(L, 2);
    char text[MT_ENDPOINT_ROOM];
    lua_newtable(L);
    for (size_t i = 0; i < requests->count; i++) {
        push_text(L, mt_run_requests_member(requests, i, name, text));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* requests:member_names() -> the names of all members of the rows that the lines repeat, in order
 * of appearance; session_id is none of them. And {name = truth}: of those, which a line has left out for its
 * length. */
static int requests_member_names(lua_State *L) {
    const mt_run_requests *requests = mt_lua_check_run_requests(L);
    lua_Integer count = 0;
    uint32_t last = 0;
    lua_settop(L, 1);
    lua_newtable(L); /* 2: the names */
    lua_newtable(L); /* 3: is it among them? 4: is it left out anywhere? */
    lua_newtable(L);
    for (size_t i = 0; i < requests->count; i++) {
        uint32_t number = requests->rows[i].fields;
        mt_span fields = mt_run_requests_text(requests, number);
        mt_json json = {fields.text, fields.text + fields.length, NULL};
        mt_json_items items;
        mt_json_item item;
        mt_json_items_bare(&items, &json);
        while (number != last && fields.length > 0 && mt_json_items_next(&items, &item) > 0) {
            push_text(L, item.name);
            lua_pushvalue(L, -1);
            if (lua_rawget(L, 3) == LUA_TNIL) {
                lua_pushvalue(L, -2);
                lua_rawseti(L, 2, ++count);
                lua_pushvalue(L, -2);
                lua_pushboolean(L, 1);
                lua_rawset(L, 3);
            }
            lua_settop(L, 4);
            if (*item.value.text == '{') { /* what is kept is plain */
                push_text(L, item.name);
                lua_pushboolean(L, 1);
                lua_rawset(L, 4);
            }
        }
        last = number;
    }
    lua_remove(L, 3);
    return 2;
}

/* requests:names() -> the names of the columns that any request has a value in */
static int requests_names(lua_State *L) {
    const mt_run_requests *requests = mt_lua_check_run_requests(L);
    lua_Integer count = 0;
    lua_newtable(L);
    for (size_t i = 0; i < MEMBERS; i++) {
        lua_pushstring(L, members[i].name);
        lua_rawseti(L, -2, ++count);
    }
    for (int m = 0; m < MT_MEASURES; m++)
        if (requests->metrics[m]) {
            lua_pushstring(L, mt_measures[m].key);
            lua_rawseti(L, -2, ++count);
        }
    return 1;
}

/* requests:gaps(i) -> the times between the chunks of request i, in ms */
static int requests_gaps(lua_State *L) {
    const mt_run_requests *requests = mt_lua_check_run_requests(L);
    lua_Integer i = luaL_checkinteger(L, 2);
    luaL_argcheck(L, i >= 1 && (size_t)i <= requests->count, 2, "there is no such request");
    const mt_run_request *row = &requests->rows[i - 1];
    lua_createtable(L, (int)row->gap_count, 0);
    for (uint32_t g = 0; g < row->gap_count; g++) {
        lua_pushnumber(L, requests->gaps[row->gap + g] * 1e-4);
        lua_rawseti(L, -2, (lua_Integer)g + 1);
    }
    return 1;
}

static int requests_length(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)mt_lua_check_run_requests(L)->count);
    return 1;
}

static int requests_text(lua_State *L) {
    lua_pushfstring(L, "requests of a run: %I", (lua_Integer)mt_lua_check_run_requests(L)->count);
    return 1;
}

static int requests_release(lua_State *L) {
    mt_run_requests_free(mt_lua_check_run_requests(L));
    return 0;
}

/* requests:merge(path, {[1] = path of part 0, ...}, {[1] = requests of part 0 that were not sent,
 * ...}, why) -> true | nil, message, code. A part without a path has no lines here. */
static int requests_merge(lua_State *L) {
    mt_error error;
    const mt_run_requests *requests = mt_lua_check_run_requests(L);
    const char *path = luaL_checkstring(L, 2), *why = luaL_checkstring(L, 5);
    luaL_checktype(L, 3, LUA_TTABLE);
    luaL_checktype(L, 4, LUA_TTABLE);
    size_t count = (size_t)luaL_len(L, 4);
    const char **paths = lua_newuserdatauv(L, (count + 1) * sizeof *paths, 0);
    uint64_t *missing = lua_newuserdatauv(L, (count + 1) * sizeof *missing, 0);
    for (size_t i = 0; i < count; i++) {
        lua_geti(L, 3, (lua_Integer)i + 1);
        lua_geti(L, 4, (lua_Integer)i + 1);
        paths[i] = lua_isstring(L, -2) ? lua_tostring(L, -2) : NULL; /* held by the table */
        missing[i] = (uint64_t)luaL_checkinteger(L, -1);
        lua_pop(L, 2);
    }
    mt_output *output = mt_output_open(path, &error);
    mt_code code = output ? mt_merge_write(requests, paths, count, output, &error) : error.code;
    for (size_t i = 0; code == MT_OK && i < count; i++)
        code = mt_merge_write_missing(output, (uint32_t)i, missing[i], why, &error);
    if (code != MT_OK)
        mt_output_abandon(output);
    else
        code = mt_output_finish(output, &error);
    return mt_lua_done(L, code, &error);
}

void mt_lua_add_requests(lua_State *L) {
    static const luaL_Reg methods[] = {{"read", requests_read},
                                       {"column", requests_column},
                                       {"members", requests_members},
                                       {"member_names", requests_member_names},
                                       {"names", requests_names},
                                       {"gaps", requests_gaps},
                                       {"results", mt_lua_requests_results},
                                       {"merge", requests_merge},
                                       {"apart", mt_lua_requests_apart},
                                       {"close", requests_release},
                                       {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__len", requests_length}, {"__tostring", requests_text}, {NULL, NULL}};
    mt_lua_register_run_counting(L);
    mt_lua_new_type(L, requests_type, methods, requests_release, meta);
    lua_pop(L, 1);
    lua_pushcfunction(L, requests_new);
    lua_setfield(L, -2, "requests");
}
