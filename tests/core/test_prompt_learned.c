/* Learnt prompts as a source: whose they are, in which order they come, what they say of
 * themselves. How well they resemble their trace is for the tests of what makes them. */
#include "learned_support.h"
#include "load_support.h"
#include "sweep.h"

#include "load/prompt/prompt.h"

enum { SEED = 7 };

static mt_prompt *source_of(mt_model *model) {
    mt_error error;
    mt_prompt *prompt = mt_prompt_learned(model, &error);
    if (!prompt)
        fail_msg("%s", error.message);
    return prompt;
}

static mt_prompt_state *open_source(mt_prompt *prompt, const char *stream, uint64_t variant) {
    mt_error error;
    mt_prompt_state *state =
        mt_prompt_open(prompt, stream, variant, SEED, TRACE_BLOCK_SIZE, &error);
    if (!state)
        fail_msg("%s", error.message);
    return state;
}

/* Some prompts in a row. */
typedef struct prompts {
    mt_key_list keys; /* of all, one after another */
    size_t ends[TRACE_REQUESTS];
    mt_prompt_made made[TRACE_REQUESTS];
} prompts;

static void make_prompts(mt_prompt *source, const char *stream, uint64_t variant, const char *field,
                         uint64_t first_item, prompts *all) {
    mt_error error;
    mt_random random;
    mt_random_start(&random, mt_random_key_of(1, "test", 4, "prompt", 6));
    mt_prompt_state *state = open_source(source, stream, variant);
    memset(all, 0, sizeof *all);
    for (size_t i = 0; i < TRACE_REQUESTS; i++) {
        mt_prompt_wish wish = {
            .item = first_item + i, .model = field, .model_length = field ? strlen(field) : 0};
        if (mt_prompt_make(state, &random, &wish, &all->keys, &all->made[i], &error) != MT_OK)
            fail_msg("%s", error.message);
        all->ends[i] = all->keys.count;
    }
    mt_prompt_close(state);
}

static void free_prompts(prompts *all) {
    mt_free(all->keys.keys);
}

static int same_key(mt_key a, mt_key b) {
    return a.low == b.low && a.high == b.high;
}

static int has_key(const prompts *all, mt_key key) {
    for (size_t i = 0; i < all->keys.count; i++)
        if (same_key(all->keys.keys[i], key))
            return 1;
    return 0;
}

static void assert_equal_prompts(const prompts *a, const prompts *b) {
    assert_int_equal(a->keys.count, b->keys.count);
    assert_memory_equal(a->keys.keys, b->keys.keys, a->keys.count * sizeof(mt_key));
    for (size_t i = 0; i < TRACE_REQUESTS; i++) {
        assert_int_equal(a->ends[i], b->ends[i]);
        assert_int_equal(a->made[i].input_length, b->made[i].input_length);
        assert_int_equal(a->made[i].output_length, b->made[i].output_length);
    }
}

static void assert_strangers(const prompts *a, const prompts *b) {
    assert_true(a->keys.count > 0 && b->keys.count > 0);
    for (size_t i = 0; i < b->keys.count; i++)
        assert_false(has_key(a, b->keys.keys[i]));
}

/* ---- what is made ---- */

static int by_pair(const void *a, const void *b) {
    return memcmp(a, b, 2 * sizeof(uint64_t));
}

/* One lap has each of the trace's pairs of lengths once, in whatever order. */
static void test_lengths_are_the_trace_s(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t wanted[TRACE_REQUESTS][2], got[TRACE_REQUESTS][2], fresh = 0;
    prompts all;
    mt_model *model = random_model(3, &trace);
    mt_prompt *source = source_of(model);
    make_prompts(source, "main", 0, NULL, 0, &all);
    for (size_t i = 0; i < TRACE_REQUESTS; i++) {
        const mt_prompt_made *made = &all.made[i];
        size_t keys = all.ends[i] - (i > 0 ? all.ends[i - 1] : 0);
        assert_int_equal(keys + made->fresh,
                         (made->input_length + TRACE_BLOCK_SIZE - 1) / TRACE_BLOCK_SIZE);
        assert_false(made->at_end);
        fresh += made->fresh;
        wanted[i][0] = trace.input[i];
        wanted[i][1] = i % 3 == 0 ? UINT64_MAX : i;
        got[i][0] = made->input_length;
        got[i][1] = made->decides_output ? made->output_length : UINT64_MAX;
    }
    qsort(wanted, TRACE_REQUESTS, sizeof *wanted, by_pair);
    qsort(got, TRACE_REQUESTS, sizeof *got, by_pair);
    assert_memory_equal(got, wanted, sizeof got);
    assert_true(fresh > 0); /* what never comes back is not remembered */
    free_prompts(&all);
    mt_prompt_release(source);
    mt_model_release(model);
}

/* A key comes after one other key, and at one place: so ids by key are prefix ids. */
static void test_keys_stand_for_prefixes(void **state) {
    (void)state;
    static plain_trace trace;
    size_t repeated = 0;
    prompts all;
    mt_model *model = random_model(4, &trace);
    mt_prompt *source = source_of(model);
    make_prompts(source, "main", 0, NULL, 0, &all);
    for (size_t a = 0, begin_a = 0; a < TRACE_REQUESTS; begin_a = all.ends[a++])
        for (size_t b = 0, begin_b = 0; b < a; begin_b = all.ends[b++])
            for (size_t i = begin_a; i < all.ends[a]; i++)
                for (size_t k = begin_b; k < all.ends[b]; k++) {
                    if (!same_key(all.keys.keys[i], all.keys.keys[k]))
                        continue;
                    assert_int_equal(i - begin_a, k - begin_b);
                    if (i > begin_a)
                        assert_true(same_key(all.keys.keys[i - 1], all.keys.keys[k - 1]));
                    repeated++;
                }
    assert_true(repeated > 100);
    free_prompts(&all);
    mt_prompt_release(source);
    mt_model_release(model);
}

static void test_one_prompt_again_and_again(void **state) {
    (void)state;
    uint64_t ids[] = {5, 9, 2};
    mt_request requests[4];
    prompts all;
    for (size_t i = 0; i < 4; i++)
        requests[i] = (mt_request){.has = MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS,
                                   .input_length = 40,
                                   .hash_ids = ids,
                                   .hash_count = 3};
    mt_model *model = learn(requests, 4, TRACE_BLOCK_SIZE);
    mt_prompt *source = source_of(model);
    make_prompts(source, "main", 0, NULL, 0, &all);
    for (size_t i = 0; i < 4;
         i++) { /* after four a new lap begins, with a new prompt or this one */
        assert_int_equal(all.ends[i], 3 * (i + 1));
        assert_memory_equal(all.keys.keys, all.keys.keys + 3 * i, 3 * sizeof(mt_key));
        assert_false(all.made[i].decides_output);
    }
    free_prompts(&all);
    mt_prompt_release(source);
    mt_model_release(model);
}

/* ---- whose they are ---- */

static void test_populations(void **state) {
    (void)state;
    static plain_trace trace;
    prompts first, again, later, other, variant, field;
    mt_model *model = random_model(5, &trace);
    mt_prompt *source = source_of(model), *twin = source_of(model);
    make_prompts(source, "main", 0, NULL, 0, &first);
    make_prompts(twin, "main", 0, NULL, 0, &again);
    make_prompts(source, "main", 0, NULL, 5000, &later);
    make_prompts(source, "main", 0, "\"large\"", 0, &field);
    make_prompts(source, "side", 0, NULL, 0, &other);
    make_prompts(source, "main", 2, NULL, 0, &variant);
    assert_equal_prompts(&first, &again);
    assert_equal_prompts(&first, &later); /* the k-th asked for, whatever its item */
    assert_memory_equal(first.ends, field.ends, sizeof first.ends);
    assert_strangers(&first, &field);
    assert_strangers(&first, &other);
    assert_strangers(&first, &variant);
    assert_true(memcmp(first.made, other.made, sizeof first.made) != 0); /* drawn anew as well */
    assert_true(memcmp(first.made, variant.made, sizeof first.made) != 0);
    prompts *all[] = {&first, &again, &later, &other, &variant, &field};
    for (size_t i = 0; i < 6; i++)
        free_prompts(all[i]);
    mt_prompt_release(source);
    mt_prompt_release(twin);
    mt_model_release(model);
}

/* Two at work at once, in turns, make what each makes alone. */
static void test_side_by_side(void **state) {
    (void)state;
    static plain_trace trace;
    static const char *const names[] = {"main", "side"};
    mt_prompt_state *states[2];
    prompts alone[2], both[2] = {{.ends = {0}}};
    mt_error error;
    mt_random random;
    mt_random_start(&random, mt_random_key_of(1, "test", 4, "prompt", 6));
    mt_model *model = random_model(6, &trace);
    mt_prompt *source = source_of(model);
    for (size_t k = 0; k < 2; k++) {
        make_prompts(source, names[k], 0, NULL, 0, &alone[k]);
        states[k] = open_source(source, names[k], 0);
    }
    for (size_t i = 0; i < TRACE_REQUESTS; i++)
        for (size_t k = 0; k < 2; k++) {
            mt_prompt_wish wish = {.item = i};
            prompts *all = &both[k];
            if (mt_prompt_make(states[k], &random, &wish, &all->keys, &all->made[i], &error))
                fail_msg("%s", error.message);
            all->ends[i] = all->keys.count;
        }
    for (size_t k = 0; k < 2; k++) {
        assert_equal_prompts(&alone[k], &both[k]);
        mt_prompt_close(states[k]);
        free_prompts(&alone[k]);
        free_prompts(&both[k]);
    }
    mt_prompt_release(source);
    mt_model_release(model);
}

/* ---- what it says of itself, and refuses ---- */

static void test_means(void **state) {
    (void)state;
    static plain_trace trace;
    mt_prompt_mean mean;
    double input = 0, output = 0, answered = 0;
    mt_model *model = random_model(8, &trace);
    mt_prompt *source = source_of(model);
    for (size_t i = 0; i < TRACE_REQUESTS; i++) {
        input += (double)trace.input[i];
        if (i % 3 == 0)
            continue;
        output += (double)i;
        answered++;
    }
    assert_true(mt_prompt_decides(source, &mean));
    assert_near(mean.input, input / TRACE_REQUESTS, 1e-9);
    assert_near(mean.output, output / answered, 1e-9);
    assert_near(mean.output_share, answered / TRACE_REQUESTS, 1e-12);
    assert_true(isinf(mean.most));
    assert_string_equal(mt_prompt_text(source), "learned(120 requests)");
    mt_prompt_release(source);
    mt_model_release(model);
}

static void test_block_size(void **state) {
    (void)state;
    static plain_trace trace;
    mt_error error;
    mt_model *model = random_model(9, &trace);
    mt_prompt *source = source_of(model);
    assert_null(mt_prompt_open(source, "main", 0, SEED, 512, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_string_equal(error.message,
                        "learned: the model was learnt with blocks of 16 tokens, and the workload "
                        "has blocks of 512 (block_size= of the workload)");
    mt_prompt_release(source);
    mt_model_release(model);
}

static void test_no_tokens(void **state) {
    (void)state;
    mt_error error;
    mt_request request = {.has = MT_HAS_INPUT_LENGTH};
    mt_model *model = learn(&request, 1, TRACE_BLOCK_SIZE);
    assert_null(mt_prompt_learned(model, &error));
    assert_int_equal(error.code, MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "input_length of 0"));
    mt_model_release(model);
}

static mt_code attempt(void *context, mt_error *error) {
    mt_prompt *source = mt_prompt_learned(context, error);
    mt_prompt_state *state =
        source ? mt_prompt_open(source, "main", 0, SEED, TRACE_BLOCK_SIZE, error) : NULL;
    mt_key_list keys = {0};
    mt_random random;
    mt_random_start(&random, mt_random_key_of(1, "test", 4, "prompt", 6));
    mt_code code = state ? MT_OK : mt_code_of(error);
    for (uint64_t i = 0; code == MT_OK && i < 20; i++) {
        mt_prompt_wish wish = {.item = i};
        mt_prompt_made made;
        code = mt_prompt_make(state, &random, &wish, &keys, &made, error);
    }
    mt_free(keys.keys);
    mt_prompt_close(state);
    mt_prompt_release(source);
    return code;
}

static void test_out_of_memory(void **state) {
    (void)state;
    static plain_trace trace;
    mt_model *model = random_model(10, &trace);
    for (sweep all = {0}; sweep_next(&all);)
        all.code = attempt(model, &all.error);
    mt_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_are_the_trace_s),
        cmocka_unit_test(test_keys_stand_for_prefixes),
        cmocka_unit_test(test_one_prompt_again_and_again),
        cmocka_unit_test(test_populations),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_block_size),
        cmocka_unit_test(test_no_tokens),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("learnt prompts", tests, NULL, NULL);
}
