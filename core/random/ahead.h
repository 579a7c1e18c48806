/* Random numbers made ahead, for who goes through items one after the other: a block of each of the
 * next few at once (mt_random_pairs). The numbers are those of mt_random_seek. */
#ifndef MT_RANDOM_AHEAD_H
#define MT_RANDOM_AHEAD_H

#include "random/generator.h"

enum {
    MT_RANDOM_AHEAD = 16,      /* items at once */
    MT_RANDOM_AHEAD_FROM = 64, /* the first items are made alone: many streams have no more */
};

typedef struct mt_random_ahead {
    uint64_t item; /* the first one */
    mt_random_pair pairs[MT_RANDOM_AHEAD];
} mt_random_ahead;

/* Makes the blocks from `item` on, into *ahead (NULL: none yet; free it with mt_free). 0, or -1 when out
 * of memory, which costs no more than time. */
int mt_random_fill_ahead(const mt_random *random, mt_random_ahead **ahead, uint64_t item);

/* Goes to the first draw of `item`; fastest when that is the one after the last. */
static inline void mt_random_seek_ahead(mt_random *random, mt_random_ahead **ahead, uint64_t item) {
    mt_random_seek(random, item);
    if (item < MT_RANDOM_AHEAD_FROM)
        return;
    if (!*ahead || item - (*ahead)->item >= MT_RANDOM_AHEAD)
        if (mt_random_fill_ahead(random, ahead, item) != 0)
            return;
    const mt_random_pair *pair = &(*ahead)->pairs[item - (*ahead)->item];
    random->block[0] = (uint32_t)pair->first;
    random->block[1] = (uint32_t)(pair->first >> 32);
    random->block[2] = (uint32_t)pair->second;
    random->block[3] = (uint32_t)(pair->second >> 32);
    random->draw = 1;
    random->left = 4;
}

#endif
