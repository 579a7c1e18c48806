/* core.columns: requests in columns. One of them is in column.c. */
#include "lua/trace/column.h"

#include <stdio.h>
#include <string.h>

static const char columns_type[] = "moontide.columns";

typedef struct columns_box {
    mt_columns columns;
    mt_lua_request_buffer buffer; /* for append */
} columns_box;

mt_columns *mt_lua_check_columns(lua_State *L, int arg) {
    columns_box *box = luaL_checkudata(L, arg, columns_type);
    return &box->columns;
}

mt_columns *mt_lua_test_columns(lua_State *L, int arg) {
    columns_box *box = luaL_testudata(L, arg, columns_type);
    return box ? &box->columns : NULL;
}

mt_columns *mt_lua_new_columns(lua_State *L) {
    columns_box *box = mt_lua_new_owner(L, sizeof *box, columns_type);
    return &box->columns;
}

/* new([the file whose lines they are to be, for messages]) -> columns, empty */
static int new_columns(lua_State *L) {
    mt_error error;
    const char *origin = luaL_optstring(L, 1, NULL);
    mt_columns *columns = mt_lua_new_columns(L);
    if (origin && mt_columns_set_origin(columns, origin, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    return 1;
}

static int columns_release(lua_State *L) {
    columns_box *box = luaL_checkudata(L, 1, columns_type);
    mt_columns_free(&box->columns);
    mt_lua_request_buffer_free(&box->buffer);
    return 0;
}

/* Columns that a source reads are left to the collector, which leaves them as long as it is there.
 */
static int columns_close(lua_State *L) {
    return mt_lua_check_columns(L, 1)->readers > 0 ? 0 : columns_release(L);
}

static int columns_length(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)mt_lua_check_columns(L, 1)->count);
    return 1;
}

/* Request number `index` (from 1) as a table, nil outside. */
static void push_row(lua_State *L, const mt_columns *columns, lua_Integer index) {
    if (index < 1 || (uint64_t)index > columns->count) {
        lua_pushnil(L);
        return;
    }
    mt_request request;
    mt_columns_get(columns, (size_t)index - 1, &request);
    mt_lua_push_request(L, &request);
}

/* columns[i], columns.method; upvalue 1 is the table of methods. */
static int columns_index(lua_State *L) {
    const mt_columns *columns = mt_lua_check_columns(L, 1);
    if (lua_type(L, 2) == LUA_TNUMBER) {
        push_row(L, columns, lua_tointeger(L, 2)); /* a fraction is 0 here: nil */
    } else {
        lua_pushvalue(L, 2);
        lua_gettable(L, lua_upvalueindex(1));
    }
    return 1;
}

/* time_range(columns) -> first and last time in seconds, nothing when no request has one */
static int time_range(lua_State *L) {
    int64_t first, last;
    if (mt_columns_time_range(mt_lua_check_columns(L, 1), &first, &last) != 0)
        return 0;
    lua_pushnumber(L, (double)first / 1e9);
    lua_pushnumber(L, (double)last / 1e9);
    return 2;
}

/* columns:append(request) -> columns */
static int columns_append(lua_State *L) {
    columns_box *box = luaL_checkudata(L, 1, columns_type);
    mt_request request;
    mt_error error;
    if (box->columns.readers > 0)
        return mt_lua_raise(L,
                            "append: the columns are being read by a trace that is made of them");
    mt_lua_fill_request(L, 2, "append", &box->buffer, &request);
    if (mt_columns_append(&box->columns, &request, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    lua_settop(L, 1);
    return 1;
}

/* A number of nanoseconds in seconds, an integer when whole. */
static void set_seconds(lua_State *L, const char *name, int64_t nanoseconds) {
    if (nanoseconds % 1000000000 == 0)
        lua_pushinteger(L, nanoseconds / 1000000000);
    else
        lua_pushnumber(L, (lua_Number)nanoseconds / 1e9);
    lua_setfield(L, -2, name);
}

void mt_lua_push_grid(lua_State *L, const mt_grid *grid) {
    lua_createtable(L, 0, 5);
    set_seconds(L, "period", grid->period_ns);
    set_seconds(L, "offset", grid->offset_ns);
    mt_lua_set_count(L, "times", grid->times);
    mt_lua_set_count(L, "instants", grid->instants);
    mt_lua_set_count(L, "off", grid->off);
}

/* columns:grid() -> {period, offset (seconds), times, instants, off} | nil when there is none |
 * nil, message, code */
static int columns_grid(lua_State *L) {
    const mt_columns *columns = mt_lua_check_columns(L, 1);
    mt_grid grid;
    mt_error error;
    if (mt_columns_grid(columns, &grid, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    if (grid.period_ns == 0)
        lua_pushnil(L);
    else
        mt_lua_push_grid(L, &grid);
    return 1;
}

/* The iterator of columns:requests(); upvalues: the columns, the last index. */
static int next_row(lua_State *L) {
    lua_Integer index = lua_tointeger(L, lua_upvalueindex(2)) + 1;
    push_row(L, mt_lua_check_columns(L, lua_upvalueindex(1)), index);
    lua_pushinteger(L, index);
    lua_replace(L, lua_upvalueindex(2));
    return 1;
}

/* columns:requests() -> iterator over tables */
static int columns_requests(lua_State *L) {
    mt_lua_check_columns(L, 1);
    lua_settop(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_row, 2);
    return 1;
}

/* "12031", "285k", "3.2M" */
static void short_count(uint64_t count, char *to, size_t size) {
    if (count < 100000)
        snprintf(to, size, "%llu", (unsigned long long)count);
    else if (count < 1000000)
        snprintf(to, size, "%.0fk", (double)count / 1e3);
    else
        snprintf(to, size, "%.1fM", (double)count / 1e6);
}

static int columns_text(lua_State *L) {
    const mt_columns *columns = mt_lua_check_columns(L, 1);
    char requests[32], blocks[32], range[32] = "";
    int64_t first, last;
    double seconds = -1;
    if (mt_columns_time_range(columns, &first, &last) == 0)
        seconds = ((double)last - (double)first) / 1e9;
    short_count(columns->count, requests, sizeof requests);
    short_count(columns->hash_total, blocks, sizeof blocks);
    if (seconds >= 7200)
        snprintf(range, sizeof range, ", %.1f h", seconds / 3600);
    else if (seconds >= 120)
        snprintf(range, sizeof range, ", %.0f min", seconds / 60);
    else if (seconds >= 0)
        snprintf(range, sizeof range, ", %.3g s", seconds);
    lua_pushfstring(L, "columns: %s requests%s, %s blocks", requests, range, blocks);
    return 1;
}

/* ---- the module ---- */

int mt_lua_open_columns(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", new_columns},
                                         {"time_range", time_range},
                                         {"masked", mt_lua_columns_masked},
                                         {NULL, NULL}};
    static const luaL_Reg columns_methods[] = {{"append", columns_append},
                                               {"requests", columns_requests},
                                               {"column", mt_lua_columns_column},
                                               {"grid", columns_grid},
                                               {NULL, NULL}};
    static const luaL_Reg columns_meta[] = {{"__len", columns_length},
                                            {"__tostring", columns_text},
                                            {"__close", columns_close},
                                            {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_newtable(L);
    mt_lua_new_type(L, columns_type, columns_methods, columns_release, columns_meta);
    mt_lua_index_rows(L, columns_index, "columns");
    mt_lua_register_column(L);
    lua_setfield(L, -2, "methods");
    return 1;
}
