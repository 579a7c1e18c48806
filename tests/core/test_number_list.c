/* Marks of 64 bytes by every way there is, and lists against a reader of one number after another. */
#include "trace_support.h"

#include "text/marks.h"
#include "text/number_list.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

enum { TEXT_SIZE = 4096, LISTS = 15000 };

static mt_marks marks_one_by_one(const char *text) {
    mt_marks marks = {0, 0, 0, 0, 0};
    for (unsigned i = 0; i < MT_MARKS_BYTES; i++) {
        uint64_t bit = UINT64_C(1) << i;
        marks.digits |= isdigit((unsigned char)text[i]) ? bit : 0;
        marks.zeros |= text[i] == '0' ? bit : 0;
        marks.commas |= text[i] == ',' ? bit : 0;
        marks.spaces |= text[i] == ' ' ? bit : 0;
        marks.closings |= text[i] == ']' ? bit : 0;
    }
    return marks;
}

static void assert_marks(mt_marks marks, const char *text) {
    mt_marks expected = marks_one_by_one(text);
    assert_memory_equal(&marks, &expected, sizeof marks);
}

#ifdef MT_HAS_AVX2
__attribute__((target("avx2"))) static mt_marks marks_by_avx2(const char *text) {
    return mt_marks_by_avx2(text);
}
#endif

static void assert_all_marks(const char *text) {
    assert_marks(mt_marks_by_words(text), text);
    assert_marks(mt_marks_of(text), text);
#ifdef MT_HAS_AVX2
    if (__builtin_cpu_supports("avx2"))
        assert_marks(marks_by_avx2(text), text);
#endif
}

/* Every byte beside every byte, in each place of a word. */
static void test_marks(void **state) {
    (void)state;
    char text[MT_MARKS_BYTES];
    uint64_t random = 1;
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++) {
            for (unsigned i = 0; i < MT_MARKS_BYTES; i++)
                text[i] = (char)(i % 2 ? first : second);
            assert_all_marks(text);
        }
    for (int i = 0; i < 20000; i++) {
        for (unsigned at = 0; at < MT_MARKS_BYTES; at++)
            text[at] = below(&random, 3) ? "0123456789, ]/:-+.x"[below(&random, 19)]
                                         : (char)below(&random, 256);
        assert_all_marks(text);
    }
}

/* The longest beginning of a list that is plain, by looking at each byte. */
static size_t plain_numbers(const char *at, uint64_t *values, int *is_closed) {
    size_t count = 0;
    *is_closed = 0;
    for (;;) {
        char *end;
        size_t digits = strspn(at, "0123456789");
        errno = 0;
        uint64_t value = strtoull(at, &end, 10);
        if (digits == 0 || errno == ERANGE || (*at == '0' && digits > 1))
            return count;
        if (*end != ',' && *end != ']')
            return count;
        values[count++] = value;
        *is_closed = *end == ']';
        if (*is_closed)
            return count;
        at = end + 1 + (end[1] == ' ');
    }
}

/* A number of the list has more than 19 digits. */
static int has_long(const char *text) {
    while (*text && *text != ']') {
        size_t digits = strspn(text, "0123456789");
        if (digits > 19)
            return 1;
        text += digits > 0 ? digits : 1;
    }
    return 0;
}

/* A list is passed over where it is read to its end, is spaced and has no number that may not fit. */
static void assert_passed(const char *text, const char *copy, const mt_number_list *list,
                          const char *after) {
    size_t passed = 0;
    const char *behind = mt_number_list_pass(copy, &passed);
    assert_int_equal(behind != NULL, list->is_closed && list->is_spaced && !has_long(text));
    if (behind) {
        assert_ptr_equal(behind, after);
        assert_int_equal(passed, list->count);
    }
}

/* What is read is right, no more than that is read, and all of it where every number is plain. */
static void assert_list(const char *text) {
    uint64_t expected[TEXT_SIZE], values[TEXT_SIZE];
    int closes;
    size_t length = strlen(text), count = plain_numbers(text, expected, &closes);
    char *copy = padded(text, length);
    mt_number_list list = {values, 0, TEXT_SIZE, 1, 0};
    const char *after = mt_number_list_read(&list, copy);
    assert_true(list.count <= count);
    assert_memory_equal(values, expected, list.count * sizeof *values);
    if (closes) {
        assert_true(list.is_closed);
        assert_int_equal(list.count, count);
        assert_ptr_equal(after, copy + (strchr(text, ']') - text) + 1);
    } else {
        assert_false(list.is_closed);
        assert_true(after <= copy + length && (after == copy || strchr(", ", after[-1])));
    }
    assert_passed(text, copy, &list, after);
    free(copy);
}

/* The text that the writer would write again, byte by byte, is known for such: ", " all along. */
static void assert_spaced(const char *text, int is_spaced) {
    uint64_t values[TEXT_SIZE];
    char *copy = padded(text, strlen(text));
    mt_number_list list = {values, 0, TEXT_SIZE, 1, 0};
    mt_number_list_read(&list, copy);
    assert_true(list.is_closed);
    assert_int_equal(list.is_spaced, is_spaced);
    free(copy);
}

static void test_known_lists(void **state) {
    (void)state;
    static const char *const texts[] = {
        "0]",
        "7] 8, 9]",
        "1,2,3]",
        "1, 2,3]",
        "12345678, 1]",
        "123456789, 1]",
        "1, 123456789]",
        "9999999999999999]",
        "1, 99999999999999999, 2]",
        "1, 9999999999999999999, 2]",
        "10000000000000000000,18446744073709551615, 3]",
        "1, 18446744073709551616, 2]",
        "20000000000000000000]",
        "5, 100000000000000000000]",
        "1000000000000000000000000000000000000000000000000000000000000000000]",
        "012345678901, 2]",
        "123456789012.5]",
        "01, 2]",
        "1, 02]",
        "1, 00]",
        "1,  2]",
        "1 , 2]",
        "1, 2 ]",
        "1, ]",
        "1,]",
        ",1]",
        ", 1]",
        "1,,2]",
        "1, , 2]",
        "]",
        " 1]",
        "1",
        "1,",
        "1, ",
        "1, 2",
        "-1, 2]",
        "1.5]",
        "1e3]",
        "1\n]",
        "1, \"2\"]",
        "1, [2]]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_list(texts[i]);
    assert_spaced("7]", 1);
    assert_spaced("1, 2, 3]", 1);
    assert_spaced("1, 2,3]", 0);
    assert_spaced("1,2]", 0);
}

/* Every place that the end of 64 bytes can have in numbers and in what stands between them. */
static void test_every_place(void **state) {
    (void)state;
    char text[TEXT_SIZE];
    for (size_t before = 0; before < 200; before++)
        for (int spaced = 0; spaced < 2; spaced++) {
            size_t length = 0;
            for (size_t left = before; left > 0;) {
                size_t digits = left < 8 ? left : 8;
                memcpy(text + length, "98765432", digits);
                length += digits;
                memcpy(text + length, ", ", 2);
                length += spaced ? 2 : 1;
                left -= digits;
            }
            strcpy(text + length, spaced ? "1, 23, 456, 7890, 12345]" : "1,23,456,7890,12345]");
            assert_list(text);
            assert_spaced(text, spaced);
            strcpy(text + length,
                   spaced ? "18446744073709551615, 123456789]" : "18446744073709551615,123456789]");
            assert_list(text);
            assert_spaced(text, spaced);
            /* the one that is not: it stands before the end of the list wherever that is */
            strcpy(text + length, "1, 23,456, 12]");
            assert_spaced(text, 0);
        }
}

static void test_random_lists(void **state) {
    (void)state;
    uint64_t random = 5;
    char text[TEXT_SIZE];
    for (int i = 0; i < LISTS; i++) {
        size_t length = 0, count = 1 + (size_t)below(&random, 60);
        int spoil = below(&random, 3) == 0;
        uint64_t narrow =
            i % 2 ? 37 : 0; /* bits that all lack: every other list has short numbers only */
        for (size_t k = 0; k < count; k++)
            length +=
                (size_t)sprintf(text + length, "%" PRIu64 "%s",
                                next_random(&random) >> (narrow + below(&random, 64 - narrow)),
                                k + 1 == count       ? "]"
                                : below(&random, 20) ? ", "
                                                     : ",");
        text[length] = '\0';
        if (spoil)
            text[below(&random, length)] = ",] 0123456789x.-"[below(&random, 16)];
        assert_list(text);
    }
}

/* It stops for want of room, and goes on where it stopped. */
static void test_little_room(void **state) {
    (void)state;
    char text[TEXT_SIZE + TEXT_SLACK];
    uint64_t values[TEXT_SIZE];
    size_t length = 0, count = 500;
    for (size_t i = 0; i < count; i++)
        length += (size_t)sprintf(text + length, "%zu%s", i, i + 1 == count ? "]" : ", ");
    memset(text + length, '\n', TEXT_SLACK);
    mt_number_list list = {values, 0, 0, 1, 0};
    const char *at = text;
    assert_ptr_equal(mt_number_list_read(&list, at), text);
    while (!list.is_closed) {
        list.capacity = list.count + MT_NUMBERS_AT_ONCE;
        at = mt_number_list_read(&list, at);
        assert_true(list.count <= list.capacity);
    }
    assert_int_equal(list.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(values[i], i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks),       cmocka_unit_test(test_known_lists),
        cmocka_unit_test(test_every_place), cmocka_unit_test(test_random_lists),
        cmocka_unit_test(test_little_room),
    };
    return cmocka_run_group_tests_name("number_list", tests, NULL, NULL);
}
