/* How a trace behaves in a cache, beside LRU caches that are played through block by block. */
#include "prefix/analysis/locality.h"

#include "prefix_support.h"
#include "locality_support.h"

#include <math.h>

/* Touches the request's blocks one by one: their distance, and who touched them before. */
static void touch_all(played *play, size_t r) {
    for (size_t i = 0; i < play->trace.count[r]; i++) {
        uint32_t block = play->trace.block[r][i];
        size_t place = 0;
        while (place < play->in_order && play->order[place] != block)
            place++;
        if (place == play->in_order)
            play->in_order++;
        play->distance[r][i] = (uint32_t)place + 1;
        play->last[r][i] = play->owner[block];
        memmove(play->order + 1, play->order, place * sizeof *play->order);
        play->order[0] = block;
        play->owner[block] = (uint32_t)r;
        play->visits[block]++;
    }
}

/* Whether all requests before r that went through the block are of that session. */
static int is_only_of(const played *play, size_t r, uint32_t block, int session) {
    for (size_t other = 0; other < r; other++)
        for (size_t i = 0; i < play->trace.count[other]; i++)
            if (play->trace.block[other][i] == block && play->session[other] != session)
                return 0;
    return 1;
}

/* The rule of the header, word by word: the session that request r goes on with, or NO_SESSION. */
static int continued(const played *play, size_t r) {
    const plain_trace *trace = &play->trace;
    size_t known = trace->known[r];
    if (known == 0)
        return NO_SESSION;
    size_t before = play->last[r][known - 1];
    uint64_t full_blocks = trace->input[before] / TRACE_BLOCK_SIZE;
    if (known < full_blocks || trace->input[r] <= trace->input[before] ||
        !is_only_of(play, r, trace->block[r][known - 1], play->session[before]))
        return NO_SESSION;
    return play->session[before];
}

/* Plays the trace through, and adds it to a new locality. The inferred sessions have numbers from
 * 1000 on. */
static mt_locality *play_through(played *play, uint64_t *within) {
    mt_locality *locality = new_locality(TRACE_BLOCK_SIZE);
    int next_session = 1000;
    play->in_order = 0;
    *within = 0;
    memset(play->visits, 0, sizeof play->visits);
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        char name[16];
        mt_request request = request_of(play, r, name, sizeof name);
        touch_all(play, r);
        if (!play->is_given[r] && play->trace.count[r] > 0) {
            play->session[r] = continued(play, r);
            if (play->session[r] == NO_SESSION)
                play->session[r] = next_session++;
        }
        *within += play->session[r] == NO_SESSION ? 0 : hits_within(play, r);
        assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    }
    return locality;
}

/* The hit ratios of a cache of that size, played through. */
static mt_hit_ratio plain_ratio(const played *play, uint64_t size) {
    double share = 0, blocks = 0, tokens = 0, all_requests = 0, all_blocks = 0, all_tokens = 0;
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        size_t count = play->trace.count[r], hits = 0;
        if (count == 0)
            continue;
        while (hits < play->trace.known[r] && play->distance[r][hits] <= size)
            hits++;
        share += (double)hits / (double)count;
        blocks += (double)hits;
        tokens += (double)(hits == count ? play->trace.input[r] : hits * TRACE_BLOCK_SIZE);
        all_requests++;
        all_blocks += (double)count;
        all_tokens += (double)play->trace.input[r];
    }
    return (mt_hit_ratio){share / all_requests, blocks / all_blocks, tokens / all_tokens};
}

static void assert_curve(const played *play, const mt_locality *locality) {
    mt_hit_curve *curve = curve_of(locality);
    uint64_t attained = 0, distinct = play->trace.blocks;
    double all = (double)finish(locality).totals.blocks; /* times a ratio: blocks that hit */
    double wanted = 0.9 * round(mt_hit_curve_at(curve, MT_INFINITE_CACHE).block * all);
    for (uint64_t size = 0; size <= distinct + 1; size++) {
        uint64_t asked = size > distinct ? MT_INFINITE_CACHE : size;
        mt_hit_ratio ratio = mt_hit_curve_at(curve, asked), plain = plain_ratio(play, asked);
        assert_near(ratio.request, plain.request);
        assert_near(ratio.block, plain.block);
        assert_near(ratio.token, plain.token);
        if (attained == 0 && round(ratio.block * all) >= wanted)
            attained = size;
    }
    assert_int_equal(mt_hit_curve_size(curve, 0.9), attained);
    mt_hit_curve_free(curve);
}

static void assert_quantiles(const mt_quantiles *quantiles, mt_weighted *values, size_t count) {
    mt_quantiles plain;
    mt_quantiles_of(values, count, &plain);
    assert_int_equal(quantiles->count, plain.count);
    assert_near(quantiles->mean, plain.mean);
    assert_true(quantiles->min == plain.min);
    assert_near(quantiles->median, plain.median);
    assert_near(quantiles->p99, plain.p99);
    assert_true(quantiles->max == plain.max);
}

static void assert_reuse_times(const played *play, const mt_locality_result *result) {
    static mt_weighted values[MOST];
    size_t count = 0;
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        for (size_t i = 0; i < play->trace.known[r]; i++) {
            int64_t after = play->time[r] - play->time[play->last[r][i]];
            values[count++] = (mt_weighted){(double)after / 1e9, 1};
        }
    assert_int_equal(result->hits, count);
    assert_quantiles(&result->reuse_time, values, count);
}

/* Turns by session, and the times between them. */
static void assert_turns(const played *play, const mt_locality_result *result) {
    mt_weighted turns[TRACE_REQUESTS], think[TRACE_REQUESTS];
    size_t sessions = 0, thinks = 0, single = 0;
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        size_t earlier = 0, later = 0, last = 0;
        for (size_t other = 0; other < TRACE_REQUESTS; other++)
            if (other != r && play->session[other] == play->session[r]) {
                earlier += other < r;
                later += other > r;
                last = other < r ? other : last;
            }
        if (play->session[r] == NO_SESSION)
            continue;
        if (earlier > 0)
            think[thinks++] = (mt_weighted){(double)(play->time[r] - play->time[last]) / 1e9, 1};
        else
            turns[sessions++] = (mt_weighted){(double)later + 1, 1};
        single += earlier == 0 && later == 0;
    }
    assert_int_equal(result->sessions, sessions);
    assert_int_equal(result->single, single);
    assert_quantiles(&result->turns, turns, sessions);
    if (thinks > 0)
        assert_quantiles(&result->think_time, think, thinks);
}

static uint64_t depth_of(const plain_trace *trace, uint32_t block) {
    uint64_t depth = 0;
    for (; block != UINT32_MAX; block = trace->parent[block])
        depth++;
    return depth;
}

static int ends_prefix(const played *play, uint32_t block) {
    for (uint32_t child = block + 1; child < play->trace.blocks; child++)
        if (play->trace.parent[child] == block && play->visits[child] == play->visits[block])
            return 0;
    return play->visits[block] > 1;
}

/* By requests, then by length, then by first appearance. */
static uint64_t rank_of(const played *play, uint32_t block) {
    return (uint64_t)play->visits[block] << 40 | depth_of(&play->trace, block) << 20 |
           (MOST - block);
}

/* The best of those that come after `before`; UINT32_MAX: before all, and none. */
static uint32_t next_prefix(const played *play, uint32_t before) {
    uint64_t bound = before == UINT32_MAX ? UINT64_MAX : rank_of(play, before), best_rank = 0;
    uint32_t best = UINT32_MAX;
    for (uint32_t block = 0; block < play->trace.blocks; block++) {
        uint64_t rank = rank_of(play, block);
        if (rank < bound && rank > best_rank && ends_prefix(play, block)) {
            best = block;
            best_rank = rank;
        }
    }
    return best;
}

static void assert_prefixes(const played *play, const mt_locality *locality, size_t most) {
    mt_shared_prefix prefixes[MOST];
    size_t count;
    assert_int_equal(mt_locality_prefixes(locality, prefixes, most, &count, NULL), MT_OK);
    uint32_t block = UINT32_MAX;
    for (size_t i = 0; i < most; i++) {
        block = next_prefix(play, block);
        if (block == UINT32_MAX) {
            assert_int_equal(count, i);
            return;
        }
        uint64_t depth = depth_of(&play->trace, block);
        uint32_t owner = play->owner[block];
        int ends_there = play->trace.count[owner] == depth;
        assert_int_equal(prefixes[i].requests, play->visits[block]);
        assert_int_equal(prefixes[i].blocks, depth);
        assert_int_equal(prefixes[i].tokens,
                         ends_there ? play->trace.input[owner] : depth * TRACE_BLOCK_SIZE);
    }
    assert_int_equal(count, most);
}

/* Does a request of [from, to) have the block? */
static int is_touched_in(const played *play, uint32_t block, int64_t from, int64_t to) {
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        for (size_t i = 0; i < play->trace.count[r]; i++)
            if (play->time[r] >= from && play->time[r] < to && play->trace.block[r][i] == block)
                return 1;
    return 0;
}

static void assert_over_time(const played *play, const mt_locality *locality) {
    enum { BINS = 7 };
    const int64_t from = 3 * second, width = 20 * second;
    mt_hit_bin bins[BINS], plain[BINS] = {{0}};
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        int64_t bin = (play->time[r] - from) / width;
        if (play->time[r] < from || bin >= BINS)
            continue;
        plain[bin].requests++;
        plain[bin].blocks += play->trace.count[r];
        plain[bin].hits += play->trace.known[r];
    }
    for (size_t bin = 0; bin < BINS; bin++)
        for (uint32_t block = 0; block < play->trace.blocks; block++)
            plain[bin].distinct_blocks += (uint64_t)is_touched_in(
                play, block, from + (int64_t)bin * width, from + (int64_t)(bin + 1) * width);
    mt_locality_over_time(locality, NULL, MT_HIT_ALL, from, width, bins, BINS);
    assert_memory_equal(bins, plain, sizeof bins);
    static uint32_t none[TRACE_REQUESTS];
    mt_locality_over_time(locality, none, MT_HIT_ALL, from, width, bins, BINS);
    for (size_t bin = 0; bin < BINS; bin++)
        assert_int_equal(bins[bin].hits, 0);
}

static void test_against_plain(void **state) {
    (void)state;
    static played play;
    uint64_t random = 1, within;
    for (int kind = 0; kind < ID_KINDS; kind++)
        for (int round = 0; round < 8; round++) {
            make_played(&play, (id_kind)kind, &random);
            mt_locality *locality = play_through(&play, &within);
            mt_locality_result result = finish(locality);
            assert_int_equal(result.hits_within, within);
            assert_curve(&play, locality);
            assert_reuse_times(&play, &result);
            assert_turns(&play, &result);
            assert_prefixes(&play, locality, round == 0 ? MOST : 1 + (size_t)round);
            assert_over_time(&play, locality);
            mt_locality_free(locality);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain),
    };
    return cmocka_run_group_tests_name("locality of caches played", tests, NULL, NULL);
}
