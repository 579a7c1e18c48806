/* What everything that looks at a trace's prefixes asks of a request: both lengths, and as many
 * blocks as the input length makes. */
#ifndef MT_PREFIX_BLOCK_CHECK_H
#define MT_PREFIX_BLOCK_CHECK_H

#include "trace/blocks.h"

/* A request without input_length, or output_length if it is needed, or with ids that are not
 * ceil(input_length / block_size) of them, is MT_ERROR_INPUT with the request's line and the
 * member's name in the message (source left empty), and a block size that would fit where a common
 * one does. hash_ids may be empty or absent. `needed_by` is who asks, as the message names it: "the
 * analysis". */
mt_code mt_check_request(const mt_request *request, uint64_t block_size, int needs_output,
                         const char *needed_by, mt_error *error);

/* A request without a timestamp, or with one earlier than last_ns, nanoseconds of the request
 * before it (INT64_MIN: there is none), is MT_ERROR_INPUT in the same manner. */
mt_code mt_check_time(const mt_request *request, int64_t last_ns, const char *needed_by,
                      mt_error *error);

#endif
