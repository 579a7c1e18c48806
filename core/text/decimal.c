#include "text/json.h"

/* The largest exponent that is counted. It is beyond any number of digits that a line can hold, so
 * a larger one compares the same. */
#define EXPONENT_LIMIT ((int64_t)1 << 40)

/* A number's text taken apart: its significant digits (leading zeros dropped) and the power of ten
 * that they are a multiple of. */
typedef struct parts {
    int negative;
    const char *digits, *end; /* the '.' may be among them */
    int64_t count;            /* significant digits */
    int64_t exponent;         /* the number is digits * 10^exponent */
} parts;

static int64_t read_exponent(const char *at, const char *end) {
    int negative = *at == '-';
    int64_t exponent = 0;
    if (*at == '-' || *at == '+')
        at++;
    for (; at < end && exponent < EXPONENT_LIMIT; at++)
        exponent = 10 * exponent + (*at - '0');
    return negative ? -exponent : exponent;
}

static void take_apart(const char *text, const char *end, parts *number) {
    int after_point = 0;
    number->negative = *text == '-';
    number->digits = NULL;
    number->count = number->exponent = 0;
    const char *at = text + number->negative;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            after_point = 1;
            continue;
        }
        if (!number->digits && *at != '0')
            number->digits = at;
        number->count += number->digits != NULL;
        number->exponent -= after_point;
    }
    number->end = at;
    if (at < end)
        number->exponent += read_exponent(at + 1, end);
}

int mt_decimal_scan(const char *text, size_t length, int scale, mt_decimal *decimal) {
    enum { MOST_DIGITS = 20 };
    mt_json json = {text, text + length, NULL};
    parts number;
    if (mt_json_number(&json, text) != json.end)
        return -1;
    take_apart(text, json.end, &number);
    *decimal = (mt_decimal){0, 0, 1};
    if (number.count == 0)
        return 0;
    int64_t whole = number.count + number.exponent + scale; /* digits before the point */
    if (whole > MOST_DIGITS)
        return -2;
    uint64_t value = 0;
    int64_t taken = 0;
    int round_up = 0;
    for (const char *at = number.digits; at < number.end; at++) {
        if (*at == '.')
            continue;
        unsigned digit = (unsigned)(*at - '0');
        if (taken < whole) {
            if (__builtin_mul_overflow(value, 10, &value) ||
                __builtin_add_overflow(value, digit, &value))
                return -2;
        } else {
            if (taken == whole)
                round_up = digit >= 5;
            if (digit != 0)
                decimal->exact = 0;
        }
        taken++;
    }
    for (; taken < whole; taken++)
        if (__builtin_mul_overflow(value, 10, &value))
            return -2;
    if (__builtin_add_overflow(value, (uint64_t)round_up, &value))
        return -2;
    decimal->magnitude = value;
    decimal->negative = number.negative && value != 0;
    return 0;
}

int mt_decimal_whole(const char *text, size_t length, int scale, int64_t *value) {
    mt_decimal decimal;
    int status = mt_decimal_scan(text, length, scale, &decimal);
    if (status != 0)
        return status;
    if (decimal.magnitude > (uint64_t)INT64_MAX + (unsigned)decimal.negative)
        return -2;
    *value = (int64_t)(decimal.negative ? 0 - decimal.magnitude : decimal.magnitude);
    return 0;
}
