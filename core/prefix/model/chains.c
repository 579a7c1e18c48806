#include "prefix/model/chains.h"

#include "base/memory.h"
#include "base/sort.h"
#include "prefix/model/answers.h"
#include "prefix/synthetic.h"
#include "prefix/model/families.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST_BACK = 4 }; /* blocks */

static const double most_back = 0.15;

void mt_chain_links_free(mt_chain_links *links) {
    mt_free(links->links);
    mt_free(links->touched_by);
    mt_free(links->last);
    mt_texts_free(&links->names);
}

/* ---- who continues whom ---- */

int mt_falls_back_little(uint32_t blocks, size_t known) {
    double back = (double)blocks - (double)known;
    return back <= LEAST_BACK || back <= most_back * blocks;
}

static int grows(const mt_chain_links *links, const mt_chain_link *from, uint64_t input_length,
                 size_t known) {
    uint32_t partial = from->input_length % links->block_size != 0;
    return input_length > from->input_length && known + partial >= from->blocks;
}

/* The request that this one continues by what it shares. */
static uint32_t inferred_before(const mt_chain_links *links, const mt_request *request,
                                const uint32_t *path, size_t known, uint32_t owner) {
    if (known == 0)
        return MT_NO_TURN;
    const mt_chain_link *from = &links->links[owner];
    return from->next == MT_NO_TURN && links->touched_by[path[known - 1]] == from->chain &&
                   (grows(links, from, request->input_length, known) ||
                    (from->is_grown && mt_falls_back_little(from->blocks, known)))
               ? owner
               : MT_NO_TURN;
}

/* The last request of the session's chain; this one takes its place. */
static mt_code named_before(mt_chain_links *links, mt_span name, uint32_t *before,
                            mt_error *error) {
    uint32_t number, count = (uint32_t)links->names.count;
    *before = MT_NO_TURN;
    if (mt_texts_intern(&links->names, name.text, name.length, &number) ||
        MT_GROW(links->last, links->last_capacity, (size_t)number + 1))
        return mt_fail_memory(error, "sessions");
    if (number < count)
        *before = links->last[number];
    while (*before != MT_NO_TURN && links->links[*before].next != MT_NO_TURN)
        *before = links->links[*before].next; /* requests without the id have gone on with it */
    links->last[number] = (uint32_t)links->count;
    return MT_OK;
}

/* Blocks that several chains have touched lie before those that one has. */
static void note_path(mt_chain_links *links, uint32_t chain, const uint32_t *path, size_t count,
                      size_t known) {
    for (size_t i = known; i < count; i++)
        links->touched_by[path[i]] = chain;
    for (size_t i = known; i-- > 0 && links->touched_by[path[i]] != MT_NO_TURN &&
                           links->touched_by[path[i]] != chain;)
        links->touched_by[path[i]] = MT_NO_TURN;
}

mt_code mt_chain_links_add(mt_chain_links *links, const mt_request *request, const uint32_t *path,
                           size_t count, size_t known, uint32_t owner, mt_error *error) {
    size_t blocks = links->block_count + (count - known);
    if (MT_GROW(links->links, links->capacity, links->count + 1) ||
        MT_GROW(links->touched_by, links->block_capacity, blocks))
        return mt_fail_memory(error, "learner");
    mt_chain_link link = {.before = MT_NO_TURN,
                          .next = MT_NO_TURN,
                          .input_length = request->input_length,
                          .blocks = (uint32_t)count,
                          .known = (uint32_t)known,
                          .delay_ns = request->has & MT_HAS_DELAY ? request->delay_ns : -1,
                          .deepest = known > 0 ? path[known - 1] : MT_NO_TURN,
                          .first = links->block_count};
    mt_code code = MT_OK;
    if (request->has & MT_HAS_SESSION)
        code = named_before(links, request->session, &link.before, error);
    else
        link.before = inferred_before(links, request, path, known, owner);
    if (code)
        return code;
    if (link.before == MT_NO_TURN) {
        link.chain = links->chain_count++;
    } else {
        link.chain = links->links[link.before].chain;
        link.is_grown = links->links[link.before].is_grown ||
                        grows(links, &links->links[link.before], link.input_length, known);
        links->links[link.before].next = (uint32_t)links->count;
    }
    links->links[links->count++] = link;
    note_path(links, link.chain, path, count, known);
    links->block_count = (uint32_t)blocks;
    return MT_OK;
}

/* ---- the model's chains ---- */

/* The request that made the deepest shared block: the last whose new blocks begin at or before it.
 * (Those without new blocks would have theirs begin where the next one's do.) */
static uint32_t creator(const mt_chain_links *links, const mt_chain_link *link) {
    size_t low = 0, high = links->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (links->links[middle].first <= link->deepest)
            low = middle;
        else
            high = middle;
    }
    return (uint32_t)low;
}

/* The request on the path of `request` that made its block depth - 1. */
static uint32_t creator_on_path(const uint32_t *creators, const mt_chain_links *links,
                                uint32_t request, uint32_t depth) {
    while (request != MT_NO_TURN && links->links[request].known >= depth)
        request = creators[request];
    return request;
}

typedef struct chain_place {
    uint32_t chain, description; /* the first turn's */
} chain_place;

static int by_description(const void *a, const void *b) {
    uint32_t first = ((const chain_place *)a)->description;
    uint32_t second = ((const chain_place *)b)->description;
    return (first > second) - (first < second);
}

enum { KEEPS_PLACE = UINT8_MAX };

/* Families of several chains keep their place, and chains that would last beyond the trace's end if
 * they began with their stretch's last one. */
static void keep_places(const mt_model *model, const uint32_t *families, uint8_t *sorts,
                        int64_t end_ns) {
    size_t all = model->chain_count;
    for (size_t c = 0; c < all; c++) {
        const mt_model_chain *chain = &model->chains[c];
        size_t stretch = mt_model_stretch(model, sorts[c]);
        size_t end = (c / stretch + 1) * stretch;
        int64_t latest = model->chains[(end < all ? end : all) - 1].start_ns, lasts = 0;
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++)
            lasts += model->turns[t].gap_ns;
        if (families[c] != c)
            sorts[families[c]] = KEEPS_PLACE;
        if (families[c] != c || lasts > end_ns - latest)
            sorts[c] = KEEPS_PLACE;
    }
}

/* Is there none of its sort before it, from begin on? */
static int is_first_of_sort(const uint8_t *sorts, size_t begin, size_t chain) {
    for (size_t c = begin; c < chain; c++)
        if (sorts[c] == sorts[chain])
            return 0;
    return 1;
}

/* The order in which chains stand: within a stretch, lone chains of a sort
 * (prefix/model/families.h) go by their contents. places has a second half to work with. */
static void order_chains(const mt_model *model, const uint8_t *sorts, int singles,
                         chain_place *places) {
    size_t all = model->chain_count;
    size_t stretch = mt_model_stretch(model, singles ? MT_FAMILY_SINGLE : MT_FAMILY_LONG);
    chain_place *ordered = places + all;
    for (size_t begin = 0; begin < all; begin += stretch) {
        size_t end = begin + stretch < all ? begin + stretch : all;
        for (size_t first = begin; first < end; first++) {
            size_t count = 0, next = 0;
            if (sorts[first] == KEEPS_PLACE || singles != (sorts[first] == MT_FAMILY_SINGLE) ||
                !is_first_of_sort(sorts, begin, first))
                continue;
            for (size_t c = first; c < end; c++)
                if (sorts[c] == sorts[first])
                    ordered[count++] = places[c];
            qsort(ordered, count, sizeof *ordered, by_description);
            for (size_t c = first; c < end; c++)
                if (sorts[c] == sorts[first])
                    places[c] = ordered[next++];
        }
    }
}

typedef struct scratch {
    uint32_t *heads, *creators, *turn_of;
    const uint32_t *description_of;
    int64_t *times;
    chain_place *places;
} scratch;

static void lay_out(const mt_chain_links *links, mt_model *model, const scratch *s) {
    uint32_t turn = 0;
    for (size_t c = 0; c < model->chain_count; c++) {
        uint32_t request = s->heads[s->places[c].chain];
        model->chains[c] = (mt_model_chain){.start_ns = s->times[s->heads[c]], .first = turn};
        for (; request != MT_NO_TURN; request = links->links[request].next) {
            const mt_chain_link *link = &links->links[request];
            s->turn_of[request] = turn;
            model->turns[turn++] = (mt_model_turn){
                .description = s->description_of[request],
                .gap_ns =
                    link->before != MT_NO_TURN ? s->times[request] - s->times[link->before] : 0};
            model->chains[c].count++;
        }
    }
    for (size_t i = 0; i < links->count; i++) {
        const mt_chain_link *link = &links->links[i];
        uint32_t *origin = &model->turns[s->turn_of[i]].origin;
        if (link->known == 0)
            *origin = MT_NO_TURN;
        else if (link->before != MT_NO_TURN && links->links[link->before].blocks >= link->known &&
                 creator_on_path(s->creators, links, link->before, link->known) == s->creators[i])
            *origin = MT_FROM_BEFORE;
        else
            *origin = s->turn_of[s->creators[i]];
    }
}

mt_code mt_chain_links_finish(const mt_chain_links *links, mt_model *model,
                              const uint32_t *description_of, mt_error *error) {
    size_t count = links->count;
    uint32_t *numbers = mt_allocate(3 * count, sizeof *numbers);
    scratch s = {.description_of = description_of,
                 .times = mt_allocate(count, sizeof *s.times),
                 .places = mt_allocate(2 * (size_t)links->chain_count, sizeof *s.places)};
    uint8_t *sorts = mt_allocate(links->chain_count, sizeof *sorts);
    uint32_t *families = mt_allocate(links->chain_count, sizeof *families);
    mt_code code = MT_OK;
    model->chains = mt_allocate(links->chain_count, sizeof *model->chains);
    model->turns = mt_allocate(count, sizeof *model->turns);
    if (!numbers || !sorts || !families || !s.times || !s.places || !model->chains ||
        !model->turns) {
        code = mt_fail_memory(error, "learner");
        goto done;
    }
    s.heads = numbers;
    s.creators = numbers + count;
    s.turn_of = numbers + 2 * count;
    for (size_t i = 0; i < count; i++) {
        const mt_chain_link *link = &links->links[i];
        s.times[i] = model->gaps_ns[i] + (i > 0 ? s.times[i - 1] : 0);
        s.creators[i] = link->known > 0 ? creator(links, link) : MT_NO_TURN;
        if (link->before == MT_NO_TURN)
            s.heads[link->chain] = (uint32_t)i;
    }
    model->chain_count = links->chain_count;
    for (uint32_t c = 0; c < links->chain_count; c++)
        s.places[c] = (chain_place){c, description_of[s.heads[c]]};
    lay_out(links, model, &s);
    if ((code = mt_answers_fit(links, s.times, model, description_of, error)))
        goto done;
    if ((code = mt_model_families(model, families, error)))
        goto done;
    mt_model_sort_families(model, families, sorts);
    keep_places(model, families, sorts, s.times[count - 1]);
    order_chains(model, sorts, 1, s.places);
    order_chains(model, sorts, 0, s.places);
    lay_out(links, model, &s);
done:
    mt_free(numbers);
    mt_free(sorts);
    mt_free(families);
    mt_free(s.times);
    mt_free(s.places);
    return code;
}

/* ---- orders ---- */

int64_t mt_answer_ns(uint64_t output) {
    if (output == MT_MODEL_NO_OUTPUT || output > INT64_MAX / (2 * MT_SYNTHESIS_TOKEN_NS))
        return 0;
    return MT_SYNTHESIS_FIRST_NS + (int64_t)output * MT_SYNTHESIS_TOKEN_NS;
}

int64_t mt_model_answer_ns(const mt_model *model, uint64_t output) {
    const mt_model_answers *answers = &model->answers;
    if (answers->first_ns == 0 && answers->token_ns == 0)
        return mt_answer_ns(output);
    if (output == MT_MODEL_NO_OUTPUT || answers->first_ns > INT64_MAX / 2 ||
        (answers->token_ns > 0 && output > (uint64_t)(INT64_MAX / 2 / answers->token_ns)))
        return 0;
    return answers->first_ns + (int64_t)output * answers->token_ns;
}

void mt_model_turn_times(const mt_model *model, int64_t *times) {
    for (size_t c = 0; c < model->chain_count; c++) {
        const mt_model_chain *chain = &model->chains[c];
        int64_t time = chain->start_ns;
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++)
            times[t] = time += model->turns[t].gap_ns;
    }
}

typedef struct ordering {
    const mt_model *model;
    uint32_t *order, count;
    uint32_t *stack;
    uint8_t *marks; /* 1: on the stack; 2: in the order; 4: a chain's first turn */
} ordering;

/* Puts a turn, and before it all that it needs: 0, or -1 for a circle. */
static int put_turn(ordering *o, uint32_t turn) {
    uint32_t height = 0;
    o->stack[height++] = turn;
    while (height > 0) {
        uint32_t top = o->stack[height - 1], origin = o->model->turns[top].origin;
        uint32_t needs[2] = {o->marks[top] & 4 ? MT_NO_TURN : top - 1,
                             origin < MT_FROM_BEFORE ? origin : MT_NO_TURN};
        uint32_t next = MT_NO_TURN;
        if (o->marks[top] & 2) {
            height--;
            continue;
        }
        o->marks[top] |= 1;
        for (int k = 0; k < 2; k++)
            if (needs[k] != MT_NO_TURN && !(o->marks[needs[k]] & 2))
                next = needs[k];
        if (next == MT_NO_TURN) {
            o->marks[top] |= 2;
            o->order[o->count++] = top;
            height--;
        } else if (o->marks[next] & 1) {
            return -1;
        } else {
            o->stack[height++] = next;
        }
    }
    return 0;
}

mt_code mt_model_order_turns(const mt_model *model, const int64_t *times, uint32_t *order,
                             mt_error *error) {
    ordering o = {.model = model,
                  .order = order,
                  .stack = mt_allocate(model->count + 1, sizeof *o.stack),
                  .marks = mt_allocate_zero(model->count, sizeof *o.marks)};
    mt_timed *sooner = mt_allocate(model->count, sizeof *sooner);
    mt_code code = MT_OK;
    if (!o.stack || !o.marks || !sooner) {
        code = mt_fail_memory(error, "chains of a model");
        goto done;
    }
    for (size_t c = 0; c < model->chain_count; c++)
        o.marks[model->chains[c].first] = 4;
    for (uint32_t i = 0; i < model->count; i++)
        sooner[i] = (mt_timed){times[i], i};
    code = mt_sort_by_time(sooner, model->count, error);
    for (uint32_t i = 0; i < model->count && !code; i++)
        if (put_turn(&o, (uint32_t)sooner[i].place) != 0)
            code = mt_fail(error, MT_ERROR_VALUE, "the origins of turns go round in a circle");
done:
    mt_free(o.stack);
    mt_free(o.marks);
    mt_free(sooner);
    return code;
}
