/* What is to be made: the model's descriptions as the options have them. Private to the reuse
 * method (prefix/reuse/reuse.h). */
#ifndef MT_PREFIX_REUSE_ITEMS_H
#define MT_PREFIX_REUSE_ITEMS_H

#include "base/error.h"
#include "prefix/model/model.h"
#include "prefix/reuse/history.h"
#include "prefix/synthetic.h"

typedef struct mt_reuse_run {
    uint32_t end;  /* blocks */
    uint32_t size; /* it hits in caches of sizes[size] and more; MT_REUSE_SIZES: in none of them */
} mt_reuse_run;

/* A description, stretched; blocks, and distances in the synthetic trace's own blocks. One line of
 * cache: items are looked at in no order. */
typedef struct mt_reuse_item {
    uint32_t shared, returning, unique;
    uint32_t first_return, beyond; /* as in mt_description */
    uint32_t run_begin;
    uint32_t run_count : 30, has_output : 1, knows_blocks : 1;
    double distance; /* of the deepest shared block; 0 where nothing is shared */
    double elapsed;  /* as in mt_description, scaled as distances are */
    uint64_t input_length, output_length;
} mt_reuse_item;

/* What only the plan asks for. */
typedef struct mt_reuse_kinship {
    uint32_t visits, previous; /* as in mt_description, previous scaled as distances are */
} mt_reuse_kinship;

#define MT_NOT_AN_ITEM UINT32_MAX

typedef struct mt_reuse_items {
    mt_reuse_item *items;
    uint32_t *item_of;          /* by description, MT_NOT_AN_ITEM: it is not made */
    mt_reuse_kinship *kinships; /* by item */
    uint32_t count;             /* >= 1 */
    mt_reuse_run *runs;
    uint64_t sizes[MT_REUSE_SIZES]; /* the grid: half of them evenly over the logarithm of the
                                       distances, half where the source's hits are */
    float weights[MT_REUSE_SIZES];  /* what a size stands for on the logarithm of distances */
    uint64_t farthest;              /* distance */
    double blocks;                  /* touched by all items together */
    double mean_blocks;             /* a request */
} mt_reuse_items;

/* The items of the descriptions that the ISL filter lets pass. *items must be zero; free them with
 * mt_reuse_items_free, on failure too. MT_ERROR_VALUE when nothing passes, or when a request would
 * be longer than MT_BLOCKS_LIMIT. */
mt_code mt_reuse_items_make(mt_reuse_items *items, const mt_model *model,
                            const mt_synthesis_options *options, mt_error *error);

/* The same with lengths alone: no distances, runs and sizes. */
mt_code mt_reuse_items_choose(mt_reuse_items *items, const mt_model *model,
                              const mt_synthesis_options *options, mt_error *error);

void mt_reuse_items_free(mt_reuse_items *items);

#endif
