/* Ids by number of first appearance: what numbers must be by how the ids are made, hashes that are
 * all one, growth, memory that is out. */
#include "sweep.h"
#include "trace_support.h"

#include "prefix/block/id_table.h"

#include "base/interrupt.h"

#include <stdlib.h>

/* The steps that a table's hash is the upper half of, undone: so a test chooses hashes. */
static uint64_t id_of_hash(uint32_t hash, uint32_t rest) {
    uint64_t id = (uint64_t)hash << 32 | rest;
    id ^= id >> 31 ^ id >> 62;
    id *= UINT64_C(0x319642b2d24d8ec3);
    id ^= id >> 27 ^ id >> 54;
    id *= UINT64_C(0x96de1b173f119089);
    id ^= id >> 30 ^ id >> 60;
    return id - UINT64_C(0x9e3779b97f4a7c15);
}

static mt_id_table *new_table(void) {
    mt_id_table *table = mt_id_table_new(0, NULL);
    assert_non_null(table);
    return table;
}

/* The ids, all different, get from..from+count-1, in whatever shares they are handed over. */
static void expect_in_order(mt_id_table *table, const uint64_t *ids, size_t count, uint64_t from) {
    uint64_t numbers[700];
    for (size_t done = 0, share = 1; done < count; done += share, share = share % 700 + 1) {
        share = share < count - done ? share : count - done;
        assert_int_equal(mt_id_table_of(table, ids + done, share, numbers, NULL), MT_OK);
        for (size_t i = 0; i < share; i++)
            assert_int_equal(numbers[i], from + done + i);
    }
}

static void test_known_answer(void **state) {
    (void)state;
    mt_id_table *table = new_table();
    uint64_t numbers[8];
    const uint64_t ids[] = {7, UINT64_MAX, 7, 0, 0, UINT64_MAX, 9, 0};
    assert_int_equal(mt_id_table_of(table, ids, 8, numbers, NULL), MT_OK);
    assert_memory_equal(numbers, ((uint64_t[]){0, 1, 0, 2, 2, 1, 3, 2}), sizeof numbers);
    assert_int_equal(mt_id_table_of(table, ids, 0, numbers, NULL), MT_OK);
    assert_int_equal(mt_id_table_count(table), 4);
    mt_id_table_seal(table);
    assert_memory_equal(mt_id_table_ids(table), ((uint64_t[]){7, UINT64_MAX, 0, 9}),
                        4 * sizeof *ids);
    mt_id_table_free(table);
    mt_id_table_free(NULL);
}

/* What is asked for only as far as it is known stays as it was. */
static void test_known(void **state) {
    (void)state;
    enum { MANY = 1000 };
    mt_id_table *table = new_table();
    uint64_t ids[MANY], numbers[MANY], none = 5;
    assert_int_equal(mt_id_table_known(table, &none, 1, numbers), 0);
    for (size_t i = 0; i < MANY; i++) /* a third of them with one hash */
        ids[i] = i % 3 ? i * i : id_of_hash(3, (uint32_t)i);
    for (size_t known = 0; known < MANY; known += 37) {
        assert_int_equal(mt_id_table_of(table, ids, known, numbers, NULL), MT_OK);
        memset(numbers, 0xff, sizeof numbers);
        assert_int_equal(mt_id_table_known(table, ids, MANY, numbers), known);
        for (size_t i = 0; i < known; i++)
            assert_int_equal(numbers[i], i);
        assert_int_equal(mt_id_table_known(table, ids + known, MANY - known, numbers), 0);
        assert_int_equal(mt_id_table_count(table), known);
    }
    const uint64_t some[] = {ids[9], ids[4], ids[4], none, ids[1]};
    assert_int_equal(mt_id_table_known(table, some, 5, numbers), 3);
    assert_memory_equal(numbers, ((uint64_t[]){9, 4, 4}), 3 * sizeof *some);
    mt_id_table_free(table);
}

/* Ids made in several ways, as many as make a table grow from the heap to pages of its own: new in
 * their order, then known in it, then known from the last to the first, with new ones in
 * between. */
static void test_growth(void **state) {
    (void)state;
    enum { MANY = 300000, EVERY = 1000 };
    uint64_t *ids = malloc(MANY * sizeof *ids), number;
    for (int kind = 0; kind < 4; kind++) {
        for (uint64_t i = 0; i < MANY; i++)
            ids[i] = kind == 0   ? i << 40 /* no two equal: i < 2^24 */
                     : kind == 1 ? i * UINT64_C(0x9e3779b97f4a7c15)
                     : kind == 2
                         ? MANY - i
                         : id_of_hash(((uint32_t)i >> 4) * UINT32_C(0x9e3779b9), (uint32_t)i);
        mt_id_table *table = new_table();
        expect_in_order(table, ids, MANY, 0);
        assert_int_equal(mt_id_table_count(table), MANY);
        expect_in_order(table, ids, MANY, 0);
        for (size_t i = MANY, other = 0; i-- > 0;) {
            assert_int_equal(mt_id_table_of(table, &ids[i], 1, &number, NULL), MT_OK);
            assert_int_equal(number, i);
            if (i % EVERY > 0)
                continue;
            uint64_t another = (UINT64_C(1) << 63) + ++other * 3;
            assert_int_equal(mt_id_table_of(table, &another, 1, &number, NULL), MT_OK);
            assert_int_equal(number, MANY + other - 1);
        }
        mt_id_table_free(table);
    }
    free(ids);
}

/* Many ids of one hash: they fill buckets after their own, the first of them those of the last
 * hash, as after the last bucket comes the first. The table grows with them in it. */
static void test_one_hash(void **state) {
    (void)state;
    enum { SAME = 300, OTHERS = 20000 };
    static const uint32_t hashes[] = {UINT32_MAX, 0, 1, UINT32_MAX / 2};
    static uint64_t ids[4 * SAME + OTHERS];
    size_t count = 0;
    for (size_t h = 0; h < 4; h++)
        for (uint32_t i = 0; i < SAME; i++)
            ids[count++] = id_of_hash(hashes[h], i);
    for (uint32_t i = 0; i < OTHERS; i++) /* above, below and among those */
        ids[count++] = id_of_hash(i * UINT32_C(0x9e3779b9), SAME + i);
    mt_id_table *table = new_table();
    expect_in_order(table, ids, count, 0);
    expect_in_order(table, ids, count, 0);
    for (size_t i = count; i-- > 0;) {
        uint64_t number;
        assert_int_equal(mt_id_table_of(table, &ids[i], 1, &number, NULL), MT_OK);
        assert_int_equal(number, i);
    }
    assert_int_equal(mt_id_table_count(table), count);
    mt_id_table_free(table);
}

/* Ids that come again after the ones they followed, after others, and among new ones, beside an
 * array. */
static void test_again(void **state) {
    (void)state;
    enum { CONTENTS = 5000, CALLS = 3000, MOST = 400 };
    static uint64_t number_of[CONTENTS], ids[MOST], numbers[MOST];
    uint64_t random = 1, next = 0;
    memset(number_of, 0xff, sizeof number_of);
    mt_id_table *table = new_table();
    for (int call = 0; call < CALLS; call++) {
        size_t count = 0, contents[MOST];
        while (count < MOST && next_random(&random) % 50 > 0) {
            size_t from = (size_t)(next_random(&random) % CONTENTS);
            size_t run = (size_t)(next_random(&random) % (call % 2 ? 3 : 60)) + 1;
            for (; run > 0 && count < MOST; run--, from = (from + 1) % CONTENTS)
                contents[count++] = from;
        }
        for (size_t i = 0; i < count; i++)
            ids[i] = contents[i] * UINT64_C(0x9e3779b97f4a7c15);
        assert_int_equal(mt_id_table_of(table, ids, count, numbers, NULL), MT_OK);
        for (size_t i = 0; i < count; i++) {
            if (number_of[contents[i]] == UINT64_MAX)
                number_of[contents[i]] = next++;
            assert_int_equal(numbers[i], number_of[contents[i]]);
        }
    }
    assert_int_equal(mt_id_table_count(table), next);
    mt_id_table_free(table);
}

static void test_interrupt(void **state) {
    (void)state;
    mt_id_table *table = new_table();
    const uint64_t id = 1;
    uint64_t number;
    mt_error error = {0};
    mt_interrupt_flag = 1;
    assert_int_equal(mt_id_table_of(table, &id, 1, &number, &error), MT_ERROR_INTERRUPTED);
    mt_interrupt_flag = 0;
    mt_id_table_free(table);
}

static void test_out_of_memory(void **state) {
    (void)state;
    enum { MANY = 20000 };
    for (sweep all = {0}; sweep_next(&all);) {
        mt_id_table *table = mt_id_table_new(0, &all.error);
        all.code = table ? MT_OK : all.error.code;
        for (uint32_t i = 0; all.code == MT_OK && i < MANY; i++) {
            uint64_t id = id_of_hash(i < 100 ? UINT32_MAX : i << 16, i), number;
            all.code = mt_id_table_of(table, &id, 1, &number, &all.error);
        }
        mt_id_table_free(table);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),  cmocka_unit_test(test_known),
        cmocka_unit_test(test_growth),        cmocka_unit_test(test_one_hash),
        cmocka_unit_test(test_again),         cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("id_table", tests, NULL, NULL);
}
