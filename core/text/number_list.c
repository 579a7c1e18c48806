#include "text/number_list.h"

#include "base/processor.h"
#include "text/marks.h"

/* Of some bytes of a list, up to its ']' or all 64: where numbers start and end, or that these are
 * not the plain ones. */
typedef struct places {
    uint64_t starts, ends;
    int is_plain, is_closed, is_spaced;
} places;

static inline __attribute__((always_inline)) int has_nine_digits(uint64_t digits) {
    uint64_t two = digits & digits >> 1, four = two & two >> 2, eight = four & four >> 4;
    return (eight & digits >> 8) != 0;
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
    return found;
}

/* By whichever way of finding the marks. */
static inline __attribute__((always_inline)) const char *
read_by(mt_marks (*marks_of)(const char *), mt_number_list *list, const char *at) {
    size_t count = list->count;
    while (!list->is_closed && list->capacity - count >= MT_NUMBERS_AT_ONCE) {
        mt_marks marks = marks_of(at);
        places found = find(&marks);
        if (!found.is_plain)
            break;
        unsigned end = 0;
        /* 64 bytes without nine digits side by side have an end. */
        for (; found.ends; found.ends &= found.ends - 1, found.starts &= found.starts - 1) {
            unsigned start = (unsigned)__builtin_ctzll(found.starts);
            end = (unsigned)__builtin_ctzll(found.ends);
            list->values[count++] = mt_digits_value(mt_load_word(at + start), end - start);
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

#ifdef MT_HAS_AVX2
/* bmi: the loop over bits is four operations shorter a number. */
__attribute__((target("avx2,bmi"))) static const char *read_by_avx2(mt_number_list *list,
                                                                    const char *at) {
    return read_by(mt_marks_by_avx2, list, at);
}
#endif

const char *mt_number_list_read(mt_number_list *list, const char *at) {
#ifdef MT_HAS_AVX2
    if (mt_processor_has_avx2())
        return read_by_avx2(list, at);
#endif
    return read_by(mt_marks_of, list, at);
}
