/* What the tests of traces share: a small generator, texts with the bytes the scanner wants behind
 * them, and comparing requests. */
#ifndef TRACE_SUPPORT_H
#define TRACE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/record.h"
#include "trace/scanner.h"

enum { TEXT_SLACK = 64 };

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline uint64_t below(uint64_t *state, uint64_t bound) {
    return next_random(state) % bound;
}

/* A copy in memory of exactly the size the scanner may read, so that a sanitizer sees a byte more.
 */
static inline char *padded(const char *text, size_t length) {
    char *copy = malloc(length + TEXT_SLACK);
    assert_non_null(copy);
    memcpy(copy, text, length);
    memset(copy + length, '\n', TEXT_SLACK);
    return copy;
}

static inline void assert_span(mt_span span, const char *text) {
    assert_int_equal(span.length, strlen(text));
    assert_memory_equal(span.text, text, span.length);
}

static inline void assert_same_span(mt_span a, mt_span b) {
    assert_int_equal(a.length, b.length);
    if (a.length > 0)
        assert_memory_equal(a.text, b.text, a.length);
}

/* All but the line and the extra members. */
static inline void assert_same_fields(const mt_request *a, const mt_request *b) {
    assert_int_equal(a->has, b->has);
    assert_int_equal(a->time_ns, b->time_ns);
    assert_int_equal(a->delay_ns, b->delay_ns);
    assert_int_equal(a->input_length, b->input_length);
    assert_int_equal(a->output_length, b->output_length);
    assert_int_equal(a->hash_count, b->hash_count);
    if (a->hash_count > 0)
        assert_memory_equal(a->hash_ids, b->hash_ids, a->hash_count * sizeof *a->hash_ids);
    assert_same_span(a->session, b->session);
    assert_same_span(a->stream, b->stream);
}

static inline void assert_same_request(const mt_request *a, const mt_request *b) {
    assert_same_fields(a, b);
    assert_same_span(a->extra, b->extra);
}

#endif
