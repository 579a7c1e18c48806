/* Times on the ticks of the source's clock, or spread over them. */
#include "base/memory.h"
#include "prefix/reuse/chains_state.h"

#define LEAST_PART 20 /* of a period: so near a tick a time belongs to it, or */
#define NEAR_NS INT64_C(4000000)

/* For each stretch of 2^shift ns, two an instant at most, the last instant that is not after its
 * begin, or the first. */
static mt_code index_instants(mt_reuse_chains *chains, mt_error *error) {
    const int64_t *instants = chains->instants;
    size_t count = chains->instant_count, at = 0;
    uint64_t last = (uint64_t)instants[count - 1];
    while (last >> chains->instant_shift >= 2 * count)
        chains->instant_shift++;
    chains->stretch_count = (last >> chains->instant_shift) + 1;
    chains->instant_at = mt_allocate(chains->stretch_count, sizeof *chains->instant_at);
    if (!chains->instant_at)
        return mt_fail_memory(error, "synthesiser");
    for (size_t i = 0; i < chains->stretch_count; i++) {
        while (at + 1 < count && instants[at + 1] <= (int64_t)(i << chains->instant_shift))
            at++;
        chains->instant_at[i] = (uint32_t)at;
    }
    return MT_OK;
}

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
    return index_instants(chains, error);
}

/* The last instant that is not after `time_ns`, or the first. */
static size_t instant_before(const mt_reuse_chains *chains, int64_t time_ns) {
    if (time_ns <= 0)
        return 0;
    uint64_t stretch = (uint64_t)time_ns >> chains->instant_shift;
    if (stretch >= chains->stretch_count)
        return chains->instant_count - 1;
    size_t low = chains->instant_at[stretch], high = chains->instant_count;
    if (stretch + 1 < chains->stretch_count)
        high = (size_t)chains->instant_at[stretch + 1] + 1;
    while (high - low > 1) { /* instants[low] <= time */
        size_t middle = low + (high - low) / 2;
        if (chains->instants[middle] <= time_ns)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int64_t mt_reuse_on_clock(const mt_reuse_chains *chains, int64_t time_ns) {
    if (chains->instant_count == 0 || chains->is_spread)
        return time_ns;
    size_t low = instant_before(chains, time_ns);
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
