#define _GNU_SOURCE /* strtod_l */
#include "base/span.h"
#include "text/csv_field.h"
#include "text/json.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NANOSECOND_DIGITS = 9 };
#define SECOND INT64_C(1000000000)

static int is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static void trim(const char **text, size_t *length) {
    mt_span trimmed = mt_span_trimmed((mt_span){*text, *length});
    *text = trimmed.text;
    *length = trimmed.length;
}

static size_t count_digits(const char *text, size_t length) {
    size_t count = 0;
    while (count < length && is_digit(text[count]))
        count++;
    return count;
}

/* ---- numbers ---- */

static int is_decimal(const char *text, size_t length) {
    size_t at = length > 0 && (text[0] == '+' || text[0] == '-');
    size_t digits = count_digits(text + at, length - at);
    at += digits;
    if (at < length && text[at] == '.') {
        size_t decimals = count_digits(text + at + 1, length - at - 1);
        at += 1 + decimals;
        digits += decimals;
    }
    if (digits == 0)
        return 0;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        at += at < length && (text[at] == '+' || text[at] == '-');
        digits = count_digits(text + at, length - at);
        if (digits == 0)
            return 0;
        at += digits;
    }
    return at == length;
}

/* Between two doubles at most 767 digits decide (subnormal ones). Longer texts, leading zeros
 * counted, are so rare that they are refused. */
enum { LONGEST_NUMBER = 1100 };

int mt_csv_number(const char *text, size_t length, double *value) {
    char copy[LONGEST_NUMBER + 1];
    trim(&text, &length);
    if (!is_decimal(text, length))
        return -1;
    if (length > LONGEST_NUMBER)
        return -2;
    memcpy(copy, text, length);
    copy[length] = '\0';
    /* The C locale needs no allocation. The program's own locale may have a comma for the point. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain)
        return -2;
    double number = strtod_l(copy, NULL, plain);
    freelocale(plain);
    if (!isfinite(number))
        return -2;
    *value = number;
    return 0;
}

int mt_csv_integer(const char *text, size_t length, int64_t *value) {
    trim(&text, &length);
    int is_negative = length > 0 && text[0] == '-';
    size_t at = is_negative || (length > 0 && text[0] == '+');
    size_t end = at + count_digits(text + at, length - at), zeros = end;
    if (end == at)
        return -1;
    if (zeros < length && text[zeros] == '.')
        for (zeros++; zeros < length && text[zeros] == '0';)
            zeros++;
    if (zeros < length)
        return -1;
    int64_t number = 0; /* counted downwards: there is one negative number more */
    for (; at < end; at++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, text[at] - '0', &number))
            return -2;
    if (!is_negative && __builtin_sub_overflow(0, number, &number))
        return -2;
    *value = number;
    return 0;
}

int mt_csv_nanoseconds(const char *text, size_t length, int digits, int64_t *nanoseconds) {
    trim(&text, &length);
    return mt_decimal_whole(text, length, digits, nanoseconds);
}

/* ---- dates ---- */

/* A position in the text. A step that does not find what it looks for leaves the position where it
 * is. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static int skip(cursor *text, char byte) {
    if (text->at == text->end || *text->at != byte)
        return 0;
    text->at++;
    return 1;
}

/* Exactly `count` digits whose value lies in [low, high]: 1 or 0. */
static int read_digits(cursor *text, size_t count, int low, int high, int64_t *value) {
    int64_t number = 0;
    if (count_digits(text->at, (size_t)(text->end - text->at)) < count)
        return 0;
    for (size_t i = 0; i < count; i++)
        number = 10 * number + (text->at[i] - '0');
    if (number < low || number > high)
        return 0;
    text->at += count;
    *value = number;
    return 1;
}

static int days_in_month(int64_t year, int64_t month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

/* Days from 1970-01-01 to the date: days_from_civil of Hinnant 2013, "chrono-Compatible Low-Level
 * Date Algorithms". The year begins in March there, so that a leap day is its last. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int read_date(cursor *text, int64_t *days) {
    int64_t year, month, day;
    if (!read_digits(text, 4, 0, 9999, &year) || !skip(text, '-') ||
        !read_digits(text, 2, 1, 12, &month) || !skip(text, '-') ||
        !read_digits(text, 2, 1, days_in_month(year, month), &day))
        return 0;
    *days = days_since_1970(year, month, day);
    return 1;
}

/* The decimals of a second after the point, one at least. */
static int read_fraction(cursor *text, int64_t *nanoseconds) {
    size_t count = count_digits(text->at, (size_t)(text->end - text->at));
    *nanoseconds = 0;
    for (size_t i = 0; i < NANOSECOND_DIGITS; i++)
        *nanoseconds = 10 * *nanoseconds + (i < count ? text->at[i] - '0' : 0);
    *nanoseconds += count > NANOSECOND_DIGITS && text->at[NANOSECOND_DIGITS] >= '5';
    text->at += count;
    return count > 0;
}

/* "hh:mm", "hh:mm:ss" or "hh:mm:ss.fraction". */
static int read_time_of_day(cursor *text, int64_t *seconds, int64_t *nanoseconds) {
    int64_t hour, minute, second = 0;
    if (!read_digits(text, 2, 0, 23, &hour) || !skip(text, ':') ||
        !read_digits(text, 2, 0, 59, &minute))
        return 0;
    if (skip(text, ':')) {
        if (!read_digits(text, 2, 0, 60, &second))
            return 0;
        if (skip(text, '.') && !read_fraction(text, nanoseconds))
            return 0;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return 1;
}

/* What the zone adds to UTC. No zone is UTC. */
static int read_zone(cursor *text, int64_t *seconds) {
    int64_t hours, minutes = 0;
    skip(text, ' ');
    *seconds = 0;
    if (text->at == text->end || skip(text, 'Z'))
        return 1;
    if (text->end - text->at == 3 && memcmp(text->at, "UTC", 3) == 0) {
        text->at = text->end;
        return 1;
    }
    int is_east = skip(text, '+');
    if (!is_east && !skip(text, '-'))
        return 0;
    if (!read_digits(text, 2, 0, 23, &hours))
        return 0;
    int has_colon = skip(text, ':');
    if ((has_colon || text->at < text->end) && !read_digits(text, 2, 0, 59, &minutes))
        return 0;
    *seconds = (is_east ? 1 : -1) * (hours * 3600 + minutes * 60);
    return 1;
}

int mt_csv_date_time(const char *text, size_t length, int64_t *nanoseconds) {
    int64_t days, seconds = 0, fraction = 0, zone = 0, value;
    trim(&text, &length);
    cursor at = {text, text + length};
    if (!read_date(&at, &days))
        return -1;
    if ((skip(&at, 'T') || skip(&at, ' ')) &&
        (!read_time_of_day(&at, &seconds, &fraction) || !read_zone(&at, &zone)))
        return -1;
    if (at.at != at.end)
        return -1;
    /* Before 1970 count backwards from the next second: the earliest instant that fits is not a
     * whole second. */
    seconds += days * 86400 - zone;
    int64_t borrowed = seconds < 0;
    if (__builtin_mul_overflow(seconds + borrowed, SECOND, &value) ||
        __builtin_add_overflow(value, fraction - borrowed * SECOND, &value))
        return -2;
    *nanoseconds = value;
    return 0;
}
