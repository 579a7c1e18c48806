/* One column of columns: a list of numbers in its own unit, and figures of them. Columns computed
 * from others are in column_math.c. */
#include "lua/trace/column.h"

#include "base/interrupt.h"
#include "stats/histogram.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const char column_type[] = "moontide.column";

struct mt_lua_column_kind {
    const char *name;
    unsigned has;
    size_t place; /* of its array of 64 bits each in the columns; 0: it is the hash_count */
    uint64_t unit;
};

static const mt_lua_column_kind column_kinds[] = {
    {"timestamp", MT_HAS_TIME, offsetof(mt_columns, time_ns), 1000000},
    {"input_length", MT_HAS_INPUT_LENGTH, offsetof(mt_columns, input_length), 1},
    {"output_length", MT_HAS_OUTPUT_LENGTH, offsetof(mt_columns, output_length), 1},
    {"delay", MT_HAS_DELAY, offsetof(mt_columns, delay_ns), 1000000},
    {"turn", MT_HAS_TURN, offsetof(mt_columns, turn), 1},
    {"hash_count", MT_HAS_HASH_IDS, 0, 1}};

static const mt_lua_column_kind computed_kind = {"computed", 0, 0, 1};

const mt_lua_column *mt_lua_check_column(lua_State *L, int arg) {
    return luaL_checkudata(L, arg, column_type);
}

const mt_lua_column *mt_lua_test_column(lua_State *L, int arg) {
    return luaL_testudata(L, arg, column_type);
}

mt_lua_column *mt_lua_new_column(lua_State *L, size_t count) {
    mt_lua_column *self =
        mt_lua_new_owner(L, sizeof *self + count * sizeof *self->values, column_type);
    self->kind = &computed_kind;
    self->count = count;
    return self;
}

/* columns:column(name) -> column */
int mt_lua_columns_column(lua_State *L) {
    const mt_columns *columns = mt_lua_check_columns(L, 1);
    const char *name = luaL_checkstring(L, 2);
    for (size_t i = 0; i < sizeof column_kinds / sizeof *column_kinds; i++) {
        if (strcmp(name, column_kinds[i].name) != 0)
            continue;
        mt_lua_column *self = mt_lua_new_column(L, 0);
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

size_t mt_lua_column_length(const mt_lua_column *self) {
    return self->columns ? self->columns->count : self->count;
}

/* The value of request i of a view: nanoseconds for times. 0 when it has none, else 1. */
static int column_value(const mt_lua_column *self, size_t i, uint64_t *value) {
    if (!(mt_columns_has(self->columns, i) & self->kind->has))
        return 0;
    if (self->kind->place == 0) {
        mt_request request;
        mt_columns_get(self->columns, i, &request);
        *value = request.hash_count;
    } else {
        const mt_column *array = (const void *)((const char *)self->columns + self->kind->place);
        *value = mt_column_u64(array, i);
    }
    return 1;
}

double mt_lua_column_number(const mt_lua_column *self, size_t i) {
    uint64_t value;
    if (!self->columns)
        return self->values[i];
    if (!column_value(self, i, &value))
        return NAN;
    return (double)value / (double)self->kind->unit;
}

/* Requests without the member get none; times and counts are told apart outside of the loops. */
static void view_numbers(const mt_lua_column *self, size_t first, size_t count, double *numbers) {
    const mt_column *array = (const void *)((const char *)self->columns + self->kind->place);
    const uint8_t *has = (const uint8_t *)self->columns->has.data + first;
    const uint64_t *values = array->data;
    unsigned member = self->kind->has;
    double unit = (double)self->kind->unit;
    if (!values)
        for (size_t i = 0; i < count; i++)
            numbers[i] = has[i] & member ? 0 : NAN;
    else if (self->kind->unit == 1)
        for (size_t i = 0; i < count; i++)
            numbers[i] = has[i] & member ? (double)values[first + i] : NAN;
    else
        for (size_t i = 0; i < count; i++)
            numbers[i] = has[i] & member ? (double)values[first + i] / unit : NAN;
}

void mt_lua_column_numbers(const mt_lua_column *self, size_t first, size_t count, double *numbers) {
    if (!self->columns)
        memcpy(numbers, self->values + first, count * sizeof *numbers);
    else if (self->kind->place != 0)
        view_numbers(self, first, count, numbers);
    else
        for (size_t i = 0; i < count; i++)
            numbers[i] = mt_lua_column_number(self, first + i);
}

void mt_lua_push_computed(lua_State *L, double value) {
    lua_Integer whole;
    if (lua_numbertointeger(value, &whole) && (double)whole == value)
        lua_pushinteger(L, whole);
    else
        lua_pushnumber(L, value);
}

/* Values of a view in its own unit: whole where they can be, else doubles. */
static void push_value(lua_State *L, const mt_lua_column *self, uint64_t value) {
    uint64_t unit = self->kind->unit;
    if (value % unit == 0 && value / unit <= INT64_MAX)
        lua_pushinteger(L, (lua_Integer)(value / unit));
    else
        lua_pushnumber(L, (lua_Number)value / (lua_Number)unit);
}

/* Pushes the value at i and gives 1; 0, and nothing, when there is none. */
static int push_at(lua_State *L, const mt_lua_column *self, size_t i) {
    uint64_t value;
    if (self->columns) {
        if (!column_value(self, i, &value))
            return 0;
        push_value(L, self, value);
    } else {
        if (isnan(self->values[i]))
            return 0;
        mt_lua_push_computed(L, self->values[i]);
    }
    return 1;
}

typedef struct column_totals {
    uint64_t count;
    uint64_t min, max, sum; /* of a view, exact */
    double sum_double;      /* for when 64 bits are too few, and of a computed column */
    double low, high;       /* of a computed column */
    int is_double;          /* the sum is */
} column_totals;

static column_totals total_view(const mt_lua_column *self) {
    column_totals totals = {.min = UINT64_MAX};
    for (size_t i = 0; i < self->columns->count; i++) {
        uint64_t value;
        if (!column_value(self, i, &value))
            continue;
        totals.count++;
        totals.min = value < totals.min ? value : totals.min;
        totals.max = value > totals.max ? value : totals.max;
        totals.sum_double += (double)value;
        totals.is_double |= __builtin_add_overflow(totals.sum, value, &totals.sum);
    }
    return totals;
}

static column_totals total_computed(const mt_lua_column *self) {
    column_totals totals = {.low = INFINITY, .high = -INFINITY, .is_double = 1};
    for (size_t i = 0; i < self->count; i++) {
        double value = self->values[i];
        if (isnan(value))
            continue;
        totals.count++;
        totals.low = value < totals.low ? value : totals.low;
        totals.high = value > totals.high ? value : totals.high;
        totals.sum_double += value;
    }
    return totals;
}

static column_totals total(const mt_lua_column *self) {
    return self->columns ? total_view(self) : total_computed(self);
}

static int column_sum(lua_State *L) {
    const mt_lua_column *self = mt_lua_check_column(L, 1);
    column_totals totals = total(self);
    if (!self->columns)
        mt_lua_push_computed(L, totals.sum_double);
    else if (totals.is_double)
        lua_pushnumber(L, totals.sum_double / (double)self->kind->unit);
    else
        push_value(L, self, totals.sum);
    return 1;
}

static int column_mean(lua_State *L) {
    const mt_lua_column *self = mt_lua_check_column(L, 1);
    column_totals totals = total(self);
    double sum = totals.is_double ? totals.sum_double : (double)totals.sum;
    mt_lua_push_number(L, sum / (double)totals.count / (double)self->kind->unit); /* 0 / 0: nil */
    return 1;
}

static int column_extreme(lua_State *L, int want_max) {
    const mt_lua_column *self = mt_lua_check_column(L, 1);
    column_totals totals = total(self);
    if (totals.count == 0)
        lua_pushnil(L);
    else if (!self->columns)
        mt_lua_push_computed(L, want_max ? totals.high : totals.low);
    else
        push_value(L, self, want_max ? totals.max : totals.min);
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
    lua_pushinteger(L, (lua_Integer)total(mt_lua_check_column(L, 1)).count);
    return 1;
}

/* column:values() -> list of the values there are */
static int column_values(lua_State *L) {
    const mt_lua_column *self = mt_lua_check_column(L, 1);
    lua_Integer count = 0;
    lua_newtable(L);
    for (size_t i = 0; i < mt_lua_column_length(self); i++) {
        if (push_at(L, self, i))
            lua_rawseti(L, -2, ++count);
    }
    return 1;
}

/* Only columns hold one of our kinds. */
static int is_kind(const mt_lua_column_kind *kind) {
    uintptr_t at = (uintptr_t)kind, first = (uintptr_t)column_kinds;
    return kind == &computed_kind || (at >= first && at - first < sizeof column_kinds);
}

/* The column that is indexed, without a look for its type by name: a loop does little else. */
static const mt_lua_column *indexed_column(lua_State *L) {
    const mt_lua_column *self = lua_type(L, 1) == LUA_TUSERDATA ? lua_touserdata(L, 1) : NULL;
    if (self && lua_rawlen(L, 1) >= sizeof *self && is_kind(self->kind))
        return self;
    return mt_lua_check_column(L, 1);
}

/* column[i] -> value or nil; column.method */
static int column_index(lua_State *L) {
    const mt_lua_column *self = indexed_column(L);
    if (lua_type(L, 2) != LUA_TNUMBER) {
        lua_pushvalue(L, 2);
        lua_gettable(L, lua_upvalueindex(1));
        return 1;
    }
    lua_Integer index = lua_tointeger(L, 2);
    if (index < 1 || (uint64_t)index > mt_lua_column_length(self) ||
        !push_at(L, self, (size_t)index - 1))
        lua_pushnil(L);
    return 1;
}

static int column_length(lua_State *L) {
    const mt_lua_column *self = mt_lua_check_column(L, 1);
    lua_pushinteger(L, (lua_Integer)mt_lua_column_length(self));
    return 1;
}

static int column_text(lua_State *L) {
    const mt_lua_column *self = mt_lua_check_column(L, 1);
    lua_pushfstring(L, "column: %s of %I requests", self->kind->name,
                    (lua_Integer)mt_lua_column_length(self));
    return 1;
}

/* The list at index 2 as edges: increasing finite numbers, two at least. The owner is pushed. */
static double *check_edges(lua_State *L, size_t *bins) {
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Unsigned count = lua_rawlen(L, 2);
    if (count < 2 || count > MT_LUA_MOST_BINS)
        mt_lua_raise(L, "histogram: takes a list of two edges or more");
    double *edges = lua_newuserdatauv(L, (size_t)count * sizeof *edges, 0);
    for (lua_Unsigned i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        edges[i] = mt_lua_check_finite(L, -1, "histogram: an edge");
        lua_pop(L, 1);
        if (i > 0 && !(edges[i] > edges[i - 1]))
            mt_lua_raise(L, "histogram: the edges must increase");
    }
    *bins = (size_t)count - 1;
    return edges;
}

/* column:histogram(edges) -> a count for each bin between them, in the column's own unit | nil,
 * message, code */
static int column_histogram(lua_State *L) {
    const mt_lua_column *self = mt_lua_check_column(L, 1);
    size_t bins;
    const double *edges = check_edges(L, &bins);
    uint64_t *counts = mt_lua_new_zeros(L, bins, sizeof *counts);
    for (size_t i = 0; i < mt_lua_column_length(self); i++) {
        mt_error error;
        if (i % MT_LUA_MOST_BINS == 0 && mt_interrupted()) {
            mt_fail(&error, MT_ERROR_INTERRUPTED, "interrupted");
            return mt_lua_failure(L, &error);
        }
        size_t bin = mt_histogram_bin(edges, bins, mt_lua_column_number(self, i));
        if (bin != MT_NO_BIN)
            counts[bin]++;
    }
    mt_lua_push_counts(L, counts, bins, sizeof *counts);
    return 1;
}

void *mt_lua_new_zeros(lua_State *L, size_t count, size_t size) {
    return memset(lua_newuserdatauv(L, count * size, 0), 0, count * size);
}

void mt_lua_index_rows(lua_State *L, lua_CFunction index, const char *name) {
    lua_getfield(L, -1, "__index");
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, name);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, index, 2);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void mt_lua_register_column(lua_State *L) {
    static const luaL_Reg column_methods[] = {{"sum", column_sum},
                                              {"mean", column_mean},
                                              {"min", column_min},
                                              {"max", column_max},
                                              {"count", column_count},
                                              {"values", column_values},
                                              {"histogram", column_histogram},
                                              {NULL, NULL}};
    static const luaL_Reg column_meta[] = {
        {"__len", column_length}, {"__tostring", column_text}, {NULL, NULL}};
    mt_lua_new_type(L, column_type, column_methods, NULL, column_meta);
    lua_getfield(L, -1, "__index");
    lua_insert(L, -2);
    mt_lua_register_column_math(L, lua_absindex(L, -2));
    lua_remove(L, -2);
    mt_lua_index_rows(L, column_index, "column");
}
