#include "prefix/reuse/population.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* All found by trying on traces of very different kinds. */
static const float good_cost = 0.3F;     /* a place is taken at once */
static const float fine_cost = 0.1F;     /* the place foreseen is taken without looking further */
static const float faith = 2;            /* how much cheaper another one must be than that one */
static const double look_early = 0.9;    /* of the elapsed blocks: then the distance is looked at */
static const double patience = 0.2;      /* of the elapsed blocks: who is the more urgent */
static const double wait_requests = 300; /* the longest wait of who found no good place */
enum {
    TRIES = 12,           /* of the waiting */
    SUCCESSOR_TRIES = 4,  /* of successors, whose time is now */
    AHEAD = 8,            /* successors looked at when none is due */
    LEAST_DISTANCE = 150, /* blocks: below, all are as good */
};

mt_code mt_reuse_population_open(mt_reuse_population *population, const mt_reuse_items *items,
                                 uint64_t seed, uint64_t number, mt_error *error) {
    char name[40] = "synthesize"; /* the first population's; the others' have their number */
    if (number > 0)
        snprintf(name, sizeof name, "synthesize/%llu", (unsigned long long)number);
    population->items = items;
    population->promises = mt_allocate(items->count, sizeof *population->promises);
    if (!population->promises)
        return mt_fail_memory(error, "synthesiser");
    mt_random_begin(&population->plan_random, seed, name, "plan");
    mt_random_begin(&population->wait_random, seed, name, "wait");
    memcpy(population->history.sizes, items->sizes, sizeof items->sizes);
    uint64_t farthest = items->sizes[MT_REUSE_SIZES - 1];
    population->history.keep = farthest + farthest / 4 + LEAST_DISTANCE;
    mt_reuse_history_begin(&population->history);
    return mt_reuse_plan_open(&population->plan, items, error);
}

void mt_reuse_population_free(mt_reuse_population *population) {
    mt_reuse_history_free(&population->history);
    mt_reuse_plan_free(&population->plan);
    mt_free(population->promises);
    mt_free(population->due.items);
    mt_free(population->ready.items);
    mt_free(population->waiting.items);
    mt_free(population->moved);
}

uint64_t mt_reuse_population_memory(const mt_reuse_items *items) {
    return (uint64_t)items->count * 170 + 4096;
}

static const mt_reuse_item *item_of(const mt_reuse_population *population, uint32_t item) {
    return &population->items->items[item];
}

static mt_code push(mt_reuse_heap *heap, double moment, uint32_t item, uint32_t tries,
                    mt_error *error) {
    mt_reuse_wait wait = {.moment = moment, .item = item, .tries = tries};
    return mt_reuse_heap_push(heap, wait) == 0 ? MT_OK : mt_fail_memory(error, "synthesiser");
}

/* ---- placing ---- */

/* The item that comes back to the new slot may be due from some time on. */
static mt_code promise(mt_reuse_population *population, uint32_t item, mt_error *error) {
    uint32_t successor = population->plan.successor[item];
    if (successor == MT_NO_ITEM)
        return MT_OK;
    uint32_t slot = population->history.slot_count - 1;
    population->history.slots[slot].claim = successor;
    population->promises[successor] =
        (mt_reuse_promise){.node = population->history.slots[slot].node, .slot = slot};
    double elapsed = item_of(population, successor)->elapsed;
    return push(&population->due, population->clock + elapsed * look_early, successor, 0, error);
}

/* A promise is a slot that knows of it and the node that the slot ends in, deep enough to come back
 * to, or what is left of them. */
static int holds(const mt_reuse_population *population, uint32_t item) {
    const mt_reuse_history *history = &population->history;
    mt_reuse_promise promised = population->promises[item];
    const mt_reuse_node *node = &history->nodes[promised.node];
    const mt_reuse_slot *slot = &history->slots[promised.slot];
    return (promised.node == MT_NO_NODE || (node->owner < history->slot_count &&
                                            node->end >= item_of(population, item)->shared)) &&
           (promised.slot == MT_NO_SLOT || (promised.slot < history->slot_count &&
                                            slot->node == promised.node && slot->claim == item));
}

/* The old is forgotten, and the promises that name it. */
static mt_code forget(mt_reuse_population *population, mt_error *error) {
    if (MT_GROW(population->moved, population->moved_capacity, population->history.slot_count) != 0)
        return mt_fail_memory(error, "synthesiser");
    mt_reuse_forget(&population->history, population->moved);
    const mt_reuse_heap *const heaps[] = {&population->due, &population->ready};
    for (size_t h = 0; h < 2; h++) {
        for (size_t k = 0; k < heaps[h]->count; k++) {
            mt_reuse_promise *promised = &population->promises[heaps[h]->items[k].item];
            if (promised->node != MT_NO_NODE &&
                population->history.nodes[promised->node].owner == MT_NO_SLOT)
                promised->node = MT_NO_NODE;
            if (promised->slot != MT_NO_SLOT)
                promised->slot = population->moved[promised->slot];
            mt_assert(holds(population, heaps[h]->items[k].item));
        }
    }
    return MT_OK;
}

/* Makes the request of `item`, going back to `slot`; MT_NO_SLOT: there is nothing to go back to.
 * Then what it was to share is new, and may come back as what follows: who is to come back to its
 * end finds it as deep as it is to be. */
static mt_code place(mt_reuse_population *population, uint32_t number, uint32_t slot,
                     uint64_t *next_id, mt_synthetic *made, mt_error *error) {
    const mt_reuse_item *item = item_of(population, number);
    uint32_t shared = slot != MT_NO_SLOT ? item->shared : 0;
    uint32_t returning = item->shared - shared + item->returning;
    size_t length = (size_t)item->shared + item->returning + item->unique;
    if (MT_GROW(made->hash_ids, made->hash_capacity, length) != 0)
        return mt_fail_memory(error, "request's blocks");
    made->input_length = item->input_length;
    made->has_output = item->has_output;
    made->output_length = item->output_length;
    made->knows_blocks = item->knows_blocks;
    made->hash_count = length;
    made->context_blocks = item->shared + item->returning;
    made->lasting_blocks = shared + returning;
    population->made++;
    if (length == 0)
        return MT_OK;
    if (item->shared > 0)
        mt_reuse_errors_add(&population->errors, &population->history, population->items, item,
                            slot);
    mt_code code = mt_reuse_place(&population->history, slot, shared, returning, item->unique,
                                  next_id, made->hash_ids, error);
    if (code)
        return code;
    population->clock += (double)length;
    if ((code = promise(population, number, error)))
        return code;
    int must_forget = population->history.slot_count >= population->history.forget_at;
    return must_forget ? forget(population, error) : MT_OK;
}

/* ---- deciding ---- */

typedef enum decision { PLACED, PUT_OFF } decision;

/* Somebody takes the place that another one was promised: that one gets his in exchange, if it is
 * deep enough. */
static void exchange(mt_reuse_population *population, uint32_t item, uint32_t own, uint32_t other) {
    mt_reuse_history *history = &population->history;
    uint32_t theirs = history->slots[other].claim;
    if (theirs == UINT32_MAX || theirs == item || population->promises[theirs].slot != other ||
        item_of(population, theirs)->shared > history->slots[own].core)
        return;
    history->slots[own].claim = theirs;
    population->promises[theirs] =
        (mt_reuse_promise){.node = history->slots[own].node, .slot = own};
}

/* The place of a successor that is due (or, when `forced`, has to be placed all the same): *slot,
 * or put off. */
static mt_code place_of_successor(mt_reuse_population *population, const mt_reuse_wait *wait,
                                  int forced, uint32_t *slot, decision *decided, mt_error *error) {
    mt_reuse_history *history = &population->history;
    const mt_reuse_item *item = item_of(population, wait->item);
    mt_reuse_promise promised = population->promises[wait->item];
    uint32_t own = mt_reuse_owner(history, promised.node, item->shared);
    int untouched = own != MT_NO_SLOT && own == promised.slot;
    double distance = own != MT_NO_SLOT ? (double)mt_parts_distance(&history->parts, own) : 0;
    int early = distance + population->items->mean_blocks / 2 < item->distance;
    *decided = PUT_OFF;
    if (early && untouched && !forced)
        return push(&population->due, population->clock + (item->distance - distance) + 1,
                    wait->item, wait->tries, error);
    float cost = INFINITY;
    if (own != MT_NO_SLOT && (untouched || !early))
        cost = mt_reuse_cost(history, population->items, &population->errors, item, own);
    *slot = own;
    if (cost > fine_cost) {
        float other_cost, other_fit;
        uint32_t other = mt_reuse_choose(history, population->items, &population->errors, item,
                                         &other_cost, &other_fit);
        int stays = cost < other_cost + faith;
        float taken = stays ? fminf(cost, good_cost) : other_fit;
        if (taken > good_cost && early && !forced && wait->tries < SUCCESSOR_TRIES) {
            double later =
                (0.05 + 0.1 * mt_random_uniform(&population->wait_random)) * item->elapsed;
            return push(&population->due, population->clock + 1 + later, wait->item,
                        wait->tries + 1, error);
        }
        if (!stays && other != MT_NO_SLOT) {
            if (untouched && other != own)
                exchange(population, wait->item, own, other);
            *slot = other;
        }
    }
    if (promised.slot != MT_NO_SLOT && history->slots[promised.slot].claim == wait->item)
        history->slots[promised.slot].claim = UINT32_MAX;
    *decided = PLACED;
    return MT_OK;
}

/* Is anything left that could make a place for those that have none? */
static int others_may_come(const mt_reuse_population *population) {
    return population->dealt < population->plan.deck_count || population->due.count > 0 ||
           population->ready.count > 0;
}

/* The place of an item that is nobody's successor: *slot, or put off among the waiting. */
static mt_code place_of_other(mt_reuse_population *population, const mt_reuse_wait *wait,
                              uint32_t *slot, decision *decided, mt_error *error) {
    const mt_reuse_item *item = item_of(population, wait->item);
    uint32_t tries = wait->tries;
    float cost = 0, fit = 0;
    *slot = MT_NO_SLOT;
    *decided = PLACED;
    if (item->shared == 0)
        return MT_OK;
    *slot = mt_reuse_choose(&population->history, population->items, &population->errors, item,
                            &cost, &fit);
    int good = *slot != MT_NO_SLOT && (fit <= good_cost || tries >= TRIES);
    int hopeless = tries >= TRIES && !others_may_come(population);
    if (good || hopeless)
        return MT_OK;
    *decided = PUT_OFF;
    double later = 1 + mt_random_uniform(&population->wait_random) * wait_requests;
    return push(&population->waiting, (double)population->made + later, wait->item,
                tries < TRIES ? tries + 1 : tries, error);
}

/* Nobody is due, and there is nothing else: of the next successors, the one that is least early. */
static mt_code least_early(mt_reuse_population *population, mt_reuse_wait *chosen,
                           mt_error *error) {
    mt_reuse_wait ahead[AHEAD];
    int count = 0, best = 0;
    double least = INFINITY;
    while (count < AHEAD && population->due.count > 0) {
        mt_reuse_wait wait = mt_reuse_heap_pop(&population->due);
        const mt_reuse_item *item = item_of(population, wait.item);
        uint32_t own = mt_reuse_owner(&population->history, population->promises[wait.item].node,
                                      item->shared);
        double distance = population->items->mean_blocks / 2;
        if (own != MT_NO_SLOT)
            distance += (double)mt_parts_distance(&population->history.parts, own);
        double early = log(fmax(item->distance, LEAST_DISTANCE) / fmax(distance, LEAST_DISTANCE));
        if (early < least) {
            least = early;
            best = count;
        }
        ahead[count++] = wait;
    }
    mt_assert(count > 0);
    *chosen = ahead[best];
    for (int k = 0; k < count; k++)
        if (k != best && mt_reuse_heap_push(&population->due, ahead[k]) != 0)
            return mt_fail_memory(error, "synthesiser");
    if (chosen->moment > population->clock)
        population->clock = chosen->moment;
    return MT_OK;
}

static mt_code make_ready(mt_reuse_population *population, mt_error *error) {
    while (population->due.count > 0 && population->due.items[0].moment <= population->clock) {
        mt_reuse_wait wait = mt_reuse_heap_pop(&population->due);
        double urgency = wait.moment + patience * item_of(population, wait.item)->elapsed;
        mt_code code = push(&population->ready, urgency, wait.item, wait.tries, error);
        if (code)
            return code;
    }
    return MT_OK;
}

static uint32_t deal(mt_reuse_population *population) {
    const uint32_t *deck = population->plan.deck;
    uint32_t next = population->dealt + 1;
    if (next < population->plan.deck_count)
        __builtin_prefetch(item_of(population, deck[next]));
    return deck[population->dealt++];
}

/* One item looked at, *wait: placed at *slot, or put off. */
static mt_code decide(mt_reuse_population *population, mt_reuse_wait *wait, uint32_t *slot,
                      decision *decided, mt_error *error) {
    mt_code code = make_ready(population, error);
    if (code)
        return code;
    int dealing = population->dealt < population->plan.deck_count;
    mt_reuse_heap *waiting = &population->waiting;
    int waited = waiting->count > 0 && waiting->items[0].moment <= (double)population->made;
    if (population->ready.count > 0) {
        *wait = mt_reuse_heap_pop(&population->ready);
        return place_of_successor(population, wait, 0, slot, decided, error);
    }
    if (!dealing && !waited && (waiting->count == 0 || population->due.count > 0)) {
        code = least_early(population, wait, error);
        return code ? code : place_of_successor(population, wait, 1, slot, decided, error);
    }
    if (waited || !dealing)
        *wait = mt_reuse_heap_pop(waiting);
    else
        *wait = (mt_reuse_wait){.item = deal(population)};
    return place_of_other(population, wait, slot, decided, error);
}

/* The very first request is one that needs no prefix, where there is such an item: it is moved to
 * the front of the deck. */
static void begin_with_root(mt_reuse_population *population) {
    uint32_t *deck = population->plan.deck, at = 0;
    for (; at < population->plan.deck_count; at++) {
        const mt_reuse_item *item = item_of(population, deck[at]);
        if (item->shared == 0 && item->returning + item->unique > 0)
            break;
    }
    if (at == population->plan.deck_count)
        return;
    uint32_t root = deck[at];
    memmove(deck + 1, deck, at * sizeof *deck);
    deck[0] = root;
}

static mt_code begin_lap(mt_reuse_population *population, mt_error *error) {
    mt_random_seek(&population->plan_random, population->laps++);
    mt_reuse_errors_tolerate(&population->errors, population->items, population->laps);
    population->dealt = 0;
    mt_code code = mt_reuse_plan_lap(&population->plan, &population->plan_random, error);
    if (code == MT_OK && population->history.slot_count == 0)
        begin_with_root(population);
    return code;
}

mt_code mt_reuse_population_next(mt_reuse_population *population, uint64_t *next_id,
                                 mt_synthetic *made, mt_error *error) {
    if (population->waiting.count == 0 && !others_may_come(population)) {
        mt_code code = begin_lap(population, error);
        if (code)
            return code;
    }
    mt_random_seek(&population->wait_random, population->made);
    for (;;) { /* many are put off where hardly anybody has a prefix to go back to */
        mt_reuse_wait wait;
        uint32_t slot;
        decision decided;
        mt_code code = mt_poll_interrupt(error);
        if (code || (code = decide(population, &wait, &slot, &decided, error)))
            return code;
        if (decided == PLACED)
            return place(population, wait.item, slot, next_id, made, error);
    }
}
