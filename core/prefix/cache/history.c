#include "prefix/cache/history.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/run.h"
#include "prefix/cache/parts.h"

#include <string.h>

struct mt_history {
    mt_big owners;  /* uint32_t by block: the request that touched it last */
    mt_big returns; /* uint32_t by block: touches after the first. What never comes again is not
                       written here, and so takes no memory where that is pages of zeros */

    struct path {
        uint32_t length; /* blocks */
        uint32_t own;    /* how many of them, at its end, are still the request's own */
    } * paths;           /* by request */
    mt_parts parts;      /* what is their own, summed */
    size_t path_capacity;

    mt_touch_run *runs;
    size_t run_capacity;
};

mt_history *mt_history_new(mt_error *error) {
    return mt_new(sizeof(mt_history), "history", error);
}

void mt_history_free(mt_history *history) {
    if (!history)
        return;
    mt_big_free(&history->owners);
    mt_big_free(&history->returns);
    mt_free(history->paths);
    mt_free(history->parts.sums);
    mt_free(history->runs);
    mt_free(history);
}

const uint32_t *mt_history_returns(const mt_history *history) {
    return history->returns.data;
}

uint32_t mt_history_visits(const mt_history *history, uint32_t block) {
    return ((const uint32_t *)history->returns.data)[block] + 1;
}

uint32_t mt_history_owner(const mt_history *history, uint32_t block) {
    return ((const uint32_t *)history->owners.data)[block];
}

uint64_t mt_history_distance(const mt_history *history, uint32_t request) {
    return mt_parts_distance(&history->parts, request);
}

static void take_away(mt_history *history, uint32_t request, uint32_t count) {
    mt_assert(count <= history->paths[request].own);
    history->paths[request].own -= count;
    mt_parts_take(&history->parts, request, count);
}

static mt_code make_room(mt_history *history, const uint32_t *blocks, size_t count, size_t known,
                         mt_error *error) {
    size_t requests = (size_t)history->parts.count + 1;
    size_t highest = known < count ? (size_t)blocks[count - 1] + 1 : 0;
    if (requests == UINT32_MAX || count > UINT32_MAX)
        return mt_fail(error, MT_ERROR_VALUE, "too many requests or blocks for one history");
    if (mt_big_reserve(&history->owners, highest * sizeof(uint32_t)) ||
        mt_big_reserve(&history->returns, highest * sizeof(uint32_t)) ||
        MT_GROW(history->paths, history->path_capacity, requests) ||
        mt_parts_reserve(&history->parts))
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
        history->runs[count++] = (mt_touch_run){
            .end = (uint32_t)end, .owner = owner, .distance = mt_history_distance(history, owner)};
        end = history->paths[owner].length - history->paths[owner].own;
    }
    for (size_t i = 0; i < count / 2; i++) {
        mt_touch_run run = history->runs[i];
        history->runs[i] = history->runs[count - 1 - i];
        history->runs[count - 1 - i] = run;
    }
    for (size_t i = 1; i < count; i++) {
        mt_assert(history->runs[i].end > history->runs[i - 1].end);
        mt_assert(history->runs[i].distance > history->runs[i - 1].distance);
    }
    mt_assert(count > 0 ? history->runs[count - 1].end == known : known == 0);
    touch->runs = history->runs;
    touch->run_count = count;
    return MT_OK;
}

mt_code mt_history_touch(mt_history *history, const uint32_t *blocks, size_t count, size_t known,
                         mt_touch *touch, mt_error *error) {
    mt_code code = make_room(history, blocks, count, known, error);
    if (code || (code = find_runs(history, blocks, known, touch, error)))
        return code;
    uint32_t *owners = history->owners.data, *returns = history->returns.data;
    uint32_t request = history->parts.count;
    touch->request = request;
    touch->visits = known > 0 ? returns[blocks[known - 1]] + 1 : 0;
    touch->beyond =
        known > 0 ? history->paths[owners[blocks[known - 1]]].length - (uint32_t)known : 0;
    mt_assert((touch->visits == 0) == (known == 0));

    /* Only the deepest run leaves its owner something: what lies beyond it. That is a suffix too,
     * so `own` less the run's blocks says it, as for the runs that are taken whole. */
    uint32_t begin = 0;
    for (size_t i = 0; i < touch->run_count; i++) {
        const mt_touch_run *run = &touch->runs[i];
        take_away(history, run->owner, run->end - begin);
        begin = run->end;
    }
    size_t again = known; /* the leading ones that had come again before */
    for (; again > 0 && returns[blocks[again - 1]] == 0; again--) {
        owners[blocks[again - 1]] = request;
        returns[blocks[again - 1]] = 1;
    }
    touch->first_return = (uint32_t)(known - again);
    for (size_t i = 0; i < again; i++) {
        owners[blocks[i]] = request;
        returns[blocks[i]]++;
        mt_assert(i == 0 || returns[blocks[i - 1]] >= returns[blocks[i]]); /* a path is a prefix */
    }
    if (known < count) { /* new ones are consecutive */
        mt_assert(blocks[count - 1] - blocks[known] == count - 1 - known);
        mt_write_run_u32(owners + blocks[known], request, 0, count - known);
    }
    history->paths[request] = (struct path){(uint32_t)count, (uint32_t)count};
    mt_parts_append(&history->parts, (uint32_t)count);
    mt_assert(mt_parts_distance(&history->parts, request) == count);
    return MT_OK;
}
