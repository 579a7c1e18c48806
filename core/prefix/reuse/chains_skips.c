/* The skips of pieces, while the part that a shorter trace is made after is searched: lists that never
 * change, of which pieces name one by its place. Whoever changes a piece's skips adds a list; those that
 * no piece names any more are dropped now and then. */
#include "base/memory.h"
#include "prefix/reuse/chains_search.h"

enum { MOST_LISTS = 8192, MANY_LISTS = MOST_LISTS / 2 };

uint32_t mt_reuse_first_after(const mt_reuse_search *s, const mt_model_chain *chain, int64_t time) {
    uint32_t t = chain->first, end = chain->first + chain->count;
    while (t < end && s->chains->when[t] <= time)
        t++;
    return t;
}

int64_t mt_reuse_missing(const mt_reuse_search *s, uint32_t unit, const mt_reuse_skip *skip) {
    const mt_reuse_chains *chains = s->chains;
    int64_t missing = 0;
    for (uint32_t c = s->units[unit].chain; c != MT_NO_TURN; c = s->guess.next[c]) {
        const mt_model_chain *chain = &chains->model->chains[c];
        uint32_t before = mt_reuse_first_after(s, chain, skip->after),
                 after = mt_reuse_first_after(s, chain, skip->again - 1);
        if (after == chain->first + chain->count)
            continue;
        before = before > chain->first ? before - 1 : chains->model->turns[before].origin;
        if (before >= MT_FROM_BEFORE || chains->when[before] > skip->after ||
            chains->units[chains->chain_of[before]] != s->units[unit].chain)
            continue;
        int64_t gap = chains->when[after] - skip->earlier_ns - chains->when[before],
                answer = mt_reuse_answer_ns(chains, before);
        missing = answer - gap > missing ? answer - gap : missing;
    }
    return missing;
}

mt_code mt_reuse_open_skips(mt_reuse_search *s, mt_error *error) {
    if (s->unit_count >= MT_REUSE_FEW_UNITS)
        return MT_OK;
    s->chains->skips = mt_allocate(MOST_LISTS, sizeof *s->chains->skips);
    s->spare_skips = mt_allocate(MOST_LISTS, sizeof *s->spare_skips);
    s->skips_count = 1;
    return s->chains->skips && s->spare_skips ? MT_OK : mt_fail_memory(error, "synthesiser");
}

/* There always is room: a step adds far fewer than MANY_LISTS. */
uint32_t mt_reuse_add_skips(mt_reuse_search *s, const mt_reuse_skips *skips) {
    if (skips->all[0].after == INT64_MAX || s->skips_count == MOST_LISTS)
        return 0;
    s->chains->skips[s->skips_count] = *skips;
    return s->skips_count++;
}

void mt_reuse_keep_skips(mt_reuse_search *s) {
    if (!s->spare_skips || s->skips_count < MANY_LISTS)
        return;
    enum { LISTS = 3 };
    mt_reuse_piece *lists[LISTS] = {s->here, s->now, s->best};
    mt_reuse_skips *old = s->chains->skips;
    s->chains->skips = s->spare_skips;
    s->spare_skips = old;
    s->skips_count = 1;
    mt_reuse_listed_forget(&s->judge.listed);
    for (size_t u = 0; u < s->unit_count; u++)
        for (size_t k = 0; k < LISTS; k++) {
            uint32_t *place = &lists[k][s->units[u].chain].skips;
            *place = *place > 0 ? mt_reuse_add_skips(s, &old[*place]) : 0;
        }
}
