/* core.columns: columns and one column counted in bins, for pictures. */
#include "lua/trace_binding.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "stats/histogram.h"
#include "trace/bins.h"

#include <math.h>

static const char bins_type[] = "moontide.columns.bins";

enum { MOST_BINS = 100000 };

/* Scratch memory that is freed whatever happens. */
typedef struct scratch {
    void *block;
} scratch;

static int scratch_free(lua_State *L) {
    scratch *self = lua_touserdata(L, 1);
    mt_free(self->block);
    self->block = NULL;
    return 0;
}

/* Pushes the owner of count * size zero bytes and gives them; raises when memory is out. */
static void *new_scratch(lua_State *L, size_t count, size_t size) {
    if (luaL_getmetatable(L, bins_type) == LUA_TNIL)
        mt_lua_new_type(L, bins_type, NULL, scratch_free, NULL);
    lua_pop(L, 1);
    scratch *self = mt_lua_new_owner(L, sizeof *self, bins_type);
    self->block = mt_allocate_zero(count, size);
    if (!self->block) {
        mt_error error;
        mt_fail_memory(&error, "bins");
        mt_lua_raise_error(L, &error);
    }
    return self->block;
}

/* time_range(columns) -> first and last time in seconds, nothing when no request has one */
int mt_lua_columns_time_range(lua_State *L) {
    int64_t first, last;
    if (mt_columns_time_range(mt_lua_check_columns(L, 1), &first, &last) != 0)
        return 0;
    lua_pushnumber(L, (double)first / 1e9);
    lua_pushnumber(L, (double)last / 1e9);
    return 2;
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

/* time_bins(columns, from, to, count) -> requests, mean input_length, mean output_length a bin (NaN
 * without one) | nil, message, code. from < to, seconds. */
int mt_lua_columns_time_bins(lua_State *L) {
    const mt_columns *columns = mt_lua_check_columns(L, 1);
    double from = mt_lua_check_finite(L, 2, "from"), to = mt_lua_check_finite(L, 3, "to");
    lua_Integer count = luaL_checkinteger(L, 4);
    luaL_argcheck(L, count >= 1 && count <= MOST_BINS, 4, "bins");
    luaL_argcheck(L, from < to && fabs(from) < 9.2e9 && fabs(to) < 9.2e9, 3, "a range of time");
    mt_time_bin *bins = new_scratch(L, (size_t)count, sizeof *bins);
    mt_error error;
    if (mt_columns_time_bins(columns, (int64_t)(from * 1e9), (int64_t)ceil(to * 1e9), bins,
                             (size_t)count, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)bins[i].requests);
        lua_rawseti(L, -2, i + 1);
    }
    push_means(L, bins, count, 0);
    push_means(L, bins, count, 1);
    return 3;
}

/* The list at index 2 as edges: increasing finite numbers, two at least. The owner is pushed. */
static double *check_edges(lua_State *L, size_t *bins) {
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Unsigned count = lua_rawlen(L, 2);
    if (count < 2 || count > MOST_BINS)
        mt_lua_raise(L, "histogram: takes a list of two edges or more");
    double *edges = new_scratch(L, (size_t)count, sizeof *edges);
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
int mt_lua_column_histogram(lua_State *L) {
    size_t bins, rows = mt_lua_column_rows(L, 1);
    const double *edges = check_edges(L, &bins);
    uint64_t *counts = new_scratch(L, bins, sizeof *counts);
    for (size_t i = 0; i < rows; i++) {
        double value;
        mt_error error;
        if (i % MOST_BINS == 0 && mt_interrupted()) {
            mt_fail(&error, MT_ERROR_INTERRUPTED, "interrupted");
            return mt_lua_failure(L, &error);
        }
        size_t bin = mt_lua_column_number(L, 1, i, &value) ? mt_histogram_bin(edges, bins, value)
                                                           : MT_NO_BIN;
        if (bin != MT_NO_BIN)
            counts[bin]++;
    }
    lua_createtable(L, (int)bins, 0);
    for (size_t i = 0; i < bins; i++) {
        lua_pushinteger(L, (lua_Integer)counts[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}
