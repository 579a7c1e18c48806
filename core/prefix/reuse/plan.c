#include "prefix/reuse/plan.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "prefix/model/alike.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double longest_start = 0.99; /* share of a lap that what follows may take at most */

typedef struct ranked {
    double key;
    uint32_t item;
} ranked;

/* Items [begin, begin + count) of a list. */
typedef struct members {
    uint32_t begin, count;
} members;

/* Where items come back to: so many blocks, touched by so many requests before. */
typedef struct class {
    uint32_t depth, visits;
    members demands;  /* in `demanding`: items that come back to such a place */
    members supplies; /* in `supplying`: items that leave such a place behind */
} class;

/* What is known of one item, in touches. */
typedef struct prospect {
    double estimate; /* what follows from it takes so many on average */
    double head;     /* from the lap's begin until it can come at the earliest */
    double span;     /* what follows from it takes now */
    int is_successor;
} prospect;

struct mt_reuse_matching {
    class *classes; /* sorted by depth and visits: what is left behind lies after what came back */
    uint32_t class_count;
    /* Of the items that share something, in groups of the alike. `visits` is a property of the
     * place: a lap moves items between the places of one group, not the visits. */
    mt_alike *places;
    uint32_t place_count;
    uint32_t *group_ends; /* of the alike, in places */
    uint32_t group_count;
    uint32_t *demanding, *supplying; /* items */
    prospect *prospects;             /* by item */
    ranked *ranks, *others;          /* scratch, as many as there are items */
};

typedef struct mt_reuse_matching matching;

static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static void sort_ranked(ranked *list, size_t count) {
    if (count > 24) {
        qsort(list, count, sizeof *list, compare_ranked);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        ranked here = list[i];
        size_t k = i;
        for (; k > 0 && compare_ranked(&list[k - 1], &here) > 0; k--)
            list[k] = list[k - 1];
        list[k] = here;
    }
}

static void find_alike(matching *match, const mt_reuse_items *items, uint32_t *scratch) {
    for (uint32_t i = 0; i < items->count; i++) {
        const mt_reuse_item *item = &items->items[i];
        uint32_t visits = items->kinships[i].visits;
        if (item->shared > 0)
            match->places[match->place_count++] = (mt_alike){
                .kind = mt_alike_kind(item->shared, item->returning, item->beyond, visits),
                .distance = item->distance,
                .item = i,
                .visits = visits};
    }
    match->group_count =
        mt_alike_group(match->places, match->place_count, match->group_ends, scratch);
}

/* ---- classes, once ---- */

static int compare_classes(const void *a, const void *b) {
    const class *x = a, *y = b;
    if (x->depth != y->depth)
        return x->depth < y->depth ? -1 : 1;
    return x->visits < y->visits ? -1 : x->visits > y->visits;
}

/* The class of that place, or NULL when nobody comes back to one. */
static class *class_of(const matching *match, uint32_t depth, uint32_t visits) {
    class wanted = {.depth = depth, .visits = visits};
    return match->class_count > 0 ? bsearch(&wanted, match->classes, match->class_count,
                                            sizeof(class), compare_classes)
                                  : NULL;
}

/* Who comes back to the end of somebody's returning blocks demands a place of its class. */
static int demands(const mt_reuse_item *item) {
    return item->shared > 0 && item->beyond == 0;
}

/* The class of the place that item leaves behind, visits being those before it. */
static class *left_behind(const matching *match, const mt_reuse_item *item, uint32_t visits) {
    if (item->returning > 0)
        return class_of(match, item->shared + item->returning, 1);
    return item->shared > 0 ? class_of(match, item->shared, visits + 1) : NULL;
}

static void make_classes(matching *match, const mt_reuse_items *items) {
    uint32_t count = 0;
    for (uint32_t p = 0; p < match->place_count; p++) {
        const mt_reuse_item *item = &items->items[match->places[p].item];
        if (demands(item))
            match->classes[count++] =
                (class){.depth = item->shared, .visits = match->places[p].visits};
    }
    qsort(match->classes, count, sizeof(class), compare_classes);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || compare_classes(&match->classes[i], &match->classes[i - 1]) != 0)
            match->classes[match->class_count++] = match->classes[i];
}

/* Counts one more member, and enters it into the list, if that is given. */
static void enter(members *to, uint32_t *list, uint32_t item) {
    if (list)
        list[to->begin + to->count] = item;
    to->count++;
}

/* Fills the lists of demanding and supplying items, or only counts. */
static void enter_all(matching *match, const mt_reuse_items *items, int counting) {
    for (uint32_t c = 0; c < match->class_count; c++)
        match->classes[c].demands.count = match->classes[c].supplies.count = 0;
    uint32_t *demanding = counting ? NULL : match->demanding;
    uint32_t *supplying = counting ? NULL : match->supplying;
    for (uint32_t p = 0; p < match->place_count; p++) {
        uint32_t i = match->places[p].item, visits = match->places[p].visits;
        const mt_reuse_item *item = &items->items[i];
        class *to = demands(item) ? class_of(match, item->shared, visits) : NULL;
        if (to)
            enter(&to->demands, demanding, i);
        class *left = left_behind(match, item, visits);
        if (left)
            enter(&left->supplies, supplying, i);
    }
    for (uint32_t i = 0; i < items->count; i++) {
        const mt_reuse_item *item = &items->items[i];
        class *left = item->shared == 0 ? left_behind(match, item, 0) : NULL;
        if (left)
            enter(&left->supplies, supplying, i);
    }
}

static void lay_out_classes(matching *match, const mt_reuse_items *items) {
    enter_all(match, items, 1);
    uint32_t demand = 0, supply = 0;
    for (uint32_t c = 0; c < match->class_count; c++) {
        match->classes[c].demands.begin = demand;
        match->classes[c].supplies.begin = supply;
        demand += match->classes[c].demands.count;
        supply += match->classes[c].supplies.count;
    }
}

/* How long what follows from an item takes on average: from the deepest classes up, for what is
 * left behind lies deeper, or has been visited more, than what came back. */
static void estimate_spans(matching *match, const mt_reuse_items *items) {
    enter_all(match, items, 0);
    for (uint32_t c = match->class_count; c-- > 0;) {
        class *here = &match->classes[c];
        double sum = 0;
        for (uint32_t m = 0; m < here->demands.count; m++) {
            uint32_t i = match->demanding[here->demands.begin + m];
            sum += items->items[i].elapsed + match->prospects[i].estimate;
        }
        for (uint32_t m = 0; m < here->supplies.count; m++)
            match->prospects[match->supplying[here->supplies.begin + m]].estimate =
                sum / here->supplies.count;
    }
}

mt_code mt_reuse_plan_open(mt_reuse_plan *plan, const mt_reuse_items *items, mt_error *error) {
    size_t count = items->count;
    plan->items = items;
    plan->successor = mt_allocate(count, sizeof *plan->successor);
    plan->deck = mt_allocate(count, sizeof *plan->deck);
    matching *match = plan->matching = mt_allocate_zero(1, sizeof *match);
    if (!plan->successor || !plan->deck || !match)
        return mt_fail_memory(error, "synthesiser's plan");
    match->classes = mt_allocate(count, sizeof(class));
    match->places = mt_allocate(count, sizeof(mt_alike));
    match->group_ends = mt_allocate(count, sizeof(uint32_t));
    match->demanding = mt_allocate(count, 2 * sizeof(uint32_t));
    match->prospects = mt_allocate_zero(count, sizeof(prospect));
    match->ranks = mt_allocate(count, 2 * sizeof(ranked));
    if (!match->classes || !match->places || !match->group_ends || !match->demanding ||
        !match->prospects || !match->ranks)
        return mt_fail_memory(error, "synthesiser's plan");
    match->supplying = match->demanding + count;
    match->others = match->ranks + count;
    find_alike(match, items, plan->deck);
    make_classes(match, items);
    lay_out_classes(match, items);
    estimate_spans(match, items);
    return MT_OK;
}

void mt_reuse_plan_free(mt_reuse_plan *plan) {
    matching *match = plan->matching;
    mt_free(plan->successor);
    mt_free(plan->deck);
    if (match) {
        mt_free(match->classes);
        mt_free(match->places);
        mt_free(match->group_ends);
        mt_free(match->demanding);
        mt_free(match->prospects);
        mt_free(match->ranks);
        mt_free(match);
    }
    *plan = (mt_reuse_plan){0};
}

/* ---- a lap ---- */

/* A random place in the lap that leaves `span` touches until its end; both in laps. */
static double draw_start(mt_random *random, double earliest, double span) {
    double latest = 1 - (span < longest_start ? span : longest_start);
    if (earliest > latest)
        earliest = latest;
    return earliest + mt_random_uniform(random) * (latest - earliest);
}

/* The alike exchange their places; who has more to follow from it tends to come earlier. */
static void exchange(mt_reuse_plan *plan, mt_random *random) {
    matching *match = plan->matching;
    double lap = plan->items->blocks;
    for (uint32_t g = 0, begin = 0; g < match->group_count; begin = match->group_ends[g++]) {
        uint32_t count = match->group_ends[g] - begin;
        for (uint32_t k = 0; k < count; k++) {
            uint32_t i = match->places[begin + k].item;
            double span =
                plan->items->items[i].returning > 0 ? match->prospects[i].estimate / lap : 0;
            match->ranks[k] = (ranked){draw_start(random, 0, span), i};
        }
        sort_ranked(match->ranks, count);
        for (uint32_t k = 0; k < count; k++)
            match->places[begin + k].item = match->ranks[k].item;
    }
}

static void succeed(mt_reuse_plan *plan, uint32_t item, uint32_t successor) {
    matching *match = plan->matching;
    /* Nobody has two successors or comes back to two. */
    mt_assert(plan->successor[item] == MT_NO_ITEM && !match->prospects[successor].is_successor);
    plan->successor[item] = successor;
    match->prospects[successor].is_successor = 1;
    match->prospects[successor].head =
        match->prospects[item].head + plan->items->items[successor].elapsed;
}

/* Places that were left by somebody who came back himself: the successor is who had found the place
 * the time before about where that one did. */
static void match_by_distance(mt_reuse_plan *plan, const class *here) {
    matching *match = plan->matching;
    const mt_reuse_item *items = plan->items->items;
    ranked *wanted = match->ranks, *offered = match->others;
    for (uint32_t k = 0; k < here->demands.count; k++) {
        uint32_t i = match->demanding[here->demands.begin + k];
        wanted[k] = (ranked){plan->items->kinships[i].previous, i};
    }
    for (uint32_t k = 0; k < here->supplies.count; k++) {
        uint32_t i = match->supplying[here->supplies.begin + k];
        offered[k] = (ranked){items[i].distance, i};
    }
    sort_ranked(wanted, here->demands.count);
    sort_ranked(offered, here->supplies.count);
    uint32_t next = 0;
    for (uint32_t k = 0; k < here->demands.count && next < here->supplies.count; k++) {
        while (here->supplies.count - next > here->demands.count - k &&
               fabs(offered[next + 1].key - wanted[k].key) <=
                   fabs(offered[next].key - wanted[k].key))
            next++;
        succeed(plan, offered[next++].item, wanted[k].item);
    }
}

/* Places at the end of blocks that were new: any will do from which there is time enough. */
static void match_by_time(mt_reuse_plan *plan, const class *here, mt_random *random) {
    matching *match = plan->matching;
    ranked *wanted = match->ranks, *offered = match->others;
    for (uint32_t k = 0; k < here->demands.count;
         k++) { /* shuffled, for those that take equally long */
        uint32_t at = (uint32_t)mt_random_below(random, k + 1);
        uint32_t i = match->demanding[here->demands.begin + k];
        wanted[k] = wanted[at];
        wanted[at] = (ranked){-(plan->items->items[i].elapsed + match->prospects[i].estimate), i};
    }
    for (uint32_t k = 0; k < here->supplies.count; k++) {
        uint32_t i = match->supplying[here->supplies.begin + k];
        offered[k] = (ranked){match->prospects[i].head, i};
    }
    sort_ranked(wanted, here->demands.count);
    sort_ranked(offered, here->supplies.count);
    uint32_t next = 0, open = 0; /* offered[0 .. open) are in time, and free */
    for (uint32_t k = 0; k < here->demands.count; k++) {
        double latest = plan->items->blocks + wanted[k].key;
        while (next < here->supplies.count && offered[next].key <= latest)
            offered[open++] = offered[next++];
        uint32_t item;
        if (open > 0) {
            uint32_t at = (uint32_t)mt_random_below(random, open);
            item = offered[at].item;
            offered[at] = offered[--open];
        } else if (next < here->supplies.count) {
            item = offered[next++].item;
        } else {
            return;
        }
        succeed(plan, item, wanted[k].item);
    }
}

/* How long what follows from each item takes as it is matched now. */
static void measure_spans(mt_reuse_plan *plan) {
    matching *match = plan->matching;
    uint32_t *chain = plan->deck; /* not in use yet */
    for (uint32_t i = 0; i < plan->items->count; i++)
        match->prospects[i].span = -1;
    for (uint32_t i = 0; i < plan->items->count; i++) {
        uint32_t count = 0, at = i;
        while (at != MT_NO_ITEM && match->prospects[at].span < 0) {
            mt_assert(count < plan->items->count); /* nobody follows himself, by however many */
            chain[count++] = at;
            at = plan->successor[at];
        }
        while (count > 0) {
            uint32_t next = at;
            at = chain[--count];
            match->prospects[at].span =
                next == MT_NO_ITEM ? 0
                                   : match->prospects[next].span + plan->items->items[next].elapsed;
        }
    }
}

static void deal(mt_reuse_plan *plan, mt_random *random) {
    matching *match = plan->matching;
    double lap = plan->items->blocks > 0 ? plan->items->blocks : 1;
    measure_spans(plan);
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->items->count; i++)
        if (!match->prospects[i].is_successor)
            match->ranks[count++] = (ranked){draw_start(random, plan->items->items[i].elapsed / lap,
                                                        match->prospects[i].span / lap),
                                             i};
    sort_ranked(match->ranks, count);
    for (uint32_t k = 0; k < count; k++)
        plan->deck[k] = match->ranks[k].item;
    plan->deck_count = count;
}

mt_code mt_reuse_plan_lap(mt_reuse_plan *plan, mt_random *random, mt_error *error) {
    matching *match = plan->matching;
    for (uint32_t i = 0; i < plan->items->count; i++) {
        plan->successor[i] = MT_NO_ITEM;
        match->prospects[i].is_successor = 0;
        match->prospects[i].head = 0;
    }
    exchange(plan, random);
    enter_all(match, plan->items, 0);
    for (uint32_t c = 0; c < match->class_count; c++) {
        if (c % 1024 == 0 && mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        if (match->classes[c].visits > 1)
            match_by_distance(plan, &match->classes[c]);
        else
            match_by_time(plan, &match->classes[c], random);
    }
    deal(plan, random);
    return MT_OK;
}
