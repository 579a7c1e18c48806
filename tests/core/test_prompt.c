/* Prompt sources: what is shared and how far, against a plain slow model; memory that is out. */
#include "load_support.h"
#include "sweep.h"

#include "load/lengths.h"
#include "load/prompt/prompt.h"

#include <stdio.h>

typedef struct made {
    mt_key_list keys;
    mt_prompt_made made;
} made;

static mt_random random_at(uint64_t item) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(5, "test", 4, "prompt", 6));
    mt_random_seek(&random, item);
    return random;
}

static mt_prompt_state *open_prompt(mt_prompt *prompt, const char *stream, uint64_t block_size) {
    mt_prompt_state *state = mt_prompt_open(prompt, stream, 0, 5, block_size, NULL);
    assert_non_null(state);
    return state;
}

/* The prompt of item `item`; the keys are to be freed. */
static made make(mt_prompt_state *state, uint64_t item, uint64_t tokens, int is_new,
                 const char *model) {
    made result = {0};
    mt_error error = {0};
    mt_random random = random_at(item);
    mt_prompt_wish wish = {.tokens = tokens,
                           .tokens_are_new = is_new,
                           .model = model,
                           .model_length = model ? strlen(model) : 0};
    if (mt_prompt_make(state, &random, &wish, &result.keys, &result.made, &error) != MT_OK)
        fail_msg("%s", error.message);
    return result;
}

static size_t common(const made *a, const made *b) {
    size_t n = 0;
    while (n < a->keys.count && n < b->keys.count &&
           memcmp(&a->keys.keys[n], &b->keys.keys[n], sizeof(mt_key)) == 0)
        n++;
    return n;
}

static void assert_blocks(const made *result, uint64_t input_length, uint64_t block_size) {
    uint64_t blocks = result->keys.count + result->made.fresh;
    assert_int_equal(result->made.input_length, input_length);
    assert_true(blocks >= 1 && input_length > (blocks - 1) * block_size);
    assert_true(input_length - (blocks - 1) * block_size <= block_size);
}

/* ---- unique, random_blocks ---- */

static void test_unique(void **state) {
    (void)state;
    mt_prompt *prompt = mt_prompt_unique(NULL);
    mt_prompt_state *opened = open_prompt(prompt, "main", 512);
    made result = make(opened, 0, 1025, 0, NULL);
    assert_int_equal(result.keys.count, 0);
    assert_int_equal(result.made.fresh, 3);
    assert_blocks(&result, 1025, 512);
    result = make(opened, 0, 512, 1, NULL);
    assert_int_equal(result.made.fresh, 1);
    assert_string_equal(mt_prompt_text(prompt), "unique()");
    assert_near(mt_prompt_remembered(prompt, 1e6, 1e6, 1), 0, 0);
    mt_prompt_close(opened);
    mt_prompt_release(prompt);
}

static void test_random_blocks(void **state) {
    (void)state;
    enum { PROMPTS = 3000, TOTAL = 4 };
    size_t firsts[TOTAL] = {0}, kinds = 0;
    mt_key seen[TOTAL];
    mt_prompt *prompt = mt_prompt_random_blocks(TOTAL, NULL);
    mt_prompt_state *opened = open_prompt(prompt, "main", 10);
    for (uint64_t i = 0; i < PROMPTS; i++) {
        made result = make(opened, i, 25, 0, NULL);
        assert_int_equal(result.keys.count, 3);
        assert_int_equal(result.made.fresh, 0);
        size_t k = 0;
        while (k < kinds && memcmp(&seen[k], &result.keys.keys[0], sizeof(mt_key)) != 0)
            k++;
        assert_true(k < TOTAL);
        if (k == kinds)
            seen[kinds++] = result.keys.keys[0];
        firsts[k]++;
        mt_free(result.keys.keys);
    }
    for (size_t k = 0; k < TOTAL; k++) /* 4 deviations of a count of mean 750 */
        assert_near((double)firsts[k], PROMPTS / 4.0, 4 * sqrt(PROMPTS * 0.25 * 0.75));
    mt_prompt_close(opened);
    mt_prompt_release(prompt);
    assert_null(mt_prompt_random_blocks(0, NULL));
}

static void test_too_long(void **state) {
    (void)state;
    mt_prompt *prompts[] = {mt_prompt_unique(NULL), mt_prompt_random_blocks(9, NULL), NULL};
    mt_prompt_part part = {.tokens = fixed(1e15), .count = 1000000};
    prompts[2] = mt_prompt_parts(&part, 1, "parts", NULL);
    for (size_t i = 0; i < 3; i++) {
        mt_error error;
        mt_key_list keys = {0};
        mt_prompt_made result;
        mt_random random = random_at(0);
        mt_prompt_wish wish = {.tokens = (uint64_t)1 << 53};
        mt_prompt_state *opened = open_prompt(prompts[i], "main", 512);
        assert_int_equal(mt_prompt_make(opened, &random, &wish, &keys, &result, &error),
                         MT_ERROR_VALUE);
        assert_non_null(strstr(error.message, "too long"));
        mt_free(keys.keys);
        mt_prompt_close(opened);
        mt_prompt_release(prompts[i]);
    }
    mt_distribution_release(part.tokens);
}

/* ---- parts ---- */

static mt_prompt *one_part(mt_distribution *tokens, uint64_t groups, const char *name) {
    mt_prompt_part part = {.tokens = tokens, .uniform = groups, .count = 1, .name = name};
    mt_prompt *prompt = mt_prompt_parts(&part, 1, "part", NULL);
    assert_non_null(prompt);
    mt_distribution_release(tokens);
    return prompt;
}

/* 2 000 tokens at 512: 3 blocks are shared, the rest of the fourth is lost. */
static void test_whole_blocks_only(void **state) {
    (void)state;
    mt_prompt *prompt = one_part(fixed(2000), 1, NULL);
    mt_prompt_state *opened = open_prompt(prompt, "main", 512);
    made first = make(opened, 0, 100, 1, NULL), second = make(opened, 1, 3000, 1, NULL);
    assert_blocks(&first, 2100, 512);
    assert_blocks(&second, 5000, 512);
    assert_int_equal(first.keys.count, 3);
    assert_int_equal(common(&first, &second), 3);
    made short_one = make(opened, 2, 1024, 0, NULL); /* ends inside the shared part */
    assert_blocks(&short_one, 1024, 512);
    assert_int_equal(common(&first, &short_one), 2);
    assert_int_equal(short_one.made.fresh, 0);
    made shorter = make(opened, 3, 1000, 0, NULL);
    assert_int_equal(shorter.keys.count, 1);
    assert_int_equal(shorter.made.fresh, 1);
    assert_near(mt_prompt_shared_mean(prompt), 2000, 1e-9);
    mt_free(first.keys.keys);
    mt_free(second.keys.keys);
    mt_free(short_one.keys.keys);
    mt_free(shorter.keys.keys);
    mt_prompt_close(opened);
    mt_prompt_release(prompt);
}

static size_t shared_between(mt_prompt *a, const char *stream_a, const char *model_a, mt_prompt *b,
                             const char *stream_b, const char *model_b) {
    mt_prompt_state *first = open_prompt(a, stream_a, 512), *second = open_prompt(b, stream_b, 512);
    made one = make(first, 0, 100, 1, model_a), two = make(second, 1, 100, 1, model_b);
    size_t shared = common(&one, &two);
    mt_free(one.keys.keys);
    mt_free(two.keys.keys);
    mt_prompt_close(first);
    mt_prompt_close(second);
    return shared;
}

static void test_who_shares(void **state) {
    (void)state;
    mt_prompt *own = one_part(fixed(1024), 1, NULL), *named = one_part(fixed(1024), 1, "system"),
              *longer = one_part(fixed(1536), 1, "system"), *other = one_part(fixed(1024), 1, "s");
    assert_int_equal(shared_between(own, "a", NULL, own, "a", NULL), 2);
    assert_int_equal(shared_between(own, "a", NULL, own, "b", NULL), 0);
    assert_int_equal(shared_between(named, "a", NULL, named, "b", NULL), 2);
    assert_int_equal(shared_between(named, "a", NULL, longer, "b", NULL), 2);
    assert_int_equal(shared_between(named, "a", NULL, other, "b", NULL), 0);
    assert_int_equal(shared_between(named, "a", NULL, own, "system", NULL), 0);
    assert_int_equal(shared_between(named, "a", "\"m\"", named, "b", "\"m\""), 2);
    assert_int_equal(shared_between(named, "a", "\"m\"", named, "b", "\"n\""), 0);
    assert_int_equal(shared_between(named, "a", "\"m\"", named, "b", NULL), 0);
    mt_prompt_release(own);
    mt_prompt_release(named);
    mt_prompt_release(longer);
    mt_prompt_release(other);
}

/* Two sources of one stream share nothing of their own. */
static void test_variants(void **state) {
    (void)state;
    mt_prompt *prompt = one_part(fixed(1024), 1, NULL);
    mt_prompt_state *first = mt_prompt_open(prompt, "a", 0, 5, 512, NULL),
                    *second = mt_prompt_open(prompt, "a", 1, 5, 512, NULL);
    made one = make(first, 0, 1, 1, NULL), two = make(second, 0, 1, 1, NULL);
    assert_int_equal(common(&one, &two), 0);
    mt_free(one.keys.keys);
    mt_free(two.keys.keys);
    mt_prompt_close(first);
    mt_prompt_close(second);
    mt_prompt_release(prompt);
}

/* The length of a content is drawn once: all prompts of a group have the same shared part. */
static void test_tokens_are_drawn_once(void **state) {
    (void)state;
    enum { GROUPS = 20, PROMPTS = 1000 };
    uint64_t lengths[GROUPS] = {0};
    mt_key firsts[GROUPS];
    size_t groups = 0;
    mt_prompt *prompt =
        one_part(mt_distribution_uniform(mt_number(1), mt_number(1000), NULL), GROUPS, NULL);
    mt_prompt_state *opened = open_prompt(prompt, "main", 1);
    for (uint64_t i = 0; i < PROMPTS; i++) {
        made result = make(opened, i, 7, 1, NULL);
        size_t g = 0;
        while (g < groups && memcmp(&firsts[g], &result.keys.keys[0], sizeof(mt_key)) != 0)
            g++;
        assert_true(g < GROUPS);
        if (g == groups) {
            lengths[groups] = result.made.input_length;
            firsts[groups++] = result.keys.keys[0];
        }
        assert_int_equal(result.made.input_length, lengths[g]);
        mt_free(result.keys.keys);
    }
    assert_int_equal(groups, GROUPS);
    mt_prompt_close(opened);
    mt_prompt_release(prompt);
}

/* Ranks of a Zipf law: the most frequent group is as frequent as the law says. */
static void test_zipf_groups(void **state) {
    (void)state;
    enum { PROMPTS = 4000 };
    mt_prompt_part part = {.tokens = fixed(10),
                           .pick = mt_distribution_zipf(mt_number(5), mt_number(1), NULL),
                           .count = 1};
    mt_prompt *prompt = mt_prompt_parts(&part, 1, "zipf", NULL);
    mt_prompt_state *opened = open_prompt(prompt, "main", 10);
    mt_key seen[5];
    double counts[5] = {0}, largest = 0, weights = 1 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4 + 1.0 / 5;
    size_t groups = 0;
    for (uint64_t i = 0; i < PROMPTS; i++) {
        made result = make(opened, i, 1, 1, NULL);
        size_t g = 0;
        while (g < groups && memcmp(&seen[g], &result.keys.keys[0], sizeof(mt_key)) != 0)
            g++;
        assert_true(g < 5);
        if (g == groups)
            seen[groups++] = result.keys.keys[0];
        largest = fmax(largest, ++counts[g]);
        mt_free(result.keys.keys);
    }
    double p = 1 / weights;
    assert_near(largest, PROMPTS * p, 4 * sqrt(PROMPTS * p * (1 - p)));
    mt_prompt_close(opened);
    mt_prompt_release(prompt);
    mt_distribution_release(part.pick);
    mt_distribution_release(part.tokens);
}

/* Whole blocks of shared parts on average, against every number of tokens that can be drawn. */
static void test_whole_shared_mean(void **state) {
    (void)state;
    enum { BLOCK = 512, LOW = 300, HIGH = 2047 };
    mt_distribution *drawn = mt_distribution_uniform(mt_number(LOW), mt_number(HIGH), NULL);
    mt_prompt_part parts[] = {{.tokens = fixed(1000), .count = 2}, {.tokens = drawn, .count = 1}};
    mt_prompt *prompt = mt_prompt_parts(parts, 2, "parts", NULL);
    double whole = 0;
    for (int tokens = LOW; tokens <= HIGH; tokens++)
        whole += floor((2000.0 + tokens) / BLOCK) * BLOCK / (HIGH - LOW + 1);
    assert_near(mt_prompt_whole_shared_mean(prompt, BLOCK), whole, 1e-6 * whole);
    mt_prompt_release(prompt);
    parts[1].count = 2;
    prompt = mt_prompt_parts(parts, 2, "parts", NULL);
    whole = 0;
    for (int a = LOW; a <= HIGH; a++)
        for (int b = LOW; b <= HIGH; b++)
            whole += floor((2000.0 + a + b) / BLOCK) * BLOCK;
    whole /= (double)(HIGH - LOW + 1) * (HIGH - LOW + 1);
    assert_near(mt_prompt_whole_shared_mean(prompt, BLOCK), whole, 0.01 * whole);
    mt_prompt_release(prompt);
    prompt = mt_prompt_parts(parts, 1, "parts", NULL);
    assert_near(mt_prompt_whole_shared_mean(prompt, BLOCK), 1536, 0);
    mt_prompt_release(prompt);
    /* Very many blocks, of a token each. */
    mt_prompt_part large = {
        .tokens = mt_distribution_uniform(mt_number(200000), mt_number(400000), NULL), .count = 1};
    prompt = mt_prompt_parts(&large, 1, "parts", NULL);
    assert_near(mt_prompt_whole_shared_mean(prompt, 1), 300000, 1);
    mt_prompt_release(prompt);
    mt_distribution_release(large.tokens);
    mt_distribution_release(parts[0].tokens);
    mt_distribution_release(drawn);
}

/* ---- against a plain slow model: every token by itself ---- */

enum { MOST_PARTS = 3, MOST_TOKENS = 4000, PROMPTS = 24 };

typedef struct slow_prompt {
    uint64_t token[MOST_TOKENS]; /* part, content and offset; fresh ones differ from all */
    uint64_t count;
} slow_prompt;

typedef struct slow_plan {
    mt_prompt_part parts[MOST_PARTS];
    uint64_t tokens[MOST_PARTS];
    size_t count;
    uint64_t block_size;
} slow_plan;

static uint64_t name_number(const slow_plan *plan, size_t part) {
    for (size_t i = 0; i < part; i++)
        if (plan->parts[i].name && plan->parts[part].name)
            return i; /* the only name there is */
    return part;
}

static void slow_make(const slow_plan *plan, uint64_t item, uint64_t tokens, int is_new,
                      slow_prompt *to) {
    mt_random random = random_at(item);
    uint64_t limit = is_new ? MOST_TOKENS : tokens;
    to->count = 0;
    for (size_t i = 0; i < plan->count; i++)
        for (uint64_t n = 0; n < plan->parts[i].count && to->count < limit; n++) {
            uint64_t content =
                plan->parts[i].uniform > 1 ? mt_random_below(&random, plan->parts[i].uniform) : 0;
            for (uint64_t t = 0; t < plan->tokens[i] && to->count < limit; t++)
                to->token[to->count++] = name_number(plan, i) << 40 | content << 20 | t;
        }
    uint64_t end = is_new ? to->count + tokens : tokens;
    while (to->count < end) {
        to->token[to->count] = UINT64_MAX - item * MOST_TOKENS - to->count;
        to->count++;
    }
}

static uint64_t slow_common(const slow_prompt *a, const slow_prompt *b, uint64_t block_size) {
    uint64_t n = 0;
    while (n < a->count && n < b->count && a->token[n] == b->token[n])
        n++;
    return n / block_size;
}

static void random_plan(mt_random *random, slow_plan *plan) {
    plan->count = 1 + mt_random_below(random, MOST_PARTS);
    plan->block_size = 1 + mt_random_below(random, 16);
    for (size_t i = 0; i < plan->count; i++) {
        plan->tokens[i] = 1 + mt_random_below(random, 40);
        if (i > 0 && mt_random_below(random, 2)) /* named parts have contents of one length */
            plan->tokens[i] = plan->tokens[0];
        plan->parts[i] = (mt_prompt_part){.tokens = fixed((double)plan->tokens[i]),
                                          .uniform = mt_random_below(random, 4),
                                          .count = 1 + mt_random_below(random, 3)};
        if (plan->tokens[i] == plan->tokens[0] && mt_random_below(random, 2))
            plan->parts[i].name = "common";
    }
}

static void check_plan(const slow_plan *plan, mt_random *random) {
    static slow_prompt slow[PROMPTS];
    made fast[PROMPTS];
    mt_prompt *prompt = mt_prompt_parts(plan->parts, plan->count, "parts", NULL);
    mt_prompt_state *opened = open_prompt(prompt, "main", plan->block_size);
    for (uint64_t i = 0; i < PROMPTS; i++) {
        uint64_t tokens = 1 + mt_random_below(random, 200);
        int is_new = mt_random_below(random, 2) == 0;
        fast[i] = make(opened, i, tokens, is_new, NULL);
        slow_make(plan, i, tokens, is_new, &slow[i]);
        assert_blocks(&fast[i], slow[i].count, plan->block_size);
        for (uint64_t j = 0; j < i; j++)
            assert_int_equal(common(&fast[i], &fast[j]),
                             slow_common(&slow[i], &slow[j], plan->block_size));
    }
    for (size_t i = 0; i < PROMPTS; i++)
        mt_free(fast[i].keys.keys);
    mt_prompt_close(opened);
    mt_prompt_release(prompt);
}

static void test_against_slow_model(void **state) {
    (void)state;
    mt_random random;
    mt_random_start(&random, mt_random_key_of(11, "plans", 5, "", 0));
    for (int round = 0; round < 300; round++) {
        slow_plan plan;
        random_plan(&random, &plan);
        check_plan(&plan, &random);
        for (size_t i = 0; i < plan.count; i++)
            mt_distribution_release(plan.parts[i].tokens);
    }
}

/* ---- estimates, memory ---- */

static void test_remembered(void **state) {
    (void)state;
    mt_prompt *prompt = one_part(fixed(2048), 8, NULL);
    assert_near(mt_prompt_remembered(prompt, 1e6, 5000, 512), 8 * 4, 1e-6);
    assert_near(mt_prompt_remembered(prompt, 3, 5000, 512), 3 * 4, 1e-6);
    assert_near(mt_prompt_remembered(prompt, NAN, 5000, 512), 0, 0);
    mt_prompt_release(prompt);
    prompt = mt_prompt_random_blocks(100, NULL);
    assert_near(mt_prompt_remembered(prompt, 1000, 5 * 512, 512), 100 + 4 * 1000, 1e-6);
    mt_prompt_release(prompt);
}

static mt_code attempt(void *context, mt_error *error) {
    mt_prompt_part part = {.tokens = context, .uniform = 3, .count = 2, .name = "system"};
    mt_prompt *prompt = mt_prompt_parts(&part, 1, "parts", error);
    mt_prompt_state *opened = prompt ? mt_prompt_open(prompt, "a", 0, 0, 16, error) : NULL;
    mt_key_list keys = {0};
    mt_prompt_made result;
    mt_random random = random_at(0);
    mt_prompt_wish wish = {.tokens = 40, .tokens_are_new = 1};
    mt_code code =
        opened ? mt_prompt_make(opened, &random, &wish, &keys, &result, error) : mt_code_of(error);
    mt_free(keys.keys);
    mt_prompt_close(opened);
    mt_prompt_release(prompt);
    return code;
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_distribution *tokens = fixed(1000);
    for (sweep all = {0}; sweep_next(&all);)
        all.code = attempt(tokens, &all.error);
    mt_distribution_release(tokens);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unique),
        cmocka_unit_test(test_random_blocks),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_whole_blocks_only),
        cmocka_unit_test(test_who_shares),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_tokens_are_drawn_once),
        cmocka_unit_test(test_zipf_groups),
        cmocka_unit_test(test_whole_shared_mean),
        cmocka_unit_test(test_against_slow_model),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("prompt", tests, NULL, NULL);
}
