#include "prefix/cache/replicas.h"

#include "base/assert.h"
#include "base/memory.h"
#include "prefix/block/id_table.h"

#include <math.h>
#include <string.h>

struct mt_replicas {
    mt_route route;
    mt_hit_rule rule;
    size_t count;
    mt_tiers **caches;     /* of each */
    mt_id_table **numbers; /* of each, of blocks that came to it; NULL where there is one replica */
    /* Room for a request: its blocks as ids, and their numbers at a replica, twice. */
    uint64_t *ids, *found;
    uint32_t *own;
    size_t ids_room, found_room, own_room;
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
    if (servers->count > 1)
        replicas->numbers = mt_allocate_zero(servers->count, sizeof *replicas->numbers); // NOLINT
    if (!replicas->caches || !replicas->counts || (servers->count > 1 && !replicas->numbers)) {
        mt_fail_memory(error, "caches");
        mt_replicas_close(replicas);
        return NULL;
    }
    for (; replicas->count < servers->count; replicas->count++) {
        mt_cache_spec here = *spec;
        here.seed += replicas->count;
        size_t at = replicas->count;
        replicas->caches[at] =
            mt_tiers_open(&here, servers->tiers, servers->tier_count, rule, error);
        if (replicas->numbers && replicas->caches[at])
            replicas->numbers[at] = mt_id_table_new(0, error);
        if (!replicas->caches[at] || (replicas->numbers && !replicas->numbers[at])) {
            mt_tiers_close(replicas->caches[at]);
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
    for (size_t i = 0; replicas->numbers && i < replicas->count; i++)
        mt_id_table_free(replicas->numbers[i]);
    mt_free((void *)replicas->caches);
    mt_free((void *)replicas->numbers);
    mt_free(replicas->ids);
    mt_free(replicas->found);
    mt_free(replicas->own);
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

/* The blocks of the path as ids, for the tables of numbers. */
static mt_code begin_path(mt_replicas *replicas, const mt_cache_path *path, mt_error *error) {
    if (!replicas->numbers)
        return MT_OK;
    if (MT_GROW(replicas->ids, replicas->ids_room, path->count) ||
        MT_GROW(replicas->found, replicas->found_room, path->count) ||
        MT_GROW(replicas->own, replicas->own_room, path->count))
        return mt_fail_memory(error, "caches");
    for (size_t i = 0; i < path->count; i++)
        replicas->ids[i] = path->blocks[i];
    return MT_OK;
}

/* The path as the replica numbers it, whose leading `count` blocks were found. */
static mt_cache_path own_path(const mt_replicas *replicas, const mt_cache_path *path,
                              size_t count) {
    for (size_t i = 0; i < count; i++)
        replicas->own[i] = (uint32_t)replicas->found[i];
    return (mt_cache_path){replicas->own, count, NULL, path->time_ns};
}

static size_t leading_at(const mt_replicas *replicas, size_t at, const mt_cache_path *path) {
    if (!replicas->numbers)
        return mt_tiers_leading(replicas->caches[at], path);
    size_t known =
        mt_id_table_known(replicas->numbers[at], replicas->ids, path->count, replicas->found);
    mt_cache_path own = own_path(replicas, path, known);
    return mt_tiers_leading(replicas->caches[at], &own);
}

/* The replica that holds most of the path, of equals the least loaded; the least loaded of all
 * where nobody holds half. */
static size_t best_holder(const mt_replicas *replicas, const mt_cache_path *path) {
    size_t best = 0, most = 0;
    for (size_t i = 0; i < replicas->count; i++) {
        size_t here = leading_at(replicas, i, path);
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

/* The path comes to that replica, where there are blocks. */
static mt_code access_at(mt_replicas *replicas, size_t at, const mt_cache_path *path, size_t blocks,
                         size_t *hits, mt_error *error) {
    mt_cache_path own = *path;
    mt_code code;
    if (replicas->numbers) {
        mt_id_table *table = replicas->numbers[at];
        if ((code = mt_id_table_of(table, replicas->ids, path->count, replicas->found, error)))
            return code;
        own = own_path(replicas, path, path->count);
        blocks = (size_t)mt_id_table_count(table);
    }
    if ((code = mt_tiers_reserve(replicas->caches[at], blocks, error)))
        return code;
    *hits = mt_tiers_access(replicas->caches[at], &own);
    return MT_OK;
}

mt_code mt_replicas_access(mt_replicas *replicas, const mt_cache_path *path, uint32_t session,
                           size_t blocks, size_t *hits, mt_error *error) {
    mt_code code = begin_path(replicas, path, error);
    if (code)
        return code;
    size_t at = place_for(replicas, path, session);
    *hits = 0;
    if (path->count > 0 && (code = access_at(replicas, at, path, blocks, hits, error)))
        return code;
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
