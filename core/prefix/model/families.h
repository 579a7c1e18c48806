/* Families: chains whose times hang together.
 *
 * A chain that goes on, soon, from what another one had touched shortly before is of that one's
 * family: agents and their sub-agents, a question asked again, readers of one document. So are
 * those that go on from it in turn. What everybody goes on from, a hot system prompt, makes no
 * family: whoever comes, somebody was there shortly before. Most chains are families of their own.
 *
 * Families keep their times among themselves, or nearly, and may be moved as one. *Soon* is within so
 * many requests that what is not tied may move by little against the time between. For the model's
 * learner and who makes requests after it. */
#ifndef MT_PREFIX_MODEL_FAMILIES_H
#define MT_PREFIX_MODEL_FAMILIES_H

#include "base/error.h"
#include "prefix/model/model.h"

/* The family of each chain: families[c], for c below chain_count, is the number of its first chain.
 * MT_ERROR_MEMORY. */
mt_code mt_model_families(const mt_model *model, uint32_t *families, mt_error *error);

/* The same of all chains of which one goes on from another, however long after: the families of
 * their families. What everybody goes on from makes none here either. */
mt_code mt_model_trees(const mt_model *model, uint32_t *trees, mt_error *error);

/* The sorts of families. Those of one sort may change places within a stretch of the trace. From
 * MT_FAMILY_LONG on a sort is of families that last about equally long, within a factor of two:
 * which of them begins when makes little difference to how many there are at once. */
enum { MT_FAMILY_SINGLE /* one chain of one turn */, MT_FAMILY_LONG };

/* Of which sort each chain's family is: sorts[0..chain_count). */
void mt_model_sort_families(const mt_model *model, const uint32_t *families, uint8_t *sorts);

/* Chains in a stretch, for families of that sort: where there are few chains 1, of single ones
 * 4. */
enum { MT_LONGEST_STRETCH = 96 };
size_t mt_model_stretch(const mt_model *model, uint8_t sort);

#endif
