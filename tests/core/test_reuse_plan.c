/* The plan of a lap: who comes back to whom is a matching of places left behind with places asked
 * for, and all of it has time. */
#include "prefix/reuse/plan.h"

#include "base/interrupt.h"
#include "reuse_support.h"
#include "sweep.h"

typedef struct planned {
    mt_model *model;
    mt_reuse_items items;
    mt_reuse_plan plan;
    mt_random random;
} planned;

/* Takes over the model. */
static void open_plan(planned *all, mt_model *model, const mt_synthesis_options *options) {
    *all = (planned){.model = model};
    assert_int_equal(mt_reuse_items_make(&all->items, model, options, NULL), MT_OK);
    assert_int_equal(mt_reuse_plan_open(&all->plan, &all->items, NULL), MT_OK);
    mt_random_start(&all->random, mt_random_key_of(options->seed, "test", 4, "plan", 4));
}

static void close_plan(planned *all) {
    mt_reuse_plan_free(&all->plan);
    mt_reuse_items_free(&all->items);
    mt_model_release(all->model);
}

static void plan_lap(planned *all) {
    assert_int_equal(mt_reuse_plan_lap(&all->plan, &all->random, NULL), MT_OK);
}

/* ---- a matching -------------------------------------------------------------------------------
 */

/* The successor comes back to the end of what may come back, at the end of somebody's path. Where
 * it was new, the successor is the first; where not, visits are exchanged among the alike, but
 * nobody is the first. */
static void assert_fits(const planned *all, uint32_t item, uint32_t successor) {
    const mt_reuse_item *left = &all->items.items[item], *back = &all->items.items[successor];
    uint32_t wanted = all->items.kinships[successor].visits;
    assert_true(back->shared > 0);
    assert_int_equal(back->shared, left->shared + left->returning);
    assert_int_equal(back->beyond, 0);
    if (left->returning > 0)
        assert_int_equal(wanted, 1);
    else
        assert_true(wanted > 1);
}

/* From the deck along the successors every item is met once: so none has two predecessors, and
 * nothing goes in circles. */
static void assert_lap(const planned *all) {
    uint32_t met = 0, most = all->items.count;
    uint8_t *is_met = calloc(most, 1);
    assert_true(all->plan.deck_count >= 1 && all->plan.deck_count <= most);
    for (uint32_t k = 0; k < all->plan.deck_count; k++)
        for (uint32_t at = all->plan.deck[k]; at != MT_NO_ITEM; at = all->plan.successor[at]) {
            assert_true(at < most);
            assert_false(is_met[at]);
            is_met[at] = 1;
            met++;
            if (all->plan.successor[at] != MT_NO_ITEM)
                assert_fits(all, at, all->plan.successor[at]);
        }
    assert_int_equal(met, most);
    free(is_met);
}

static void test_matching(void **state) {
    (void)state;
    static const double multipliers[] = {1, 2, 0.5, 0.03, 1e-9};
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (int p = 0; p < 5; p++) {
            planned all;
            mt_synthesis_options options = plain_options;
            options.prefix_len_multiplier = multipliers[p];
            open_plan(&all, model_of_kind((source_kind)kind, 800, 1), &options);
            for (int lap = 0; lap < 3; lap++) {
                plan_lap(&all);
                assert_lap(&all);
            }
            close_plan(&all);
        }
}

static void test_matching_of_some(void **state) {
    (void)state;
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (uint64_t least = 0; least <= 300; least += 100) {
            planned all;
            mt_synthesis_options options = plain_options;
            options.min_isl = least;
            open_plan(&all, model_of_kind((source_kind)kind, 800, 2), &options);
            plan_lap(&all);
            assert_lap(&all);
            close_plan(&all);
        }
}

/* In the source everybody who comes back to an end had somebody to come back to: so has everybody
 * here, and the deck is what begins a prefix or turns off in the middle of one. */
static void test_nobody_is_left_over(void **state) {
    (void)state;
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (int stretch = 1; stretch <= 2; stretch++) {
            planned all;
            mt_synthesis_options options = plain_options;
            options.prefix_len_multiplier = stretch;
            open_plan(&all, model_of_kind((source_kind)kind, 1500, 3), &options);
            for (int lap = 0; lap < 2; lap++) {
                uint32_t beginning = 0;
                plan_lap(&all);
                for (uint32_t i = 0; i < all.items.count; i++)
                    beginning += all.items.items[i].shared == 0 || all.items.items[i].beyond > 0;
                assert_int_equal(all.plan.deck_count, beginning);
                for (uint32_t k = 0; k < all.plan.deck_count; k++) {
                    const mt_reuse_item *item = &all.items.items[all.plan.deck[k]];
                    assert_true(item->shared == 0 || item->beyond > 0);
                }
            }
            assert_true(all.plan.deck_count < all.items.count);
            close_plan(&all);
        }
}

/* ---- time -------------------------------------------------------------------------------------
 */

/* One conversation from the first request to the last, among 1900 requests that nobody comes back
 * to: all its turns in a row take nearly the lap, so it has to begin at once. */
static void test_long_chains_begin_early(void **state) {
    (void)state;
    enum { TURNS = 50, EVERY = 38 };
    static source trace;
    growing session = {0}, none = {0};
    uint64_t next_id = 0, random = 1, fewest = UINT64_MAX, most = 0;
    trace.count = 0;
    while (trace.count < TURNS * EVERY)
        if (trace.count % EVERY == 0) {
            grow(&session, 1, &next_id);
            add_request(&trace, &session, 0, &next_id, &random);
        } else {
            add_request(&trace, &none, 3, &next_id, &random);
        }
    planned all;
    open_plan(&all, model_of(&trace), &plain_options);
    for (int lap = 0; lap < 20; lap++) {
        plan_lap(&all);
        assert_lap(&all);
        uint64_t at = 0;
        while (all.plan.successor[all.plan.deck[at]] == MT_NO_ITEM)
            at++;
        fewest = at < fewest ? at : fewest;
        most = at > most ? at : most;
    }
    assert_true(most <= TURNS * EVERY / 25);
    assert_true(most > fewest); /* but not always at the same place */
    close_plan(&all);
}

/* What follows from nobody is dealt evenly: chi-square over ten parts of the deck. */
static void test_others_begin_anywhere(void **state) {
    (void)state;
    enum { LAPS = 40, PARTS = 10 };
    planned all;
    double counts[PARTS] = {0}, expected, chi_square = 0;
    uint64_t dealt = 0;
    open_plan(&all, model_of_kind(SOURCE_HOT, 500, 4), &plain_options);
    for (int lap = 0; lap < LAPS; lap++) {
        plan_lap(&all);
        for (uint32_t k = 0; k < all.plan.deck_count; k++)
            if (all.plan.deck[k] % 20 == 0 &&
                all.items.items[all.plan.deck[k]].shared == 0) { /* few: as if independent */
                counts[k * PARTS / all.plan.deck_count]++;
                dealt++;
            }
    }
    expected = (double)dealt / PARTS;
    for (int part = 0; part < PARTS; part++)
        chi_square += (counts[part] - expected) * (counts[part] - expected) / expected;
    assert_true(dealt > 100);
    assert_true(chi_square < 27.9); /* 9 degrees of freedom, p = 0.001 */
    close_plan(&all);
}

/* ---- random numbers ---------------------------------------------------------------------------
 */

static uint32_t differing(const planned *a, const planned *b) {
    uint32_t count = 0;
    assert_int_equal(a->items.count, b->items.count);
    assert_int_equal(a->plan.deck_count, b->plan.deck_count);
    for (uint32_t i = 0; i < a->items.count; i++)
        count += a->plan.successor[i] != b->plan.successor[i];
    for (uint32_t k = 0; k < a->plan.deck_count; k++)
        count += a->plan.deck[k] != b->plan.deck[k];
    return count;
}

/* The same seed, the same plan, whatever laps went before; another lap, another plan. */
static void test_random_numbers(void **state) {
    (void)state;
    planned a, b, c;
    mt_synthesis_options other = plain_options;
    other.seed = 2;
    open_plan(&a, model_of_kind(SOURCE_SESSIONS, 600, 5), &plain_options);
    open_plan(&b, model_of_kind(SOURCE_SESSIONS, 600, 5), &plain_options);
    open_plan(&c, model_of_kind(SOURCE_SESSIONS, 600, 5), &other);
    plan_lap(&a);
    plan_lap(&b);
    plan_lap(&c);
    assert_int_equal(differing(&a, &b), 0);
    assert_true(differing(&a, &c) > 300);
    plan_lap(&b);
    assert_true(differing(&a, &b) > 300);
    close_plan(&a);
    close_plan(&b);
    close_plan(&c);
}

/* ---- small and odd ----------------------------------------------------------------------------
 */

/* Requests of so many blocks, all the same where `alike`, else nothing shared. */
static mt_model *odd_model(size_t requests, uint64_t blocks, int alike) {
    static source trace;
    growing prompt = {0};
    uint64_t next_id = 0, random = 1;
    trace.count = 0;
    grow(&prompt, blocks, &next_id);
    while (trace.count < requests) {
        if (!alike) {
            prompt.count = 0;
            grow(&prompt, blocks, &next_id);
        }
        add_request(&trace, &prompt, 0, &next_id, &random);
    }
    return model_of(&trace);
}

static void test_odd_models(void **state) {
    (void)state;
    static const struct {
        size_t requests;
        uint64_t blocks;
        int alike;
        uint32_t deck;
    } odd[] = {{1, 3, 0, 1}, {1, 0, 0, 1}, {40, 0, 0, 40}, {40, 3, 0, 40}, {40, 3, 1, 1}};
    for (size_t m = 0; m < sizeof odd / sizeof *odd; m++) {
        planned all;
        open_plan(&all, odd_model(odd[m].requests, odd[m].blocks, odd[m].alike), &plain_options);
        for (int lap = 0; lap < 3; lap++) {
            plan_lap(&all);
            assert_lap(&all);
            assert_int_equal(all.plan.deck_count, odd[m].deck);
        }
        close_plan(&all);
    }
}

static void test_interrupt(void **state) {
    (void)state;
    planned all;
    mt_error error;
    open_plan(&all, model_of_kind(SOURCE_SESSIONS, 100, 6), &plain_options);
    mt_interrupt_flag = 1;
    mt_code code = mt_reuse_plan_lap(&all.plan, &all.random, &error);
    mt_interrupt_flag = 0;
    assert_int_equal(code, MT_ERROR_INTERRUPTED);
    assert_int_equal(error.code, MT_ERROR_INTERRUPTED);
    close_plan(&all);
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_reuse_items items = {0};
    mt_model *model = model_of_kind(SOURCE_SESSIONS, 100, 7);
    assert_int_equal(mt_reuse_items_make(&items, model, &plain_options, NULL), MT_OK);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_reuse_plan plan = {0};
        all.code = mt_reuse_plan_open(&plan, &items, &all.error);
        mt_reuse_plan_free(&plan);
        assert_null(plan.successor);
    }
    mt_reuse_items_free(&items);
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_matching_of_some),
        cmocka_unit_test(test_nobody_is_left_over),
        cmocka_unit_test(test_long_chains_begin_early),
        cmocka_unit_test(test_others_begin_anywhere),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_odd_models),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("reuse plan", tests, NULL, NULL);
}
