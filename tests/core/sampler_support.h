/* A sampler of a radix tree, and its next request. */
#ifndef SAMPLER_SUPPORT_H
#define SAMPLER_SUPPORT_H

#include "prefix/radix/radix.h"

#include "radix_support.h"

static const mt_synthesis_options plain_options = {
    .seed = 1, .block_size = BLOCK, MT_SYNTHESIS_PLAIN};

static inline mt_radix_sampler *sampler_of(const mt_radix *radix,
                                           const mt_synthesis_options *options) {
    mt_error error = {0};
    mt_radix_sampler *sampler = mt_radix_sampler_new(radix, options, &error);
    assert_string_equal(error.message, "");
    assert_non_null(sampler);
    return sampler;
}

static inline void next(mt_radix_sampler *sampler, mt_synthetic *request) {
    mt_error error = {0};
    mt_code code = mt_radix_sampler_next(sampler, request, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(code, MT_OK);
}

/* A trace in which much is shared; of eight requests one has no blocks. */
static inline mt_radix *random_tree(uint64_t random, size_t requests, uint64_t ids) {
    mt_radix *radix = mt_radix_new(BLOCK, 0, NULL);
    for (size_t r = 0; r < requests; r++) {
        uint64_t list[8];
        size_t count = (size_t)below(&random, 8);
        for (size_t i = 0; i < count; i++)
            list[i] = below(&random, ids);
        mt_request request =
            request_of(list, count, 1 + below(&random, BLOCK), below(&random, 300));
        assert_int_equal(mt_radix_add(radix, &request, NULL), MT_OK);
    }
    assert_int_equal(mt_radix_finish(radix, NULL), MT_OK);
    return radix;
}

#endif
