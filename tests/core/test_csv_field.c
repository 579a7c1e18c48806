/* What the texts of CSV fields say: numbers, whole numbers, times. */
#include "skip_support.h"
#include "trace_support.h"

#include "text/csv_field.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

static void assert_number(const char *text, double wanted) {
    double value = NAN;
    if (mt_csv_number(text, strlen(text), &value) != 0)
        fail_msg("'%s' is not read", text);
    assert_memory_equal(&value, &wanted, sizeof value);
}

static void test_numbers(void **state) {
    (void)state;
    assert_number("0", 0);
    assert_number("-0", -0.0);
    assert_number("12", 12);
    assert_number(" +12.5\t", 12.5);
    assert_number("007", 7);
    assert_number(".5", 0.5);
    assert_number("5.", 5);
    assert_number("-1.5e-3", -1.5e-3);
    assert_number("1E2", 100);
    assert_number("1e+2", 100);
    assert_number("9007199254740993", 9007199254740992.0); /* half way: to even */
    assert_number("4.9406564584124654e-324", 4.9406564584124654e-324);
    assert_number("1e-400", 0);
    /* Of the text's own length nothing is assumed: what follows is not read. */
    double value;
    assert_int_equal(mt_csv_number("123", 2, &value), 0);
    assert_true(value == 12);
}

static void test_what_is_no_number(void **state) {
    (void)state;
    static const char *const texts[] = {"",      " ",     "+",   "-",   ".",     "e5",  "1e",
                                        "1e+",   "0x10",  "inf", "nan", "1,5",   "1 2", "--1",
                                        "1.2.3", "1e2.5", "12a", "NaN", "1_000", "é",   "\"1\""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value = 5;
        int64_t whole = 5;
        if (mt_csv_number(texts[i], strlen(texts[i]), &value) != -1 || value != 5)
            fail_msg("'%s' is read as %g", texts[i], value);
        assert_int_equal(mt_csv_integer(texts[i], strlen(texts[i]), &whole), -1);
        assert_int_equal(mt_csv_nanoseconds(texts[i], strlen(texts[i]), 9, &whole), -1);
        assert_int_equal(whole, 5);
    }
    double value = 5;
    char longest[2000];
    memset(longest, '1', sizeof longest);
    assert_int_equal(mt_csv_number("1e309", 5, &value), -2);
    assert_int_equal(mt_csv_number("-1e309", 6, &value), -2);
    assert_int_equal(mt_csv_number(longest, sizeof longest, &value), -2);
    assert_int_equal(mt_csv_number("1\0", 2, &value), -1);
    assert_true(value == 5);
}

static void test_random_numbers(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_random(&seed);
        double wanted;
        char text[64];
        memcpy(&wanted, &bits, sizeof wanted);
        if (!isfinite(wanted))
            continue;
        snprintf(text, sizeof text, i % 2 ? "%.17g" : "%.16e", wanted);
        assert_number(text, wanted);
    }
}

/* A locale whose decimal point is a comma changes nothing. Debian has such a one only where it was
 * asked for. */
static void test_another_locale(void **state) {
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8"))
        skip_because("no locale with a decimal comma is installed");
    double value;
    assert_number("1.5", 1.5);
    assert_int_equal(mt_csv_number("1,5", 3, &value), -1);
    setlocale(LC_NUMERIC, "C");
}

static void assert_integer(const char *text, int status, int64_t wanted) {
    int64_t value = 5;
    if (mt_csv_integer(text, strlen(text), &value) != status || value != wanted)
        fail_msg("'%s' is read as %" PRId64, text, value);
}

static void test_integers(void **state) {
    (void)state;
    assert_integer("0", 0, 0);
    assert_integer("-0", 0, 0);
    assert_integer(" 374 ", 0, 374);
    assert_integer("+12", 0, 12);
    assert_integer("-12", 0, -12);
    assert_integer("0012", 0, 12);
    assert_integer("12.", 0, 12);
    assert_integer("-12.000", 0, -12);
    assert_integer("9223372036854775807", 0, INT64_MAX);
    assert_integer("-9223372036854775808", 0, INT64_MIN);
    assert_integer("9223372036854775808", -2, 5);
    assert_integer("-9223372036854775809", -2, 5);
    assert_integer("99999999999999999999999", -2, 5);
    assert_integer("12.5", -1, 5);
    assert_integer("12.0.0", -1, 5);
    assert_integer("1e3", -1, 5);
    assert_integer(".0", -1, 5);
}

static void assert_seconds(const char *text, int status, int64_t wanted) {
    int64_t value = 5;
    if (mt_csv_nanoseconds(text, strlen(text), 9, &value) != status || value != wanted)
        fail_msg("'%s' is read as %" PRId64, text, value);
}

static void test_seconds(void **state) {
    (void)state;
    assert_seconds("0", 0, 0);
    assert_seconds(" 1.5 ", 0, SECOND * 3 / 2);
    assert_seconds("-1", 0, -SECOND);
    assert_seconds("1700158546.680590012", 0, INT64_C(1700158546680590012));
    assert_seconds("0.0000000005", 0, 1);
    assert_seconds("0.0000000004", 0, 0);
    assert_seconds("1e-3", 0, SECOND / 1000);
    assert_seconds("1e10", -2, 5);
    assert_seconds("90s", -1, 5);
    int64_t value;
    assert_int_equal(mt_csv_nanoseconds("1700158546680.5", 15, 6, &value), 0);
    assert_int_equal(value, INT64_C(1700158546680500000));
    assert_int_equal(mt_csv_nanoseconds("1700158546680590012", 19, 0, &value), 0);
    assert_int_equal(value, INT64_C(1700158546680590012));
}

/* ---- dates ---- */

static void assert_date(const char *text, int64_t seconds, int64_t nanoseconds) {
    int64_t value = 0;
    if (mt_csv_date_time(text, strlen(text), &value) != 0)
        fail_msg("'%s' is not read", text);
    if (value != seconds * SECOND + nanoseconds)
        fail_msg("'%s' is read as %" PRId64, text, value);
}

static void test_dates(void **state) {
    (void)state;
    assert_date("1970-01-01", 0, 0);
    assert_date("1970-01-01 00:00", 0, 0);
    assert_date("1970-01-01T00:00:01Z", 1, 0);
    assert_date("1969-12-31T23:59:59.5", -1, SECOND / 2);
    assert_date("2023-11-16 18:15:46.6805900", 1700158546, 680590000);
    assert_date(" 2023-11-16T18:15:46.680590012Z ", 1700158546, 680590012);
    assert_date("2023-11-16 19:15:46+01:00", 1700158546, 0);
    assert_date("2023-11-16 23:45:46 +0530", 1700158546, 0);
    assert_date("2023-11-16 10:15:46 -08", 1700158546, 0);
    assert_date("2023-11-16 18:15:46 UTC", 1700158546, 0);
    assert_date("2023-11-16 18:15", 1700158500, 0);
    assert_date("2023-11-16 18:15Z", 1700158500, 0);
    assert_date("2000-02-29", 951782400, 0);
    assert_date("2024-02-29 12:00", 1709208000, 0);
    assert_date("1900-03-01", -2203891200, 0);
    assert_date("2016-12-31 23:59:60", 1483228800, 0); /* the leap second */
    assert_date("2023-11-16 18:15:46.0000000004", 1700158546, 0);
    assert_date("2023-11-16 18:15:46.9999999996", 1700158547, 0);
    assert_date("2023-11-16 24:00", 1700179200, 0);
    assert_date("20231116T181546,25Z", 1700158546, 250000000);
    assert_date("2023/11/16 18:15.5", 1700158530, 0);
    assert_date("2023-W46-4T18+01:00", 1700154000, 0);
    assert_date("2020-W53-5", 1609459200, 0); /* 2021-01-01 */
    assert_date("2024-366", 1735603200, 0);
    assert_date("2262-04-11 23:47:16.854775807", INT64_C(9223372036), 854775807);
    assert_date("1677-09-21 00:12:43.145224192", INT64_C(-9223372036), -854775808);
}

static void test_what_is_no_date(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "2023",
        "2023-11",
        "2023-1-16",
        "23-11-16",
        "2023/11-16",
        "2023-1116",
        "2023-W54-1",
        "2023-366",
        "2023320x",
        "16.11.2023",
        "2023-13-01",
        "2023-00-01",
        "2023-11-31",
        "2023-02-29",
        "1900-02-29",
        "2023-11-00",
        "2023-11-16T",
        "2023-11-16  18:15",
        "2023-11-16 1",
        "2023-11-16 1815:46",
        "2023-11-16 18:",
        "2023-11-16 24:00:01",
        "2023-11-16 25:00",
        "2023-11-16 18:60",
        "2023-11-16 18:15:61",
        "2023-11-16 18:15:",
        "2023-11-16 18:15:46.",
        "2023-11-16 18:15:46x",
        "2023-11-16 18:15:46+",
        "2023-11-16 18:15:46+1",
        "2023-11-16 18:15:46+24:00",
        "2023-11-16 18:15:46+01:60",
        "2023-11-16 18:15:46+01:",
        "2023-11-16 18:15:46+01:00Z",
        "2023-11-16 18:15:46 CET",
        "2023-11-16Z",
        "+2023-11-16",
        "1700158546",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t value = 5;
        if (mt_csv_date_time(texts[i], strlen(texts[i]), &value) != -1 || value != 5)
            fail_msg("'%s' is read as %" PRId64, texts[i], value);
    }
    int64_t value = 5;
    assert_int_equal(mt_csv_date_time("2262-04-11 23:47:16.854775808", 29, &value), -2);
    assert_int_equal(mt_csv_date_time("1677-09-21 00:12:43.145224191", 29, &value), -2);
    assert_int_equal(mt_csv_date_time("9999-12-31", 10, &value), -2);
    assert_int_equal(mt_csv_date_time("0000-01-01", 10, &value), -2);
    assert_int_equal(value, 5);
    /* Cut anywhere, it is a date, or none, but nothing beyond its end is read. */
    static const char whole[] = "2023-11-16 18:15:46.680+01:00";
    for (size_t length = 0; length < sizeof whole; length++) {
        char *copy = malloc(length + 1);
        memcpy(copy, whole, length);
        char *exact = realloc(copy, length ? length : 1);
        mt_csv_date_time(exact, length, &value);
        free(exact);
    }
}

/* Against the C library's calendar, over the years that 64 bits of nanoseconds hold. */
static void test_random_dates(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 20000; i++) {
        time_t seconds = (time_t)below(&seed, UINT64_C(18000000000)) - INT64_C(9000000000);
        int64_t nanoseconds = (int64_t)below(&seed, (uint64_t)SECOND);
        struct tm date;
        char text[80], day[40];
        assert_non_null(gmtime_r(&seconds, &date));
        strftime(day, sizeof day, i % 2 ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &date);
        snprintf(text, sizeof text, "%s.%09" PRId64 "%s", day, nanoseconds, i % 3 ? "" : "Z");
        assert_date(text, seconds, nanoseconds);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),        cmocka_unit_test(test_what_is_no_number),
        cmocka_unit_test(test_random_numbers), cmocka_unit_test(test_another_locale),
        cmocka_unit_test(test_integers),       cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_dates),          cmocka_unit_test(test_what_is_no_date),
        cmocka_unit_test(test_random_dates),
    };
    return cmocka_run_group_tests_name("csv_field", tests, NULL, NULL);
}
