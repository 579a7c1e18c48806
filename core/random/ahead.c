#include "random/ahead.h"

#include "base/memory.h"

int mt_random_fill_ahead(const mt_random *random, mt_random_ahead **ahead, uint64_t item) {
    if (!*ahead && !(*ahead = mt_allocate(1, sizeof **ahead)))
        return -1;
    (*ahead)->item = item;
    mt_random_pairs(random->key, item, 0, MT_RANDOM_AHEAD, (*ahead)->pairs);
    return 0;
}
