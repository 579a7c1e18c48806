/* A locality made, ended and asked. */
#ifndef LOCALITY_SUPPORT_H
#define LOCALITY_SUPPORT_H

#include "prefix/analysis/locality.h"

#include "prefix_support.h"

#include <math.h>

enum { MOST = TRACE_REQUESTS * TRACE_BLOCKS, NO_SESSION = -1 };

static const int64_t second = 1000000000;

static inline mt_locality *new_locality(uint64_t block_size) {
    mt_locality *locality = mt_locality_new(block_size, NULL);
    assert_non_null(locality);
    return locality;
}

static inline mt_locality_result finish(const mt_locality *locality) {
    mt_locality_result result;
    assert_int_equal(mt_locality_finish(locality, &result, NULL), MT_OK);
    return result;
}

static inline mt_hit_curve *curve_of(const mt_locality *locality) {
    mt_hit_curve *curve = mt_locality_hit_curve(locality, MT_TOUCH_ROOT, MT_HIT_ALL, NULL);
    assert_non_null(curve);
    return curve;
}

static inline void assert_near(double value, double expected) {
    assert_true(fabs(value - expected) <= 1e-12 * (1 + fabs(expected)));
}

/* The trace, and what a plain pass over it says. */
typedef struct played {
    plain_trace trace;
    int64_t time[TRACE_REQUESTS];
    int session[TRACE_REQUESTS]; /* NO_SESSION: none */
    int is_given[TRACE_REQUESTS];
    uint32_t order[MOST]; /* blocks by last touch, the latest first */
    size_t in_order;
    uint32_t owner[MOST], visits[MOST];
    uint32_t distance[TRACE_REQUESTS][TRACE_BLOCKS]; /* of the known blocks */
    uint32_t last[TRACE_REQUESTS][TRACE_BLOCKS];     /* who touched them before */
} played;

static inline void make_played(played *play, id_kind kind, uint64_t *random) {
    make_plain_trace(&play->trace, kind, random);
    int64_t now = 0;
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        play->time[r] = now += (int64_t)below(random, 5) * second / 2;
        play->is_given[r] = kind == IDS_OF_CONTENT && below(random, 4) > 0;
        play->session[r] = play->is_given[r] ? (int)below(random, 20) : NO_SESSION;
    }
}

static inline size_t hits_within(const played *play, size_t r) {
    for (size_t i = play->trace.known[r]; i-- > 0;)
        if (play->session[play->last[r][i]] == play->session[r])
            return i + 1;
    return 0;
}

static inline mt_request request_of(const played *play, size_t r, char *name, size_t size) {
    mt_request request = plain_request(&play->trace, r);
    request.has |= MT_HAS_TIME;
    request.time_ns = play->time[r];
    if (play->is_given[r]) {
        request.has |= MT_HAS_SESSION;
        request.session = (mt_span){name, (size_t)snprintf(name, size, "%d", play->session[r])};
    }
    return request;
}

#endif
