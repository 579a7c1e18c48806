/* Prefix ids 0, 1, 2, ... by first appearance for ids of any kind: hash/ids.h over whole prompts.
 * Private to this room. */
#ifndef MT_TRACE_STEP_PREFIX_IDS_H
#define MT_TRACE_STEP_PREFIX_IDS_H

#include "hash/ids.h"
#include "trace/record.h"

/* Zero it, start it, free it. */
typedef struct mt_prefix_ids {
    mt_ids *ids;
    mt_key *keys;
    uint64_t *numbers; /* of the last prompt */
    size_t key_capacity, number_capacity;
} mt_prefix_ids;

mt_code mt_prefix_ids_start(mt_prefix_ids *numbering, mt_error *error);

/* Gives the request's hash_ids their numbers; valid until the next call. */
mt_code mt_number_prompt(mt_prefix_ids *numbering, mt_request *request, mt_error *error);

/* The same for a prompt of `count` blocks that begins with the blocks known[0..known_count), which
 * were numbered before; the others cannot come back. */
mt_code mt_number_turn(mt_prefix_ids *numbering, const uint64_t *known, size_t known_count,
                       size_t count, mt_request *request, mt_error *error);

void mt_prefix_ids_free(mt_prefix_ids *numbering);

#endif
