/* Ids of chains, in a halved table.
 *
 * The keys of a chain that are new when it comes lie one after the other. Only the first of them
 * gets a slot: whoever comes to one of the others has come to the key before it, whose neighbour it
 * is. So a slot is taken for each chain that is new in part, and none for the blocks after the
 * place where it parts from all others. */
#include "base/interrupt.h"
#include "hash/ids_state.h"

void mt_ids_expect(const mt_ids *ids, mt_key key) {
    __builtin_prefetch((const uint64_t *)ids->slots.data + mt_ids_home(ids, key), 1);
}

/* Places of the chain's leading keys that are known: fills out with their ids, and returns how
 * many. */
static size_t follow(const mt_ids *ids, const mt_key *keys, size_t count, uint64_t *out,
                     uint64_t *slot) {
    uint64_t place = UINT64_MAX;
    size_t i = 0;
    for (; i < count && !mt_ids_is_fresh(keys[i]); i++) {
        uint64_t neighbour = place + 1; /* 0 before the first key: the oldest key of all */
        if (neighbour < ids->remembered && mt_ids_low(ids, neighbour) == keys[i].low) {
            place = neighbour;
        } else {
            *slot = mt_ids_home(ids, keys[i]);
            place = mt_ids_find(ids, keys[i], slot);
            if (place == UINT64_MAX)
                break;
        }
        out[i] = mt_ids_number(ids, place);
    }
    return i;
}

mt_code mt_ids_of_chain(mt_ids *ids, const mt_key *keys, size_t count, uint64_t *out,
                        mt_error *error) {
    mt_code code = mt_poll_interrupt(error);
    if (code || (code = mt_ids_make_room(ids, count, 1, error)))
        return code;
    uint64_t slot = 0;
    size_t i = follow(ids, keys, count, out, &slot);
    if (i < count && !mt_ids_is_fresh(keys[i]))
        mt_ids_set_slot(ids, slot, keys[i], ids->remembered);
    for (; i < count && !mt_ids_is_fresh(keys[i]); i++) {
        out[i] = ids->count;
        mt_ids_append(ids, keys[i]);
    }
    for (; i < count; i++)
        out[i] = ids->count++;
    return MT_OK;
}
