/* Keys and the id table: known answers, a plain slow table beside it, growth, memory that is out.
 */
#include "skip_support.h"
#include "sweep.h"
#include "hash/ids.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const mt_key root;

static mt_ids *new_table(uint64_t expected) {
    mt_ids *ids = mt_ids_new(expected, NULL);
    assert_non_null(ids);
    return ids;
}

static uint64_t id_of(mt_ids *ids, mt_key key) {
    uint64_t id;
    assert_int_equal(mt_ids_of(ids, &key, 1, &id, NULL), MT_OK);
    return id;
}

/* The words of a text, two a block, chained. */
static void expect_ids(mt_ids *ids, const char *first, const char *second, uint64_t one,
                       uint64_t two) {
    mt_key keys[2];
    keys[0] = mt_key_child(root, first, strlen(first));
    keys[1] = mt_key_child(keys[0], second, strlen(second));
    uint64_t out[2];
    assert_int_equal(mt_ids_of(ids, keys, 2, out, NULL), MT_OK);
    assert_int_equal(out[0], one);
    assert_int_equal(out[1], two);
}

static void test_known_answer(void **state) {
    (void)state;
    mt_ids *ids = new_table(0);
    assert_int_equal(mt_ids_count(ids), 0);
    expect_ids(ids, "a b", "c d", 0, 1);
    expect_ids(ids, "a b", "e f", 0, 2);
    expect_ids(ids, "x y", "c d", 3, 4);
    assert_int_equal(mt_ids_count(ids), 5);
    mt_ids_free(ids);
}

/* Pinned, because ids in files of the future must not depend on a change here unnoticed. The first
 * is XXH3_128 of sixteen zero bytes and "abc" as the reference implementation gives it. */
static void test_key_known_answer(void **state) {
    (void)state;
    mt_key key = mt_key_child(root, "abc", 3);
    assert_int_equal(key.low, 0x67e10d8b4fb98719U);
    assert_int_equal(key.high, 0x2d03d9bb0c28eb6dU);
}

static void test_keys(void **state) {
    (void)state;
    uint64_t number = 0x0123456789abcdefU;
    mt_key parent = mt_key_child(root, "parent", 6);
    mt_key by_bytes = mt_key_child(parent, &number, sizeof number);
    mt_key by_number = mt_key_number(parent, number);
    assert_memory_equal(&by_bytes, &by_number, sizeof(mt_key));

    mt_key without = mt_key_child(root, "", 0), other = mt_key_child(parent, NULL, 0);
    assert_memory_not_equal(&without, &other, sizeof(mt_key));

    mt_key space = mt_key_namespace("a", 1), longer = mt_key_namespace("ab", 2);
    assert_memory_not_equal(&space, &longer, sizeof(mt_key));
    assert_memory_not_equal(&space, &root, sizeof(mt_key));
    mt_key here = mt_key_number(space, 7), there = mt_key_number(longer, 7);
    assert_memory_not_equal(&here, &there, sizeof(mt_key));
}

/* Contents of every length around the change from one way of hashing to the other: all keys differ,
 * and each depends on its last byte and on its parent. */
static void test_key_lengths(void **state) {
    (void)state;
    enum { LONGEST = 1100 };
    unsigned char content[LONGEST];
    for (size_t i = 0; i < LONGEST; i++)
        content[i] = (unsigned char)(i * 7 + i / 256);
    mt_ids *ids = new_table(0);
    mt_key parent = mt_key_namespace("lengths", 7);
    for (size_t length = 0; length <= LONGEST; length++) {
        uint64_t before = mt_ids_count(ids);
        assert_int_equal(id_of(ids, mt_key_child(root, content, length)), before);
        assert_int_equal(id_of(ids, mt_key_child(parent, content, length)), before + 1);
        if (length == 0)
            continue;
        content[length - 1] ^= 1;
        assert_int_equal(id_of(ids, mt_key_child(root, content, length)), before + 2);
        content[length - 1] ^= 1;
        assert_int_equal(id_of(ids, mt_key_child(root, content, length)), before);
    }
    mt_ids_free(ids);
}

/* A small generator of test data (xorshift64*, Vigna 2016). */
static uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dU;
}

enum { CONTENTS = 300000, DRAWS = 900000, BATCH = 777 };

/* Random contents and fresh blocks in batches, beside a table that is an array by content. */
static void against_plain_table(uint64_t expected, unsigned fresh_in_8, uint64_t first_fresh) {
    uint64_t *plain = malloc(CONTENTS * sizeof *plain);
    memset(plain, 0xff, CONTENTS * sizeof *plain);
    uint64_t seed = 42, next = 0;
    mt_ids *ids = new_table(expected);
    mt_key keys[BATCH];
    uint64_t contents[BATCH], out[BATCH];
    for (uint64_t drawn = 0; drawn < DRAWS; drawn += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            int fresh = drawn >= first_fresh && next_random(&seed) % 8 < fresh_in_8;
            contents[i] = fresh ? UINT64_MAX : next_random(&seed) % CONTENTS;
            keys[i] = fresh ? root : mt_key_number(root, contents[i]);
        }
        assert_int_equal(mt_ids_of(ids, keys, BATCH, out, NULL), MT_OK);
        for (size_t i = 0; i < BATCH; i++) {
            if (contents[i] == UINT64_MAX)
                assert_int_equal(out[i], next++);
            else {
                if (plain[contents[i]] == UINT64_MAX)
                    plain[contents[i]] = next++;
                assert_int_equal(out[i], plain[contents[i]]);
            }
        }
    }
    assert_int_equal(mt_ids_count(ids), next);
    for (uint64_t content = 0; content < CONTENTS; content++) {
        if (plain[content] == UINT64_MAX)
            continue;
        mt_key expected_key = mt_key_number(root, content), key;
        assert_int_equal(mt_ids_key(ids, plain[content], &key), 0);
        assert_memory_equal(&key, &expected_key, sizeof key);
    }
    mt_ids_free(ids);
    free(plain);
}

static void test_plain_table(void **state) {
    (void)state;
    against_plain_table(0, 0, DRAWS);
    against_plain_table(CONTENTS, 0, DRAWS);
}

static void test_plain_table_with_fresh(void **state) {
    (void)state;
    against_plain_table(0, 4, 0);
    against_plain_table(1, 1, DRAWS / 5);
}

static void test_fresh(void **state) {
    (void)state;
    mt_ids *ids = new_table(0);
    assert_int_equal(id_of(ids, mt_key_number(root, 1)), 0);
    assert_int_equal(mt_ids_fresh(ids, 10), 1);
    assert_int_equal(mt_ids_fresh(ids, 0), 11);
    assert_int_equal(id_of(ids, mt_key_number(root, 2)), 11);
    assert_int_equal(id_of(ids, mt_key_number(root, 1)), 0);
    assert_int_equal(id_of(ids, mt_key_number(root, 2)), 11);

    /* Every fresh id has a key of its own, and content can be put after it. */
    mt_key first, second, unknown;
    assert_int_equal(mt_ids_key(ids, 1, &first), 0);
    assert_int_equal(mt_ids_key(ids, 10, &second), 0);
    assert_memory_not_equal(&first, &second, sizeof first);
    assert_int_equal(id_of(ids, mt_key_number(first, 3)), 12);
    assert_int_equal(id_of(ids, mt_key_number(second, 3)), 13);
    assert_int_equal(id_of(ids, mt_key_number(first, 3)), 12);
    assert_int_equal(mt_ids_key(ids, 14, &unknown), -1);
    mt_ids_free(ids);
}

/* Fresh ids cost nothing, and the five bytes an id is kept in go to the limit. */
static void test_limit(void **state) {
    (void)state;
    mt_ids *ids = new_table(0);
    uint64_t before = mt_ids_memory(ids), out[2];
    uint64_t many = MT_IDS_LIMIT - 100;
    assert_int_equal(mt_ids_fresh(ids, many), 0);
    assert_int_equal(mt_ids_memory(ids), before);
    assert_int_equal(id_of(ids, mt_key_number(root, 1)), many);
    assert_int_equal(id_of(ids, mt_key_number(root, 1)), many);

    assert_int_equal(mt_ids_fresh(ids, 100), UINT64_MAX);
    assert_int_equal(mt_ids_fresh(ids, UINT64_MAX), UINT64_MAX);
    assert_int_equal(mt_ids_fresh(ids, 99), many + 1);
    mt_key keys[2] = {mt_key_number(root, 1), mt_key_number(root, 2)};
    mt_error error;
    assert_int_equal(mt_ids_of(ids, keys, 2, out, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, "more than 2^40 hash ids");
    assert_int_equal(mt_ids_count(ids), MT_IDS_LIMIT);
    mt_ids_free(ids);
}

static void test_memory_figures(void **state) {
    (void)state;
    mt_ids *sized = new_table(UINT64_MAX);
    assert_true(mt_ids_memory(sized) <= (uint64_t)1 << 30);
    mt_ids_free(sized);

    enum { MANY = 1000000 };
    mt_ids *ids = new_table(0);
    mt_key keys[1000];
    uint64_t out[1000];
    for (uint64_t done = 0; done < MANY; done += 1000) {
        for (uint64_t i = 0; i < 1000; i++)
            keys[i] = mt_key_number(root, done + i);
        assert_int_equal(mt_ids_of(ids, keys, 1000, out, NULL), MT_OK);
        assert_int_equal(out[999], done + 999);
    }
    assert_true(mt_ids_memory(ids) <= MANY * 40);
    mt_ids_free(ids);
}

static void test_interrupt(void **state) {
    (void)state;
    mt_ids *ids = new_table(0);
    mt_key key = mt_key_number(root, 1);
    uint64_t id;
    mt_interrupt_flag = 1;
    assert_int_equal(mt_ids_of(ids, &key, 1, &id, NULL), MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    assert_int_equal(mt_ids_count(ids), 0);
    mt_ids_free(ids);
}

/* 400 000 keys are given, with fresh ids between them; a failure is gone on from where it stopped:
 * ids stay as they are given without one. */
static void test_out_of_memory(void **state) {
    (void)state;
    enum { KEYS = 400000, SOME = 500 };
    mt_key keys[SOME];
    uint64_t out[SOME];
    for (sweep all = {0}; sweep_next(&all);) {
        mt_ids *ids = mt_ids_new(0, &all.error);
        for (uint64_t done = 0; ids && done < KEYS; done += SOME) {
            for (uint64_t i = 0; i < SOME; i++)
                keys[i] = mt_key_number(root, done + i);
            if (mt_ids_of(ids, keys, SOME, out, &all.error) != MT_OK)
                assert_int_equal(mt_ids_of(ids, keys, SOME, out, NULL), MT_OK);
            for (uint64_t i = 0; i < SOME; i++)
                assert_int_equal(out[i], done + i + done / SOME);
            mt_ids_fresh(ids, 1);
        }
        all.code = all.error.code;
        mt_ids_free(ids);
    }
}

enum { LONGEST_CHAIN = 12, CHAINS = 20000, CHAINS_BEFORE_SINGLES = 50 };

/* A chain over `total` contents, fresh blocks at its end; returns its length. */
static size_t make_chain(uint64_t *seed, uint64_t total, mt_key *keys) {
    size_t length = (size_t)(next_random(seed) % (LONGEST_CHAIN + 1));
    size_t fresh = next_random(seed) % 4 == 0 ? (size_t)(next_random(seed) % (length + 1)) : 0;
    mt_key key = mt_key_namespace("chain", 5);
    for (size_t i = 0; i < length; i++) {
        key = mt_key_number(key, next_random(seed) % total);
        keys[i] = i + fresh < length ? key : root;
    }
    return length;
}

/* Chains and single keys, turn about: the ids are those of a table of whole keys that is asked for
 * each key alone. */
static void chains_against_keys(uint64_t total, uint64_t expected) {
    mt_ids *plain = new_table(0), *halved = mt_ids_new_halved(expected, NULL);
    assert_non_null(halved);
    uint64_t seed = 17 + total, first[LONGEST_CHAIN], second[LONGEST_CHAIN];
    mt_key keys[LONGEST_CHAIN];
    for (size_t n = 0; n < CHAINS; n++) {
        size_t length = make_chain(&seed, total, keys);
        if (length > 0)
            mt_ids_expect(halved, keys[0]);
        assert_int_equal(mt_ids_of(plain, keys, length, first, NULL), MT_OK);
        assert_int_equal(mt_ids_of_chain(halved, keys, length, second, NULL), MT_OK);
        assert_memory_equal(first, second, length * sizeof *first);
        if (n % CHAINS_BEFORE_SINGLES != 0)
            continue;
        for (size_t i = 0; i < LONGEST_CHAIN; i++)
            keys[i] = mt_key_number(root, next_random(&seed) % CHAINS);
        assert_int_equal(mt_ids_of(plain, keys, LONGEST_CHAIN, first, NULL), MT_OK);
        assert_int_equal(mt_ids_of(halved, keys, LONGEST_CHAIN, second, NULL), MT_OK);
        assert_memory_equal(first, second, sizeof first);
    }
    assert_int_equal(mt_ids_count(plain), mt_ids_count(halved));
    assert_true(mt_ids_memory(halved) < mt_ids_memory(plain));
    assert_int_equal(mt_ids_key(halved, 0, keys), -1);
    mt_ids_free(plain);
    mt_ids_free(halved);
}

static void test_chains(void **state) {
    (void)state;
    chains_against_keys(2, 0);
    chains_against_keys(100, 1000000);
    chains_against_keys(1000000, 0);
}

/* Memory that is out while a chain comes: none of its ids is given, and it can be tried again. */
static void test_chain_out_of_memory(void **state) {
    (void)state;
    for (sweep all = {0}; sweep_next(&all);) {
        mt_ids *ids = mt_ids_new_halved(0, &all.error);
        for (uint64_t n = 0; ids && n < CHAINS; n++) {
            mt_key keys[2];
            uint64_t out[2];
            keys[0] = mt_key_number(root, n);
            keys[1] = mt_key_number(keys[0], n);
            if (mt_ids_of_chain(ids, keys, 2, out, &all.error) != MT_OK)
                assert_int_equal(mt_ids_of_chain(ids, keys, 2, out, NULL), MT_OK);
            assert_int_equal(out[0], 2 * n);
            assert_int_equal(out[1], 2 * n + 1);
        }
        all.code = all.error.code;
        mt_ids_free(ids);
    }
}

/* A chain that would pass the limit gives no id. */
static void test_chain_limit(void **state) {
    (void)state;
    mt_ids *ids = mt_ids_new_halved(0, NULL);
    mt_key keys[2] = {mt_key_number(root, 1)};
    keys[1] = mt_key_number(keys[0], 2);
    uint64_t out[2];
    mt_error error;
    assert_int_equal(mt_ids_fresh(ids, MT_IDS_LIMIT - 1), 0);
    assert_int_equal(mt_ids_of_chain(ids, keys, 2, out, &error), MT_ERROR_VALUE);
    assert_string_equal(error.message, "more than 2^40 hash ids");
    assert_int_equal(mt_ids_of_chain(ids, keys, 1, out, NULL), MT_OK);
    assert_int_equal(out[0], MT_IDS_LIMIT - 1);
    mt_ids_free(ids);
}

/* 10^8 keys with a hundred fresh ids after each thousand, growth included. Takes a quarter of a
 * minute and 4 GB: only with MOONTIDE_SLOW_TESTS=1. */
static void test_hundred_million(void **state) {
    (void)state;
    only_when_slow_is_wanted();
    enum { SOME = 1000 };
    const uint64_t many = 100000000;
    mt_ids *ids = new_table(0);
    mt_key keys[SOME];
    uint64_t out[SOME], most = 0;
    for (int round = 0; round < 2; round++)
        for (uint64_t done = 0; done < many; done += SOME) {
            for (uint64_t i = 0; i < SOME; i++)
                keys[i] = mt_key_number(root, done + i);
            assert_int_equal(mt_ids_of(ids, keys, SOME, out, NULL), MT_OK);
            assert_int_equal(out[0], done + done / 10);
            assert_int_equal(out[SOME - 1], done + SOME - 1 + done / 10);
            if (round == 0)
                assert_int_equal(mt_ids_fresh(ids, SOME / 10), out[SOME - 1] + 1);
            if (mt_ids_memory(ids) > most)
                most = mt_ids_memory(ids);
        }
    assert_int_equal(mt_ids_count(ids), many + many / 10);
    print_message("10^8 keys: %.2f GB\n", (double)most / 1e9);
    assert_true(most < 4000000000U);
    mt_ids_free(ids);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_key_known_answer),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_key_lengths),
        cmocka_unit_test(test_plain_table),
        cmocka_unit_test(test_plain_table_with_fresh),
        cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_memory_figures),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_chain_limit),
        cmocka_unit_test(test_chain_out_of_memory),
        cmocka_unit_test(test_hundred_million),
    };
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
