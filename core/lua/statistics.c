/* core.statistics: sorted samples and their distance; times and how they bunch. */
#include "lua/statistics_binding.h"
#include "lua/trace_binding.h"

#include "base/memory.h"
#include "base/sort.h"
#include "stats/distance.h"

#include <math.h>
#include <string.h>

static const mt_lua_type sample_type = {"moontide.sample", "statistics: the sample is closed",
                                        mt_free};
static const mt_lua_type times_type = {"moontide.times", "statistics: the times are closed",
                                       mt_free};

void mt_lua_set_summary(lua_State *L, const char *name, const mt_summary *summary) {
    lua_createtable(L, 0, 7);
    mt_lua_set_number(L, "mean", summary->mean);
    mt_lua_set_number(L, "std", summary->population_deviation);
    mt_lua_set_number(L, "min", summary->min);
    mt_lua_set_number(L, "p25", summary->p25);
    mt_lua_set_number(L, "median", summary->median);
    mt_lua_set_number(L, "p75", summary->p75);
    mt_lua_set_number(L, "max", summary->max);
    lua_setfield(L, -2, name);
}

void mt_lua_set_quantiles(lua_State *L, const char *name, const mt_quantiles *quantiles) {
    if (quantiles->count == 0)
        return;
    lua_createtable(L, 0, 9);
    mt_lua_set_number(L, "mean", quantiles->mean);
    mt_lua_set_number(L, "min", quantiles->min);
    mt_lua_set_number(L, "p10", quantiles->p10);
    mt_lua_set_number(L, "p25", quantiles->p25);
    mt_lua_set_number(L, "median", quantiles->median);
    mt_lua_set_number(L, "p75", quantiles->p75);
    mt_lua_set_number(L, "p90", quantiles->p90);
    mt_lua_set_number(L, "p99", quantiles->p99);
    mt_lua_set_number(L, "max", quantiles->max);
    lua_setfield(L, -2, name);
}

static void __attribute__((noreturn)) raise_memory(lua_State *L) {
    mt_error error;
    mt_fail_memory(&error, "statistics");
    mt_lua_raise_error(L, &error);
}

/* Number `i` (from 1) of the list at `arg`, finite. */
static double list_value(lua_State *L, int arg, lua_Integer i) {
    lua_rawgeti(L, arg, i);
    const char *what = lua_pushfstring(L, "statistics: number %I", i);
    double value = mt_lua_check_finite(L, -2, what);
    lua_pop(L, 2);
    return value;
}

/* ---- samples ---- */

mt_lua_sample *mt_lua_new_sample(lua_State *L, size_t count) {
    mt_lua_sample *self = mt_lua_new_owner(L, sizeof *self, sample_type.name);
    self->values = mt_allocate(count, sizeof(double));
    if (!self->values)
        raise_memory(L);
    return self;
}

void mt_lua_sort_sample(mt_lua_sample *sample, size_t count) {
    sample->count = count;
    mt_sort(sample->values, count);
}

const mt_lua_sample *mt_lua_check_sample(lua_State *L, int arg) {
    mt_lua_check_object(L, arg, &sample_type);
    return lua_touserdata(L, arg);
}

/* The lengths that a column can give. */
static const char *const length_names[] = {"input_length", "output_length", NULL};
static const unsigned length_members[] = {MT_HAS_INPUT_LENGTH, MT_HAS_OUTPUT_LENGTH};

/* sample(list of numbers) or sample(columns, "input_length" | "output_length") -> sample of those
 * that there are */
static int new_sample(lua_State *L) {
    const mt_columns *columns = mt_lua_test_columns(L, 1);
    size_t count = 0;
    if (!columns) {
        luaL_checktype(L, 1, LUA_TTABLE);
        lua_Unsigned length = lua_rawlen(L, 1);
        mt_lua_sample *self = mt_lua_new_sample(L, length);
        for (double *values = self->values; count < length; count++)
            values[count] = list_value(L, 1, (lua_Integer)count + 1);
        mt_lua_sort_sample(self, count);
        return 1;
    }
    int which = luaL_checkoption(L, 2, NULL, length_names);
    mt_lua_sample *self = mt_lua_new_sample(L, columns->count);
    double *values = self->values;
    for (size_t i = 0; i < columns->count; i++) {
        mt_request request;
        if (!(mt_columns_has(columns, i) & length_members[which]))
            continue;
        mt_columns_get(columns, i, &request);
        values[count++] = (double)(which ? request.output_length : request.input_length);
    }
    mt_lua_sort_sample(self, count);
    return 1;
}

/* sample:distance(other) -> the Kolmogorov-Smirnov distance, nil when one of them is empty */
static int sample_distance(lua_State *L) {
    const mt_lua_sample *self = mt_lua_check_sample(L, 1), *other = mt_lua_check_sample(L, 2);
    mt_lua_push_number(L, mt_ks_distance(self->values, self->count, other->values, other->count));
    return 1;
}

static int sample_length(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)mt_lua_check_sample(L, 1)->count);
    return 1;
}

static int sample_text(lua_State *L) {
    lua_pushfstring(L, "sample: %I numbers", (lua_Integer)mt_lua_check_sample(L, 1)->count);
    return 1;
}

/* ---- times ---- */

typedef struct times {
    void *nanoseconds; /* int64_t each, in ascending order */
    size_t count;
} times;

static const times *check_times(lua_State *L, int arg) {
    mt_lua_check_object(L, arg, &times_type);
    return lua_touserdata(L, arg);
}

/* Seconds as nanoseconds; raises where 64 bits do not hold them. */
static int64_t to_nanoseconds(lua_State *L, double seconds) {
    double nanoseconds = round(seconds * 1e9);
    if (!(fabs(nanoseconds) < 0x1p63))
        mt_lua_raise(L, "statistics: %f s is more than 64 bits of nanoseconds hold", seconds);
    return (int64_t)nanoseconds;
}

/* times(columns | list of seconds) -> times of the requests that have one */
static int new_times(lua_State *L) {
    const mt_columns *columns = mt_lua_test_columns(L, 1);
    if (!columns)
        luaL_checktype(L, 1, LUA_TTABLE);
    size_t most = columns ? columns->count : lua_rawlen(L, 1);
    times *self = mt_lua_new_owner(L, sizeof *self, times_type.name);
    int64_t *nanoseconds = self->nanoseconds = mt_allocate(most, sizeof *nanoseconds);
    if (!nanoseconds)
        raise_memory(L);
    for (size_t i = 0; i < most; i++) {
        mt_request request;
        if (!columns) {
            double seconds = list_value(L, 1, (lua_Integer)i + 1);
            nanoseconds[self->count++] = to_nanoseconds(L, seconds);
        } else if (mt_columns_has(columns, i) & MT_HAS_TIME) {
            mt_columns_get(columns, i, &request);
            nanoseconds[self->count++] = request.time_ns;
        }
    }
    mt_error error;
    if (mt_sort_times(self->nanoseconds, self->count, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    return 1;
}

void mt_lua_push_dispersion(lua_State *L, int64_t window_ns, const mt_dispersion *dispersion) {
    double window = (double)window_ns / 1e9;
    lua_createtable(L, 0, 7);
    mt_lua_set_number(L, "window", window);
    mt_lua_set_count(L, "windows", dispersion->windows);
    mt_lua_set_count(L, "requests", dispersion->requests);
    mt_lua_set_number(L, "mean", dispersion->mean / window);
    mt_lua_set_number(L, "peak", dispersion->windows ? (double)dispersion->peak / window : NAN);
    mt_lua_set_number(L, "coefficient_of_variation", dispersion->coefficient_of_variation);
    mt_lua_set_number(L, "variance_over_mean", dispersion->variance_over_mean);
}

/* times:dispersion(window in seconds) -> table */
static int times_dispersion(lua_State *L) {
    const times *self = check_times(L, 1);
    double window = mt_lua_check_finite(L, 2, "statistics: window");
    int64_t nanoseconds = to_nanoseconds(L, window);
    mt_dispersion dispersion;
    if (nanoseconds < 1)
        return mt_lua_raise(L, "statistics: window must be at least a nanosecond, not %f s",
                            window);
    mt_disperse(self->nanoseconds, self->count, nanoseconds, &dispersion);
    mt_lua_push_dispersion(L, nanoseconds, &dispersion);
    return 1;
}

static int times_length(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_times(L, 1)->count);
    return 1;
}

static int times_text(lua_State *L) {
    lua_pushfstring(L, "times: of %I requests", (lua_Integer)check_times(L, 1)->count);
    return 1;
}

int mt_lua_open_statistics(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"sample", new_sample}, {"times", new_times}, {NULL, NULL}};
    static const luaL_Reg sample_methods[] = {
        {"distance", sample_distance}, {"close", mt_lua_close}, {NULL, NULL}};
    static const luaL_Reg sample_meta[] = {
        {"__len", sample_length}, {"__tostring", sample_text}, {NULL, NULL}};
    static const luaL_Reg times_methods[] = {
        {"dispersion", times_dispersion}, {"close", mt_lua_close}, {NULL, NULL}};
    static const luaL_Reg times_meta[] = {
        {"__len", times_length}, {"__tostring", times_text}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_object_type(L, &sample_type, sample_methods, sample_meta);
    mt_lua_new_object_type(L, &times_type, times_methods, times_meta);
    lua_pop(L, 2);
    return 1;
}
