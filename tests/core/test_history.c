/* The history of touches: beside a plain list of blocks in the order of their last touch, where a
 * distance is counted out, one block after another as a request touches them. */
#include "prefix/cache/history.h"

#include "base/memory.h"
#include "prefix_support.h"
#include "sweep.h"

enum { MOST = TRACE_REQUESTS * TRACE_BLOCKS };

/* Blocks by last touch, the latest first, and what is known of each. */
typedef struct plain_history {
    uint32_t order[MOST];
    size_t count;
    uint32_t owner[MOST], visits[MOST];
} plain_history;

/* The place of a block in the order: its distance is one more. */
static size_t place_of(const plain_history *plain, uint32_t block) {
    size_t place = 0;
    while (place < plain->count && plain->order[place] != block)
        place++;
    return place;
}

/* Touches one block; its distance, 0 when it is new. */
static uint64_t touch_plain(plain_history *plain, uint32_t block, uint32_t request) {
    size_t place = place_of(plain, block);
    uint64_t distance = place < plain->count ? place + 1 : 0;
    if (distance == 0)
        plain->count++;
    memmove(plain->order + 1, plain->order, place * sizeof *plain->order);
    plain->order[0] = block;
    plain->owner[block] = request;
    plain->visits[block]++;
    return distance;
}

/* Distinct blocks last touched by `request` or later ones. */
static uint64_t plain_distance(const plain_history *plain, uint32_t request) {
    uint64_t distance = 0;
    for (size_t i = 0; i < plain->count; i++)
        distance += plain->owner[plain->order[i]] >= request;
    return distance;
}

/* What the touch says beside the runs, as it was before. */
static void assert_touch(const plain_trace *trace, const plain_history *plain, size_t r,
                         const mt_touch *touch) {
    size_t known = trace->known[r], first_return = 0;
    for (size_t i = 0; i < known; i++)
        first_return += plain->visits[trace->block[r][i]] == 1;
    assert_int_equal(touch->request, r);
    assert_int_equal(touch->first_return, first_return);
    if (known == 0) {
        assert_int_equal(touch->run_count, 0);
        assert_int_equal(touch->visits, 0);
        return;
    }
    uint32_t deepest = trace->block[r][known - 1];
    assert_int_equal(touch->visits, plain->visits[deepest]);
    assert_int_equal(touch->beyond, trace->count[plain->owner[deepest]] - known);
    assert_int_equal(touch->runs[touch->run_count - 1].end, known);
}

/* Each block's owner and distance, and that distances grow from run to run. */
static void assert_runs(const plain_trace *trace, plain_history *plain, size_t r,
                        const mt_touch *touch) {
    size_t begin = 0;
    for (size_t k = 0; k < touch->run_count; k++) {
        const mt_touch_run *run = &touch->runs[k];
        assert_true(run->end > begin);
        assert_true(k == 0 || run->distance > touch->runs[k - 1].distance);
        for (; begin < run->end; begin++) {
            uint32_t block = trace->block[r][begin];
            assert_int_equal(plain->owner[block], run->owner);
            assert_int_equal(touch_plain(plain, block, (uint32_t)r), run->distance);
        }
    }
    for (; begin < trace->count[r]; begin++)
        assert_int_equal(touch_plain(plain, trace->block[r][begin], (uint32_t)r), 0);
}

static void compare_with_plain(const plain_trace *trace) {
    static plain_history plain;
    memset(&plain, 0, sizeof plain);
    mt_history *history = mt_history_new(NULL);
    assert_non_null(history);
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        mt_touch touch;
        assert_int_equal(mt_history_touch(history, trace->block[r], trace->count[r],
                                          trace->known[r], &touch, NULL),
                         MT_OK);
        assert_touch(trace, &plain, r, &touch);
        assert_runs(trace, &plain, r, &touch);
    }
    for (uint32_t r = 0; r < TRACE_REQUESTS; r++)
        assert_int_equal(mt_history_distance(history, r), plain_distance(&plain, r));
    for (uint32_t block = 0; block < trace->blocks; block++) {
        assert_int_equal(mt_history_visits(history, block), plain.visits[block]);
        assert_int_equal(mt_history_owner(history, block), plain.owner[block]);
    }
    mt_history_free(history);
}

static void test_against_plain(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 1;
    for (int kind = 0; kind < ID_KINDS; kind++)
        for (int round = 0; round < 10; round++) {
            make_plain_trace(&trace, (id_kind)kind, &random);
            compare_with_plain(&trace);
        }
}

static void test_out_of_memory(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 2;
    make_plain_trace(&trace, IDS_BY_APPEARANCE, &random);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_touch touch;
        mt_history *history = mt_history_new(&all.error);
        all.code = history ? MT_OK : all.error.code;
        for (size_t r = 0; all.code == MT_OK && r < TRACE_REQUESTS; r++)
            all.code = mt_history_touch(history, trace.block[r], trace.count[r], trace.known[r],
                                        &touch, &all.error);
        mt_history_free(history);
    }
    mt_history_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
