#include "prefix/reuse/chains_listed.h"

#include "base/memory.h"
#include "base/sort.h"

#include <string.h>

void mt_reuse_listed_free(mt_reuse_listed *listed) {
    mt_free(listed->events);
    mt_free(listed->pieces);
    mt_free(listed->differs);
    mt_free(listed->times);
    mt_free(listed->put);
    mt_free(listed->next);
}

mt_code mt_reuse_listed_open(mt_reuse_listed *listed, const mt_reuse_chains *chains,
                             mt_error *error) {
    size_t turns = chains->model->count, count = chains->model->chain_count;
    listed->chains = chains;
    int is_there = (listed->events = mt_allocate(turns, sizeof *listed->events)) &&
                   (listed->pieces = mt_allocate(count, sizeof *listed->pieces)) &&
                   (listed->differs = mt_allocate(count, sizeof *listed->differs)) &&
                   (listed->times = mt_allocate(turns, sizeof *listed->times)) &&
                   (listed->put = mt_allocate(turns, sizeof *listed->put)) &&
                   (listed->next = mt_allocate(turns, sizeof *listed->next));
    return is_there ? MT_OK : mt_fail_memory(error, "synthesiser");
}

void mt_reuse_listed_forget(mt_reuse_listed *listed) {
    listed->is_known = 0;
}

/* Turns that come at another time than before, or did not come. Gives how many come. */
static size_t find_moved(mt_reuse_listed *listed, const mt_reuse_piece *pieces) {
    const mt_reuse_chains *chains = listed->chains;
    size_t count = 0;
    for (size_t c = 0; c < chains->model->chain_count; c++) {
        uint32_t unit = chains->units[c];
        if (unit == c) {
            listed->differs[c] =
                !listed->is_known || !mt_reuse_is_one_piece(&listed->pieces[c], &pieces[c]);
            listed->pieces[c] = pieces[c];
        }
        if (!listed->differs[unit])
            continue;
        const mt_model_chain *chain = &chains->model->chains[c];
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++) {
            int64_t time = mt_reuse_time_in_piece(chains, &pieces[unit], chains->when[t]);
            if (time == listed->times[t])
                continue;
            listed->times[t] = time;
            if (time < MT_REUSE_DROPPED)
                listed->put[count++] = (mt_reuse_judged){time, t};
        }
    }
    return count;
}

static int comes_before(const mt_reuse_judged *one, const mt_reuse_judged *other) {
    return one->time_ns != other->time_ns ? one->time_ns < other->time_ns : one->turn < other->turn;
}

mt_code mt_reuse_list(mt_reuse_listed *listed, const mt_reuse_piece *pieces, mt_error *error) {
    if (!listed->is_known) {
        listed->count = 0;
        for (size_t t = 0; t < listed->chains->model->count; t++)
            listed->times[t] = MT_REUSE_DROPPED;
    }
    size_t moved = find_moved(listed, pieces), count = 0, m = 0;
    listed->is_known = 0;
    mt_code code = mt_sort_by_number(listed->put, moved, sizeof *listed->put, error);
    if (code)
        return code;
    for (size_t i = 0; i < listed->count; i++) {
        mt_reuse_judged here = listed->events[i];
        if (listed->times[here.turn] != here.time_ns)
            continue;
        for (; m < moved && comes_before(&listed->put[m], &here); m++)
            listed->next[count++] = listed->put[m];
        listed->next[count++] = here;
    }
    memcpy(listed->next + count, listed->put + m, (moved - m) * sizeof *listed->next);
    mt_reuse_judged *old = listed->events;
    listed->events = listed->next;
    listed->next = old;
    listed->count = count + (moved - m);
    listed->is_known = 1;
    return MT_OK;
}
