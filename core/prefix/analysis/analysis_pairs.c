/* Which (position, id) pairs come again, in whatever ids there are. The most that a trace asks for:
 *
 *   1. Its ids are the numbers of blocks in a tree, as the format has them, and a locality beside the
 *      analysis knows who touched each block how often: nothing is kept for a pair.
 *   2. Each id stands at one position: where it came first, and its position, by id.
 *   3. Any ids: pairs are numbered, and where each came first is kept.
 *
 * Each follows from the one before it, without a second look at the requests. */
#include "prefix/analysis/analysis_state.h"

#include "base/assert.h"
#include "prefix/analysis/locality_state.h"

uint64_t mt_analysis_pairs(const mt_analysis *analysis) {
    if (analysis->is_sealed)
        return analysis->sealed_pairs;
    if (!analysis->ids)
        return analysis->shared_pairs;
    return analysis->pairs ? mt_id_table_count(analysis->pairs) : mt_numbering_count(analysis->ids);
}

void mt_analysis_free_pairs(mt_analysis *analysis) {
    mt_id_table_free(analysis->pairs);
    analysis->pairs = NULL;
    mt_numbering_free(analysis->ids);
    analysis->ids = NULL;
    mt_big_free(&analysis->first_row);
    mt_big_free(&analysis->positions);
}

/* ---- 3: any ids ---- */

enum { BATCH = 256 }; /* pairs looked up at once */

/* A pair as one number, for the table of ids: both its halves are below 2^32. */
static uint64_t pair_of(uint64_t position, uint64_t id) {
    return position << 32 | id;
}

/* A table of the pairs that had their ids' numbers so far. */
static mt_id_table *table_of_positions(const uint32_t *positions, uint64_t count, mt_error *error) {
    mt_id_table *table = mt_id_table_new(count, error);
    for (uint64_t done = 0; table && done < count; done += BATCH) {
        uint64_t pairs[BATCH], numbers[BATCH];
        size_t some = count - done < BATCH ? (size_t)(count - done) : BATCH;
        for (size_t i = 0; i < some; i++)
            pairs[i] = pair_of(positions[done + i], done + i);
        if (mt_id_table_of(table, pairs, some, numbers, error)) {
            mt_id_table_free(table);
            return NULL;
        }
    }
    return table;
}

/* Counts a pair that came before as repeated, here and where it came first. */
static void count_repeated(mt_analysis *analysis, uint64_t pair) {
    uint32_t *first = (uint32_t *)analysis->first_row.data + pair;
    analysis->rows[analysis->row_count].repeated++;
    if (*first != MT_CAME_AGAIN) {
        analysis->rows[*first].repeated++;
        *first = MT_CAME_AGAIN;
    }
}

/* ---- 2: each id at one position ---- */

/* The whole work for leading ids that stand where they stood before, and then new ones, from number
 * new_from on. 0 and nothing done for any others. */
static int add_plain(mt_analysis *analysis, const uint64_t *numbers, uint64_t new_from) {
    mt_analysis_row *here = &analysis->rows[analysis->row_count];
    uint32_t *positions = analysis->positions.data, *first_row = analysis->first_row.data;
    uint32_t known = 0;
    while (known < here->blocks && numbers[known] < new_from && positions[numbers[known]] == known)
        known++;
    for (uint32_t i = known; i < here->blocks; i++)
        if (numbers[i] != new_from + (i - known))
            return 0;
    for (uint32_t i = 0; i < known; i++)
        count_repeated(analysis, numbers[i]);
    for (uint32_t i = known; i < here->blocks; i++) {
        first_row[numbers[i]] = (uint32_t)analysis->row_count;
        positions[numbers[i]] = i;
    }
    here->hits = known;
    return 1;
}

static mt_code add_pairs(mt_analysis *analysis, const uint64_t *numbers, mt_error *error) {
    size_t blocks = analysis->rows[analysis->row_count].blocks;
    uint64_t new_from = mt_id_table_count(analysis->pairs);
    for (size_t done = 0; done < blocks; done += BATCH) {
        uint64_t pairs[BATCH];
        size_t some = blocks - done < BATCH ? blocks - done : BATCH;
        for (size_t i = 0; i < some; i++)
            pairs[i] = pair_of(done + i, numbers[done + i]);
        mt_code code = mt_id_table_of(analysis->pairs, pairs, some, pairs, error);
        if (code)
            return code;
        for (size_t i = 0; i < some; i++)
            if (pairs[i] < new_from)
                count_repeated(analysis, pairs[i]);
            else
                ((uint32_t *)analysis->first_row.data)[pairs[i]] = (uint32_t)analysis->row_count;
    }
    return MT_OK;
}

/* Numbers the request's ids and their pairs. */
static mt_code add_numbered(mt_analysis *analysis, const uint64_t *hash_ids, mt_error *error) {
    mt_analysis_row *here = &analysis->rows[analysis->row_count];
    uint64_t new_from = mt_numbering_count(analysis->ids);
    const uint64_t *numbers = mt_numbering_of(analysis->ids, hash_ids, here->blocks, error);
    if (!numbers)
        return mt_code_of(error);
    if (!analysis->pairs) {
        if (add_plain(analysis, numbers, new_from))
            return MT_OK;
        analysis->pairs = table_of_positions(analysis->positions.data, new_from, error);
        if (!analysis->pairs)
            return mt_code_of(error);
        mt_big_free(&analysis->positions);
    }
    while (here->hits < here->blocks && numbers[here->hits] < new_from)
        here->hits++;
    return add_pairs(analysis, numbers, error);
}

/* ---- 1: what a locality knows ---- */

/* A block that one request had touched, and now another, is repeated in both. Those are the last of
 * the known ones, and the request that touched them last is the first. */
static void add_shared(mt_analysis *analysis) {
    const mt_locality *locality = analysis->locality;
    const mt_touch *touch = &locality->touch;
    mt_analysis_row *here = &analysis->rows[analysis->row_count];
    here->hits = here->repeated = locality->rows[analysis->row_count].known;
    analysis->shared_pairs += here->blocks - here->hits;
    uint32_t again = touch->first_return;
    for (size_t i = touch->run_count; again > 0 && i-- > 0;) {
        uint32_t end = touch->runs[i].end, begin = i > 0 ? touch->runs[i - 1].end : 0;
        uint32_t some = end - begin < again ? end - begin : again;
        analysis->rows[touch->runs[i].owner].repeated += some;
        again -= some;
    }
}

/* Where the pairs of all requests before this one came first, and their positions. */
static void spread(const mt_analysis *analysis) {
    const mt_locality *locality = analysis->locality;
    mt_tree_parents parents = mt_prefix_tree_parents(locality->tree);
    uint32_t *first_row = analysis->first_row.data, *positions = analysis->positions.data;
    for (uint32_t block = 0; block < analysis->shared_pairs; block++) {
        uint32_t parent = mt_parent_of(parents, block);
        positions[block] = parent == MT_NO_BLOCK ? 0 : positions[parent] + 1;
        first_row[block] = mt_history_visits(locality->history, block) > 1
                               ? MT_CAME_AGAIN
                               : mt_history_owner(locality->history, block);
    }
    /* The locality has taken this one in already: what it alone touched again had come once. */
    const mt_touch *touch = &locality->touch;
    size_t known = locality->rows[analysis->row_count].known, run = touch->run_count;
    for (size_t i = known; i > known - touch->first_return; i--) {
        while (run > 1 && touch->runs[run - 2].end >= i)
            run--;
        first_row[locality->path[i - 1]] = touch->runs[run - 1].owner;
    }
}

/* From 1 to 2; at once where there is no locality. */
static mt_code begin_numbers(mt_analysis *analysis, mt_error *error) {
    size_t bytes = (size_t)analysis->shared_pairs * sizeof(uint32_t);
    if (mt_big_reserve(&analysis->first_row, bytes) || mt_big_reserve(&analysis->positions, bytes))
        return mt_fail_memory(error, "analysis");
    if (!(analysis->ids = mt_numbering_after(analysis->shared_pairs, error)))
        return mt_code_of(error);
    if (analysis->shared_pairs > 0)
        spread(analysis);
    return MT_OK;
}

mt_code mt_analysis_add_ids(mt_analysis *analysis, const uint64_t *hash_ids, mt_error *error) {
    const mt_locality *locality = analysis->locality;
    mt_assert(!locality || locality->row_count == analysis->row_count + 1);
    if (!analysis->ids && locality && mt_prefix_tree_is_plain(locality->tree)) {
        add_shared(analysis);
        return MT_OK;
    }
    mt_code code = analysis->ids ? MT_OK : begin_numbers(analysis, error);
    if (code)
        return code;
    size_t blocks = analysis->rows[analysis->row_count].blocks;
    size_t bytes = ((size_t)mt_analysis_pairs(analysis) + blocks) * sizeof(uint32_t);
    if (mt_big_reserve(&analysis->first_row, bytes) ||
        (!analysis->pairs && mt_big_reserve(&analysis->positions, bytes)))
        return mt_fail_memory(error, "analysis");
    return add_numbered(analysis, hash_ids, error);
}
