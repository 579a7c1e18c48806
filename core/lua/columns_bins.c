/* One column counted in bins, for pictures. */
#include "lua/trace_binding.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "stats/histogram.h"

static const char bins_type[] = "moontide.columns.bins";

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

void *mt_lua_new_scratch(lua_State *L, size_t count, size_t size) {
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

/* The list at index 2 as edges: increasing finite numbers, two at least. The owner is pushed. */
static double *check_edges(lua_State *L, size_t *bins) {
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Unsigned count = lua_rawlen(L, 2);
    if (count < 2 || count > MT_LUA_MOST_BINS)
        mt_lua_raise(L, "histogram: takes a list of two edges or more");
    double *edges = mt_lua_new_scratch(L, (size_t)count, sizeof *edges);
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
    uint64_t *counts = mt_lua_new_scratch(L, bins, sizeof *counts);
    for (size_t i = 0; i < rows; i++) {
        double value;
        mt_error error;
        if (i % MT_LUA_MOST_BINS == 0 && mt_interrupted()) {
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
