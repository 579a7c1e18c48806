/* Fields: constants, numbers, choices, where the model stands, memory that is out. */
#include "load_support.h"

#include "goodness.h"
#include "sweep.h"
#include "load/fields.h"

static mt_random random_at(uint64_t item) {
    mt_random random;
    mt_random_start(&random, mt_random_key_of(1, "test", 4, "fields", 6));
    mt_random_seek(&random, item);
    return random;
}

typedef struct drawn {
    mt_text text;
    size_t model_offset, model_length;
} drawn;

static const char *draw(const mt_fields *fields, uint64_t item, int compact, int joined,
                        drawn *to) {
    mt_random random = random_at(item);
    to->text.length = 0;
    assert_int_equal(mt_fields_draw(fields, &random, 0, compact, joined, &to->text,
                                    &to->model_offset, &to->model_length, NULL),
                     MT_OK);
    assert_int_equal(mt_text_add(&to->text, "", 1), 0);
    return to->text.bytes;
}

static void test_constants(void **state) {
    (void)state;
    drawn to = {0};
    mt_fields *fields = mt_fields_new(NULL);
    assert_string_equal(draw(fields, 0, 0, 0, &to), "");
    assert_int_equal(mt_fields_constant(fields, "\"model\"", "\"llama\"", NULL), MT_OK);
    assert_int_equal(mt_fields_constant(fields, "\"n\"", "[1, 2]", NULL), MT_OK);
    assert_string_equal(draw(fields, 0, 0, 0, &to), "\"model\": \"llama\", \"n\": [1, 2]");
    assert_int_equal(to.model_offset, 9);
    assert_int_equal(to.model_length, 7);
    assert_string_equal(draw(fields, 0, 1, 1, &to), ",\"model\":\"llama\",\"n\":[1, 2]");
    assert_memory_equal(to.text.bytes + to.model_offset, "\"llama\"", to.model_length);
    mt_free(to.text.bytes);
    mt_fields_release(fields);
}

static void test_number_texts(void **state) {
    (void)state;
    char text[MT_NUMBER_ROOM];
    const double values[] = {0.1, 3, 1e22, -2.5, 1.0 / 3, 123456789012345678.0};
    const char *const texts[] = {
        "0.1", "3", "1e+22", "-2.5", "0.3333333333333333", "1.2345678901234568e+17"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(mt_number_text(values[i], text), strlen(texts[i]));
        assert_string_equal(text, texts[i]);
        assert_true(strtod(text, NULL) == values[i]);
    }
}

static void test_numbers(void **state) {
    (void)state;
    drawn to = {0};
    mt_distribution *law = mt_distribution_uniform(mt_number(1), mt_number(2), NULL);
    mt_fields *fields = mt_fields_new(NULL);
    assert_int_equal(mt_fields_number(fields, "\"x\"", law, NULL), MT_OK);
    double first = strtod(draw(fields, 5, 0, 0, &to) + 5, NULL);
    assert_true(first >= 1 && first < 2);
    assert_true(strtod(draw(fields, 5, 0, 0, &to) + 5, NULL) == first);
    assert_true(strtod(draw(fields, 6, 0, 0, &to) + 5, NULL) != first);
    mt_free(to.text.bytes);
    mt_fields_release(fields);
    mt_distribution_release(law);
}

static void test_not_finite(void **state) {
    (void)state;
    mt_error error;
    drawn to = {0};
    mt_random random = random_at(0);
    mt_distribution *one = fixed(1e308), *law = mt_distribution_affine(one, 1e10, 0, NULL);
    mt_fields *fields = mt_fields_new(NULL);
    assert_int_equal(mt_fields_number(fields, "\"x\"", law, NULL), MT_OK);
    assert_int_equal(mt_fields_draw(fields, &random, 0, 0, 0, &to.text, &to.model_offset,
                                    &to.model_length, &error),
                     MT_ERROR_VALUE);
    assert_non_null(strstr(error.message, "\"x\""));
    mt_free(to.text.bytes);
    mt_fields_release(fields);
    mt_distribution_release(law);
    mt_distribution_release(one);
}

static void test_choices(void **state) {
    (void)state;
    enum { DRAWS = 30000 };
    const char *const values[] = {"0", "1", "2"};
    const double weights[] = {1, 0, 2};
    double counts[3] = {0}, expected[] = {DRAWS / 3.0, 0, DRAWS * 2 / 3.0};
    drawn to = {0};
    mt_fields *fields = mt_fields_new(NULL);
    assert_int_equal(mt_fields_choice(fields, "\"c\"", values, weights, 3, NULL), MT_OK);
    for (uint64_t i = 0; i < DRAWS; i++)
        counts[draw(fields, i, 1, 0, &to)[4] - '0']++;
    assert_near(counts[1], 0, 0);
    assert_true(chi_square_test(counts, expected, 3) > GOODNESS_BOUND);
    mt_free(to.text.bytes);
    mt_fields_release(fields);
}

/* What could not be added has left nothing. */
static void test_refused_choice(void **state) {
    (void)state;
    mt_error error;
    drawn to = {0};
    const char *const values[] = {"0"};
    const double weight = -1;
    mt_fields *fields = mt_fields_new(NULL);
    assert_int_equal(mt_fields_choice(fields, "\"c\"", values, &weight, 1, &error), MT_ERROR_VALUE);
    assert_string_equal(draw(fields, 0, 0, 0, &to), "");
    mt_free(to.text.bytes);
    mt_fields_release(fields);
}

static mt_code fill(mt_fields *fields, mt_distribution *law, mt_error *error) {
    const char *const values[] = {"0", "1"};
    const double weights[] = {1, 1};
    mt_code code = mt_fields_constant(fields, "\"a\"", "1", error);
    if (code == MT_OK)
        code = mt_fields_number(fields, "\"b\"", law, error);
    if (code == MT_OK)
        code = mt_fields_choice(fields, "\"c\"", values, weights, 2, error);
    return code;
}

/* Also after a failure the fields can be drawn and released. */
static mt_code attempt(void *context, mt_error *error) {
    mt_fields *fields = mt_fields_new(error);
    if (!fields)
        return mt_code_of(error);
    mt_code code = fill(fields, context, error);
    mt_random random = random_at(0);
    mt_text text = {0};
    size_t offset, length;
    mt_code drawing = mt_fields_draw(fields, &random, 0, 0, 0, &text, &offset, &length,
                                     code == MT_OK ? error : NULL);
    mt_free(text.bytes);
    mt_fields_release(fields);
    return code == MT_OK ? drawing : code;
}

static void test_out_of_memory(void **state) {
    (void)state;
    mt_distribution *law = fixed(1);
    for (sweep all = {0}; sweep_next(&all);)
        all.code = attempt(law, &all.error);
    mt_distribution_release(law);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants),     cmocka_unit_test(test_number_texts),
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_choices),       cmocka_unit_test(test_refused_choice),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
