/* More sessions of the same kind in the same time. Private to this room. */
#ifndef MT_PREFIX_MODEL_COPIES_H
#define MT_PREFIX_MODEL_COPIES_H

#include "base/error.h"
#include "prefix/model/unfold.h"

/* Adds copies of all chains until there are `copies` of each, the chains that were there being the
 * first. A copy has blocks of its own, but for what many chains branch off (a system prompt), which
 * stays one. Chains that branch off each other otherwise are copied together, a *bundle*; bundles
 * that last about as long exchange their starts, and each copy comes a part of the time between two
 * bundles later than the one before, so that no two go on in step (but where there is one bundle).
 * MT_ERROR_VALUE for more than MT_KNOB_TURNS turns, MT_ERROR_MEMORY; *unfolded can only be freed
 * then. */
mt_code mt_copy_chains(mt_unfolded *unfolded, size_t copies, mt_error *error);

#endif
