/* Hit ratios from a sample of the blocks, beside those of the whole. */
#include "prefix/analysis/sampled.h"

#include "base/memory.h"
#include "cache_models.h"
#include "skip_support.h"
#include "sweep.h"

#include <math.h>

/* Sessions that grow turn by turn, many at once, each behind one of a few prompts that all share. */
enum { PROMPTS = 50, PROMPT_BLOCKS = 8, SESSION_BLOCKS = 64 };

typedef struct session {
    uint64_t ids[SESSION_BLOCKS];
    size_t count;
} session;

static void begin_session(session *self, uint64_t *random, uint64_t *next_id,
                          uint64_t prompts[PROMPTS][PROMPT_BLOCKS]) {
    /* The smaller of three draws: few prompts have most of the sessions. */
    uint64_t a = below(random, PROMPTS), b = below(random, PROMPTS), c = below(random, PROMPTS);
    uint64_t *prompt = prompts[a < b ? (a < c ? a : c) : (b < c ? b : c)];
    for (size_t i = 0; prompt[0] == UINT64_MAX && i < PROMPT_BLOCKS; i++)
        prompt[PROMPT_BLOCKS - 1 - i] = *next_id + PROMPT_BLOCKS - 1 - i;
    *next_id += prompt[PROMPT_BLOCKS - 1] + 1 == *next_id + PROMPT_BLOCKS ? PROMPT_BLOCKS : 0;
    memcpy(self->ids, prompt, PROMPT_BLOCKS * sizeof *prompt);
    self->count = PROMPT_BLOCKS;
}

/* Requests that are added to a trace, and blocks that have not been used. */
typedef struct trace {
    mt_locality *locality;
    uint64_t next_id, random, done;
} trace;

static trace new_trace(uint64_t next_id, uint64_t seed) {
    return (trace){mt_locality_new(16, NULL), next_id, seed, 0};
}

static void add(trace *to, const uint64_t *ids, size_t count) {
    mt_request request = {.has = MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS,
                          .input_length = 16 * count,
                          .hash_ids = ids,
                          .hash_count = count};
    assert_int_equal(mt_locality_add(to->locality, &request, NULL), MT_OK);
    to->done += count;
}

typedef struct crowd {
    session *sessions;
    size_t at_once;
    uint64_t prompts[PROMPTS][PROMPT_BLOCKS];
} crowd;

static crowd new_crowd(size_t at_once) {
    crowd of = {.sessions = calloc(at_once, sizeof *of.sessions), .at_once = at_once};
    memset(of.prompts, 0xff, sizeof of.prompts);
    return of;
}

/* A turn of one of them. */
static void add_turn(trace *to, crowd *of) {
    /* Some sessions are busier than others. */
    uint64_t at_once = of->at_once;
    size_t at = (size_t)(below(&to->random, at_once) * below(&to->random, at_once) / at_once);
    session *self = &of->sessions[at];
    if (self->count == 0 || below(&to->random, 12) == 0)
        begin_session(self, &to->random, &to->next_id, of->prompts);
    for (uint64_t more = 1 + below(&to->random, 6); more > 0 && self->count < SESSION_BLOCKS;
         more--)
        self->ids[self->count++] = to->next_id++;
    add(to, self->ids, self->count);
}

/* Documents, of which few are asked for most (Zipf, exponent 0.9). Document k has blocks 100 * k on. */
typedef struct library {
    double *sums;
    size_t count;
} library;

static library new_library(size_t documents) {
    library of = {malloc(documents * sizeof *of.sums), documents};
    double all = 0;
    for (size_t i = 0; i < documents; i++)
        of.sums[i] = all += pow((double)i + 1, -0.9);
    return of;
}

static void add_question(trace *to, const library *of) {
    double at = (double)below(&to->random, 1u << 30) * 0x1p-30 * of->sums[of->count - 1];
    uint64_t ids[103];
    size_t low = 0, high = of->count - 1, count = 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (of->sums[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    for (; count < 10 + low % 90; count++)
        ids[count] = 100 * low + count;
    for (uint64_t more = 1 + below(&to->random, 3); more > 0; more--)
        ids[count++] = to->next_id++;
    add(to, ids, count);
}

/* A trace of at least `blocks` blocks, `at_once` sessions at a time, with requests that have none. */
static mt_locality *sessions_trace(uint64_t blocks, size_t at_once, uint64_t seed) {
    trace made = new_trace(0, seed);
    crowd of = new_crowd(at_once);
    for (size_t turn = 0; made.done < blocks; turn++) {
        add_turn(&made, &of);
        if (turn % 100 == 99)
            add(&made, NULL, 0);
    }
    free(of.sessions);
    return made.locality;
}

static mt_locality *documents_trace(uint64_t blocks, size_t documents, uint64_t seed) {
    trace made = new_trace(100 * documents, seed);
    library of = new_library(documents);
    while (made.done < blocks)
        add_question(&made, &of);
    free(of.sums);
    return made.locality;
}

/* As many turns as questions. */
static mt_locality *mixed_trace(uint64_t blocks, size_t at_once, size_t documents, uint64_t seed) {
    trace made = new_trace(100 * documents, seed);
    crowd of = new_crowd(at_once);
    library shelf = new_library(documents);
    while (made.done < blocks) {
        if (below(&made.random, 2) == 0)
            add_turn(&made, &of);
        else
            add_question(&made, &shelf);
    }
    free(of.sessions);
    free(shelf.sums);
    return made.locality;
}

static mt_played play_whole(const mt_locality *locality, const mt_cache_spec *spec,
                            mt_hit_rule rule) {
    uint32_t *hits = malloc(mt_locality_requests(locality) * sizeof *hits);
    assert_int_equal(mt_locality_hits(locality, spec, rule, hits, NULL), MT_OK);
    mt_played played = mt_locality_tally(locality, hits, rule);
    free(hits);
    return played;
}

static mt_sampled play_sampled(mt_block_sample *sample, const mt_cache_spec *spec,
                               mt_hit_rule rule) {
    mt_sampled sampled;
    memset(&sampled, 0, sizeof sampled);
    assert_int_equal(mt_block_sample_play(sample, spec, rule, &sampled, NULL), MT_OK);
    return sampled;
}

/* A sample of everything is everything. */
static void test_whole(void **state) {
    (void)state;
    mt_locality *locality = sessions_trace(30000, 50, 1);
    mt_block_sample *sample = mt_block_sample_new(locality, 1, 0, NULL);
    for (size_t m = 0; m < MODELS; m++)
        for (int rule = MT_HIT_ALL; rule <= MT_HIT_VLLM; rule++) {
            mt_cache_spec spec = spec_of(models[m].name, 700, MT_TOUCH_LEAF);
            if (!spec.policy->is_sampled)
                continue;
            mt_sampled sampled = play_sampled(sample, &spec, (mt_hit_rule)rule);
            mt_played whole = play_whole(locality, &spec, (mt_hit_rule)rule);
            assert_true(fabs(sampled.played.ratio.block - whole.ratio.block) < 1e-9);
            assert_true(fabs(sampled.played.ratio.request - whole.ratio.request) < 1e-9);
            assert_true(fabs(sampled.played.ratio.token - whole.ratio.token) < 1e-9);
            assert_true(fabs(sampled.played.within - whole.within) < 1e-9);
            assert_true(sampled.error.block == 0);
        }
    mt_block_sample_free(sample);
    mt_locality_free(locality);
}

static void assert_same_sampled(const mt_sampled *a, const mt_sampled *b) {
    assert_true(a->played.ratio.block == b->played.ratio.block);
    assert_true(a->played.ratio.request == b->played.ratio.request);
    assert_true(a->played.ratio.token == b->played.ratio.token);
    assert_true(a->played.within == b->played.within);
    assert_true(a->error.block == b->error.block && a->error.request == b->error.request &&
                a->error.token == b->error.token);
}

/* A sample keeps what policies have in common, and it makes no difference what was played before. */
static void test_played_before(void **state) {
    (void)state;
    static const struct {
        uint64_t size;
        mt_touch_order order;
        mt_hit_rule rule;
    } plays[] = {{700, MT_TOUCH_ROOT, MT_HIT_ALL},   {700, MT_TOUCH_ROOT, MT_HIT_ALL},
                 {700, MT_TOUCH_LEAF, MT_HIT_ALL},   {700, MT_TOUCH_LEAF, MT_HIT_VLLM},
                 {1500, MT_TOUCH_LEAF, MT_HIT_VLLM}, {700, MT_TOUCH_ROOT, MT_HIT_ALL}};
    mt_locality *locality = sessions_trace(30000, 50, 1);
    mt_block_sample *all = mt_block_sample_new(locality, 0.3, SEED, NULL);
    for (size_t i = 0; i < sizeof plays / sizeof *plays; i++) {
        mt_cache_spec spec = spec_of("clock", plays[i].size, plays[i].order);
        mt_block_sample *fresh = mt_block_sample_new(locality, 0.3, SEED, NULL);
        mt_sampled here = play_sampled(all, &spec, plays[i].rule);
        mt_sampled alone = play_sampled(fresh, &spec, plays[i].rule);
        assert_true(here.error.block > 0);
        assert_same_sampled(&here, &alone);
        mt_block_sample_free(fresh);
    }
    mt_block_sample_free(all);
    mt_locality_free(locality);
}

/* What the estimates of the policies that are sampled came to. */
typedef struct misses {
    double worst;        /* the largest miss */
    double largest;      /* and the largest standard error */
    int looked, outside; /* how many lie further away than three standard errors */
} misses;

static void look(misses *all, double estimated, double error, double whole) {
    double miss = fabs(estimated - whole);
    all->worst = fmax(all->worst, miss);
    all->largest = fmax(all->largest, error);
    all->outside += !(miss <= 3 * error + 1e-12);
    all->looked++;
}

static misses look_at(const mt_locality *locality, double rate, const uint64_t *sizes,
                      size_t count) {
    mt_block_sample *sample = mt_block_sample_new(locality, rate, SEED, NULL);
    misses all = {0, 0, 0, 0};
    for (size_t m = 0; m < MODELS; m++)
        for (size_t s = 0; s < count; s++) {
            mt_cache_spec spec = spec_of(models[m].name, sizes[s], MT_TOUCH_ROOT);
            if (!spec.policy->is_sampled)
                continue;
            mt_sampled sampled = play_sampled(sample, &spec, MT_HIT_ALL);
            mt_played played = play_whole(locality, &spec, MT_HIT_ALL);
            const mt_hit_ratio *here = &sampled.played.ratio, *whole = &played.ratio;
            print_message("%8s %9llu: %.5f +- %.5f, whole %.5f\n", models[m].name,
                          (unsigned long long)sizes[s], here->block, sampled.error.block,
                          whole->block);
            look(&all, here->block, sampled.error.block, whole->block);
            look(&all, here->request, sampled.error.request, whole->request);
            look(&all, here->token, sampled.error.token, whole->token);
            /* It has no error of its own, and is a part of the hits by block. */
            look(&all, sampled.played.within, sampled.error.block, played.within);
        }
    mt_block_sample_free(sample);
    assert_true(all.looked > 0);
    print_message("worst %.5f, error %.5f, %d of %d outside\n", all.worst, all.largest, all.outside,
                  all.looked);
    return all;
}

static void test_sessions(void **state) {
    (void)state;
    static const uint64_t sizes[] = {10000, 20000};
    mt_locality *locality = sessions_trace(700000, 2000, 2);
    misses all = look_at(locality, 0.1, sizes, 2);
    assert_true(all.worst < 0.015 && all.largest < 0.02);
    assert_int_equal(all.outside, 0);
    mt_locality_free(locality);
}

static void test_documents(void **state) {
    (void)state;
    static const uint64_t sizes[] = {10000, 30000};
    mt_locality *locality = documents_trace(700000, 2000, 3);
    misses all = look_at(locality, 0.1, sizes, 2);
    assert_true(all.worst < 0.015 && all.largest < 0.02);
    assert_int_equal(all.outside, 0);
    mt_locality_free(locality);
}

static void test_mixture(void **state) {
    (void)state;
    static const uint64_t sizes[] = {10000, 30000};
    mt_locality *locality = mixed_trace(700000, 1000, 1000, 4);
    misses all = look_at(locality, 0.1, sizes, 2);
    assert_true(all.worst < 0.015 && all.largest < 0.02);
    assert_int_equal(all.outside, 0);
    mt_locality_free(locality);
}

/* 10^8 blocks: minutes and 3 GB, only with MOONTIDE_SLOW_TESTS=1. */
static void look_at_hundred_million(mt_locality *locality, double most) {
    static const uint64_t sizes[] = {300000, 3000000};
    misses all = look_at(locality, 0.01, sizes, 2);
    assert_true(all.worst < most);
    assert_int_equal(all.outside, 0);
    mt_locality_free(locality);
}

static void test_hundred_million_blocks(void **state) {
    (void)state;
    only_when_slow_is_wanted();
    look_at_hundred_million(sessions_trace(100000000, 200000, 3), 0.002);
}

static void test_hundred_million_blocks_mixed(void **state) {
    (void)state;
    only_when_slow_is_wanted();
    look_at_hundred_million(mixed_trace(100000000, 100000, 100000, 3), 0.0025); /* 0.0021 */
}

/* After a failure the sample can be played again. */
static void test_memory(void **state) {
    (void)state;
    mt_locality *locality = sessions_trace(3000, 20, 1);
    mt_cache_spec spec = spec_of("clock", 100, MT_TOUCH_ROOT);
    mt_block_sample *whole = mt_block_sample_new(locality, 0.5, 0, NULL);
    mt_sampled wanted = play_sampled(whole, &spec, MT_HIT_ALL);
    mt_block_sample_free(whole);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_sampled sampled;
        mt_block_sample *sample = mt_block_sample_new(locality, 0.5, 0, &all.error);
        all.code = sample ? mt_block_sample_play(sample, &spec, MT_HIT_ALL, &sampled, &all.error)
                          : all.error.code;
        if (sample && all.code)
            sampled = play_sampled(sample, &spec, MT_HIT_ALL);
        if (sample)
            assert_same_sampled(&sampled, &wanted);
        mt_block_sample_free(sample);
    }
    mt_locality_free(locality);
    mt_block_sample_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_played_before),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_mixture),
        cmocka_unit_test(test_hundred_million_blocks),
        cmocka_unit_test(test_hundred_million_blocks_mixed),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
