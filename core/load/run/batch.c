#include "load/run/batch.h"

#include "base/memory.h"

mt_code mt_run_batch_open(mt_run_batch *batch, size_t limit, mt_error *error) {
    batch->limit = limit;
    batch->drafts = mt_allocate(limit, sizeof *batch->drafts);
    return batch->drafts ? MT_OK : mt_fail_memory(error, "run");
}

mt_code mt_run_batch_make_room(mt_run_batch *batch, mt_error *error) {
    if (MT_GROW(batch->ids, batch->id_capacity, batch->shared.keys.count) != 0)
        return mt_fail_memory(error, "hash ids");
    return MT_OK;
}

static int is_fresh(mt_key key) {
    return (key.low | key.high) == 0;
}

size_t mt_run_batch_keys(const mt_run_batch *batch) {
    const mt_key_list *keys = &batch->shared.keys;
    size_t count = 0;
    for (size_t i = 0; i < keys->count; i++)
        count += !is_fresh(keys->keys[i]);
    return count;
}

/* How many drafts ahead a chain's first keys are fetched, and how many of them: where it parts from
 * those before is seldom later. */
enum { DRAFTS_AHEAD = 16, KEYS_AHEAD = 2 };

static void expect_keys(const mt_ids *ids, const mt_draft *draft, const mt_key *keys) {
    for (size_t i = 0; i < draft->blocks && i < KEYS_AHEAD; i++)
        mt_ids_expect(ids, keys[i]);
}

/* Of a chain at a time, and of all the keys between two chains. */
void mt_run_batch_number(mt_run_batch *batch, mt_ids *ids) {
    const mt_key *keys = batch->shared.keys.keys;
    size_t done = 0, at = 0, ahead = 0, ahead_at = 0;
    mt_error *failure = &batch->failure;
    mt_code code = MT_OK;
    for (size_t i = 0; code == MT_OK && i < batch->count; i++) {
        const mt_draft *draft = &batch->drafts[i];
        for (; ahead < batch->count && ahead < i + DRAFTS_AHEAD; ahead++) {
            expect_keys(ids, &batch->drafts[ahead], keys + ahead_at);
            ahead_at += batch->drafts[ahead].blocks;
        }
        if (draft->is_chain) {
            code = mt_ids_of(ids, keys + done, at - done, batch->ids + done, failure);
            if (code == MT_OK)
                code = mt_ids_of_chain(ids, keys + at, draft->blocks, batch->ids + at, failure);
            done = at + draft->blocks;
        }
        at += draft->blocks;
    }
    if (code == MT_OK)
        mt_ids_of(ids, keys + done, at - done, batch->ids + done, failure);
}

void mt_run_batch_number_live(mt_run_batch *batch) {
    const mt_key_list *keys = &batch->shared.keys;
    if (batch->count == 0)
        return;
    mt_random *draws = &batch->drafts->lane->block_draws;
    mt_random_seek(draws, batch->drafts->event.item);
    for (size_t i = 0; i < keys->count; i++) {
        mt_key key = keys->keys[i];
        batch->ids[i] = (is_fresh(key) ? mt_random_u64(draws) : key.low) >> 1;
    }
}

void mt_run_batch_close(mt_run_batch *batch) {
    mt_free(batch->drafts);
    mt_free(batch->shared.keys.keys);
    mt_free(batch->shared.text.bytes);
    mt_free(batch->ids);
}
