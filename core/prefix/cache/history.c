#include "prefix/cache/history.h"

#include "base/memory.h"

#include <string.h>

struct mt_history {
    mt_big owners; /* uint32_t by block: the request that touched it last */
    mt_big visits; /* uint32_t by block */
    uint64_t blocks;

    uint32_t requests;
    uint32_t *lengths; /* by request: blocks of its path */
    uint32_t *own;     /* by request: how many of them, at the end of the path, are still its own */
    uint64_t *sums;    /* Fenwick tree over own, 1-based */
    size_t length_capacity, own_capacity, sum_capacity;

    mt_run *runs;
    size_t run_capacity;
};

mt_history *mt_history_new(mt_error *error) {
    mt_history *history = mt_allocate_zero(1, sizeof *history);
    if (!history)
        mt_fail_memory(error, "history");
    return history;
}

void mt_history_free(mt_history *history) {
    if (!history)
        return;
    mt_big_free(&history->owners);
    mt_big_free(&history->visits);
    mt_free(history->lengths);
    mt_free(history->own);
    mt_free(history->sums);
    mt_free(history->runs);
    mt_free(history);
}

uint32_t mt_history_visits(const mt_history *history, uint32_t block) {
    return ((const uint32_t *)history->visits.data)[block];
}

uint32_t mt_history_owner(const mt_history *history, uint32_t block) {
    return ((const uint32_t *)history->owners.data)[block];
}

static uint64_t sum_before(const mt_history *history, uint32_t request) {
    uint64_t sum = 0;
    for (uint32_t at = request; at > 0; at &= at - 1)
        sum += history->sums[at];
    return sum;
}

uint64_t mt_history_distance(const mt_history *history, uint32_t request) {
    return history->blocks - sum_before(history, request);
}

/* The next request begins with `count` blocks of its own. */
static void append_sum(mt_history *history, uint32_t count) {
    uint32_t at = history->requests + 1;
    uint64_t sum = count;
    for (uint32_t step = 1; (at & step) == 0; step *= 2)
        sum += history->sums[at - step];
    history->sums[at] = sum;
}

static void take_away(mt_history *history, uint32_t request, uint32_t count) {
    history->own[request] -= count;
    for (uint64_t at = (uint64_t)request + 1; at <= history->requests; at += at & -at)
        history->sums[at] -= count;
}

static mt_code make_room(mt_history *history, const uint32_t *blocks, size_t count, size_t known,
                         mt_error *error) {
    size_t requests = (size_t)history->requests + 1;
    size_t highest = known < count ? (size_t)blocks[count - 1] + 1 : 0;
    if (requests == UINT32_MAX || count > UINT32_MAX)
        return mt_fail(error, MT_ERROR_VALUE, "too many requests or blocks for one history");
    if (mt_big_reserve(&history->owners, highest * sizeof(uint32_t)) ||
        mt_big_reserve(&history->visits, highest * sizeof(uint32_t)) ||
        MT_GROW(history->lengths, history->length_capacity, requests) ||
        MT_GROW(history->own, history->own_capacity, requests) ||
        MT_GROW(history->sums, history->sum_capacity, requests + 1))
        return mt_fail_memory(error, "history");
    return MT_OK;
}

/* Finds the runs of the known blocks, deepest first, then turns them round. */
static mt_code find_runs(mt_history *history, const uint32_t *blocks, size_t known, mt_touch *touch,
                         mt_error *error) {
    const uint32_t *owners = history->owners.data;
    size_t count = 0;
    for (size_t end = known; end > 0;) {
        uint32_t owner = owners[blocks[end - 1]];
        if (MT_GROW(history->runs, history->run_capacity, count + 1))
            return mt_fail_memory(error, "history");
        history->runs[count++] = (mt_run){
            .end = (uint32_t)end, .owner = owner, .distance = mt_history_distance(history, owner)};
        end = history->lengths[owner] - history->own[owner];
    }
    for (size_t i = 0; i < count / 2; i++) {
        mt_run run = history->runs[i];
        history->runs[i] = history->runs[count - 1 - i];
        history->runs[count - 1 - i] = run;
    }
    touch->runs = history->runs;
    touch->run_count = count;
    return MT_OK;
}

mt_code mt_history_touch(mt_history *history, const uint32_t *blocks, size_t count, size_t known,
                         mt_touch *touch, mt_error *error) {
    mt_code code = make_room(history, blocks, count, known, error);
    if (code || (code = find_runs(history, blocks, known, touch, error)))
        return code;
    uint32_t *owners = history->owners.data, *visits = history->visits.data;
    uint32_t request = history->requests;
    touch->request = request;
    touch->visits = known > 0 ? visits[blocks[known - 1]] : 0;
    touch->beyond = known > 0 ? history->lengths[owners[blocks[known - 1]]] - (uint32_t)known : 0;
    touch->first_return = 0;
    for (size_t i = known; i > 0 && visits[blocks[i - 1]] == 1; i--)
        touch->first_return++;

    /* Only the deepest run leaves its owner something: what lies beyond it. That is a suffix too,
     * so `own` less the run's blocks says it, as for the runs that are taken whole. */
    uint32_t begin = 0;
    for (size_t i = 0; i < touch->run_count; i++) {
        const mt_run *run = &touch->runs[i];
        take_away(history, run->owner, run->end - begin);
        begin = run->end;
    }
    for (size_t i = 0; i < count; i++) {
        owners[blocks[i]] = request;
        visits[blocks[i]]++;
    }
    history->lengths[request] = (uint32_t)count;
    history->own[request] = (uint32_t)count;
    append_sum(history, (uint32_t)count);
    history->requests++;
    history->blocks += count - known;
    return MT_OK;
}
