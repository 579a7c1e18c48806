/* Which requests of a source are so alike that they may exchange how often their deepest shared
 * block had been touched (*visits*).
 *
 * Visits are the rank of a request among those that share its prefix: all of them together would
 * tell the order of the requests. So they are dealt out among the alike. Two requests are alike
 * when they have equally many shared blocks, come back at nearly the same distance, and agree in
 * three things: whether they add returning blocks, whether they turn off before the end of what was
 * there, and whether it was touched once before or more often. Dealing does not change what a
 * prefix has to offer. It is done where a model is learnt, so that the model says nothing of the
 * order, and at every lap of a synthesis, so that no lap repeats another. */
#ifndef MT_PREFIX_MODEL_ALIKE_H
#define MT_PREFIX_MODEL_ALIKE_H

#include <stddef.h>
#include <stdint.h>

typedef struct mt_alike {
    uint64_t kind;
    double distance;
    uint32_t item; /* the caller's */
    uint32_t visits;
} mt_alike;

/* shared, visits >= 1. */
uint64_t mt_alike_kind(uint32_t shared, uint32_t returning, uint32_t beyond, uint32_t visits);

/* Sorts list[0..count) by kind, distance and item, finds the groups of the alike and sorts the
 * visits within each, leaving the items where they are. group_ends[g] becomes the end of group g in
 * list; it and scratch have room for count. Returns how many groups there are. */
uint32_t mt_alike_group(mt_alike *list, uint32_t count, uint32_t *group_ends, uint32_t *scratch);

#endif
