/* When requests come: along another realisation of the source's arrivals, or along the source's own.
 *
 * The requests of the source are drawn anew as a whole (prefix/gaps/gaps.h): so its n-th one has
 * another time. What moves as one takes the times of those that began such units in the source, in
 * the order in which it was dealt. */
#include "base/memory.h"
#include "base/sort.h"
#include "prefix/gaps/gaps.h"
#include "prefix/model/chains.h"
#include "prefix/reuse/chains_state.h"
#include "stats/dispersion.h"

#include <math.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

static const int64_t windows[] = {SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND};
enum { FEWEST_WINDOWS = 32 };          /* of fewer the dispersion is chance; so it is of */
static const double fewest_held = 0.5; /* fewer requests in each */
static const double alike = 0.1; /* so far dispersions may be apart where all is placed anew, */
static const double kept = 0.2;  /* and where it stays as it was dealt, if they are not */

/* The first turn of what moves as one. */
typedef struct root {
    int64_t place; /* what they are sorted by */
    uint32_t turn;
} root;

typedef struct placing {
    mt_reuse_chains *chains;
    size_t count;      /* turns */
    int64_t *arrivals; /* of the source's requests, in order */
    int64_t *drawn;    /* the same, drawn anew */
    int64_t *times;    /* of the model's turns, in order: it mixes who begins when */
    int64_t *dealt;    /* by turn: when it comes as it was dealt */
    int64_t *ends;     /* by turn: when the last one of its unit comes */
    int64_t *sorted;   /* to work with */
    uint32_t *after;   /* by turn: the one to which it keeps its distance, or MT_NO_TURN */
    root *roots;
    size_t root_count;
} placing;

static void free_all(placing *r) {
    mt_free(r->arrivals);
    mt_free(r->times);
    mt_free(r->drawn);
    mt_free(r->dealt);
    mt_free(r->ends);
    mt_free(r->sorted);
    mt_free(r->after);
    mt_free(r->roots);
}

static int has_memory(placing *r) {
    return (r->arrivals = mt_allocate(r->count, sizeof *r->arrivals)) &&
           (r->times = mt_allocate(r->count, sizeof *r->times)) &&
           (r->drawn = mt_allocate(r->count, sizeof *r->drawn)) &&
           (r->dealt = mt_allocate(r->count, sizeof *r->dealt)) &&
           (r->ends = mt_allocate(r->count, sizeof *r->ends)) &&
           (r->sorted = mt_allocate(r->count, sizeof *r->sorted)) &&
           (r->after = mt_allocate(r->count, sizeof *r->after)) &&
           (r->roots = mt_allocate(r->count, sizeof *r->roots));
}

/* They last as long as the turns, which is checked (LONGEST), or no longer. */
static void add_up(placing *r) {
    const int64_t *gaps_ns = r->chains->model->gaps_ns;
    r->arrivals[0] = 0;
    for (size_t i = 1; i < r->count; i++) {
        int64_t before = r->arrivals[i - 1];
        r->arrivals[i] = before < MT_REUSE_DROPPED - gaps_ns[i] ? before + gaps_ns[i] : before;
    }
}

static mt_code draw(placing *r, mt_error *error) {
    mt_gaps *gaps = mt_gaps_new(MT_GAPS_SOURCE, r->chains->model->gaps_ns, r->count,
                                mt_random_u64(&r->chains->random), error);
    mt_code code = gaps ? MT_OK : mt_code_of(error);
    for (size_t i = 0; i < r->count && !code; i++)
        code = mt_gaps_next(gaps, &r->drawn[i], error);
    mt_gaps_free(gaps);
    return code;
}

static mt_code sort_times(placing *r, mt_error *error) {
    memcpy(r->times, r->chains->times, r->count * sizeof *r->times);
    return mt_sort_times(r->times, r->count, error);
}

/* ---- what moves as one ---- */

/* The turn that this one goes on from, of its chain or of the family, or MT_NO_TURN. */
static uint32_t before_of(const mt_reuse_chains *chains, uint32_t turn) {
    if (!chains->heads[turn])
        return turn - 1;
    return chains->ties[chains->chain_of[turn]] == MT_REUSE_FREE
               ? MT_NO_TURN
               : chains->model->turns[turn].origin;
}

/* Is there room in its prompt for the answer to the turn before? */
static int may_have_answer(const mt_reuse_chains *chains, uint32_t turn, uint32_t before) {
    const mt_description *then = mt_reuse_description(chains, before);
    uint64_t had = mt_model_input_length(chains->model, then);
    uint64_t has = mt_model_input_length(chains->model, mt_reuse_description(chains, turn));
    uint64_t answer = then->output == MT_MODEL_NO_OUTPUT ? 0 : then->output;
    return has >= had && has - had >= answer;
}

/* A chain's first turn that may have waited for the answer to what it goes on from. */
static int is_waiting_child(const mt_reuse_chains *chains, uint32_t turn) {
    uint32_t before = before_of(chains, turn);
    return before != MT_NO_TURN && chains->ties[chains->chain_of[turn]] != MT_REUSE_READER &&
           may_have_answer(chains, turn, before);
}

/* Of the turns that the chain goes on with, do most have room for the answer? Else they know nothing of
 * each other, as readers of a document. */
static int has_answers(const mt_reuse_chains *chains, const mt_model_chain *chain) {
    uint32_t count = 0;
    for (uint32_t t = chain->first + 1; t < chain->first + chain->count; t++)
        count += (uint32_t)may_have_answer(chains, t, t - 1);
    return 2 * count >= chain->count;
}

size_t mt_reuse_tie_turns(const mt_reuse_chains *chains, int is_whole, uint32_t *after) {
    size_t roots = 0;
    for (size_t c = 0; c < chains->model->chain_count; c++) {
        const mt_model_chain *chain = &chains->model->chains[c];
        int is_session = is_whole || has_answers(chains, chain);
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++) {
            uint32_t before = before_of(chains, t);
            int is_tied = t > chain->first ? is_session : is_whole || is_waiting_child(chains, t);
            after[t] = is_tied ? before : MT_NO_TURN;
            roots += after[t] == MT_NO_TURN;
        }
    }
    return roots;
}

static void tie(placing *r, int is_whole) {
    mt_reuse_tie_turns(r->chains, is_whole, r->after);
    r->root_count = 0;
    for (uint32_t t = 0; t < r->count; t++)
        if (r->after[t] == MT_NO_TURN)
            r->roots[r->root_count++].turn = t;
}

/* ---- places ---- */

/* A time as a place among the source's requests; between two of them it has a fraction. */
static double place_of(const placing *r, int64_t time) {
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->times[middle] < time)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || low == r->count)
        return (double)low;
    int64_t before = r->times[low - 1];
    return (double)(low - 1) + (double)(time - before) / (double)(r->times[low] - before);
}

/* When roots come in the drawn arrivals, in order, into `sorted`. */
static mt_code list_times(placing *r, mt_error *error) {
    size_t at = 0;
    for (size_t i = 0; i < r->root_count; i++)
        r->roots[i].place = r->chains->times[r->roots[i].turn];
    mt_code code = mt_sort_by_number(r->roots, r->root_count, sizeof *r->roots, error);
    for (size_t i = 0; i < r->root_count && !code; i++) {
        while (r->times[at] < r->roots[i].place)
            at++;
        r->sorted[i] = r->drawn[at++];
    }
    return code;
}

/* In the order in which they were dealt. By how much a family moved is counted in requests: while they
 * are many, a time holds more of them, and other ones would come between its members. */
static mt_code order_roots(placing *r, mt_error *error) {
    const mt_reuse_chains *chains = r->chains;
    for (size_t i = 0; i < r->root_count; i++) {
        uint32_t turn = r->roots[i].turn, family = chains->families[chains->chain_of[turn]];
        int64_t start = chains->model->chains[family].start_ns, moved = chains->moved[family];
        double was = place_of(r, r->dealt[turn] - (moved - start));
        r->roots[i].place = mt_order_of_double(was + place_of(r, moved) - place_of(r, start));
    }
    return mt_sort_by_number(r->roots, r->root_count, sizeof *r->roots, error);
}

/* ---- times ---- */

static void find_ends(placing *r) {
    memcpy(r->ends, r->dealt, r->count * sizeof *r->ends);
    for (size_t i = r->count; i-- > 0;) {
        uint32_t turn = r->chains->order[i], after = r->after[turn];
        if (after != MT_NO_TURN && r->ends[turn] > r->ends[after])
            r->ends[after] = r->ends[turn];
    }
}

/* A unit that is to move by that much later. Where there are few, those that last stay, for it matters
 * who runs beside them; and none is moved beyond the source's end. */
static int64_t limited(const placing *r, uint32_t turn, int64_t by) {
    int64_t left = r->chains->last - r->ends[turn];
    if (mt_reuse_is_few(r->chains) && r->ends[turn] > r->dealt[turn])
        return 0;
    return by <= left || by <= 0 ? by : left > 0 ? left : 0;
}

static mt_code place(placing *r, int is_whole, mt_error *error) {
    mt_reuse_chains *chains = r->chains;
    tie(r, is_whole);
    mt_code code = list_times(r, error);
    if (code || (code = order_roots(r, error)))
        return code;
    find_ends(r);
    for (size_t i = 0; i < r->root_count; i++) {
        uint32_t turn = r->roots[i].turn;
        chains->when[turn] = r->dealt[turn] + limited(r, turn, r->sorted[i] - r->dealt[turn]);
    }
    for (size_t i = 0; i < r->count; i++) {
        uint32_t turn = chains->order[i], after = r->after[turn];
        if (after != MT_NO_TURN)
            chains->when[turn] = chains->when[after] + (r->dealt[turn] - r->dealt[after]);
    }
    return MT_OK;
}

/* How far the dispersion of what was placed is from the source's, as a part of that, at the worst
 * window. */
static mt_code judge(placing *r, double *apart, mt_error *error) {
    for (size_t t = 0; t < r->count; t++)
        r->sorted[t] = mt_reuse_on_clock(r->chains, r->chains->when[t]);
    mt_code code = mt_sort_times(r->sorted, r->count, error);
    *apart = 0;
    for (size_t w = 0; w < sizeof windows / sizeof *windows && !code; w++) {
        mt_dispersion source, made;
        if (windows[w] < r->chains->clock.period_ns)
            continue;
        mt_disperse(r->arrivals, r->count, windows[w], &source);
        mt_disperse(r->sorted, r->count, windows[w], &made);
        if (source.windows >= FEWEST_WINDOWS && source.mean >= fewest_held &&
            source.variance_over_mean > 0)
            *apart = fmax(*apart, fabs(made.variance_over_mean / source.variance_over_mean - 1));
    }
    return code;
}

static mt_code place_anew(placing *r, mt_error *error) {
    double whole = 0, parts = 0;
    mt_code code = draw(r, error);
    if (code || (code = sort_times(r, error)) || (code = place(r, 1, error)) ||
        (code = judge(r, &whole, error)) || whole <= alike || mt_reuse_is_few(r->chains))
        return code;
    if ((code = place(r, 0, error)) || (code = judge(r, &parts, error)))
        return code;
    return parts > whole ? place(r, 1, error) : MT_OK;
}

/* Whether it is better than what was dealt, if that is not good, the first lap tells. */
static mt_code place_as_in_source(placing *r, mt_error *error) {
    mt_reuse_chains *chains = r->chains;
    double dealt = INFINITY, parts = 0;
    mt_code code = chains->is_placed ? MT_OK : judge(r, &dealt, error);
    if (code || dealt <= kept || (code = sort_times(r, error)))
        return code;
    memcpy(r->drawn, r->arrivals, r->count * sizeof *r->arrivals);
    if ((code = place(r, 0, error)) || chains->is_placed || (code = judge(r, &parts, error)))
        return code;
    chains->is_placed = parts < dealt;
    if (!chains->is_placed)
        memcpy(chains->when, r->dealt, r->count * sizeof *r->dealt);
    return MT_OK;
}

mt_code mt_reuse_place_arrivals(mt_reuse_chains *chains, mt_error *error) {
    placing r = {.chains = chains, .count = chains->model->count};
    if (!chains->resample && (mt_reuse_is_few(chains) || (chains->lap > 0 && !chains->is_placed)))
        return MT_OK;
    mt_code code = MT_OK;
    if (!has_memory(&r)) {
        code = mt_fail_memory(error, "synthesiser");
    } else {
        add_up(&r);
        memcpy(r.dealt, chains->when, r.count * sizeof *r.dealt);
        code = chains->resample ? place_anew(&r, error) : place_as_in_source(&r, error);
    }
    free_all(&r);
    return code;
}
