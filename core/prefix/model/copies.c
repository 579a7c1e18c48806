#include "prefix/model/copies.h"

#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/chains.h"
#include "prefix/model/knobs.h"

#include <stdlib.h>

typedef struct bundle {
    int64_t length, start; /* ns, of all its chains together */
    uint32_t head;         /* its first chain */
} bundle;

typedef struct copying {
    mt_unfolded *all; /* as many as there were at first are `count` and `chains` */
    size_t count, chains;
    uint32_t *chain_of; /* by turn */
    uint32_t *branches; /* by turn: turns of other chains that have it for a trunk */
    uint32_t *hot;      /* by turn: so many of its blocks are every copy's */
    uint64_t *links;    /* (trunk, depth) of these turns */
    size_t link_count;
    uint32_t *bundle_of; /* by chain: another chain of the bundle, at last its head */
    bundle *bundles;
    size_t bundle_count;
} copying;

static int is_branch(const copying *c, uint32_t turn) {
    const mt_unfolded_turn *t = &c->all->turns[turn];
    return t->shared > 0 && c->chain_of[t->trunk] != c->chain_of[turn];
}

/* What many branch off is as deep as that many of them go. */
static void find_hot(copying *c) {
    for (uint32_t t = 0; t < c->count; t++)
        if (is_branch(c, t)) {
            const mt_unfolded_turn *turn = &c->all->turns[t];
            c->branches[turn->trunk]++;
            c->links[c->link_count++] = (uint64_t)turn->trunk << 32 | (UINT32_MAX - turn->shared);
        }
    qsort(c->links, c->link_count, sizeof *c->links, mt_by_u64);
    for (size_t i = 0; i < c->link_count;) {
        uint32_t trunk = (uint32_t)(c->links[i] >> 32);
        if (c->branches[trunk] >= MT_MANY_BRANCHES)
            c->hot[trunk] = UINT32_MAX - (uint32_t)c->links[i + MT_MANY_BRANCHES - 1];
        i += c->branches[trunk];
    }
}

static uint32_t head_of(copying *c, uint32_t chain) {
    while (c->bundle_of[chain] != chain)
        chain = c->bundle_of[chain] = c->bundle_of[c->bundle_of[chain]];
    return chain;
}

static int by_length(const void *a, const void *b) {
    const bundle *first = a, *second = b;
    if (first->length != second->length)
        return first->length < second->length ? -1 : 1;
    if (first->start != second->start)
        return first->start < second->start ? -1 : 1;
    return (first->head > second->head) - (first->head < second->head);
}

/* Bundles, the shortest first; the head is the chain with the lowest number, which begins first. */
static mt_code find_bundles(copying *c, mt_error *error) {
    const mt_unfolded *all = c->all;
    uint32_t *place = mt_allocate(c->chains, sizeof *place);
    if (!place)
        return mt_fail_memory(error, "copies of sessions");
    for (uint32_t i = 0; i < c->chains; i++)
        c->bundle_of[i] = i;
    for (uint32_t t = 0; t < c->count; t++)
        if (is_branch(c, t) && c->branches[all->turns[t].trunk] < MT_MANY_BRANCHES) {
            uint32_t one = head_of(c, c->chain_of[t]);
            uint32_t other = head_of(c, c->chain_of[all->turns[t].trunk]);
            c->bundle_of[one > other ? one : other] = one < other ? one : other;
        }
    for (uint32_t i = 0; i < c->chains; i++) {
        uint32_t head = c->bundle_of[i] = head_of(c, i);
        const mt_model_chain *chain = &all->chains[i];
        int64_t end = chain->start_ns;
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++)
            end += all->turns[t].gap_ns;
        if (head == i) {
            place[i] = (uint32_t)c->bundle_count;
            c->bundles[c->bundle_count++] = (bundle){0, chain->start_ns, i};
        }
        bundle *own = &c->bundles[place[head]];
        own->length = end - own->start > own->length ? end - own->start : own->length;
    }
    qsort(c->bundles, c->bundle_count, sizeof *c->bundles, by_length);
    mt_free(place);
    return MT_OK;
}

/* By how much each chain of a copy begins later than the first, by the chain that is its bundle's
 * head. Of as many bundles as there are copies, each takes the place of the next. */
static void set_delays(const copying *c, size_t copy, size_t copies, int64_t *delays) {
    int64_t last = 0;
    for (size_t f = 0; f < c->bundle_count; f++)
        last = c->bundles[f].start + c->bundles[f].length > last
                   ? c->bundles[f].start + c->bundles[f].length
                   : last;
    double later = c->bundle_count > 1
                       ? (double)copy / (double)copies * (double)last / (double)c->bundle_count
                       : 0;
    for (size_t begin = 0; begin < c->bundle_count; begin += copies) {
        size_t left = c->bundle_count - begin, size = left < copies ? left : copies;
        for (size_t i = 0; i < size; i++)
            delays[c->bundles[begin + i].head] = c->bundles[begin + (i + copy) % size].start +
                                                 (int64_t)later - c->bundles[begin + i].start;
    }
}

static void add_copy(copying *c, size_t copy, const int64_t *delays) {
    mt_unfolded *all = c->all;
    uint32_t first = (uint32_t)(copy * c->count);
    for (uint32_t t = 0; t < c->count; t++) {
        mt_unfolded_turn *made = &all->turns[first + t];
        *made = all->turns[t];
        if (c->hot[t] > made->shared) {
            made->shared = c->hot[t];
            made->trunk = t;
        } else if (made->trunk != MT_NO_TURN) {
            made->trunk += first;
        }
        all->order[first + t] = first + all->order[t];
    }
    for (size_t i = 0; i < c->chains; i++) {
        mt_model_chain *made = &all->chains[copy * c->chains + i];
        *made = all->chains[i];
        made->first += first;
        made->start_ns += delays[c->bundle_of[i]];
    }
    all->turn_count += c->count;
    all->chain_count += c->chains;
}

/* Room for all copies. */
static mt_code grow(mt_unfolded *all, size_t copies, mt_error *error) {
    size_t turns = all->turn_count, chains = all->chain_count, orders = turns;
    if (copies > MT_KNOB_TURNS / turns)
        return mt_fail(
            error, MT_ERROR_VALUE,
            "so many sessions at once need %zu times the source's, with more than %zu turns",
            copies, MT_KNOB_TURNS);
    if (MT_GROW(all->turns, turns, copies * all->turn_count) ||
        MT_GROW(all->order, orders, copies * all->turn_count) ||
        MT_GROW(all->chains, chains, copies * all->chain_count))
        return mt_fail_memory(error, "copies of sessions");
    return MT_OK;
}

mt_code mt_copy_chains(mt_unfolded *unfolded, size_t copies, mt_error *error) {
    copying c = {.all = unfolded, .count = unfolded->turn_count, .chains = unfolded->chain_count};
    if (copies <= 1)
        return MT_OK;
    mt_code code = grow(unfolded, copies, error);
    if (code)
        return code;
    int64_t *delays = mt_allocate_zero(c.chains, sizeof *delays);
    c.chain_of = mt_allocate(c.count, sizeof *c.chain_of);
    c.branches = mt_allocate_zero(c.count, sizeof *c.branches);
    c.hot = mt_allocate_zero(c.count, sizeof *c.hot);
    c.links = mt_allocate(c.count, sizeof *c.links);
    c.bundle_of = mt_allocate(c.chains, sizeof *c.bundle_of);
    c.bundles = mt_allocate(c.chains, sizeof *c.bundles);
    if (!delays || !c.chain_of || !c.branches || !c.hot || !c.links || !c.bundle_of || !c.bundles) {
        code = mt_fail_memory(error, "copies of sessions");
        goto done;
    }
    for (uint32_t i = 0; i < c.chains; i++)
        for (uint32_t t = 0; t < unfolded->chains[i].count; t++)
            c.chain_of[unfolded->chains[i].first + t] = i;
    find_hot(&c);
    code = find_bundles(&c, error);
    for (size_t copy = 1; copy < copies && !code; copy++) {
        set_delays(&c, copy, copies, delays);
        add_copy(&c, copy, delays);
    }
done:
    mt_free(delays);
    mt_free(c.chain_of);
    mt_free(c.branches);
    mt_free(c.hot);
    mt_free(c.links);
    mt_free(c.bundle_of);
    mt_free(c.bundles);
    return code;
}
