#include "base/assert.h"
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/gaps/state.h"

mt_code mt_gaps_iid_start(mt_gaps_iid *iid, const int64_t *times, size_t count, mt_error *error) {
    size_t instants = mt_gaps_instants(times, count);
    *iid = (mt_gaps_iid){.sizes = mt_allocate_zero(instants, sizeof *iid->sizes),
                         .waits = mt_allocate(instants, sizeof *iid->waits)};
    if (!iid->sizes || !iid->waits)
        return mt_fail_memory(error, "gaps");
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && times[i] != times[i - 1])
            iid->waits[iid->count++] = times[i] - times[i - 1];
        iid->sizes[iid->count]++;
    }
    iid->count++;
    mt_assert(iid->count == instants);
    /* A distribution has no order: a source of which only that is known draws the same. */
    mt_code code = mt_sort_times(iid->sizes, iid->count, error);
    return code ? code : mt_sort_times(iid->waits, iid->count - 1, error);
}

int64_t mt_gaps_iid_next(mt_gaps_iid *iid, mt_random *random) {
    if (iid->left == 0) {
        mt_random_seek(random, iid->instant);
        if (iid->instant > 0) {
            int64_t wait = iid->count > 1 ? iid->waits[mt_random_below(random, iid->count - 1)]
                                          : MT_LONE_PERIOD;
            if (wait > INT64_MAX - iid->time)
                return -1;
            iid->time += wait;
        }
        iid->instant++;
        iid->left = (uint64_t)iid->sizes[mt_random_below(random, iid->count)];
    }
    iid->left--;
    return iid->time;
}
