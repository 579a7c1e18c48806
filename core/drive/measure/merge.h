/* Runs of the shards of one load as one file of lines. */
#ifndef MT_DRIVE_MEASURE_MERGE_H
#define MT_DRIVE_MEASURE_MERGE_H

#include "drive/measure/requests.h"

/* Writes the lines of all rows, which stand in paths[part], in the order in which the requests
 * ended (those that were never sent by their due times, those without any last), each with its part
 * as the member "shard". MT_ERROR_INPUT where a line is not as we write it or the file has changed;
 * MT_ERROR_IO, MT_ERROR_MEMORY, MT_ERROR_INTERRUPTED. */
mt_code mt_merge_write(const mt_run_requests *requests, const char *const *paths, size_t path_count,
                       mt_output *output, mt_error *error);

/* Writes lines of `count` requests of a part of which nothing else is known than that they were not
 * sent; why: without quotes or escapes. */
mt_code mt_merge_write_missing(mt_output *output, uint32_t part, uint64_t count, const char *why,
                               mt_error *error);

#endif
