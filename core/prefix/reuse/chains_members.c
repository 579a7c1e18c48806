/* When chains begin within their families (prefix/model/families.h). */
#include "base/memory.h"
#include "prefix/model/chains.h"
#include "prefix/model/families.h"
#include "prefix/reuse/chains_state.h"

#include <stdlib.h>
#include <string.h>

enum { TIED_PART = 8 };    /* of the time to the chains beside it, by which a member may move */
enum { READER_PART = 24 }; /* of the time since the last reader, by which one may */

/* No answer ends sooner, ns a token. */
#define FASTEST_NS INT64_C(1000000)

mt_code mt_reuse_members_begin(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    uint32_t *branches = mt_allocate_zero(model->count, sizeof *branches);
    if (!branches)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        uint32_t origin = model->turns[chain->first].origin;
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++)
            chains->chain_of[t] = c;
        if (origin < MT_FROM_BEFORE)
            branches[origin]++;
    }
    for (size_t t = 0; t < model->count; t++)
        if (model->turns[t].origin < MT_FROM_BEFORE)
            chains->has_branch[model->turns[t].origin] = 1;
    for (uint32_t c = 0; c < model->chain_count; c++) {
        uint32_t origin = model->turns[model->chains[c].first].origin, family = chains->families[c];
        chains->ties[c] = MT_REUSE_FREE;
        if (family == c || origin >= MT_FROM_BEFORE)
            continue;
        if (branches[origin] >= MT_MANY_BRANCHES)
            chains->ties[c] = MT_REUSE_READER;
        else if (chains->families[chains->chain_of[origin]] == family &&
                 chains->chain_of[origin] < c)
            chains->ties[c] = MT_REUSE_CHILD;
    }
    mt_free(branches);
    return MT_OK;
}

static uint32_t origin_of(const mt_reuse_chains *chains, size_t chain) {
    return chains->model->turns[chains->model->chains[chain].first].origin;
}

int64_t mt_reuse_fastest_ns(const mt_reuse_chains *chains, uint32_t turn) {
    uint64_t output = mt_reuse_description(chains, turn)->output;
    return output < (uint64_t)(INT64_MAX / FASTEST_NS) ? (int64_t)output * FASTEST_NS : 0;
}

/* A reader moves by up to a part of the time since the last one began there, or since the turn from
 * which all go on; not before that one's answer, if it came after that. */
static int64_t shift_of_reader(mt_reuse_chains *chains, uint32_t chain, const uint32_t *last_from,
                               const int64_t *shifts) {
    uint32_t origin = origin_of(chains, chain), last = last_from[origin];
    uint32_t turn = last != MT_NO_TURN ? chains->model->chains[last].first : origin;
    uint32_t beside = chains->chain_of[turn];
    int64_t since = chains->starts[chain] - chains->times[turn];
    int64_t shift = chains->families[beside] == chains->families[chain] ? shifts[beside] : 0;
    int64_t answer = mt_reuse_fastest_ns(chains, turn);
    double spread = mt_reuse_start_spread(chains);
    double most = (double)since / READER_PART;
    int64_t by = mt_reuse_jitter(chains, most < spread ? most : spread);
    return since >= answer && since + by < shift + answer ? shift : by;
}

/* In order still. */
static double most_in_order(const mt_reuse_chains *chains, size_t chain) {
    if (chain + 1 == chains->model->chain_count)
        return 0;
    const int64_t *start = &chains->starts[chain];
    int64_t before = *start - start[-1], after = start[1] - *start;
    return (double)(before < after ? before : after) / TIED_PART;
}

/* A child does not come before its parent's answer, or not earlier than it came. */
static int64_t after_answer(const mt_reuse_chains *chains, size_t chain, int64_t by) {
    uint32_t origin = origin_of(chains, chain);
    int64_t was = chains->starts[chain] - chains->times[origin];
    int64_t answer = mt_reuse_answer_ns(chains, origin);
    int64_t least = (answer < was ? answer : was) - was;
    return by < least ? 0 : by;
}

mt_code mt_reuse_move_members(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    uint32_t *last_from = mt_allocate(model->count, sizeof *last_from); /* the turn's last chain */
    int64_t *shifts = chains->moved;
    if (!last_from)
        return mt_fail_memory(error, "synthesiser");
    memset(last_from, 0xff, model->count * sizeof *last_from);
    for (uint32_t c = 0; c < model->chain_count; c++) {
        uint32_t origin = origin_of(chains, c);
        shifts[c] = 0;
        if (chains->ties[c] == MT_REUSE_READER && chains->at_once >= MT_REUSE_MANY)
            shifts[c] = shift_of_reader(chains, c, last_from, shifts);
        else if (chains->families[c] != c)
            shifts[c] = mt_reuse_jitter(chains, most_in_order(chains, c));
        if (chains->ties[c] == MT_REUSE_CHILD) {
            shifts[c] = after_answer(chains, c, shifts[c]);
            shifts[c] += shifts[chains->chain_of[origin]];
        }
        if (origin < MT_FROM_BEFORE)
            last_from[origin] = c;
    }
    for (size_t c = 0; c < model->chain_count; c++)
        chains->starts[c] += shifts[c];
    mt_free(last_from);
    return MT_OK;
}

typedef struct kin {
    uint32_t family, origin, known, is_long, chain;
    int64_t start, answer, room; /* until the next one begins */
} kin;

/* Those that may change places stand beside each other, in order of their starts. */
static int by_origin(const void *a, const void *b) {
    const kin *one = a, *other = b;
    if (one->family != other->family)
        return one->family < other->family ? -1 : 1;
    if (one->origin != other->origin)
        return one->origin < other->origin ? -1 : 1;
    if (one->known != other->known)
        return one->known < other->known ? -1 : 1;
    if (one->is_long != other->is_long)
        return one->is_long < other->is_long ? -1 : 1;
    if (one->start != other->start)
        return one->start < other->start ? -1 : 1;
    return (one->chain > other->chain) - (one->chain < other->chain);
}

static int are_kin(const kin *one, const kin *other) {
    return one->family == other->family && one->origin == other->origin &&
           one->known == other->known && one->is_long == other->is_long;
}

/* Does nobody go on from any of the chain's turns? */
static int is_leaf(const mt_reuse_chains *chains, const mt_model_chain *chain) {
    for (uint32_t t = chain->first; t < chain->first + chain->count; t++)
        if (chains->has_branch[t])
            return 0;
    return 1;
}

/* Would its answer end before the next one begins, or does it not so now? */
static int may_take(const kin *who, const kin *place) {
    return place->room >= who->answer || who->room < who->answer;
}

/* Members of list[begin..end) change places. */
static void deal_kin(mt_reuse_chains *chains, kin *list, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++)
        list[i].room = i + 1 < end ? list[i + 1].start - list[i].start : INT64_MAX;
    for (size_t i = end; i > begin + 1; i--) {
        kin *one = &list[i - 1],
            *other = &list[begin + mt_random_below(&chains->random, i - begin)];
        if (!may_take(one, other) || !may_take(other, one))
            continue;
        uint32_t chain = one->chain;
        int64_t answer = one->answer;
        one->chain = other->chain;
        one->answer = other->answer;
        other->chain = chain;
        other->answer = answer;
    }
    for (size_t i = begin; i < end; i++)
        chains->starts[list[i].chain] = list[i].start;
}

mt_code mt_reuse_deal_members(mt_reuse_chains *chains, mt_error *error) {
    const mt_model *model = chains->model;
    double spread = mt_reuse_start_spread(chains);
    kin *list = mt_allocate(model->chain_count, sizeof *list);
    size_t count = 0;
    if (!list)
        return mt_fail_memory(error, "synthesiser");
    for (uint32_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        if (chains->families[c] != c && origin_of(chains, c) < MT_FROM_BEFORE &&
            is_leaf(chains, chain))
            list[count++] = (kin){.family = chains->families[c],
                                  .origin = origin_of(chains, c),
                                  .known = chains->depths[chain->first].known,
                                  .is_long = chain->count > 1,
                                  .chain = c,
                                  .start = chains->starts[c],
                                  .answer = mt_reuse_fastest_ns(chains, chain->first)};
    }
    qsort(list, count, sizeof *list, by_origin);
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1;
             end < count && end < begin + MT_LONGEST_STRETCH && are_kin(&list[end], &list[begin]) &&
             (!list[begin].is_long || (double)(list[end].start - list[begin].start) <= spread);)
            end++;
        deal_kin(chains, list, begin, end);
    }
    mt_free(list);
    return MT_OK;
}

int64_t mt_reuse_drift(const mt_reuse_chains *chains, size_t chain) {
    if (chains->ties[chain] != MT_REUSE_CHILD)
        return 0;
    uint32_t origin = origin_of(chains, chain), parent = chains->chain_of[origin];
    int64_t since = chains->times[origin] - chains->model->chains[parent].start_ns;
    return chains->when[origin] - (chains->starts[parent] + since);
}
