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

mt_span mt_csv_with_point(mt_span text, int is_whole, char copy[MT_CSV_COPY]) {
    enum { THOUSANDS = 3 };
    trim(&text.text, &text.length);
    const char *comma = text.length <= MT_CSV_COPY ? memchr(text.text, ',', text.length) : NULL;
    if (!comma || memchr(text.text, '.', text.length))
        return text;
    size_t at = (size_t)(comma - text.text),
           decimals = count_digits(comma + 1, text.length - at - 1);
    if (at == 0 || !is_digit(comma[-1]) || decimals == 0 || (is_whole && decimals == THOUSANDS))
        return text;
    memcpy(copy, text.text, text.length);
    copy[at] = '.';
    return (mt_span){copy, text.length};
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

/* Day 1 of the ISO week-numbering year: the Monday of the week with January 4. */
static int64_t first_monday(int64_t year) {
    int64_t fourth = days_since_1970(year, 1, 4);
    return fourth - ((fourth + 3) % 7 + 7) % 7; /* 1970 began with a Thursday */
}

/* "W46-4" or "W464", after the year. */
static int read_week(cursor *text, int64_t year, int has_dash, int64_t *days) {
    int64_t week, day;
    if (!skip(text, 'W') || !read_digits(text, 2, 1, 53, &week) || skip(text, '-') != has_dash ||
        !read_digits(text, 1, 1, 7, &day))
        return 0;
    *days = first_monday(year) + 7 * (week - 1) + day - 1;
    return week < 53 || *days < first_monday(year + 1);
}

static int read_date(cursor *text, int64_t *days) {
    int64_t year, month, day;
    if (!read_digits(text, 4, 0, 9999, &year))
        return 0;
    int has_dash = skip(text, '-'), has_slash = !has_dash && skip(text, '/');
    if (text->at < text->end && *text->at == 'W')
        return !has_slash && read_week(text, year, has_dash, days);
    size_t digits = count_digits(text->at, (size_t)(text->end - text->at));
    if (!has_slash && digits == 3) {
        *days = days_since_1970(year, 1, 1) - 1;
        int64_t most = days_since_1970(year, 12, 31) - *days;
        if (!read_digits(text, 3, 1, (int)most, &day))
            return 0;
        *days += day;
        return 1;
    }
    if (!read_digits(text, 2, 1, 12, &month) || skip(text, '-') != has_dash ||
        skip(text, '/') != has_slash || !read_digits(text, 2, 1, days_in_month(year, month), &day))
        return 0;
    *days = days_since_1970(year, month, day);
    return 1;
}

/* The decimals after the point or comma, one at least, in parts of 10^9. */
static int read_fraction(cursor *text, int64_t *parts) {
    size_t count = count_digits(text->at, (size_t)(text->end - text->at));
    *parts = 0;
    for (size_t i = 0; i < NANOSECOND_DIGITS; i++)
        *parts = 10 * *parts + (i < count ? text->at[i] - '0' : 0);
    *parts += count > NANOSECOND_DIGITS && text->at[NANOSECOND_DIGITS] >= '5';
    text->at += count;
    return count > 0;
}

/* Hours, and minutes and seconds behind them if they are there, with colons or all without. */
static int read_time_of_day(cursor *text, int64_t *seconds, int64_t *nanoseconds) {
    static const int highest[] = {24, 59, 60}, unit[] = {3600, 60, 1};
    int64_t part, parts;
    int has_colon = 0, i = 0;
    *seconds = 0;
    for (;;) {
        if (!read_digits(text, 2, 0, highest[i], &part))
            return 0;
        *seconds += part * unit[i];
        if (i == 2 || text->at == text->end)
            break;
        if (i == 0)
            has_colon = skip(text, ':');
        else if (has_colon && !skip(text, ':'))
            break;
        if (!has_colon && !is_digit(*text->at))
            break;
        i++;
    }
    if (skip(text, '.') || skip(text, ',')) {
        if (!read_fraction(text, &parts))
            return 0;
        *seconds += parts / SECOND * unit[i] + parts % SECOND * unit[i] / SECOND;
        *nanoseconds = parts % SECOND * unit[i] % SECOND;
    }
    return *seconds <= 86400 + (*nanoseconds == 0 ? 0 : -1);
}

/* What the zone adds to UTC. No zone is UTC. */
static int read_zone(cursor *text, int64_t *seconds) {
    int64_t hours, minutes = 0;
    skip(text, ' ');
    *seconds = 0;
    if (text->at == text->end || skip(text, 'Z') || skip(text, 'z'))
        return 1;
    if (text->end - text->at == 3 &&
        (memcmp(text->at, "UTC", 3) == 0 || memcmp(text->at, "GMT", 3) == 0)) {
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
    if ((skip(&at, 'T') || skip(&at, 't') || skip(&at, ' ')) &&
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
