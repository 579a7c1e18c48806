/* What the tests of the radix tree and of its sampler share: trees from lists of ids. */
#ifndef RADIX_SUPPORT_H
#define RADIX_SUPPORT_H

#include "prefix/radix/radix.h"
#include "trace_support.h"

enum { BLOCK = 512 };

typedef struct id_list {
    size_t count;
    uint64_t ids[8];
} id_list;

#define LIST(...)                                                                                  \
    {                                                                                              \
        .count = sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), .ids = { __VA_ARGS__ }      \
    }

/* A request of those blocks, the last one holding `remainder` tokens. */
static inline mt_request request_of(const uint64_t *ids, size_t count, uint64_t remainder,
                                    uint64_t output) {
    return (mt_request){.has = MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_HASH_IDS,
                        .input_length = count > 0 ? (count - 1) * BLOCK + remainder : remainder,
                        .output_length = output,
                        .hash_ids = ids,
                        .hash_count = count,
                        .line = 7};
}

/* A finished tree of the lists. Request i has 1 + i tokens in its last block, and an OSL of i. */
static inline mt_radix *radix_of(const id_list *lists, size_t count, uint64_t block_size, int raw) {
    mt_radix *radix = mt_radix_new(block_size, raw, NULL);
    assert_non_null(radix);
    for (size_t i = 0; i < count; i++) {
        mt_request request = request_of(lists[i].ids, lists[i].count, 1 + i, i);
        assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    }
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    return radix;
}

/* Lists `[0,1] [0,1,2,3,4] [0,1,2,3,4,5,6] [7,8] [7,8,9,10] [11,12]`. */
static const id_list structure_lists[] = {
    LIST(0, 1), LIST(0, 1, 2, 3, 4), LIST(0, 1, 2, 3, 4, 5, 6),
    LIST(7, 8), LIST(7, 8, 9, 10),   LIST(11, 12)};

/* Lists `[0,1,2,3] [0,1] [0,1,2] [0,4,5]`: core 0, 1, 2, tails of 1 and of 2. */
static const id_list worked_lists[] = {LIST(0, 1, 2, 3), LIST(0, 1), LIST(0, 1, 2), LIST(0, 4, 5)};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif
