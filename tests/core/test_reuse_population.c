/* One population: who was promised a place finds it, whatever is forgotten in between. */
#include "prefix/reuse/population.h"

#include "reuse_support.h"

typedef struct peopled {
    mt_model *model;
    mt_reuse_items items;
    mt_reuse_population population;
    uint64_t next_id;
    mt_synthetic made;
} peopled;

static void open_population(peopled *all, source_kind kind, size_t requests, uint64_t seed) {
    *all = (peopled){.model = model_of_kind(kind, requests, seed)};
    assert_int_equal(mt_reuse_items_make(&all->items, all->model, &plain_options, NULL), MT_OK);
    assert_int_equal(mt_reuse_population_open(&all->population, &all->items, seed, 0, NULL), MT_OK);
}

static void close_population(peopled *all) {
    mt_reuse_population_free(&all->population);
    mt_reuse_items_free(&all->items);
    mt_model_release(all->model);
    mt_free(all->made.hash_ids);
}

static void next(peopled *all) {
    assert_int_equal(mt_reuse_population_next(&all->population, &all->next_id, &all->made, NULL),
                     MT_OK);
}

/* ---- promises ---------------------------------------------------------------------------------
 */

/* Promises of those that wait whose prefix was forgotten. */
static uint32_t count_forgotten(const peopled *all) {
    const mt_reuse_heap *due = &all->population.due;
    uint32_t forgotten = 0;
    for (size_t k = 0; k < due->count; k++)
        forgotten += all->population.promises[due->items[k].item].node == MT_NO_NODE;
    return forgotten;
}

/* Hardly anything is kept, so that many promises are forgotten before they are due. */
static void keep_little(mt_reuse_history *history, uint64_t keep) {
    history->keep = keep;
    for (int j = 0; j < MT_REUSE_SIZES; j++)
        history->sizes[j] = history->sizes[j] < keep ? history->sizes[j] : keep;
}

/* Whenever something is forgotten, the code itself asserts that every promise still holds. */
static void test_promises(void **state) {
    (void)state;
    for (int kind = 0; kind < SOURCE_KINDS; kind++)
        for (uint64_t keep = 500; keep <= 50000; keep *= 10) {
            peopled all;
            uint32_t forgets = 0, forgotten = 0;
            open_population(&all, (source_kind)kind, 2500, 1);
            if (keep < all.population.history.keep)
                keep_little(&all.population.history, keep);
            for (int r = 0; r < 21000; r++) {
                uint32_t before = all.population.history.slot_count;
                next(&all);
                if (all.population.history.slot_count >= before)
                    continue;
                forgets++;
                forgotten += count_forgotten(&all);
            }
            assert_true(forgets >= 2);
            if (kind == SOURCE_SESSIONS && keep == 500)
                assert_true(forgotten > 0);
            close_population(&all);
        }
}

/* ---- laps -------------------------------------------------------------------------------------
 */

/* The first of all needs nothing to go back to, so that nobody has waited for it. */
static void test_first_request(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        peopled all;
        open_population(&all, (source_kind)(seed % SOURCE_KINDS), 200, seed);
        next(&all);
        assert_int_equal(all.population.dealt, 1);
        assert_int_equal(all.population.waiting.count, 0);
        assert_true(all.made.hash_count > 0);
        close_population(&all);
    }
}

/* Nothing is left over between laps, and each has a plan of its own. */
static void test_laps(void **state) {
    (void)state;
    enum { REQUESTS = 400 };
    static uint32_t successors[REQUESTS];
    peopled all;
    open_population(&all, SOURCE_SESSIONS, REQUESTS, 2);
    for (uint64_t lap = 1; lap <= 5; lap++) {
        uint32_t same = 0, some = 0;
        next(&all);
        assert_int_equal(all.population.laps, lap);
        for (uint32_t i = 0; i < REQUESTS; i++) {
            uint32_t successor = all.population.plan.successor[i];
            same += successor != MT_NO_ITEM && successor == successors[i];
            some += successor != MT_NO_ITEM;
            successors[i] = successor;
        }
        assert_true(some > 100);
        assert_true(lap == 1 || same < some / 2);
        for (uint32_t r = 1; r < REQUESTS; r++)
            next(&all);
        assert_int_equal(all.population.laps, lap);
        assert_int_equal(all.population.dealt, all.population.plan.deck_count);
        assert_int_equal(all.population.due.count + all.population.ready.count +
                             all.population.waiting.count,
                         0);
    }
    close_population(&all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promises),
        cmocka_unit_test(test_first_request),
        cmocka_unit_test(test_laps),
    };
    return cmocka_run_group_tests_name("reuse population", tests, NULL, NULL);
}
