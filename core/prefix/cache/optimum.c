/* The most hits that any cache of the size can have, all that comes being known (Belady, "A study of
 * replacement algorithms for a virtual-storage computer", 1966): the block that is used again latest
 * leaves first, and one that would leave next is not put in at all. Of two that are used again by
 * one request the later in its path leaves first. So a block is never without those before it, and
 * what this cache holds hits: no order of touching and no policy that sees single blocks or whole
 * paths has more hits.
 *
 * Blocks whose next use is request r all lie on its path, and leave from its end. They are a list
 * each, and a tree of bits (64 children a node) knows the last list that is not empty. A block joins
 * its list behind the one that was used just before it, which is the block before it in the path,
 * or, where that one is used again sooner, before all others of the list. */
#include "base/assert.h"
#include "base/memory.h"
#include "prefix/cache/policy.h"

enum { LEVELS = 6 }; /* 64^6 > 2^32 */
#define NO_BLOCK UINT32_MAX

typedef struct entry {
    uint32_t next;              /* the request that uses it next */
    uint32_t shallower, deeper; /* in the list of that request */
} entry;

/* The blocks that one request uses next. */
typedef struct list {
    uint32_t shallowest, deepest;
} list;

typedef struct optimum {
    mt_policy_state state;
    list *lists;            /* by request */
    uint64_t *bits[LEVELS]; /* bits[0]: by request, is its list not empty; above, by word */
    int levels;
    uint32_t last; /* the block used last, if the cache holds it; else NO_BLOCK */
} optimum;

static void start(void *state) {
    ((optimum *)state)->last = NO_BLOCK;
}

static void release(void *state) {
    optimum *self = state;
    mt_free(self->lists);
    for (int level = 0; level < LEVELS; level++)
        mt_free(self->bits[level]);
}

static mt_code reserve(void *state, size_t blocks, mt_error *error) {
    optimum *self = state;
    size_t count = self->state.requests;
    (void)blocks;
    if (self->lists)
        return MT_OK;
    for (self->levels = 0; self->levels == 0 || count > 1; self->levels++) {
        count = count / 64 + 1;
        mt_assert(self->levels < LEVELS);
        if (!self->bits[self->levels] &&
            !(self->bits[self->levels] = mt_allocate_zero(count, sizeof(uint64_t))))
            return mt_fail_memory(error, "cache");
    }
    if (!(self->lists = mt_allocate((size_t)self->state.requests + 1, sizeof *self->lists)))
        return mt_fail_memory(error, "cache");
    for (size_t i = 0; i <= self->state.requests; i++)
        self->lists[i] = (list){NO_BLOCK, NO_BLOCK};
    return MT_OK;
}

static void mark(optimum *self, uint32_t request) {
    for (int level = 0; level < self->levels; level++, request /= 64)
        self->bits[level][request / 64] |= (uint64_t)1 << request % 64;
}

static void unmark(optimum *self, uint32_t request) {
    for (int level = 0; level < self->levels; level++, request /= 64)
        if (self->bits[level][request / 64] &= ~((uint64_t)1 << request % 64))
            return;
}

/* The last request whose list is not empty; there is one. */
static uint32_t last_marked(const optimum *self) {
    uint32_t at = 0;
    for (int level = self->levels; level-- > 0;) {
        mt_assert(self->bits[level][at] != 0);
        at = at * 64 + 63 - (uint32_t)__builtin_clzll(self->bits[level][at]);
    }
    return at;
}

static void drop(void *state, uint32_t block) {
    optimum *self = state;
    entry *entries = self->state.entries, *here = &entries[block];
    list *of = &self->lists[here->next];
    if (here->shallower == NO_BLOCK)
        of->shallowest = here->deeper;
    else
        entries[here->shallower].deeper = here->deeper;
    if (here->deeper == NO_BLOCK)
        of->deepest = here->shallower;
    else
        entries[here->deeper].shallower = here->shallower;
    if (of->deepest == NO_BLOCK)
        unmark(self, here->next);
    if (self->last == block)
        self->last = NO_BLOCK;
    self->state.count--;
}

static void join(optimum *self, uint32_t block, uint32_t next) {
    entry *entries = self->state.entries;
    list *of = &self->lists[next];
    uint32_t shallower = self->last;
    if (shallower != NO_BLOCK && (entries[shallower].next != next || shallower > block))
        shallower = NO_BLOCK;
    uint32_t deeper = shallower == NO_BLOCK ? of->shallowest : entries[shallower].deeper;
    mt_assert(deeper == NO_BLOCK || deeper > block);
    entries[block] = (entry){next, shallower, deeper};
    if (shallower == NO_BLOCK)
        of->shallowest = block;
    else
        entries[shallower].deeper = block;
    if (deeper == NO_BLOCK)
        of->deepest = block;
    else
        entries[deeper].shallower = block;
    mark(self, next);
    self->last = block;
    self->state.count++;
}

/* One that is not used again, or would leave next, is not put in. */
static uint32_t insert(void *state, uint32_t block, uint32_t next) {
    optimum *self = state;
    if (next == MT_NEVER_USED) {
        self->last = NO_BLOCK;
        return block;
    }
    if (self->state.count > 0 && self->state.count == self->state.size) {
        uint32_t latest = last_marked(self);
        if (next > latest || (next == latest && block > self->lists[latest].deepest)) {
            self->last = NO_BLOCK;
            return block;
        }
    }
    join(self, block, next);
    return MT_NO_VICTIM;
}

static uint32_t evict(void *state) {
    optimum *self = state;
    uint32_t victim = self->lists[last_marked(self)].deepest;
    drop(self, victim);
    return victim;
}

/* As if it were put in anew. */
static uint32_t hit(void *state, uint32_t block, uint32_t next) {
    optimum *self = state;
    uint32_t last = self->last;
    drop(self, block);
    self->last = last == block ? NO_BLOCK : last;
    return insert(self, block, next);
}

const mt_policy mt_policy_optimum = {
    .name = "optimum",
    .summary = "the block used again latest: a bound that no cache exceeds (Belady)",
    .looks_ahead = 1,
    .state_size = sizeof(optimum),
    .entry_size = sizeof(entry),
    .start = start,
    .reserve = reserve,
    .release = release,
    .hit = hit,
    .insert = insert,
    .evict = evict,
    .drop = drop};
