/* A pile: how things go from one thread to another. Any thread puts, one thread takes all there are
 * at once, in the order in which they were put. Nobody ever waits. What is put begins with a
 * mt_pile_item. A pile is zero at first, and owns nothing. Private to this room. */
#ifndef MT_DRIVE_PILE_H
#define MT_DRIVE_PILE_H

#include <stdatomic.h>
#include <stddef.h>

typedef struct mt_pile_item {
    struct mt_pile_item *next;
} mt_pile_item;

typedef struct mt_pile {
    _Atomic(mt_pile_item *) top; /* the one that was put last */
} mt_pile;

static inline void mt_pile_put(mt_pile *pile, mt_pile_item *item) {
    mt_pile_item *top = atomic_load(&pile->top);
    do
        item->next = top;
    while (!atomic_compare_exchange_weak(&pile->top, &top, item));
}

static inline int mt_pile_is_empty(const mt_pile *pile) {
    return atomic_load(&pile->top) == NULL;
}

/* The first of all there are, linked by `next`; NULL when there are none. */
static inline mt_pile_item *mt_pile_take(mt_pile *pile) {
    if (mt_pile_is_empty(pile))
        return NULL;
    mt_pile_item *top = atomic_exchange(&pile->top, NULL), *first = NULL;
    while (top) {
        mt_pile_item *below = top->next;
        top->next = first;
        first = top;
        top = below;
    }
    return first;
}

#endif
