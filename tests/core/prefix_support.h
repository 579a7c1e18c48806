/* What the tests of the prefix room share: random traces of several kinds, kept as a whole, and
 * their blocks found by comparing paths. */
#ifndef PREFIX_SUPPORT_H
#define PREFIX_SUPPORT_H

#include "trace_support.h"

enum { TRACE_REQUESTS = 120, TRACE_BLOCKS = 12, TRACE_BLOCK_SIZE = 16 };

typedef struct plain_trace {
    uint64_t ids[TRACE_REQUESTS][TRACE_BLOCKS];
    size_t count[TRACE_REQUESTS];
    uint64_t input[TRACE_REQUESTS];
    /* Blocks by comparing whole paths: block[r][i] is the path ids[r][0..i], numbered by first
     * appearance; known[r] of them came before. */
    uint32_t block[TRACE_REQUESTS][TRACE_BLOCKS];
    size_t known[TRACE_REQUESTS];
    uint32_t parent[TRACE_REQUESTS * TRACE_BLOCKS];
    uint32_t blocks;
} plain_trace;

/* How ids are made of a request's blocks. */
typedef enum id_kind {
    IDS_BY_APPEARANCE, /* the format's rule */
    IDS_RENAMED,       /* one for each block, in no order */
    IDS_OF_CONTENT,    /* one may follow several */
    IDS_MIXED,         /* the format's rule, until one breaks it */
    ID_KINDS
} id_kind;

/* The block of the path ids[0..i] among the requests before r, or of r itself at i; -1: new. */
static inline int64_t plain_block(const plain_trace *trace, size_t r, size_t i) {
    for (size_t other = 0; other < r; other++)
        if (trace->count[other] > i &&
            memcmp(trace->ids[other], trace->ids[r], (i + 1) * sizeof(uint64_t)) == 0)
            return trace->block[other][i];
    return -1;
}

static inline void find_plain_blocks(plain_trace *trace) {
    trace->blocks = 0;
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        trace->known[r] = 0;
        for (size_t i = 0; i < trace->count[r]; i++) {
            int64_t block = plain_block(trace, r, i);
            if (block >= 0) {
                trace->block[r][i] = (uint32_t)block;
                trace->known[r] = i + 1;
                continue;
            }
            trace->parent[trace->blocks] = i > 0 ? trace->block[r][i - 1] : UINT32_MAX;
            trace->block[r][i] = trace->blocks++;
        }
    }
}

/* A prompt that begins as another one did and goes on by itself, or one of few contents. */
static inline void make_contents(plain_trace *trace, size_t r, id_kind kind, uint64_t *random) {
    size_t count = (size_t)below(random, TRACE_BLOCKS + 1), shared = 0;
    if (r > 0 && below(random, 4) > 0) {
        size_t back =
            below(random, 3) ? 1 + (size_t)below(random, 8) : 1 + (size_t)below(random, r);
        size_t other = back > r ? 0 : r - back;
        shared = (size_t)below(random, TRACE_BLOCKS + 1);
        shared = shared > trace->count[other] ? trace->count[other] : shared;
        memcpy(trace->ids[r], trace->ids[other], shared * sizeof(uint64_t));
        count = shared + (size_t)below(random, TRACE_BLOCKS - shared + 1);
    }
    uint64_t different = kind == IDS_OF_CONTENT ? 6 : 1u << 30;
    for (size_t i = shared; i < count; i++)
        trace->ids[r][i] = below(random, different);
    trace->count[r] = count;
}

static inline void make_plain_trace(plain_trace *trace, id_kind kind, uint64_t *random) {
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        make_contents(trace, r, kind, random);
        size_t count = trace->count[r];
        trace->input[r] = count ? count * TRACE_BLOCK_SIZE - below(random, TRACE_BLOCK_SIZE) : 5;
    }
    find_plain_blocks(trace);
    size_t renamed_from = kind == IDS_BY_APPEARANCE ? TRACE_REQUESTS : TRACE_REQUESTS / 2;
    for (size_t r = 0; kind == IDS_BY_APPEARANCE || kind == IDS_MIXED; r++) {
        if (r == renamed_from)
            break;
        for (size_t i = 0; i < trace->count[r]; i++)
            trace->ids[r][i] = trace->block[r][i];
    }
    for (size_t r = renamed_from; kind == IDS_MIXED && r < TRACE_REQUESTS; r++)
        for (size_t i = 0; i < trace->count[r]; i++)
            trace->ids[r][i] = i < trace->known[r] || r % 3 ? trace->block[r][i]
                                                            : (uint64_t)trace->block[r][i] << 33;
    find_plain_blocks(trace);
}

static inline mt_request plain_request(const plain_trace *trace, size_t r) {
    return (mt_request){.has = MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_HASH_IDS,
                        .input_length = trace->input[r],
                        .output_length = 1,
                        .hash_ids = trace->ids[r],
                        .hash_count = trace->count[r],
                        .line = r + 1};
}

#endif
