#define _GNU_SOURCE /* qsort_r */
#include "prefix/model/model.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/alike.h"
#include "prefix/block/check.h"
#include "prefix/model/chains.h"
#include "prefix/cache/history.h"
#include "prefix/block/tree.h"

#include <stdlib.h>
#include <string.h>

/* What must wait for the end: how much of a request's new blocks came back. */
typedef struct pending {
    uint64_t touched;   /* blocks touched before it */
    uint32_t first_new; /* number of its first new block */
    uint32_t owner;     /* the request its deepest shared block was touched by last */
} pending;

struct mt_learner {
    uint64_t block_size;
    mt_prefix_tree *tree;
    mt_history *history;
    mt_model *model;
    size_t description_capacity, run_capacity, gap_capacity;
    pending *pendings; /* by request */
    size_t pending_capacity;
    uint32_t *blocks; /* of the request being added */
    size_t block_capacity;
    int64_t last_time_ns;
    uint64_t touched;
    mt_chain_links links;
};

mt_model *mt_model_retain(mt_model *model) {
    model->references++;
    return model;
}

void mt_model_release(mt_model *model) {
    if (!model || --model->references > 0)
        return;
    mt_free(model->descriptions);
    mt_free(model->runs);
    mt_free(model->gaps_ns);
    mt_free(model->chains);
    mt_free(model->turns);
    mt_free(model);
}

mt_learner *mt_learner_new(uint64_t block_size, mt_error *error) {
    if (block_size == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "block size must be at least 1"));
    mt_learner *learner = mt_new(sizeof *learner, "learner", error);
    if (!learner)
        return NULL;
    learner->block_size = learner->links.block_size = block_size;
    if ((learner->model = mt_new(sizeof *learner->model, "learner", error)))
        learner->model->references = 1;
    if (!learner->model || !(learner->tree = mt_prefix_tree_new(error)) ||
        !(learner->history = mt_history_new(error))) {
        mt_learner_free(learner);
        return NULL;
    }
    learner->model->gaps_in_order = 1;
    learner->model->block_size = block_size;
    return learner;
}

void mt_learner_free(mt_learner *learner) {
    if (!learner)
        return;
    mt_prefix_tree_free(learner->tree);
    mt_history_free(learner->history);
    mt_model_release(learner->model);
    mt_free(learner->pendings);
    mt_free(learner->blocks);
    mt_chain_links_free(&learner->links);
    mt_free(learner);
}

/* output_length may be missing, and is missing then in what is made. */
static mt_code check_request(const mt_learner *learner, const mt_request *request,
                             mt_error *error) {
    int64_t last_ns = learner->model->count > 0 ? learner->last_time_ns : INT64_MIN;
    mt_code code = mt_check_time(request, last_ns, "learning", error);
    if (code == MT_OK && request->hash_count > MT_MODEL_MOST_BLOCKS)
        return mt_fail_at(error, MT_ERROR_INPUT, "", request->line, 0,
                          "hash_ids has %zu blocks, of at most %llu that a model describes",
                          request->hash_count, (unsigned long long)MT_MODEL_MOST_BLOCKS);
    return code ? code : mt_check_request(request, learner->block_size, 0, "learning", error);
}

static mt_code make_room(mt_learner *learner, size_t blocks, mt_error *error) {
    mt_model *model = learner->model;
    size_t wanted = model->count + 1;
    if (MT_GROW(model->descriptions, learner->description_capacity, wanted) ||
        MT_GROW(model->gaps_ns, learner->gap_capacity, wanted) ||
        MT_GROW(learner->pendings, learner->pending_capacity, wanted) ||
        MT_GROW(learner->blocks, learner->block_capacity, blocks))
        return mt_fail_memory(error, "learner");
    return MT_OK;
}

static mt_code add_runs(mt_learner *learner, const mt_touch *touch, mt_description *description,
                        mt_error *error) {
    mt_model *model = learner->model;
    if (MT_GROW(model->runs, learner->run_capacity, model->run_count + touch->run_count))
        return mt_fail_memory(error, "learner");
    description->run_begin = model->run_count;
    description->run_count = (uint32_t)touch->run_count;
    for (size_t i = 0; i < touch->run_count; i++)
        model->runs[model->run_count++] = (mt_model_run){
            .end = touch->runs[i].end, .distance = (uint32_t)touch->runs[i].distance};
    return MT_OK;
}

mt_code mt_learner_add(mt_learner *learner, const mt_request *request, mt_error *error) {
    mt_model *model = learner->model;
    size_t blocks = request->has & MT_HAS_HASH_IDS ? request->hash_count : 0, known;
    mt_touch touch;
    mt_code code = check_request(learner, request, error);
    if (code || (code = make_room(learner, blocks, error)) ||
        (code = mt_prefix_tree_add(learner->tree, request->hash_ids, blocks, learner->blocks,
                                   &known, error)) ||
        (code = mt_history_touch(learner->history, learner->blocks, blocks, known, &touch, error)))
        return code;
    mt_description *description = &model->descriptions[model->count];
    memset(description, 0, sizeof *description);
    uint32_t owner = touch.run_count > 0 ? touch.runs[touch.run_count - 1].owner : 0;
    if ((code = add_runs(learner, &touch, description, error)) ||
        (code = mt_chain_links_add(&learner->links, request, learner->blocks, blocks, known, owner,
                                   error)))
        return code;
    mt_assert((touch.run_count == 0) == (known == 0) && touch.first_return <= known);
    description->shared = (uint32_t)known;
    description->unique = (uint32_t)(blocks - known); /* for now: what comes back is known later */
    description->first_return = touch.first_return;
    description->visits = touch.visits;
    description->tokens = request->input_length;
    if (blocks > 0)
        description->tokens -= (blocks - 1) * learner->block_size;
    description->output =
        request->has & MT_HAS_OUTPUT_LENGTH ? request->output_length : MT_MODEL_NO_OUTPUT;
    learner->pendings[model->count] =
        (pending){.touched = learner->touched,
                  .first_new = known < blocks ? learner->blocks[known] : 0,
                  .owner = owner};
    model->gaps_ns[model->count] =
        request->time_ns - (model->count > 0 ? learner->last_time_ns : request->time_ns);
    learner->last_time_ns = request->time_ns;
    if (known > 0)
        description->elapsed =
            learner->touched - learner->pendings[learner->pendings[model->count].owner].touched;
    learner->touched += blocks;
    model->count++;
    return MT_OK;
}

/* A distance by its three leading bits: about how far back is enough to go by, and does not tell
 * which request it had been. */
static uint32_t rounded(uint32_t distance) {
    uint32_t unit = 1;
    while (distance / unit >= 8)
        unit *= 2;
    return distance / unit * unit;
}

/* New blocks that came back are a prefix of the new ones: who touches one touches those before. */
static void split_new(mt_learner *learner) {
    mt_model *model = learner->model;
    for (size_t i = 0; i < model->count; i++) {
        mt_description *description = &model->descriptions[i];
        uint32_t first = learner->pendings[i].first_new, returning = 0;
        while (returning < description->unique &&
               mt_history_visits(learner->history, first + returning) > 1)
            returning++;
        /* Only the first few came back. */
        mt_assert(returning == description->unique ||
                  mt_history_visits(learner->history, first + description->unique - 1) == 1);
        description->returning = returning;
        description->unique -= returning;
    }
    for (size_t i = 0; i < model->count; i++) {
        mt_description *description = &model->descriptions[i];
        if (description->shared == 0)
            continue;
        const mt_description *owner = &model->descriptions[learner->pendings[i].owner];
        for (uint32_t k = 0; k < owner->run_count; k++)
            if (model->runs[owner->run_begin + k].end >= description->shared) {
                description->previous = rounded(model->runs[owner->run_begin + k].distance);
                break;
            }
        mt_assert(owner->shared + owner->returning >= description->shared);
        description->beyond = owner->shared + owner->returning - description->shared;
    }
}

#define COMPARE(a, b)                                                                              \
    do {                                                                                           \
        if ((a) != (b))                                                                            \
            return (a) < (b) ? -1 : 1;                                                             \
    } while (0)

int mt_model_compare(const mt_model *model, const mt_description *a, const mt_description *b) {
    const mt_model_run *runs = model->runs;
    COMPARE(a->shared, b->shared);
    COMPARE(a->returning, b->returning);
    COMPARE(a->unique, b->unique);
    COMPARE(a->tokens, b->tokens);
    COMPARE(a->output, b->output);
    COMPARE(a->elapsed, b->elapsed);
    COMPARE(a->previous, b->previous);
    COMPARE(a->first_return, b->first_return);
    COMPARE(a->beyond, b->beyond);
    COMPARE(a->run_count, b->run_count);
    for (uint32_t i = 0; i < a->run_count; i++) {
        COMPARE(runs[a->run_begin + i].end, runs[b->run_begin + i].end);
        COMPARE(runs[a->run_begin + i].distance, runs[b->run_begin + i].distance);
    }
    COMPARE(a->visits, b->visits);
    return 0;
}

/* A description by its place, with what it is compared by first of all. */
typedef struct placed {
    int64_t key;
    uint32_t place;
} placed;

enum { FIRST_FIELDS = 5 };

/* What descriptions are compared by first, in that order. */
static void first_fields(const mt_description *of, uint64_t fields[FIRST_FIELDS]) {
    fields[0] = of->shared;
    fields[1] = of->returning;
    fields[2] = of->unique;
    fields[3] = of->tokens;
    fields[4] = of->output;
}

/* A key is the first fields side by side, each in as many bits as the largest has, as long as there are any:
 * then it is the highest ones. So no two descriptions compare otherwise than their keys do, but some have the
 * same. */
static void fill_keys(const mt_model *model, placed *places) {
    enum { BITS = 63 };
    uint64_t fields[FIRST_FIELDS], all[FIRST_FIELDS] = {0};
    unsigned wide[FIRST_FIELDS], taken[FIRST_FIELDS], left = BITS;
    for (size_t i = 0; i < model->count; i++) {
        first_fields(&model->descriptions[i], fields);
        for (int k = 0; k < FIRST_FIELDS; k++)
            all[k] |= fields[k];
    }
    for (int k = 0; k < FIRST_FIELDS; k++) {
        wide[k] = all[k] ? 64 - (unsigned)__builtin_clzll(all[k]) : 0;
        taken[k] = wide[k] < left ? wide[k] : left;
        left -= taken[k];
    }
    for (size_t i = 0; i < model->count; i++) {
        uint64_t key = 0;
        first_fields(&model->descriptions[i], fields);
        for (int k = 0; k < FIRST_FIELDS; k++)
            if (taken[k] > 0)
                key = key << taken[k] | fields[k] >> (wide[k] - taken[k]);
        places[i] = (placed){(int64_t)key, (uint32_t)i};
    }
}

static int compare_places(const void *a, const void *b, void *of_model) {
    const mt_model *model = of_model;
    uint32_t first = ((const placed *)a)->place, second = ((const placed *)b)->place;
    int order = mt_model_compare(model, &model->descriptions[first], &model->descriptions[second]);
    return order != 0 ? order : (first > second) - (first < second);
}

/* Sorts places of one key. Most are in order when this is done a second time. */
static void sort_same(mt_model *model, placed *places, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (compare_places(&places[i - 1], &places[i], model) > 0) {
            qsort_r(places, count, sizeof *places, compare_places, model);
            return;
        }
}

/* The places of the descriptions in their order. */
static mt_code sort_places(mt_model *model, placed *places, mt_error *error) {
    size_t count = model->count;
    fill_keys(model, places);
    mt_code code = mt_sort_by_number(places, count, sizeof *places, error);
    for (size_t begin = 0, end; code == MT_OK && begin < count; begin = end) {
        for (end = begin + 1; end < count && places[end].key == places[begin].key;)
            end++;
        sort_same(model, places + begin, end - begin);
    }
    return code;
}

/* Sorts the descriptions; place_of[i], where the one of request i stands, goes along. */
static mt_code sort(mt_model *model, uint32_t *place_of, mt_error *error) {
    size_t count = model->count;
    placed *places = mt_allocate(count, sizeof *places);
    uint32_t *moved = mt_allocate(count, sizeof *moved);
    mt_description *sorted = mt_allocate(count, sizeof *sorted);
    mt_code code = MT_ERROR_MEMORY;
    if (places && moved && sorted)
        code = sort_places(model, places, error);
    else
        mt_fail_memory(error, "learner");
    for (size_t i = 0; code == MT_OK && i < count; i++) {
        sorted[i] = model->descriptions[places[i].place];
        moved[places[i].place] = (uint32_t)i;
    }
    for (size_t i = 0; code == MT_OK && i < count; i++)
        place_of[i] = moved[place_of[i]];
    if (code == MT_OK) {
        mt_description *before = model->descriptions;
        model->descriptions = sorted;
        sorted = before;
    }
    mt_free(sorted);
    mt_free(moved);
    mt_free(places);
    return code;
}

/* Deals the visits among the alike in the order of their contents, so that they say nothing of the
 * order in which these came. */
static mt_code deal_visits(mt_model *model, mt_error *error) {
    mt_code code = MT_OK;
    uint32_t count = 0;
    mt_alike *list = mt_allocate(model->count, sizeof *list);
    uint32_t *ends = mt_allocate(model->count, sizeof *ends);
    uint32_t *scratch = mt_allocate(model->count, sizeof *scratch);
    if (!list || !ends || !scratch) {
        code = mt_fail_memory(error, "learner");
    } else {
        for (size_t i = 0; i < model->count; i++) {
            const mt_description *from = &model->descriptions[i];
            if (from->shared == 0)
                continue;
            list[count++] = (mt_alike){
                .kind = mt_alike_kind(from->shared, from->returning, from->beyond, from->visits),
                .distance = model->runs[from->run_begin + from->run_count - 1].distance,
                .item = (uint32_t)i,
                .visits = from->visits};
        }
        mt_alike_group(list, count, ends, scratch);
        for (uint32_t k = 0; k < count; k++)
            model->descriptions[list[k].item].visits = list[k].visits;
    }
    mt_free(list);
    mt_free(ends);
    mt_free(scratch);
    return code;
}

mt_model *mt_learner_finish(mt_learner *learner, mt_error *error) {
    mt_model *model = learner->model;
    if (model->count == 0)
        return mt_null(mt_fail(error, MT_ERROR_INPUT, "no requests"));
    split_new(learner);
    uint32_t *place_of = mt_allocate(model->count, sizeof *place_of);
    if (!place_of)
        return mt_null(mt_fail_memory(error, "learner"));
    for (size_t i = 0; i < model->count; i++)
        place_of[i] = (uint32_t)i;
    mt_code code;
    if ((code = sort(model, place_of, error)) == MT_OK &&
        (code = deal_visits(model, error)) == MT_OK &&
        (code = sort(model, place_of, error)) == MT_OK)
        code = mt_chain_links_finish(&learner->links, model, place_of, error);
    mt_free(place_of);
    if (code)
        return NULL;
    learner->model = NULL;
    return model;
}
