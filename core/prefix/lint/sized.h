/* A trace whose block size is given or found, and whose hash_ids become one a block.
 *
 * Some traces give ids to whole blocks only: n ids for floor(ISL / size) blocks, none for the rest
 * of the prompt (servers whose caches keep no incomplete block). That rest is new each time: it
 * gets an id of its own, so that whoever comes after sees one id a block. */
#ifndef MT_PREFIX_LINT_SIZED_H
#define MT_PREFIX_LINT_SIZED_H

#include "trace/source/source.h"
#include "trace/turns.h"

typedef struct mt_sizing {
    uint64_t block_size; /* tokens: the one given, or the one found */
    int is_found;        /* it was not given, and is not the usual one of 512 */
    int is_whole;        /* ids are of whole blocks only */
    int has_ids;         /* a request that was read ahead has hash_ids; */
    int has_waits;       /* one waits for others, or may be waited for by one that is not read yet:
                            wait_for, branches, request_id */
    int is_empty;        /* there is no request */
    mt_rows
        rows; /* what later turns of sessions count, by those read ahead, where that was asked */
} mt_sizing;

/* Ways of it, to be added. */
enum {
    MT_SIZED_BY_MAJORITY = 1, /* where no size fits all, the one that fits most; of few: 512 */
    MT_SIZED_AS_IT_IS = 2,    /* the size is found, and no id added */
    MT_SIZED_ROWS = 4         /* what session rows count is guessed */
};

/* A step over below. The first thousand requests are read ahead. block_size 0: the first one's
 * member `block_size` says it, or it is 512 where that fits them all, else the size that does;
 * where none does, 512. Ids that are added count up from 3 * 2^61. Ids that do not fit stay as they
 * are: who needs them refuses them. NULL on failure, and below is freed. */
mt_source *mt_step_sized(mt_source *below, uint64_t block_size, unsigned ways, mt_sizing *sizing,
                         mt_error *error);

/* Tokens a block as the request's own member `block_size` says, not one within another; 0: it says
 * nothing. */
uint64_t mt_stated_block_size(const mt_request *request);

#endif
