/* How the step that is a shard (trace/step/steps.h) has divided what it has seen. */
#ifndef MT_TRACE_STEP_SHARD_H
#define MT_TRACE_STEP_SHARD_H

#include "trace/source/source.h"

typedef struct mt_shard_state {
    uint64_t shard, shards;
    uint64_t number;  /* of the request that it gave last: its place in the whole, from 0 */
    uint64_t session; /* and of its session among the whole's, from 1; 0: it has none, or that is
                               not known: over a plan's run */
    const uint64_t *counts; /* requests of each of the shards; NULL beyond 65 536 of them */
} mt_shard_state;

/* Of a source whose last step is a shard; NULL: it is not. Valid as long as the source. */
const mt_shard_state *mt_step_shard_state(const mt_source *source);

#endif
