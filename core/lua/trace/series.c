/* core.series: lists of numbers made small enough to draw (stats/series.h); and the requests of a
 * source in bins of time, stream by stream. Lists of NaN and numbers; what is absent is NaN. */
#include "lua/trace/source_binding.h"
#include "lua/stats/statistics_binding.h"

#include "base/memory.h"
#include "base/sort.h"
#include "stats/series.h"
#include "trace/end/ends.h"

#include <math.h>
#include <string.h>

static void push_list(lua_State *L, const double *values, size_t count, size_t step) {
    lua_createtable(L, count < INT32_MAX ? (int)count : 0, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushnumber(L, values[i * step]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static double *new_numbers(lua_State *L, size_t count) {
    return lua_newuserdatauv(L, count * sizeof(double) + 1, 0);
}

/* The lists at 1 and 2, equally long, in userdata that are pushed. */
static size_t check_points(lua_State *L, double **x, double **y) {
    size_t count, others;
    *x = mt_lua_check_numbers(L, 1, "x", &count);
    *y = mt_lua_check_numbers(L, 2, "y", &others);
    luaL_argcheck(L, count == others, 2, "as many y as x");
    return count;
}

/* The range and the number of bins from `arg` on. */
static size_t check_bins(lua_State *L, int arg, double *from, double *to) {
    *from = mt_lua_check_finite(L, arg, "from");
    *to = mt_lua_check_finite(L, arg + 1, "to");
    lua_Integer bins = luaL_checkinteger(L, arg + 2);
    luaL_argcheck(L, bins >= 1 && bins <= MT_LUA_MOST_BINS, arg + 2, "bins");
    return (size_t)bins;
}

/* thin(x, y, buckets) -> x, y of the points that are drawn */
static int thin(lua_State *L) {
    double *x, *y;
    lua_Integer buckets = luaL_checkinteger(L, 3);
    luaL_argcheck(L, buckets >= 1 && buckets <= MT_LUA_MOST_BINS, 3, "buckets");
    size_t count = check_points(L, &x, &y);
    size_t *kept = lua_newuserdatauv(L, MT_THIN_KEPT * (size_t)buckets * sizeof *kept, 0);
    size_t total = mt_series_thin(x, y, count, (size_t)buckets, kept);
    for (int axis = 0; axis < 2; axis++) {
        lua_createtable(L, (int)total, 0);
        for (size_t i = 0; i < total; i++) {
            lua_pushnumber(L, (axis == 0 ? x : y)[kept[i]]);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
    }
    return 2;
}

/* quantiles(x, y, from, to, bins, percentiles) -> a list each of its value in each bin | nil,
 * message, code */
static int quantiles(lua_State *L) {
    double *x, *y, from, to;
    size_t bins = check_bins(L, 3, &from, &to), wanted;
    double *percentiles = mt_lua_check_numbers(L, 6, "percentile", &wanted);
    size_t count = check_points(L, &x, &y);
    double *found = new_numbers(L, bins * wanted);
    mt_error error;
    if (mt_series_quantiles(x, y, count, from, to, bins, percentiles, wanted, found, &error) !=
        MT_OK)
        return mt_lua_failure(L, &error);
    luaL_checkstack(L, (int)wanted, "percentiles");
    for (size_t i = 0; i < wanted; i++)
        push_list(L, found + i, bins, wanted);
    return (int)wanted;
}

/* sums(x, weights | nil, from, to, bins) -> their sum in each bin, without weights their number */
static int sums(lua_State *L) {
    double from, to;
    size_t bins = check_bins(L, 3, &from, &to), count;
    double *x, *weights = NULL;
    if (lua_isnil(L, 2))
        x = mt_lua_check_numbers(L, 1, "x", &count);
    else
        count = check_points(L, &x, &weights);
    double *found = mt_lua_new_zeros(L, bins, sizeof *found);
    mt_series_sums(x, weights, count, from, to, found, bins);
    push_list(L, found, bins, 1);
    return 1;
}

/* Pushes the points of the distribution of sorted values. */
static int push_cdf(lua_State *L, const double *sorted, size_t count, lua_Integer points) {
    double *x = new_numbers(L, (size_t)points + MT_CDF_TAILS);
    double *share = new_numbers(L, (size_t)points + MT_CDF_TAILS);
    size_t total = mt_series_cdf(sorted, count, (size_t)points, x, share);
    push_list(L, x, total, 1);
    push_list(L, share, total, 1);
    return 2;
}

/* cdf(values | sample, points) -> x, the share of the values that are not above it */
static int cdf(lua_State *L) {
    lua_Integer points = luaL_checkinteger(L, 2);
    luaL_argcheck(L, points >= 4 && points <= MT_LUA_MOST_BINS, 2, "points");
    if (lua_isuserdata(L, 1)) {
        const mt_lua_sample *sample = luaL_checkudata(L, 1, "moontide.sample");
        luaL_argcheck(L, sample->values != NULL, 1, "the sample is closed");
        return push_cdf(L, sample->values, sample->count, points);
    }
    size_t count, total = 0;
    double *values = mt_lua_check_numbers(L, 1, "value", &count);
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[total++] = values[i];
    mt_sort(values, total);
    return push_cdf(L, values, total, points);
}

/* levels(begins, ends) -> x, how many are going on from there */
static int levels(lua_State *L) {
    double *begins, *ends;
    size_t count = check_points(L, &begins, &ends), whole = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(begins[i]) && !isnan(ends[i])) {
            begins[whole] = begins[i];
            ends[whole++] = ends[i];
        }
    double *x = new_numbers(L, 2 * whole), *found = new_numbers(L, 2 * whole);
    size_t total = mt_series_levels(begins, ends, whole, x, found);
    push_list(L, x, total, 1);
    push_list(L, found, total, 1);
    return 2;
}

/* ---- streams of a trace ---- */

typedef struct stream_box {
    mt_stream_bins bins;
} stream_box;

static const char stream_box_type[] = "moontide.stream_bins";

static int release_streams(lua_State *L) {
    stream_box *box = lua_touserdata(L, 1);
    mt_stream_bins_free(&box->bins);
    memset(&box->bins, 0, sizeof box->bins);
    return 0;
}

/* Sets requests, input and output of `count` bins, lists where there are several. */
static void set_bins(lua_State *L, const mt_time_bin *bins, size_t count) {
    static const char *const names[] = {"requests", "inputs", "outputs", "input", "output"};
    for (int member = 0; member < 5; member++) {
        lua_createtable(L, (int)count, 0);
        for (size_t i = 0; i < count; i++) {
            const mt_time_bin *bin = &bins[i];
            double values[] = {(double)bin->requests, (double)bin->inputs, (double)bin->outputs,
                               bin->input, bin->output};
            lua_pushnumber(L, values[member]);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        lua_setfield(L, -2, names[member]);
    }
}

/* streams(source, from, to, bins, most) -> a list of { name = the raw JSON token, "" without one,
 * requests, inputs, outputs (how many have a length), input, output (tokens): lists, a bin each,
 * whole = the same of one bin } | nil, message, code */
static int streams(lua_State *L) {
    mt_source *source = mt_lua_check_source(L, 1);
    double from, to;
    size_t count = check_bins(L, 2, &from, &to);
    luaL_argcheck(L, from < to && fabs(from) < 9.2e9 && fabs(to) < 9.2e9, 3, "a range of time");
    lua_Integer most = luaL_checkinteger(L, 5);
    luaL_argcheck(L, most >= 1 && most < 10000, 5, "streams");
    stream_box *box = mt_lua_new_owner(L, sizeof *box, stream_box_type);
    box->bins.most = (size_t)most;
    box->bins.count = count;
    box->bins.from_ns = (int64_t)(from * 1e9);
    box->bins.to_ns = (int64_t)ceil(to * 1e9);
    mt_error error;
    if (mt_source_stream_bins(source, &box->bins, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_createtable(L, (int)box->bins.names.count, 0);
    for (size_t i = 0; i < box->bins.names.count; i++) {
        mt_span name = mt_texts_get(&box->bins.names, (uint32_t)i);
        lua_createtable(L, 0, 7);
        lua_pushlstring(L, name.text, name.length);
        lua_setfield(L, -2, "name");
        set_bins(L, box->bins.bins + i * count, count);
        lua_createtable(L, 0, 5);
        set_bins(L, box->bins.whole + i, 1);
        lua_setfield(L, -2, "whole");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

int mt_lua_open_series(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"thin", thin},     {"quantiles", quantiles}, {"sums", sums}, {"cdf", cdf},
        {"levels", levels}, {"streams", streams},     {NULL, NULL}};
    static const luaL_Reg methods[] = {{NULL, NULL}};
    mt_lua_new_type(L, stream_box_type, methods, release_streams, NULL);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
