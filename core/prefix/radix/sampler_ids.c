/* The ids of a request that was drawn: a core node's blocks keep theirs, a tail's are new. */
#include "prefix/radix/sampler_state.h"

#include "base/assert.h"
#include "base/run.h"

static uint64_t draw_copy(mt_radix_sampler *sampler) {
    mt_random_seek(&sampler->copy, sampler->number);
    return mt_random_below(&sampler->copy, sampler->options.prefix_root_multiplier);
}

/* Ids for those blocks of the node that have none yet. */
static void give_ids(mt_radix_sampler *sampler, uint64_t *first, uint64_t count) {
    if (*first != 0)
        return;
    *first = sampler->next_id + 1;
    sampler->next_id += count;
}

/* The nodes from `stop` to the root, the root left out, into the sampler's path; returns how many. */
static size_t find_path(mt_radix_sampler *sampler, uint32_t stop) {
    const mt_radix_step *steps = sampler->steps.data;
    size_t length = 0;
    for (uint32_t node = stop; node != 0; node = steps[node].parent)
        sampler->path[length++] = node;
    return length;
}

/* The core nodes' blocks of the only copy. A node has come up where one below it has. */
static void write_core(mt_radix_sampler *sampler, uint32_t stop, uint64_t *ids) {
    mt_radix_step *steps = sampler->steps.data;
    if (steps[stop].first == 0)
        for (size_t i = find_path(sampler, stop); i-- > 0;) {
            mt_radix_step *here = &steps[sampler->path[i]];
            give_ids(sampler, &here->first, here->reach - steps[here->parent].reach);
        }
    for (const mt_radix_step *here = &steps[stop]; here != steps;) {
        const mt_radix_step *parent = &steps[here->parent];
        mt_assert(here->reach > parent->reach && here->first > 0);
        mt_write_run(ids + parent->reach, here->first - 1, here->reach - parent->reach);
        here = parent;
    }
}

/* The same of one of several copies, whose nodes have slots. */
static mt_code write_core_of(mt_radix_sampler *sampler, uint32_t stop, uint64_t copy, uint64_t *ids,
                             mt_error *error) {
    const mt_radix_step *steps = sampler->steps.data;
    size_t length = find_path(sampler, stop);
    for (size_t i = 0; i < length; i++)
        sampler->keys[i] = mt_key_number((mt_key){copy, 0}, sampler->path[i]);
    mt_code code = mt_ids_of(sampler->slots, sampler->keys, length, sampler->path_slots, error);
    if (code)
        return code;
    if (mt_big_reserve(&sampler->firsts, mt_ids_count(sampler->slots) * sizeof(uint64_t)))
        return mt_fail_memory(error, "synthesis");
    uint64_t *firsts = sampler->firsts.data;
    for (size_t i = length; i-- > 0;) {
        const mt_radix_step *here = &steps[sampler->path[i]];
        uint64_t from = steps[here->parent].reach, *first = &firsts[sampler->path_slots[i]];
        mt_assert(here->reach > from);
        give_ids(sampler, first, here->reach - from);
        mt_write_run(ids + from, *first - 1, here->reach - from);
    }
    return MT_OK;
}

mt_code mt_radix_write_ids(mt_radix_sampler *sampler, const mt_radix_prompt *drawn, uint64_t *ids,
                           mt_error *error) {
    if (!sampler->slots) {
        write_core(sampler, drawn->stop, ids);
    } else {
        mt_code code = write_core_of(sampler, drawn->stop, draw_copy(sampler), ids, error);
        if (code)
            return code;
    }
    mt_write_run(ids + drawn->context, sampler->next_id, drawn->tail);
    sampler->next_id += drawn->tail;
    return MT_OK;
}
