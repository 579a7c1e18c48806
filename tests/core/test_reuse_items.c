/* What is to be made, and which prefix it goes back to: lengths, distances and the grid of sizes
 * however they are stretched; what places cost. */
#include "prefix/reuse/items.h"

#include "prefix/reuse/choice.h"
#include "reuse_support.h"
#include "sweep.h"

static void make(mt_reuse_items *items, const mt_model *model,
                 const mt_synthesis_options *options) {
    mt_error error = {0};
    *items = (mt_reuse_items){0};
    assert_int_equal(mt_reuse_items_make(items, model, options, &error), MT_OK);
    assert_string_equal(error.message, "");
}

/* ---- known answers ---- */

/* One request of 3 new blocks, one that comes back to 2 of them after 8, with 4 blocks of its own;
 * 7 and 9 tokens in the last block. */
static mt_model *small_model(void) {
    mt_learner *learner = mt_learner_new(BLOCK, NULL);
    static const uint64_t ids[][6] = {{1, 2, 3}, {4, 5, 6, 7, 8}, {1, 2, 9, 10, 11, 12}};
    static const size_t counts[] = {3, 5, 6};
    for (uint64_t r = 0; r < 3; r++) {
        mt_request request = {.has = MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH |
                                     MT_HAS_HASH_IDS,
                              .input_length = (counts[r] - 1) * BLOCK + 7 + r,
                              .output_length = 10 + r,
                              .hash_ids = ids[r],
                              .hash_count = counts[r]};
        assert_int_equal(mt_learner_add(learner, &request, NULL), MT_OK);
    }
    mt_model *model = mt_learner_finish(learner, NULL);
    mt_learner_free(learner);
    return model;
}

/* The item made after the request with that OSL; OSL is not stretched here. */
static const mt_reuse_item *item_of(const mt_reuse_items *items, uint64_t output) {
    for (uint32_t i = 0; i < items->count; i++)
        if (items->items[i].output_length == output)
            return &items->items[i];
    fail();
    return NULL;
}

static void test_by_hand(void **state) {
    (void)state;
    mt_reuse_items items;
    mt_model *model = small_model();
    make(&items, model, &plain_options);
    assert_int_equal(items.count, 3);
    assert_true(items.blocks == 14 && items.farthest == 8);
    const mt_reuse_item *first = item_of(&items, 10), *back = item_of(&items, 12);
    assert_int_equal(first->shared, 0);
    assert_int_equal(first->returning, 2);
    assert_int_equal(first->unique, 1);
    assert_int_equal(first->input_length, 2 * BLOCK + 7);
    assert_true(first->distance == 0 && first->run_count == 0);
    assert_int_equal(back->shared, 2);
    assert_int_equal(back->returning, 0);
    assert_int_equal(back->unique, 4);
    assert_int_equal(back->first_return, 2);
    assert_int_equal(back->beyond, 0);
    assert_int_equal(back->input_length, 5 * BLOCK + 9);
    assert_true(back->distance == 8 && back->elapsed == 8);
    assert_int_equal(back->run_count, 1);
    assert_int_equal(items.runs[back->run_begin].end, 2);
    assert_int_equal(items.runs[back->run_begin].size, 0); /* it hits in all caches of the grid */
    mt_reuse_items_free(&items);
    mt_model_release(model);
}

/* What is shared twice as long, what is not half: 4 + 2 blocks, 2, 4 + 2 are 14 as before. What is
 * shared three times as long, what is not four times: 6 + 4, 20, 6 + 16 are 52. */
static void test_stretched_by_hand(void **state) {
    (void)state;
    mt_reuse_items items;
    mt_model *model = small_model();
    mt_synthesis_options options = plain_options;
    options.prefix_len_multiplier = 3;
    options.prompt_len_multiplier = 4;
    options.osl_multiplier = 10;
    make(&items, model, &options);
    assert_true(items.blocks == 52);
    const mt_reuse_item *first = item_of(&items, 100), *back = item_of(&items, 120);
    assert_int_equal(first->returning, 6);
    assert_int_equal(first->unique, 4);
    assert_int_equal(first->input_length, 9 * BLOCK + 7);
    assert_int_equal(back->shared, 6);
    assert_int_equal(back->unique, 16);
    assert_int_equal(back->first_return, 6);
    assert_true(back->distance == round(8 * 52 / 14.0));
    assert_true(fabs(back->elapsed - 8 * 52 / 14.0) < 1e-12);
    mt_reuse_items_free(&items);
    mt_model_release(model);
}

/* ---- whatever the options ---- */

static void assert_lengths(const mt_reuse_item *item) {
    uint64_t blocks = (uint64_t)item->shared + item->returning + item->unique;
    assert_true(item->knows_blocks == (blocks > 0));
    assert_true((item->run_count > 0) == (item->shared > 0));
    assert_true(item->first_return <= item->shared);
    if (blocks == 0)
        return;
    assert_true(item->input_length > (blocks - 1) * BLOCK);
    assert_true(item->input_length <= blocks * BLOCK);
}

static void assert_runs(const mt_reuse_items *items, const mt_reuse_item *item) {
    uint32_t end = 0, size = 0;
    for (uint32_t k = 0; k < item->run_count; k++) {
        const mt_reuse_run *run = &items->runs[item->run_begin + k];
        assert_true(run->end >= end && run->size >= size);
        end = run->end;
        size = run->size;
    }
    assert_int_equal(end, item->shared);
    if (item->shared == 0)
        return;
    assert_true(size < MT_REUSE_SIZES);
    assert_true((double)items->sizes[size] >= item->distance);
    assert_true(size == 0 || (double)items->sizes[size - 1] < item->distance);
}

static void assert_grid(const mt_reuse_items *items) {
    double weights = 0;
    for (int j = 0; j < MT_REUSE_SIZES; j++) {
        assert_true(j == 0 || items->sizes[j] >= items->sizes[j - 1]);
        assert_true(items->weights[j] >= 0);
        weights += (double)items->weights[j];
    }
    assert_int_equal(items->sizes[0], 150);
    assert_true(items->sizes[MT_REUSE_SIZES - 1] >= items->farthest);
    assert_true(fabs(weights - log((double)items->sizes[MT_REUSE_SIZES - 1] / 150)) < 1e-3);
}

static void assert_items(const mt_reuse_items *items) {
    double blocks = 0, farthest = 0;
    for (uint32_t i = 0; i < items->count; i++) {
        const mt_reuse_item *item = &items->items[i];
        assert_lengths(item);
        assert_runs(items, item);
        blocks += (double)item->shared + item->returning + item->unique;
        farthest = fmax(farthest, item->distance);
    }
    assert_true(blocks == items->blocks);
    assert_true(fabs(items->mean_blocks * items->count - blocks) <= 1e-9 * blocks);
    assert_true(farthest == (double)items->farthest);
    assert_grid(items);
}

static const double multipliers[] = {1e-9, 0.3, 0.5, 1, 1.37, 2, 1000};

enum { MULTIPLIERS = sizeof multipliers / sizeof *multipliers };

static void test_stretching(void **state) {
    (void)state;
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        mt_model *model = model_of_kind((source_kind)kind, 300, 1);
        for (int p = 0; p < MULTIPLIERS * MULTIPLIERS; p++) {
            mt_reuse_items items;
            mt_synthesis_options options = plain_options;
            options.prefix_len_multiplier = multipliers[p / MULTIPLIERS];
            options.prompt_len_multiplier = multipliers[p % MULTIPLIERS];
            make(&items, model, &options);
            assert_int_equal(items.count, model->count);
            assert_items(&items);
            mt_reuse_items_free(&items);
        }
        mt_model_release(model);
    }
}

/* Each description passes or not; what is left is as it was. */
static void test_filter(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_SESSIONS, 500, 2);
    for (uint64_t least = 0; least <= 500; least += 100) {
        mt_reuse_items items;
        mt_synthesis_options options = plain_options;
        options.min_isl = least;
        options.max_isl = least + 150;
        uint32_t passing = 0;
        for (size_t i = 0; i < model->count; i++) {
            const mt_description *from = &model->descriptions[i];
            uint64_t blocks = (uint64_t)from->shared + from->returning + from->unique;
            uint64_t input = (blocks - 1) * BLOCK + from->tokens;
            passing += input >= least && input <= least + 150;
        }
        make(&items, model, &options);
        assert_int_equal(items.count, passing);
        assert_items(&items);
        mt_reuse_items_free(&items);
    }
    mt_model_release(model);
}

static void assert_refused(const mt_model *model, const mt_synthesis_options *options,
                           const char *message) {
    mt_error error = {0};
    mt_reuse_items items = {0};
    assert_int_equal(mt_reuse_items_make(&items, model, options, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, message);
    mt_reuse_items_free(&items);
    assert_null(items.items);
}

static void test_refused(void **state) {
    (void)state;
    mt_model *model = small_model();
    mt_synthesis_options options = plain_options;
    options.min_isl = 1000;
    options.max_isl = 1001;
    assert_refused(model, &options,
                   "no request has an ISL from 1000 (min_isl) to 1001 (max_isl): 10000 draws in a "
                   "row");
    options = plain_options;
    options.prompt_len_multiplier = 1e9;
    assert_refused(model, &options,
                   "requests would have more than 134217728 blocks, or 2^53 tokens: smaller "
                   "multipliers or a max_isl are needed");
    options.max_isl = 40;
    assert_refused(model, &options,
                   "no request has an ISL from 0 (min_isl) to 40 (max_isl): 10000 draws in a row");
    options = plain_options;
    options.prefix_len_multiplier = 1e9;
    options.max_isl = 5 * BLOCK;
    mt_reuse_items items; /* only the one that shares nothing is short enough */
    make(&items, model, &options);
    assert_int_equal(items.count, 1);
    assert_int_equal(items.items[0].output_length, 11);
    mt_reuse_items_free(&items);
    mt_model_release(model);
}

/* Half of the sizes lie where blocks come back. */
static void test_quantiles(void **state) {
    (void)state;
    mt_model *model = model_of_kind(SOURCE_DOCUMENTS, 2000, 3);
    mt_reuse_items items;
    make(&items, model, &plain_options);
    for (int tenth = 1; tenth < 10; tenth++) { /* of the blocks that come back beyond 150 */
        double blocks = 0, below_here = 0;
        uint64_t at = 150 + (items.farthest - 150) * (uint64_t)tenth / 10;
        int sizes = 0, even = 0;
        for (size_t i = 0; i < model->count; i++) {
            const mt_description *from = &model->descriptions[i];
            uint32_t begin = 0;
            for (uint32_t k = 0; k < from->run_count; k++) {
                const mt_model_run *run = &model->runs[from->run_begin + k];
                double here = run->distance > 150 ? run->end - begin : 0;
                blocks += here;
                below_here += run->distance <= at ? here : 0;
                begin = run->end;
            }
        }
        for (int j = 0; j < MT_REUSE_SIZES; j++)
            sizes += items.sizes[j] <= at;
        for (int j = 0; j < MT_REUSE_SIZES / 2; j++)
            even += 150 * pow((double)items.farthest / 150, j / (MT_REUSE_SIZES / 2 - 1.0)) <=
                    (double)at;
        assert_true(fabs(sizes - even - below_here / blocks * (MT_REUSE_SIZES / 2)) <= 1.5);
    }
    mt_reuse_items_free(&items);
    mt_model_release(model);
}

/* ---- places ---- */

/* The source itself, request by request: its own place costs each of them nothing, and no other
 * less. */
static void replay(const source *trace, const mt_reuse_items *items) {
    mt_reuse_history history = {.keep = UINT64_MAX};
    mt_reuse_errors errors = {0};
    caches tree;
    uint64_t next_id = 0, ids[SOURCE_BLOCKS];
    uint32_t *owner = calloc(SOURCE_REQUESTS * SOURCE_BLOCKS, sizeof *owner), shared = 0;
    memcpy(history.sizes, items->sizes, sizeof items->sizes);
    mt_reuse_history_begin(&history);
    mt_reuse_errors_tolerate(&errors, items, 1);
    open_caches(&tree);
    for (uint32_t r = 0; r < trace->count; r++) {
        const mt_reuse_item *item = item_of(items, r + 1);
        uint32_t from = MT_NO_SLOT;
        touch_caches(&tree, trace->ids[r], trace->blocks[r]);
        assert_int_equal(tree.known, item->shared);
        if (item->shared > 0) {
            float cost, fit;
            from = owner[tree.path[item->shared - 1]];
            assert_true(mt_reuse_cost(&history, items, &errors, item, from) == 0);
            assert_true(mt_reuse_choose(&history, items, &errors, item, &cost, &fit) != MT_NO_SLOT);
            assert_true(cost >= 0);
            mt_reuse_errors_add(&errors, &history, items, item, from);
            shared++;
        }
        assert_int_equal(mt_reuse_place(&history, from, item->shared, item->returning, item->unique,
                                        &next_id, ids, NULL),
                         MT_OK);
        for (size_t i = 0; i < trace->blocks[r]; i++) {
            assert_int_equal(ids[i], tree.path[i]);
            owner[tree.path[i]] = r;
        }
    }
    assert_true(shared > trace->count / 2);
    for (int j = 0; j < MT_REUSE_SIZES; j++)
        assert_true(errors.hits[j] == 0);
    assert_true(errors.first_return == 0);
    free(owner);
    close_caches(&tree);
    mt_reuse_history_free(&history);
}

static void test_source_costs_nothing(void **state) {
    (void)state;
    static source trace;
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        mt_reuse_items items;
        make_source(&trace, (source_kind)kind, 600, 4);
        mt_model *model = model_of(&trace);
        make(&items, model, &plain_options);
        replay(&trace, &items);
        mt_reuse_items_free(&items);
        mt_model_release(model);
    }
}

/* 400 prefixes of ten blocks each, touched in order; ten blocks come back from 2000 away. */
typedef struct row {
    mt_reuse_items items;
    mt_reuse_item item;
    mt_reuse_run run;
    mt_reuse_history history;
    mt_reuse_errors errors;
} row;

enum { ROW = 400 };

static void make_row(row *all) {
    uint64_t next_id = 0, ids[10];
    *all = (row){.run = {.end = 10}, .history = {.keep = UINT64_MAX}};
    all->items = (mt_reuse_items){.items = &all->item,
                                  .count = 1,
                                  .runs = &all->run,
                                  .farthest = 4000,
                                  .blocks = 4000,
                                  .mean_blocks = 10};
    for (int j = 0; j < MT_REUSE_SIZES; j++) {
        double ratio = pow(4000 / 150.0, 1 / (double)(MT_REUSE_SIZES - 1));
        all->items.sizes[j] = all->history.sizes[j] = (uint64_t)(150 * pow(ratio, j) + 0.5);
        all->items.weights[j] = (float)log(ratio);
        all->run.size += all->items.sizes[j] < 2000;
    }
    all->item = (mt_reuse_item){
        .shared = 10, .first_return = 10, .run_count = 1, .distance = 2000, .elapsed = 2000};
    mt_reuse_history_begin(&all->history);
    all->errors = (mt_reuse_errors){0};
    mt_reuse_errors_tolerate(&all->errors, &all->items, 1);
    for (uint32_t s = 0; s < ROW; s++)
        assert_int_equal(mt_reuse_place(&all->history, MT_NO_SLOT, 0, 10, 0, &next_id, ids, NULL),
                         MT_OK);
}

static void test_cost_grows_with_distance(void **state) {
    (void)state;
    row all;
    make_row(&all);
    uint32_t exact = ROW - 200; /* 2000 blocks away */
    float before = 0, cost, fit;
    assert_int_equal(mt_parts_distance(&all.history.parts, exact), 2000);
    assert_true(mt_reuse_cost(&all.history, &all.items, &all.errors, &all.item, exact) == 0);
    for (uint32_t s = exact; s < ROW; s++, before = cost) {
        cost = mt_reuse_cost(&all.history, &all.items, &all.errors, &all.item, s);
        assert_true(cost >= before);
    }
    assert_true(before > (float)log(2000 / 150.0)); /* as far off as the grid can say, and more */
    before = 0;
    for (uint32_t s = exact + 1; s-- > 0; before = cost) {
        cost = mt_reuse_cost(&all.history, &all.items, &all.errors, &all.item, s);
        assert_true(cost >= before);
    }
    assert_true(before > (float)log(4000 / 2000.0) - 0.1F);
    uint32_t chosen =
        mt_reuse_choose(&all.history, &all.items, &all.errors, &all.item, &cost, &fit);
    assert_true(cost == 0);
    assert_in_range(mt_parts_distance(&all.history.parts, chosen), 1900, 2050);
    mt_reuse_history_free(&all.history);
}

/* Too many hits so far: the prefix is sought further back; too few: nearer. */
static void test_diffusion(void **state) {
    (void)state;
    row all;
    float cost, fit;
    make_row(&all);
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int j = 0; j < MT_REUSE_SIZES; j++)
            all.errors.hits[j] = (float)sign * 50 * all.errors.tolerated;
        uint32_t chosen =
            mt_reuse_choose(&all.history, &all.items, &all.errors, &all.item, &cost, &fit);
        uint64_t distance = mt_parts_distance(&all.history.parts, chosen);
        assert_true(sign > 0 ? distance > 2050 : distance < 1950);
    }
    mt_reuse_history_free(&all.history);
}

/* What goes on differently, and what comes back for the first time, costs too. */
static void test_other_costs(void **state) {
    (void)state;
    row all;
    make_row(&all);
    all.item.beyond = 3;
    float cost = mt_reuse_cost(&all.history, &all.items, &all.errors, &all.item, ROW - 200);
    assert_true(fabs((double)cost - 0.5 * log(4)) < 1e-6);
    all.item.beyond = 0;
    all.item.first_return = 5; /* 10 do */
    cost = mt_reuse_cost(&all.history, &all.items, &all.errors, &all.item, ROW - 200);
    assert_true(fabs((double)cost - 0.5 * 25 / (10 * 10)) < 1e-6);
    all.errors.first_return = -5; /* that many are still wanted */
    cost = mt_reuse_cost(&all.history, &all.items, &all.errors, &all.item, ROW - 200);
    assert_true(fabs((double)cost - 0.5 * (-10 + 5) * 5 / (10 * 10)) < 1e-6);
    mt_reuse_history_free(&all.history);
}

static void test_sums_of_errors(void **state) {
    (void)state;
    row all;
    make_row(&all);
    mt_reuse_errors_add(&all.errors, &all.history, &all.items, &all.item, MT_NO_SLOT);
    for (uint32_t j = 0; j < MT_REUSE_SIZES; j++)
        assert_true(all.errors.hits[j] == (j >= all.run.size ? -10.0F : 0.0F));
    assert_true(all.errors.first_return == -10);
    mt_reuse_errors_add(&all.errors, &all.history, &all.items, &all.item, ROW - 1);
    for (uint32_t j = 0; j < MT_REUSE_SIZES; j++) /* all of the newest hit everywhere */
        assert_true(all.errors.hits[j] == (j >= all.run.size ? -10.0F : 10.0F));
    assert_true(all.errors.first_return == -10);
    mt_reuse_history_free(&all.history);
}

/* ---- memory that is out ---- */

static void test_out_of_memory(void **state) {
    (void)state;
    mt_model *model = small_model();
    for (sweep all = {0}; sweep_next(&all);) {
        mt_reuse_items items = {0};
        all.code = mt_reuse_items_make(&items, model, &plain_options, &all.error);
        mt_reuse_items_free(&items);
    }
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_stretched_by_hand),
        cmocka_unit_test(test_stretching),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_source_costs_nothing),
        cmocka_unit_test(test_cost_grows_with_distance),
        cmocka_unit_test(test_diffusion),
        cmocka_unit_test(test_other_costs),
        cmocka_unit_test(test_sums_of_errors),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("reuse items", tests, NULL, NULL);
}
