/* A batch of a run's requests: as drafts first, then their blocks get ids. Between the two nothing of it is the
 * run's: the ids may be given in a thread, which knows the table of ids and the batch, and no more. */
#ifndef MT_LOAD_RUN_BATCH_H
#define MT_LOAD_RUN_BATCH_H

#include "hash/ids.h"
#include "load/run/draft.h"

/* Zero it, open it, close it. */
typedef struct mt_run_batch {
    mt_draft *drafts;
    size_t limit, count; /* of them */
    mt_drafts shared;    /* what they share, set by the caller but for keys and text */
    uint64_t *ids;       /* one a key */
    size_t id_capacity;
    mt_error failure; /* in making it: none of its requests is to be handed out */
} mt_run_batch;

/* Room for `limit` drafts. */
mt_code mt_run_batch_open(mt_run_batch *batch, size_t limit, mt_error *error);

/* Room for the ids of the drafts that were made. */
mt_code mt_run_batch_make_room(mt_run_batch *batch, mt_error *error);

/* How many of its keys are to be looked up. */
size_t mt_run_batch_keys(const mt_run_batch *batch);

/* Fills the ids, for which there is room, by the table. A failure is the batch's. */
void mt_run_batch_number(mt_run_batch *batch, mt_ids *ids);

/* The same for a live run's one request: ids that are the same whenever it comes. */
void mt_run_batch_number_live(mt_run_batch *batch);

void mt_run_batch_close(mt_run_batch *batch);

#endif
