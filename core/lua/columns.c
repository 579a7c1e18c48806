/* core.columns: requests in columns, and single columns as lists of numbers. */
#include "lua/trace_binding.h"

#include <math.h>
#include <stdio.h>
#include <stddef.h>
#include <string.h>

static const char columns_type[] = "moontide.columns";
static const char column_type[] = "moontide.column";

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

/* new() -> columns, empty */
static int new_columns(lua_State *L) {
    mt_lua_new_columns(L);
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

/* ---- one column -------------------------------------------------------------------------------
 */

typedef struct column_kind {
    const char *name;
    unsigned has;
    size_t place; /* of its 64 bits in a request */
    uint64_t unit;
} column_kind;

static const column_kind column_kinds[] = {
    {"timestamp", MT_HAS_TIME, offsetof(mt_request, time_ns), 1000000},
    {"input_length", MT_HAS_INPUT_LENGTH, offsetof(mt_request, input_length), 1},
    {"output_length", MT_HAS_OUTPUT_LENGTH, offsetof(mt_request, output_length), 1},
    {"delay", MT_HAS_DELAY, offsetof(mt_request, delay_ns), 1000000},
    {"turn", MT_HAS_TURN, offsetof(mt_request, turn), 1},
    {"hash_count", MT_HAS_HASH_IDS, offsetof(mt_request, hash_count), 1}};

/* A view of one column; the columns are its user value. */
typedef struct column {
    const mt_columns *columns;
    const column_kind *kind;
} column;

/* columns:column(name) -> column */
static int columns_column(lua_State *L) {
    const mt_columns *columns = mt_lua_check_columns(L, 1);
    const char *name = luaL_checkstring(L, 2);
    for (size_t i = 0; i < sizeof column_kinds / sizeof *column_kinds; i++) {
        if (strcmp(name, column_kinds[i].name) != 0)
            continue;
        column *self = mt_lua_new_owner(L, sizeof *self, column_type);
        self->columns = columns;
        self->kind = &column_kinds[i];
        lua_pushvalue(L, 1);
        lua_setiuservalue(L, -2, 1);
        return 1;
    }
    return mt_lua_raise(L,
                        "column: unknown column '%s' (it must be one of timestamp, input_length, "
                        "output_length, delay, turn, hash_count)",
                        name);
}

/* The value of request i: nanoseconds for times. 0 when it has none, else 1. */
static int column_value(const column *self, size_t i, uint64_t *value) {
    mt_request request;
    if (!(mt_columns_has(self->columns, i) & self->kind->has))
        return 0;
    mt_columns_get(self->columns, i, &request);
    memcpy(value, (const char *)&request + self->kind->place, sizeof *value);
    return 1;
}

/* Values of a column in its own unit: whole where they can be, else doubles. */
static void push_value(lua_State *L, const column *self, uint64_t value) {
    uint64_t unit = self->kind->unit;
    if (value % unit == 0 && value / unit <= INT64_MAX)
        lua_pushinteger(L, (lua_Integer)(value / unit));
    else
        lua_pushnumber(L, (lua_Number)value / (lua_Number)unit);
}

typedef struct column_totals {
    uint64_t count, min, max, sum;
    double sum_double; /* for when 64 bits are too few */
    int overflowed;
} column_totals;

static column_totals total(const column *self) {
    column_totals totals = {0, UINT64_MAX, 0, 0, 0, 0};
    for (size_t i = 0; i < self->columns->count; i++) {
        uint64_t value;
        if (!column_value(self, i, &value))
            continue;
        totals.count++;
        totals.min = value < totals.min ? value : totals.min;
        totals.max = value > totals.max ? value : totals.max;
        totals.sum_double += (double)value;
        totals.overflowed |= __builtin_add_overflow(totals.sum, value, &totals.sum);
    }
    return totals;
}

size_t mt_lua_column_rows(lua_State *L, int arg) {
    const column *self = luaL_checkudata(L, arg, column_type);
    return self->columns->count;
}

int mt_lua_column_number(lua_State *L, int arg, size_t i, double *value) {
    const column *self = lua_touserdata(L, arg);
    uint64_t whole;
    if (!column_value(self, i, &whole))
        return 0;
    *value = (double)whole / (double)self->kind->unit;
    return 1;
}

static int column_sum(lua_State *L) {
    const column *self = luaL_checkudata(L, 1, column_type);
    column_totals totals = total(self);
    if (totals.overflowed)
        lua_pushnumber(L, totals.sum_double / (double)self->kind->unit);
    else
        push_value(L, self, totals.sum);
    return 1;
}

static int column_mean(lua_State *L) {
    const column *self = luaL_checkudata(L, 1, column_type);
    column_totals totals = total(self);
    double sum = totals.overflowed ? totals.sum_double : (double)totals.sum;
    if (totals.count > 0)
        lua_pushnumber(L, sum / (double)totals.count / (double)self->kind->unit);
    else
        lua_pushnil(L);
    return 1;
}

static int column_extreme(lua_State *L, int want_max) {
    const column *self = luaL_checkudata(L, 1, column_type);
    column_totals totals = total(self);
    if (totals.count > 0)
        push_value(L, self, want_max ? totals.max : totals.min);
    else
        lua_pushnil(L);
    return 1;
}

static int column_min(lua_State *L) {
    return column_extreme(L, 0);
}

static int column_max(lua_State *L) {
    return column_extreme(L, 1);
}

/* column:count() -> how many requests have a value */
static int column_count(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)total(luaL_checkudata(L, 1, column_type)).count);
    return 1;
}

/* column:values() -> list of the values there are */
static int column_values(lua_State *L) {
    const column *self = luaL_checkudata(L, 1, column_type);
    lua_Integer count = 0;
    lua_newtable(L);
    for (size_t i = 0; i < self->columns->count; i++) {
        uint64_t value;
        if (!column_value(self, i, &value))
            continue;
        push_value(L, self, value);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

/* column[i] -> value or nil; column.method */
static int column_index(lua_State *L) {
    const column *self = luaL_checkudata(L, 1, column_type);
    uint64_t value;
    if (lua_type(L, 2) != LUA_TNUMBER) {
        lua_pushvalue(L, 2);
        lua_gettable(L, lua_upvalueindex(1));
        return 1;
    }
    lua_Integer index = lua_tointeger(L, 2);
    if (index >= 1 && (uint64_t)index <= self->columns->count &&
        column_value(self, (size_t)index - 1, &value))
        push_value(L, self, value);
    else
        lua_pushnil(L);
    return 1;
}

static int column_length(lua_State *L) {
    const column *self = luaL_checkudata(L, 1, column_type);
    lua_pushinteger(L, (lua_Integer)self->columns->count);
    return 1;
}

static int column_text(lua_State *L) {
    const column *self = luaL_checkudata(L, 1, column_type);
    lua_pushfstring(L, "column: %s of %I requests", self->kind->name,
                    (lua_Integer)self->columns->count);
    return 1;
}

/* ---- the module -------------------------------------------------------------------------------
 */

/* Shares the methods table of the metatable at the top in the table of methods below it, and puts
 * an
 * __index before it that knows numbers too. */
static void index_rows(lua_State *L, lua_CFunction index, const char *name) {
    lua_getfield(L, -1, "__index");
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, name);
    lua_pushcclosure(L, index, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int mt_lua_open_columns(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"new", new_columns}, {"time_range", time_range}, {NULL, NULL}};
    static const luaL_Reg columns_methods[] = {{"append", columns_append},
                                               {"requests", columns_requests},
                                               {"column", columns_column},
                                               {"grid", columns_grid},
                                               {NULL, NULL}};
    static const luaL_Reg columns_meta[] = {{"__len", columns_length},
                                            {"__tostring", columns_text},
                                            {"__close", columns_close},
                                            {NULL, NULL}};
    static const luaL_Reg column_methods[] = {{"sum", column_sum},
                                              {"mean", column_mean},
                                              {"min", column_min},
                                              {"max", column_max},
                                              {"count", column_count},
                                              {"values", column_values},
                                              {"histogram", mt_lua_column_histogram},
                                              {NULL, NULL}};
    static const luaL_Reg column_meta[] = {
        {"__len", column_length}, {"__tostring", column_text}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_newtable(L);
    mt_lua_new_type(L, columns_type, columns_methods, columns_release, columns_meta);
    index_rows(L, columns_index, "columns");
    mt_lua_new_type(L, column_type, column_methods, NULL, column_meta);
    index_rows(L, column_index, "column");
    lua_setfield(L, -2, "methods");
    return 1;
}
