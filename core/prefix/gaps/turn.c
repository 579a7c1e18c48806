/* The tree of a run, and its sides turned. */
#include "base/assert.h"
#include "prefix/gaps/state.h"

void mt_gaps_grow(mt_gaps_tree *tree, mt_random *random) {
    uint32_t ties[MT_GAPS_RUN];
    uint8_t open[MT_GAPS_RUN]; /* gaps that a longer one may still come behind, the longest first */
    size_t count = 0;
    mt_assert(tree->count >= 1 && tree->count <= MT_GAPS_RUN);
    for (size_t k = 1; k < tree->count; k++) {
        int64_t gap = tree->ticks[k] - tree->ticks[k - 1];
        uint8_t shorter = 0;
        ties[k] = mt_random_u32(random);
        while (count > 0) {
            uint8_t last = open[count - 1];
            int64_t before = tree->ticks[last] - tree->ticks[last - 1];
            if (before > gap || (before == gap && ties[last] >= ties[k]))
                break;
            shorter = last;
            count--;
        }
        tree->before[k] = shorter;
        tree->after[k] = 0;
        if (count > 0)
            tree->after[open[count - 1]] = (uint8_t)k;
        open[count++] = (uint8_t)k;
    }
    tree->root = count > 0 ? open[0] : 0;
}

/* Instants [first, end) of the run, to come from a tick on. */
typedef struct part {
    uint8_t first, end;
    uint8_t gap; /* the longest; 0: one instant */
    int64_t tick;
} part;

static int64_t lasts(const mt_gaps_tree *tree, const part *of) {
    return tree->ticks[of->end - 1] - tree->ticks[of->first];
}

void mt_gaps_turn(const mt_gaps_tree *tree, mt_random *random, mt_gaps_instant *made) {
    part open[MT_GAPS_RUN] = {{0, (uint8_t)tree->count, tree->root, 0}};
    uint64_t bits = 0;
    unsigned left = 0;
    for (size_t count = 1; count > 0;) {
        part whole = open[--count];
        uint8_t k = whole.gap;
        if (k == 0) {
            *made++ = (mt_gaps_instant){whole.first, whole.tick};
            continue;
        }
        int64_t gap = tree->ticks[k] - tree->ticks[k - 1];
        part before = {whole.first, k, tree->before[k], whole.tick};
        part after = {k, whole.end, tree->after[k], whole.tick};
        if (left == 0) {
            bits = mt_random_u64(random);
            left = 64;
        }
        int is_turned = ((bits >> --left) & 1) || (k == tree->root && tree->count > 2);
        part *second = is_turned ? &before : &after;
        const part *first = second == &before ? &after : &before;
        second->tick += lasts(tree, first) + gap;
        open[count++] = *second;
        open[count++] = *first;
    }
}
