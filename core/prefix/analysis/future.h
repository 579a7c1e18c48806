/* Who uses each block next, for policies that look ahead. Private to this folder.
 *
 * The runs of the locality say who touched blocks last; told the other way round they say who
 * touches next what a request touched. Memory: 12 bytes a run, 8 a request. */
#ifndef MT_PREFIX_ANALYSIS_FUTURE_H
#define MT_PREFIX_ANALYSIS_FUTURE_H

#include "prefix/analysis/locality.h"

/* Blocks [begin, end) of a request's path: the request that touches them next. */
typedef struct mt_next_use {
    uint32_t request, begin, end;
} mt_next_use;

/* Zero it. The uses after request r are uses[first[r]..first[r + 1]), in no order. */
typedef struct mt_future {
    size_t *first;
    mt_next_use *uses;
} mt_future;

/* Looks at all requests of the locality. On failure it can only be freed. */
mt_code mt_future_see(mt_future *future, const mt_locality *locality, mt_error *error);

/* By place in the path of request `request`: the next request that touches the block and in which it
 * may hit by the rule, MT_NEVER_USED for none. */
void mt_future_of(const mt_future *future, const mt_locality *locality, mt_hit_rule rule,
                  size_t request, uint32_t *next);

void mt_future_free(mt_future *future);

#endif
