#include "prefix/gaps/state.h"

#include "base/memory.h"
#include "stats/grid.h"

/* times[0..count) taken off the grid that they lie on. */
static mt_code spread(int64_t *times, size_t count, uint64_t seed, mt_error *error) {
    mt_grid grid;
    mt_code code = mt_grid_detect(times, count, &grid, error);
    if (code != MT_OK)
        return code;
    if (grid.period_ns == 0)
        return mt_fail(error, MT_ERROR_VALUE,
                       "the source's times lie on no grid (%zu looked at): there is nothing to "
                       "dequantize",
                       count);
    return mt_grid_spread(&grid, seed, times, count, error);
}

mt_code mt_gaps_dequantize(const int64_t *gaps_ns, size_t count, uint64_t seed, int64_t *spread_ns,
                           mt_error *error) {
    if (count == 0)
        return MT_OK;
    int64_t *times = mt_allocate(count, sizeof *times);
    if (!times)
        return mt_fail_memory(error, "gaps");
    mt_code code = mt_gaps_add_up(gaps_ns, count, times, error);
    if (code == MT_OK)
        code = spread(times, count, seed, error);
    spread_ns[0] = 0;
    for (size_t i = 1; code == MT_OK && i < count; i++)
        spread_ns[i] = times[i] - times[i - 1];
    mt_free(times);
    return code;
}
