/* A model's chains as turns that can be changed, and a model of them again. Private to this room.
 *
 * Unfolded, a turn says of whose path its shared blocks are the beginning, and how many they are.
 * So paths need no ids: a turn's prompt is the first `shared` blocks of its trunk's prompt, and
 * then blocks of its own. Folding puts all turns in the order of their times, gives ids, and learns
 * from these requests as from a trace: distances, visits and whatever else a model knows of them
 * are those of the changed turns. Sessions are named, so who continues whom stays. */
#ifndef MT_PREFIX_MODEL_UNFOLD_H
#define MT_PREFIX_MODEL_UNFOLD_H

#include "base/error.h"
#include "prefix/model/model.h"

typedef struct mt_unfolded_turn {
    uint64_t tokens, output; /* as in mt_description */
    uint32_t shared, blocks; /* blocks that come from the trunk, and of the whole prompt */
    uint32_t trunk; /* a turn whose prompt has at least `shared` blocks; MT_NO_TURN: none */
    int64_t gap_ns; /* since the turn before; 0 for a chain's first */
} mt_unfolded_turn;

typedef struct mt_unfolded {
    uint64_t block_size;
    mt_model_answers answers;
    mt_unfolded_turn *turns; /* some may be in no chain: they are not made, but may be trunks */
    size_t turn_count;
    mt_model_chain *chains; /* as in the model: turns[first .. first + count), count >= 1 */
    size_t chain_count;
    uint32_t *order; /* all turns, each behind its trunk and behind the turn before */
} mt_unfolded;

/* *unfolded must be zero; free it with mt_unfolded_free, on failure too. MT_ERROR_VALUE when the
 * model does not know its chains. */
mt_code mt_unfold(const mt_model *model, mt_unfolded *unfolded, mt_error *error);

/* The model of the turns as they are now, with one reference; NULL on failure: MT_ERROR_VALUE for
 * times beyond 292 years, MT_ERROR_MEMORY, MT_ERROR_INTERRUPTED. Time and memory are those of
 * learning from a trace. */
mt_model *mt_fold(const mt_unfolded *unfolded, mt_error *error);

void mt_unfolded_free(mt_unfolded *unfolded);

#endif
