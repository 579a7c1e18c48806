/* What the files of the prefix analysis (prefix/analysis/analysis.h) share. */
#ifndef MT_PREFIX_ANALYSIS_ANALYSIS_STATE_H
#define MT_PREFIX_ANALYSIS_ANALYSIS_STATE_H

#include "base/memory.h"
#include "prefix/analysis/analysis.h"
#include "prefix/block/id_table.h"
#include "prefix/block/numbering.h"

/* One request of the trace. */
typedef struct mt_analysis_row {
    uint64_t input_length, output_length;
    uint32_t blocks;
    uint32_t repeated; /* blocks whose (position, id) pair is repeated, as far as is known yet */
    uint32_t hits;     /* leading ids seen in earlier requests */
    unsigned has;      /* MT_HAS_... */
} mt_analysis_row;

struct mt_analysis {
    uint64_t block_size;
    uint64_t blocks;
    int allows_no_output;
    int is_sealed;
    uint64_t sealed_pairs; /* how many there were */

    mt_analysis_row *rows;
    size_t row_count, row_capacity;

    const mt_locality *locality; /* NULL: nobody else takes the requests in */
    uint64_t shared_pairs;       /* distinct ones, as long as the locality is all there is */

    mt_numbering *ids; /* whatever their positions; NULL before */
    mt_big first_row;  /* uint32_t by the pair's number: where it came first, or MT_CAME_AGAIN */

    /* As long as each id stands at one position and requests begin with the ids that are known, as
     * the format has them, a pair's number is that of its id. From the first request on of which
     * that does not hold, `pairs` (NULL before) numbers the distinct (position, id) pairs. */
    mt_big positions; /* uint32_t by the id's number, while `pairs` is NULL */
    mt_id_table *pairs;
};

/* In place of the row a pair came first in, once it has come again. */
#define MT_CAME_AGAIN UINT32_MAX

/* Takes in the ids of the request whose row is the next one: counts what is repeated, and the leading
 * ids that were seen in earlier requests. */
mt_code mt_analysis_add_ids(mt_analysis *analysis, const uint64_t *hash_ids, mt_error *error);

/* Distinct (position, id) pairs so far. */
uint64_t mt_analysis_pairs(const mt_analysis *analysis);

/* Frees what only further requests need. */
void mt_analysis_free_pairs(mt_analysis *analysis);

#endif
