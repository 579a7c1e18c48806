/* Models learnt from small traces, for the tests of what is done with them. */
#ifndef LEARNED_SUPPORT_H
#define LEARNED_SUPPORT_H

#include "prefix_support.h"

#include "prefix/model/model.h"

/* A request a millisecond; times of the requests are not looked at. */
static inline mt_model *learn(const mt_request *requests, size_t count, uint64_t block_size) {
    mt_error error = {0};
    mt_learner *learner = mt_learner_new(block_size, NULL);
    assert_non_null(learner);
    for (size_t i = 0; i < count; i++) {
        mt_request request = requests[i];
        request.has |= MT_HAS_TIME;
        request.time_ns = (int64_t)i * 1000000;
        if (mt_learner_add(learner, &request, &error) != MT_OK)
            fail_msg("%s", error.message);
    }
    mt_model *model = mt_learner_finish(learner, &error);
    if (!model)
        fail_msg("%s", error.message);
    mt_learner_free(learner);
    return model;
}

/* Of a random trace of 120 requests, some of them without an output. */
static inline mt_model *random_model(uint64_t seed, plain_trace *trace) {
    mt_request requests[TRACE_REQUESTS];
    make_plain_trace(trace, IDS_BY_APPEARANCE, &seed);
    for (size_t i = 0; i < TRACE_REQUESTS; i++) {
        requests[i] = plain_request(trace, i);
        requests[i].output_length = i;
        if (i % 3 == 0)
            requests[i].has &= ~(unsigned)MT_HAS_OUTPUT_LENGTH;
    }
    return learn(requests, TRACE_REQUESTS, TRACE_BLOCK_SIZE);
}

#endif
