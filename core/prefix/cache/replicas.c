#include "prefix/cache/replicas.h"

#include "base/assert.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

struct mt_replicas {
    mt_route route;
    mt_hit_rule rule;
    size_t count;
    mt_tiers **caches; /* of each */
    mt_replica_counts *counts;
    uint64_t requests; /* so far */
    uint64_t singles;  /* those of no session */
};

mt_replicas *mt_replicas_open(const mt_cache_spec *spec, const mt_replica_spec *servers,
                              mt_hit_rule rule, mt_error *error) {
    mt_assert(servers->count > 0 && servers->count <= MT_MOST_REPLICAS);
    mt_replicas *replicas = mt_new(sizeof *replicas, "caches", error);
    if (!replicas)
        return NULL;
    replicas->route = servers->route;
    replicas->rule = rule;
    replicas->caches = mt_allocate_zero(servers->count, sizeof *replicas->caches); // NOLINT
    replicas->counts = mt_allocate_zero(servers->count, sizeof *replicas->counts);
    if (!replicas->caches || !replicas->counts) {
        mt_fail_memory(error, "caches");
        mt_replicas_close(replicas);
        return NULL;
    }
    for (; replicas->count < servers->count; replicas->count++) {
        mt_cache_spec here = *spec;
        here.seed += replicas->count;
        mt_tiers *caches = mt_tiers_open(&here, servers->tiers, servers->tier_count, rule, error);
        if (!(replicas->caches[replicas->count] = caches)) {
            mt_replicas_close(replicas);
            return NULL;
        }
    }
    return replicas;
}

void mt_replicas_close(mt_replicas *replicas) {
    if (!replicas)
        return;
    for (size_t i = 0; replicas->caches && i < replicas->count; i++)
        mt_tiers_close(replicas->caches[i]);
    mt_free((void *)replicas->caches);
    mt_free(replicas->counts);
    mt_free(replicas);
}

static uint64_t load_of(const mt_replicas *replicas, size_t at) {
    return replicas->counts[at].blocks - replicas->counts[at].hits;
}

static size_t least_loaded(const mt_replicas *replicas) {
    size_t least = 0;
    for (size_t i = 1; i < replicas->count; i++)
        if (load_of(replicas, i) < load_of(replicas, least))
            least = i;
    return least;
}

/* The replica that holds most of the path, of equals the least loaded; the least loaded of all
 * where nobody holds half. */
static size_t best_holder(const mt_replicas *replicas, const mt_cache_path *path) {
    size_t best = 0, most = 0;
    for (size_t i = 0; i < replicas->count; i++) {
        size_t here = mt_tiers_leading(replicas->caches[i], path);
        if (here > most || (here == most && load_of(replicas, i) < load_of(replicas, best))) {
            best = i;
            most = here;
        }
    }
    return most > 0 && 2 * most >= path->count ? best : least_loaded(replicas);
}

static size_t place_for(mt_replicas *replicas, const mt_cache_path *path, uint32_t session) {
    uint64_t request = replicas->requests++;
    switch (replicas->route) {
    case MT_ROUTE_SESSION:
        /* Those of no session take turns of their own. */
        request = session == MT_ROUTE_NO_SESSION ? replicas->singles++ : session;
        break;
    case MT_ROUTE_PREFIX:
        return best_holder(replicas, path);
    case MT_ROUTE_LEAST_LOADED:
        return least_loaded(replicas);
    case MT_ROUTE_ROUND_ROBIN:
        break;
    }
    return (size_t)(request % replicas->count);
}

mt_code mt_replicas_access(mt_replicas *replicas, const mt_cache_path *path, uint32_t session,
                           size_t blocks, size_t *hits, mt_error *error) {
    size_t at = place_for(replicas, path, session);
    *hits = 0;
    if (path->count > 0) {
        mt_code code = mt_tiers_reserve(replicas->caches[at], blocks, error);
        if (code)
            return code;
        *hits = mt_tiers_access(replicas->caches[at], path);
    }
    replicas->counts[at].requests++;
    replicas->counts[at].blocks += path->count;
    replicas->counts[at].hits += mt_hits_by(replicas->rule, *hits, path->count);
    return MT_OK;
}

const mt_replica_counts *mt_replicas_counts(const mt_replicas *replicas) {
    return replicas->counts;
}

double mt_replicas_imbalance(const mt_replicas *replicas) {
    uint64_t most = 0, all = 0;
    for (size_t i = 0; i < replicas->count; i++) {
        uint64_t load = load_of(replicas, i);
        most = load > most ? load : most;
        all += load;
    }
    return all > 0 ? (double)most * (double)replicas->count / (double)all : NAN;
}

size_t mt_replicas_count(const mt_replicas *replicas) {
    return replicas->count;
}

const mt_tier_counts *mt_replicas_tiers(const mt_replicas *replicas, size_t replica) {
    return mt_tiers_counts(replicas->caches[replica]);
}

size_t mt_replicas_tier_count(const mt_replicas *replicas) {
    return mt_tiers_count(replicas->caches[0]);
}

void mt_replicas_all_tiers(const mt_replicas *replicas, mt_tier_counts counts[MT_MOST_TIERS]) {
    size_t count = mt_replicas_tier_count(replicas);
    memset(counts, 0, count * sizeof *counts);
    for (size_t i = 0; i < replicas->count; i++) {
        const mt_tier_counts *here = mt_replicas_tiers(replicas, i);
        for (size_t tier = 0; tier < count; tier++) {
            counts[tier].size = here[tier].size;
            counts[tier].hits += here[tier].hits;
            counts[tier].moved_up += here[tier].moved_up;
            counts[tier].moved_down += here[tier].moved_down;
            counts[tier].evicted += here[tier].evicted;
        }
    }
}

uint64_t mt_replicas_held(const mt_replicas *replicas) {
    uint64_t held = 0;
    for (size_t i = 0; i < replicas->count; i++)
        held += mt_tiers_held(replicas->caches[i]);
    return held;
}
