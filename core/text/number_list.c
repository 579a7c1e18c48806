#include "text/number_list.h"

#include "base/processor.h"
#include "text/marks.h"

/* Of eight digits at most, or of any length. */
typedef enum lengths { SHORT, ANY } lengths;

/* Of some bytes of a list, up to its ']' or all 64: where numbers start and end, or that these are
 * not the plain ones of at most eight digits; and whether they are plain all the same. */
typedef struct places {
    uint64_t starts, ends;
    int is_plain, is_plain_or_long, is_closed, is_spaced;
    int is_sure; /* whatever the numbers are, they are read and written back as they stand here */
} places;

static inline __attribute__((always_inline)) int has_nine_digits(uint64_t digits) {
    uint64_t two = digits & digits >> 1, four = two & two >> 2, eight = four & four >> 4;
    return (eight & digits >> 8) != 0;
}

/* More digits side by side than fit 64 bits whatever they are. */
static inline __attribute__((always_inline)) int has_twenty_digits(uint64_t digits) {
    uint64_t two = digits & digits >> 1, four = two & two >> 2, eight = four & four >> 4;
    return (eight & eight >> 8 & four >> 16) != 0;
}

static inline __attribute__((always_inline)) places find(const mt_marks *marks) {
    uint64_t closing = marks->closings & (0 - marks->closings);
    uint64_t seen = closing ? closing | (closing - 1) : UINT64_MAX;
    uint64_t commas = marks->commas & seen, spaces = marks->spaces & seen;
    uint64_t digits = marks->digits & seen, behind = commas << 1;
    places found = {.starts = (1 | (behind & ~spaces) | spaces << 1) & seen,
                    .ends = commas | closing,
                    .is_closed = closing != 0,
                    .is_spaced = behind == spaces};
    uint64_t wrong = (seen & ~(digits | commas | spaces | closing)) | (spaces & ~behind) |
                     (found.starts & ~digits) | (found.starts & marks->zeros & digits >> 1);
    found.is_plain = wrong == 0 && !has_nine_digits(digits);
    found.is_plain_or_long = wrong == 0;
    found.is_sure = wrong == 0 && found.is_spaced && !has_twenty_digits(digits);
    return found;
}

/* The number of 9 to 20 digits from `at` to `end`: eight digits at a time, from the last on. 0 when
 * it does not fit 64 bits. */
static int long_value(const char *at, const char *end, uint64_t *value) {
    uint64_t eight = 100000000, low = mt_digits_value(mt_load_word(end - 8), 8);
    unsigned rest = (unsigned)(end - at) - 8;
    if (rest <= 8) {
        *value = mt_digits_value(mt_load_word(at), rest) * eight + low;
        return 1;
    }
    low += mt_digits_value(mt_load_word(end - 16), 8) * eight;
    return !__builtin_mul_overflow(mt_digits_value(mt_load_word(at), rest - 8), eight * eight,
                                   value) &&
           !__builtin_add_overflow(*value, low, value);
}

/* Takes the numbers that end in the 64 bytes at `at`, whatever lengths they have; the bit of the
 * last end. -1 when there is none, or one does not fit. */
static int take_any(uint64_t starts, uint64_t ends, const char *at, uint64_t *values,
                    size_t *count) {
    int end = -1;
    size_t taken = *count;
    for (; ends; ends &= ends - 1, starts &= starts - 1) {
        const char *first = at + __builtin_ctzll(starts), *after;
        end = __builtin_ctzll(ends);
        after = at + end;
        if (after - first <= 8)
            values[taken] = mt_digits_value(mt_load_word(first), (unsigned)(after - first));
        else if (after - first > 20 || !long_value(first, after, &values[taken]))
            return -1;
        taken++;
    }
    *count = taken;
    return end;
}

/* By whichever way of finding the marks; `taken`: which numbers it takes. */
static inline __attribute__((always_inline)) const char *
read_by(mt_marks (*marks_of)(const char *), lengths taken, mt_number_list *list, const char *at) {
    size_t count = list->count;
    while (!list->is_closed && list->capacity - count >= MT_NUMBERS_AT_ONCE) {
        mt_marks marks = marks_of(at);
        places found = find(&marks);
        unsigned end = 0;
        if (!(taken == SHORT ? found.is_plain : found.is_plain_or_long))
            break;
        if (taken == ANY) {
            int last = take_any(found.starts, found.ends, at, list->values, &count);
            if (last < 0)
                break;
            end = (unsigned)last;
        } else {
            /* 64 bytes without nine digits side by side have an end. */
            for (; found.ends; found.ends &= found.ends - 1, found.starts &= found.starts - 1) {
                unsigned start = (unsigned)__builtin_ctzll(found.starts);
                end = (unsigned)__builtin_ctzll(found.ends);
                list->values[count++] = mt_digits_value(mt_load_word(at + start), end - start);
            }
        }
        at += end + 1;
        list->is_closed = found.is_closed;
        if (!found.is_closed && *at == ' ')
            at++;
        else if (!found.is_closed)
            found.is_spaced = 0;
        list->is_spaced &= found.is_spaced;
    }
    list->count = count;
    return at;
}

static inline __attribute__((always_inline)) const char *pass_by(mt_marks (*marks_of)(const char *),
                                                                 const char *at, size_t *count) {
    for (size_t passed = 0;;) {
        mt_marks marks = marks_of(at);
        places found = find(&marks);
        if (!found.is_sure || found.ends == 0)
            return NULL;
        passed += (unsigned)__builtin_popcountll(found.ends);
        at += 64 - __builtin_clzll(found.ends);
        if (found.is_closed) {
            *count = passed;
            return at;
        }
        if (*at++ != ' ')
            return NULL;
    }
}

#ifdef MT_HAS_AVX2
/* bmi: the loop over bits is four operations shorter a number. */
__attribute__((target("avx2,bmi"))) static const char *read_by_avx2(mt_number_list *list,
                                                                    const char *at) {
    return read_by(mt_marks_by_avx2, SHORT, list, at);
}

__attribute__((target("avx2,bmi"))) static const char *read_any_by_avx2(mt_number_list *list,
                                                                        const char *at) {
    return read_by(mt_marks_by_avx2, ANY, list, at);
}

__attribute__((target("avx2,bmi,popcnt,lzcnt"))) static const char *pass_by_avx2(const char *at,
                                                                                 size_t *count) {
    return pass_by(mt_marks_by_avx2, at, count);
}
#endif

/* A list is read as one of short numbers as long as it is, for those take less, and then to its end
 * as one of any. */
const char *mt_number_list_read(mt_number_list *list, const char *at) {
#ifdef MT_HAS_AVX2
    if (mt_processor_has_avx2()) {
        at = read_by_avx2(list, at);
        return list->is_closed ? at : read_any_by_avx2(list, at);
    }
#endif
    at = read_by(mt_marks_of, SHORT, list, at);
    return list->is_closed ? at : read_by(mt_marks_of, ANY, list, at);
}

const char *mt_number_list_pass(const char *at, size_t *count) {
#ifdef MT_HAS_AVX2
    if (mt_processor_has_avx2())
        return pass_by_avx2(at, count);
#endif
    return pass_by(mt_marks_of, at, count);
}
