/* Parts that are stretches of the source's time, laid end to end: what runs on from one into the next
 * goes on, its prompts having grown by all that came between. So of few sessions with long growing
 * prompts each length of prompts has its part, and as many run at once as in the source. Where stretches
 * begin and end, and which units are left out, is searched by annealing. */
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/reuse/chains_search.h"

#include <math.h>
#include <string.h>

enum { STRETCHES = MT_REUSE_SKIPS + 1, MOST_STEPS = 100000 };
enum { NEAR = 8 }; /* requests that a stretch moves, or becomes longer, mostly */
static const double hottest = 0.05;
/* Of the search's work: where there are a few units, changes of single ones do less. */
static const double share_of_work = 0.25, larger_share = 0.5;

/* At most `most` of them: requests of the lap in order of time; some are empty. Where units that are left
 * out leave too few, the last one goes on. */
typedef struct stretches {
    size_t most;
    size_t begin[STRETCHES], count[STRETCHES];
    uint8_t is_out[MT_REUSE_FEW_UNITS];
} stretches;

static size_t end_of(const stretches *all, size_t k) {
    return all->begin[k] + all->count[k];
}

static int are_in_order(const stretches *all, size_t requests) {
    for (size_t k = 0; k < all->most; k++)
        if (all->begin[k] >= requests || all->count[k] > requests ||
            end_of(all, k) > (k + 1 < all->most ? all->begin[k + 1] : requests))
            return 0;
    return 1;
}

/* From one of these times to the other, which a later request has: the first request after it comes as
 * long after the one before it as after whoever was before it in the source, or as answers need. */
static mt_reuse_skip cut_of(const mt_reuse_search *s, const int64_t *times, size_t last,
                            size_t begin) {
    mt_reuse_skip cut = {times[last], times[begin],
                         (times[begin - 1] - times[last]) / s->step * s->step};
    int64_t missing = 0;
    for (uint32_t u = 0; u < s->unit_count; u++)
        if (s->units[u].start <= cut.after && s->units[u].last >= cut.again) {
            int64_t here = mt_reuse_missing(s, u, &cut);
            missing = here > missing ? here : missing;
        }
    cut.earlier_ns -= (missing + s->step - 1) / s->step * s->step;
    return cut;
}

/* What is left out between stretches, at most STRETCHES - 1. Where it takes no longer than answers do it is
 * made. */
static size_t list_cuts(const mt_reuse_search *s, const stretches *all, const int64_t *times,
                        mt_reuse_skip *cuts) {
    size_t count = 0, last = SIZE_MAX;
    for (size_t k = 0; k < all->most; k++) {
        if (all->count[k] == 0)
            continue;
        if (last != SIZE_MAX && all->begin[k] > last + 1) {
            cuts[count] = cut_of(s, times, last, all->begin[k]);
            count += cuts[count].earlier_ns > 0;
        }
        last = end_of(all, k) - 1;
    }
    return count;
}

/* What the cuts leave of a unit. */
static mt_reuse_piece piece_between(mt_reuse_search *s, const mt_reuse_unit *unit,
                                    const mt_reuse_skip *cuts, size_t count) {
    mt_reuse_piece piece = mt_reuse_whole_piece();
    mt_reuse_skips skips = mt_reuse_no_skips();
    size_t skip_count = 0;
    for (size_t k = 0; k < count && unit->last > cuts[k].after; k++) {
        int has_after = unit->last >= cuts[k].again;
        if (unit->start <= cuts[k].after) {
            if (has_after)
                skips.all[skip_count++] = cuts[k];
            else
                piece.until = cuts[k].after;
        } else if (has_after) {
            piece.earlier_ns += cuts[k].earlier_ns;
            if (unit->start < cuts[k].again)
                piece.from = cuts[k].again;
        } else {
            piece.earlier_ns = MT_REUSE_DROPPED;
        }
    }
    piece.skips = mt_reuse_add_skips(s, &skips);
    return piece;
}

static mt_code judge_stretches(mt_reuse_search *s, const stretches *all, const int64_t *times,
                               double limit, double *unlike, mt_error *error) {
    mt_reuse_skip cuts[STRETCHES];
    size_t count = list_cuts(s, all, times, cuts), first = 0;
    while (first + 1 < all->most && all->count[first] == 0)
        first++;
    s->phase = times[all->begin[first]];
    mt_reuse_keep_skips(s);
    for (size_t u = 0; u < s->unit_count; u++) {
        mt_reuse_piece *piece = &s->here[s->units[u].chain];
        *piece = piece_between(s, &s->units[u], cuts, count);
        if (all->is_out[u])
            piece->earlier_ns = MT_REUSE_DROPPED;
    }
    s->judge.work += (double)s->unit_count * (double)(count + 1);
    return mt_reuse_judge_here(s, limit, unlike, error);
}

static size_t below(mt_reuse_search *s, size_t limit) {
    return (size_t)mt_random_below(&s->random, limit);
}

/* So many requests come in at the stretch's beginning, or at its end. */
static void lengthen(mt_reuse_search *s, stretches *all, size_t k, size_t by) {
    all->count[k] += by;
    all->begin[k] -= below(s, 2) ? by : 0; /* what is too many is not in order */
}

static size_t shorten(mt_reuse_search *s, stretches *all, size_t k, size_t by) {
    by = by < all->count[k] ? by : all->count[k];
    all->count[k] -= by;
    all->begin[k] += below(s, 2) ? by : 0;
    return by;
}

/* One stretch is moved, becomes longer or shorter, or some of its requests go to another one; or a unit
 * is left out, or comes in. */
static void change(mt_reuse_search *s, stretches *all, size_t requests) {
    size_t k = below(s, all->most), by = 1 + below(s, NEAR);
    size_t low = k > 0 ? end_of(all, k - 1) : 0,
           high = (k + 1 < all->most ? all->begin[k + 1] : requests) - all->count[k];
    switch (below(s, 7)) {
    case 0:
        all->begin[k] = low + below(s, high + 1 - low);
        break;
    case 1:
    case 2:
        all->begin[k] += below(s, 2) ? by : (size_t)0 - by;
        break;
    case 3:
        all->is_out[below(s, s->unit_count)] ^= 1;
        break;
    case 4:
        if (below(s, 2))
            lengthen(s, all, k, by);
        else
            shorten(s, all, k, by);
        break;
    default:
        by = shorten(s, all, k, below(s, 4) ? by : below(s, all->count[k] + 1));
        lengthen(s, all, below(s, all->most), by);
    }
}

static mt_code anneal(mt_reuse_search *s, const int64_t *times, mt_error *error) {
    size_t all = s->chains->model->count, part = s->judge.requests;
    stretches now = {.most = mt_reuse_most_skips(s) + 1}, next;
    for (size_t k = 0; k < now.most; k++) {
        now.begin[k] = k * all / now.most;
        now.count[k] = (k + 1) * part / now.most - k * part / now.most;
    }
    double share = s->unit_count < MT_REUSE_SINGLE_UNITS ? larger_share : share_of_work;
    double here, there, begun = s->judge.work, work = share * s->most_work - begun;
    mt_code code = judge_stretches(s, &now, times, INFINITY, &here, error);
    for (size_t k = 0; k < MOST_STEPS && s->judge.work < begun + work && !code; k++) {
        double left = 1 - fmax((double)k / MOST_STEPS, (s->judge.work - begun) / work);
        next = now;
        change(s, &next, all);
        if (!are_in_order(&next, all))
            continue;
        double limit = here - hottest * left * left * log(1 - mt_random_uniform(&s->random));
        code = judge_stretches(s, &next, times, limit, &there, error);
        if (code == MT_OK && there < limit) {
            now = next;
            here = there;
        }
    }
    return code;
}

mt_code mt_reuse_try_stretches(mt_reuse_search *s, mt_error *error) {
    const mt_model *model = s->chains->model;
    if (s->unit_count >= MT_REUSE_FEW_UNITS || s->judge.requests < STRETCHES)
        return MT_OK;
    int64_t *times = mt_allocate(model->count, sizeof *times);
    if (!times)
        return mt_fail_memory(error, "synthesiser");
    memcpy(times, s->chains->when, model->count * sizeof *times);
    mt_code code = mt_sort_times(times, model->count, error);
    if (code == MT_OK)
        code = anneal(s, times, error);
    mt_free(times);
    return code;
}
