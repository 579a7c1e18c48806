#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "goodness.h"
#include "base/memory.h"
#include "random/ahead.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { MANY = 1000000 };

static mt_random generator(uint64_t seed, const char *name, const char *purpose) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(seed, name, strlen(name), purpose, strlen(purpose)));
    return random;
}

/* Random123's published answers for philox4x32 with 10 rounds: counter, key, block. */
static void test_published_answers(void **state) {
    (void)state;
    static const struct {
        uint64_t draw, item;
        uint32_t key[2], block[4];
    } known[] = {
        {0, 0, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX,
         UINT64_MAX,
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x85a308d3243f6a88,
         0x0370734413198a2e,
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        mt_random_key key = {0, {known[i].key[0], known[i].key[1]}};
        mt_random random;
        mt_random_start(&random, key);
        mt_random_seek(&random, known[i].item);
        random.draw = known[i].draw;
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(mt_random_u32(&random), known[i].block[j]);
    }
}

/* Written down once: a change here changes every trace that was ever made with a seed. */
static void test_first_outputs_stay(void **state) {
    (void)state;
    mt_random random = generator(0, "main", "lengths");
    assert_int_equal(random.key.word[0], 0x70930bc2);
    assert_int_equal(random.key.word[1], 0xb75a9400);
    assert_int_equal(mt_random_u64(&random), UINT64_C(0x5570adbaddee2543));
    assert_int_equal(mt_random_below(&random, 1000), 296);
    assert_true(mt_random_uniform(&random) == 0x1.d54c117fb875p-5);
    mt_random_seek(&random, 12345678901);
    assert_int_equal(mt_random_u32(&random), 0x01dce88c);
}

static void test_key_knows_lengths(void **state) {
    (void)state;
    mt_random_key keys[5] = {
        mt_random_key_of(1, "ab", 2, "c", 1), mt_random_key_of(1, "a", 1, "bc", 2),
        mt_random_key_of(2, "ab", 2, "c", 1), mt_random_key_of(1, "c", 1, "ab", 2),
        mt_random_key_of(1, "abc", 3, "", 0)};
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(keys[i].word, keys[j].word, sizeof keys[i].word);
    assert_int_equal(keys[2].seed, 2);
}

/* Names of all lengths, on both sides of those that are hashed in one go: XXH3 of the bytes as they
 * follow one another. */
static void test_key_of_any_length(void **state) {
    (void)state;
    enum { LONGEST = 300 };
    static const char purpose[] = "lengths";
    char name[LONGEST];
    for (size_t i = 0; i < LONGEST; i++)
        name[i] = (char)('a' + i % 26);
    for (size_t length = 0; length <= LONGEST; length++) {
        unsigned char bytes[LONGEST + 64] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
        bytes[8] = (unsigned char)length;
        bytes[9] = (unsigned char)(length >> 8);
        memcpy(bytes + 16, name, length);
        bytes[16 + length] = sizeof purpose - 1;
        memcpy(bytes + 24 + length, purpose, sizeof purpose - 1);
        uint64_t hash = XXH3_64bits(bytes, 24 + length + sizeof purpose - 1);
        mt_random_key key =
            mt_random_key_of(0x1122334455667788, name, length, purpose, sizeof purpose - 1);
        assert_int_equal(key.word[0], (uint32_t)hash);
        assert_int_equal(key.word[1], (uint32_t)(hash >> 32));
    }
}

static void test_position_not_history(void **state) {
    (void)state;
    mt_random random = generator(7, "s", "p");
    uint64_t items[20][5];
    for (uint64_t item = 0; item < 20; item++) {
        mt_random_seek(&random, item);
        for (size_t draw = 0; draw < 5; draw++)
            items[item][draw] = mt_random_u64(&random);
    }
    for (uint64_t item = 20; item-- > 0;) {
        mt_random_seek(&random, item);
        (void)mt_random_u32(&random); /* what was used before must not matter */
        mt_random_seek(&random, item);
        for (size_t draw = 0; draw < 5; draw++)
            assert_int_equal(mt_random_u64(&random), items[item][draw]);
    }
}

/* Words come in order, whatever widths are asked for. */
static void test_words_in_order(void **state) {
    (void)state;
    mt_random words = generator(3, "s", "p");
    uint32_t word[11];
    for (size_t i = 0; i < 11; i++)
        word[i] = mt_random_u32(&words);
    mt_random mixed = generator(3, "s", "p");
    assert_int_equal(mt_random_u32(&mixed), word[0]);
    assert_int_equal(mt_random_u64(&mixed), word[1] | (uint64_t)word[2] << 32);
    assert_int_equal(mt_random_u64(&mixed), word[3] | (uint64_t)word[4] << 32);
    assert_int_equal(mt_random_u32(&mixed), word[5]);
    assert_int_equal(mt_random_u64(&mixed), word[6] | (uint64_t)word[7] << 32);
    assert_int_equal(mt_random_u64(&mixed), word[8] | (uint64_t)word[9] << 32);
    assert_int_equal(mt_random_u32(&mixed), word[10]);
}

static void test_intervals(void **state) {
    (void)state;
    mt_random random = generator(4, "s", "p");
    for (int i = 0; i < MANY; i++) {
        double u = mt_random_uniform(&random);
        assert_true(u >= 0 && u < 1);
        assert_true(u * 0x1p53 == floor(u * 0x1p53));
        double v = mt_random_positive(&random);
        assert_true(v > 0 && v <= 1);
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(mt_random_below(&random, 1), 0);
    /* Half of 64-bit numbers are refused at this bound: the result stays below it all the same. */
    for (int i = 0; i < 1000; i++)
        assert_true(mt_random_below(&random, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static double identity(const void *context, double x) {
    (void)context;
    return x;
}

static double values[MANY];

static void test_uniform_law(void **state) {
    (void)state;
    mt_random random = generator(5, "uniform", "test");
    for (size_t i = 0; i < MANY; i++)
        values[i] = mt_random_uniform(&random);
    assert_true(kolmogorov_test(values, MANY, identity, NULL) > GOODNESS_BOUND);
    /* The first draw of each item: neighbours in another direction of the counter. */
    for (size_t i = 0; i < MANY; i++) {
        mt_random_seek(&random, i);
        values[i] = mt_random_positive(&random);
    }
    assert_true(kolmogorov_test(values, MANY, identity, NULL) > GOODNESS_BOUND);
}

/* Pairs of successive items' first draws fill a 32 by 32 grid evenly. */
static void test_items_are_independent(void **state) {
    (void)state;
    mt_random random = generator(6, "pairs", "test");
    double counts[1024] = {0};
    double expected[1024];
    for (size_t i = 0; i < 1024; i++)
        expected[i] = MANY / 1024.0;
    for (uint64_t i = 0; i < MANY; i++) {
        mt_random_seek(&random, 2 * i);
        uint32_t first = mt_random_u32(&random) >> 27;
        mt_random_seek(&random, 2 * i + 1);
        counts[first * 32 + (mt_random_u32(&random) >> 27)]++;
    }
    assert_true(chi_square_test(counts, expected, 1024) > GOODNESS_BOUND);
}

static void test_below_law(void **state) {
    (void)state;
    static const uint64_t bounds[] = {2, 3, 10, 1000};
    for (size_t b = 0; b < 4; b++) {
        mt_random random = generator(bounds[b], "below", "test");
        double counts[1000] = {0};
        double expected[1000];
        for (size_t i = 0; i < bounds[b]; i++)
            expected[i] = (double)MANY / (double)bounds[b];
        for (int i = 0; i < MANY; i++)
            counts[mt_random_below(&random, bounds[b])]++;
        assert_true(chi_square_test(counts, expected, bounds[b]) > GOODNESS_BOUND);
    }
    /* At 3 * 2^62 four words share three results: without refusing, those that 3 divides would come
     * twice as often as the others. */
    uint64_t bound = UINT64_C(3) << 62;
    double counts[3] = {0};
    double expected[3] = {MANY / 3.0, MANY / 3.0, MANY / 3.0};
    mt_random random = generator(9, "below", "test");
    for (int i = 0; i < MANY; i++)
        counts[mt_random_below(&random, bound) % 3]++;
    assert_true(chi_square_test(counts, expected, 3) > GOODNESS_BOUND);
}

/* Many at once are those made one by one, whatever their number and wherever halves carry. */
static void test_pairs(void **state) {
    (void)state;
    enum { MOST = 19 };
    static const uint64_t places[] = {0, 7, UINT32_MAX - 2, UINT64_MAX - 5};
    mt_random random = generator(11, "s", "pairs");
    mt_random_pair pairs[MOST + 1];
    for (size_t place = 0; place < 16; place++)
        for (size_t count = 0; count <= MOST; count++) {
            uint64_t item = places[place % 4], draw = places[place / 4];
            pairs[count].first = 5;
            mt_random_pairs(random.key, item, draw, count, pairs);
            assert_int_equal(pairs[count].first, 5);
            for (size_t i = 0; i < count; i++) {
                mt_random_seek(&random, item + i);
                random.draw = draw;
                assert_int_equal(pairs[i].first, mt_random_u64(&random));
                assert_int_equal(pairs[i].second, mt_random_u64(&random));
            }
        }
}

/* Numbers made ahead are those of the items one by one, in order or not, and after a failure. */
static void test_ahead(void **state) {
    (void)state;
    static const uint64_t items[] = {0,  1,  63, 64,  65,  79,         80,         81, 96,
                                     95, 64, 70, 500, 501, UINT64_MAX, UINT32_MAX, 3,  82};
    mt_random random = generator(13, "s", "ahead"), alone = random;
    mt_random_ahead *ahead = NULL;
    for (size_t round = 0; round < 2; round++) {
        mt_memory_fail_at(round == 0 ? 1 : 0, 1);
        for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
            mt_random_seek_ahead(&random, &ahead, items[i]);
            mt_random_seek(&alone, items[i]);
            assert_int_equal(mt_random_u32(&random), mt_random_u32(&alone));
            for (int word = 0; word < 6; word++)
                assert_int_equal(mt_random_u64(&random), mt_random_u64(&alone));
        }
        mt_memory_fail_at(0, 0);
        assert_int_equal(ahead != NULL, round);
    }
    mt_free(ahead);
}

/* A number that is there gives what drawing it would, or says that it may not. */
static void test_take_below(void **state) {
    (void)state;
    static const uint64_t bounds[] = {1, 2, 1000, UINT64_C(3) << 62, UINT64_MAX};
    int taken = 0, refused = 0;
    for (size_t b = 0; b < 5; b++) {
        mt_random random = generator(12, "s", "take"), same = random;
        for (uint64_t i = 0; i < 1000; i++) {
            uint64_t below;
            mt_random_seek(&random, i);
            mt_random_seek(&same, i);
            if (mt_random_take_below(mt_random_u64(&same), bounds[b], &below)) {
                assert_int_equal(below, mt_random_below(&random, bounds[b]));
                taken++;
            } else {
                refused++;
            }
        }
    }
    assert_in_range(taken, 3000, 4000);
    assert_in_range(refused, 1000, 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_answers),
        cmocka_unit_test(test_first_outputs_stay),
        cmocka_unit_test(test_key_knows_lengths),
        cmocka_unit_test(test_key_of_any_length),
        cmocka_unit_test(test_position_not_history),
        cmocka_unit_test(test_words_in_order),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_uniform_law),
        cmocka_unit_test(test_items_are_independent),
        cmocka_unit_test(test_below_law),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_take_below),
    };
    return cmocka_run_group_tests_name("generator", tests, NULL, NULL);
}
