/* Times on the ticks of the source's clock, or spread over them. */
#include "base/memory.h"
#include "prefix/reuse/chains_state.h"

#define LEAST_PART 20 /* of a period: so near a tick a time belongs to it, or */
#define NEAR_NS INT64_C(4000000)

mt_code mt_reuse_clock_begin(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    int64_t *times = mt_allocate(model->count, sizeof *times);
    if (!times)
        return mt_fail_memory(error, "synthesiser");
    times[0] = 0;
    for (size_t i = 1; i < model->count; i++) {
        if (model->gaps_ns[i] > INT64_MAX / 2 - times[i - 1]) {
            mt_free(times); /* so long a time ticks nowhere */
            return MT_OK;
        }
        times[i] = times[i - 1] + model->gaps_ns[i];
    }
    mt_code code = mt_grid_detect(times, model->count, &chains->clock, error);
    if (code || chains->clock.period_ns == 0) {
        mt_free(times);
        return code;
    }
    chains->instants = times;
    chains->instant_count = 1;
    for (size_t i = 1; i < model->count; i++)
        if (model->gaps_ns[i] > 0)
            times[chains->instant_count++] = times[i];
    return MT_OK;
}

int64_t mt_reuse_on_clock(const mt_reuse_chains *chains, int64_t time_ns) {
    size_t low = 0, high = chains->instant_count;
    if (high == 0 || chains->is_spread)
        return time_ns;
    while (high - low > 1) { /* instants[low] <= time, or low is 0 */
        size_t middle = low + (high - low) / 2;
        if (chains->instants[middle] <= time_ns)
            low = middle;
        else
            high = middle;
    }
    int64_t near = chains->clock.period_ns / LEAST_PART;
    near = near < NEAR_NS ? near : NEAR_NS;
    for (size_t i = low; i < low + 2 && i < chains->instant_count; i++) {
        int64_t apart = chains->instants[i] - time_ns;
        if (apart <= near && -apart <= near)
            return chains->instants[i];
    }
    return time_ns;
}

void mt_reuse_chains_spread(mt_reuse_chains *chains) {
    chains->is_spread = 1;
}

/* The clock did not tick when the requests came, but they keep their order. */
mt_code mt_reuse_spread_events(mt_reuse_chains *chains, mt_error *error) {
    if (!chains->is_spread || chains->clock.period_ns == 0)
        return MT_OK;
    int64_t *times = mt_allocate(chains->event_count + 1, sizeof *times);
    if (!times)
        return mt_fail_memory(error, "synthesiser");
    for (size_t i = 0; i < chains->event_count; i++)
        times[i] = chains->events[i].time;
    mt_code code = mt_grid_spread(&chains->clock, mt_random_u64(&chains->random), times,
                                  chains->event_count, error);
    for (size_t i = 0; i < chains->event_count && !code; i++)
        chains->events[i].time = times[i];
    mt_free(times);
    return code;
}
