/* Traces that are put together: are they in blocks of one size? Ids of blocks of 16 tokens beside ids of
 * blocks of 64 make a trace that nothing can read. */
#ifndef MT_PREFIX_LINT_SAME_BLOCKS_H
#define MT_PREFIX_LINT_SAME_BLOCKS_H

#include "trace/source/source.h"

/* Puts a step on each of the sources, which passes requests on as they are and looks at the first
 * ones. A source's size is what its first request's member `block_size` says; else what fits the
 * hash_ids of all of its first prompts, up to 100, of which ten at least have several blocks. It is
 * not known otherwise: of a trace without ids, of few or short prompts, of ids that no size fits. As
 * soon as two sizes are known that cannot be one, the request fails with MT_ERROR_VALUE, naming both
 * sources, both sizes and what mends them. Nothing is read ahead.
 *
 * The sources, none of them NULL, are replaced; on failure all are freed and become NULL. Memory: 7
 * KiB a source until its size is known. MT_OK, MT_ERROR_MEMORY, MT_ERROR_VALUE (one is live). */
mt_code mt_step_same_blocks(mt_source **sources, size_t count, mt_error *error);

#endif
