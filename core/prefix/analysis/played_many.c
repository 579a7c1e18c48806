/* Traces played through servers: tiers, replicas. */
#include "prefix/analysis/locality_state.h"
#include "prefix/analysis/played.h"

typedef struct play {
    const mt_locality *locality;
    mt_replicas *replicas;
} play;

static mt_code play_on_replicas(void *context, size_t request, const mt_cache_path *path,
                                uint32_t *hits, mt_error *error) {
    play *self = context;
    size_t here = 0, blocks = mt_prefix_tree_count(self->locality->tree);
    uint32_t session = self->locality->rows[request].session;
    mt_code code = mt_replicas_access(self->replicas, path,
                                      session == MT_NO_SESSION ? MT_ROUTE_NO_SESSION : session,
                                      blocks, &here, error);
    *hits = (uint32_t)here;
    return code;
}

mt_code mt_locality_play_replicas(const mt_locality *locality, mt_replicas *replicas,
                                  uint32_t *hits, mt_error *error) {
    play self = {locality, replicas};
    return mt_locality_walk(locality, play_on_replicas, &self, hits, error);
}
