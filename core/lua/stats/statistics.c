/* Summaries, quantiles, dispersions and sorted samples, as the analysis gives them to Lua. */
#include "lua/stats/statistics_binding.h"

#include "base/memory.h"
#include "base/sort.h"
#include "stats/distance.h"

#include <math.h>

void mt_lua_set_summary(lua_State *L, const char *name, const mt_summary *summary) {
    lua_createtable(L, 0, 12);
    mt_lua_set_number(L, "mean", summary->mean);
    mt_lua_set_number(L, "std", summary->population_deviation);
    mt_lua_set_number(L, "min", summary->min);
    mt_lua_set_number(L, "p25", summary->p25);
    mt_lua_set_number(L, "median", summary->median);
    mt_lua_set_number(L, "p75", summary->p75);
    mt_lua_set_number(L, "p90", summary->p90);
    mt_lua_set_number(L, "p95", summary->p95);
    mt_lua_set_number(L, "p99", summary->p99);
    mt_lua_set_number(L, "max", summary->max);
    lua_setfield(L, -2, name);
}

void mt_lua_set_quantiles(lua_State *L, const char *name, const mt_quantiles *quantiles) {
    if (quantiles->count == 0)
        return;
    lua_createtable(L, 0, 12);
    mt_lua_set_number(L, "mean", quantiles->mean);
    mt_lua_set_number(L, "min", quantiles->min);
    mt_lua_set_number(L, "p10", quantiles->p10);
    mt_lua_set_number(L, "p25", quantiles->p25);
    mt_lua_set_number(L, "median", quantiles->median);
    mt_lua_set_number(L, "p75", quantiles->p75);
    mt_lua_set_number(L, "p90", quantiles->p90);
    mt_lua_set_number(L, "p95", quantiles->p95);
    mt_lua_set_number(L, "p99", quantiles->p99);
    mt_lua_set_number(L, "max", quantiles->max);
    lua_setfield(L, -2, name);
}

void mt_lua_push_dispersion(lua_State *L, int64_t window_ns, const mt_dispersion *dispersion) {
    double window = (double)window_ns / 1e9;
    lua_createtable(L, 0, 7);
    mt_lua_set_number(L, "window", window);
    mt_lua_set_count(L, "windows", dispersion->windows);
    mt_lua_set_count(L, "requests", dispersion->requests);
    mt_lua_set_count(L, "last_requests", dispersion->last_requests);
    mt_lua_set_number(L, "last_seconds", (double)dispersion->last_ns / 1e9);
    mt_lua_set_number(L, "mean", dispersion->mean / window);
    mt_lua_set_number(L, "peak", dispersion->windows ? (double)dispersion->peak / window : NAN);
    mt_lua_set_number(L, "coefficient_of_variation", dispersion->coefficient_of_variation);
    mt_lua_set_number(L, "variance_over_mean", dispersion->variance_over_mean);
}

/* ---- samples ---- */

static const mt_lua_type sample_type = {"moontide.sample", "the sample is closed", mt_free};

mt_lua_sample *mt_lua_new_sample(lua_State *L, size_t count) {
    mt_lua_sample *self = mt_lua_new_owner(L, sizeof *self, sample_type.name);
    mt_error error;
    void *values = mt_allocate(count, sizeof(double));
    if (!values)
        mt_fail_memory(&error, "statistics");
    mt_lua_keep(L, &self->values, values, &error);
    return self;
}

void mt_lua_sort_sample(mt_lua_sample *sample, size_t count) {
    sample->count = count;
    mt_sort(sample->values, count);
}

/* sample:distance(other) -> the Kolmogorov-Smirnov distance, nil when one of them is empty */
static int sample_distance(lua_State *L) {
    const double *values = mt_lua_check_object(L, 1, &sample_type);
    const double *others = mt_lua_check_object(L, 2, &sample_type);
    const mt_lua_sample *self = lua_touserdata(L, 1), *other = lua_touserdata(L, 2);
    mt_lua_push_number(L, mt_ks_distance(values, self->count, others, other->count));
    return 1;
}

void mt_lua_register_sample(lua_State *L) {
    static const luaL_Reg methods[] = {{"distance", sample_distance}, {NULL, NULL}};
    mt_lua_new_object_type(L, &sample_type, methods, NULL);
    lua_pop(L, 1);
}
