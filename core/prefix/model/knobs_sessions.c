#include "prefix/model/knobs.h"

#include "base/memory.h"
#include "prefix/model/copies.h"
#include "prefix/model/unfold.h"
#include "stats/grid.h"

#include <math.h>
#include <stdlib.h>

enum { HALVINGS = 200, TRIALS = 16, MOST_TURNS = 1 << 21, FARTHEST = 16 /* a power of two */ };

#define LATEST 9.0e18 /* ns, that a start may have */

/* Sessions whose starts move: their own starts, how long they last, the source's grid. */
typedef struct moving {
    mt_unfolded unfolded;
    int64_t *starts, *lengths; /* by chain, ns */
    int64_t grid;              /* of all times, ns; 0: all come at one instant */
} moving;

static void close_moving(moving *m) {
    mt_unfolded_free(&m->unfolded);
    mt_free(m->starts);
    mt_free(m->lengths);
}

/* `copies` of the model's sessions. */
static mt_code open_moving(moving *m, const mt_model *model, size_t copies, mt_error *error) {
    mt_code code = mt_unfold(model, &m->unfolded, error);
    if (code || (code = mt_copy_chains(&m->unfolded, copies, error)))
        return code;
    const mt_unfolded *all = &m->unfolded;
    m->starts = mt_allocate(all->chain_count, sizeof *m->starts);
    m->lengths = mt_allocate_zero(all->chain_count, sizeof *m->lengths);
    if (!m->starts || !m->lengths)
        return mt_fail_memory(error, "sessions of a model");
    for (size_t c = 0; c < all->chain_count; c++) {
        const mt_model_chain *chain = &all->chains[c];
        m->starts[c] = chain->start_ns - all->chains[0].start_ns;
        m->grid = mt_common_divisor(m->starts[c], m->grid);
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++) {
            m->lengths[c] += all->turns[t].gap_ns;
            m->grid = mt_common_divisor(all->turns[t].gap_ns, m->grid);
        }
    }
    return MT_OK;
}

static double moved_start(const moving *m, size_t chain, double times) {
    return m->grid > 0 ? round((double)m->starts[chain] * times / (double)m->grid) * (double)m->grid
                       : 0;
}

/* From the first request to the last, ns, with the starts multiplied. */
static double span_of(const moving *m, double times) {
    double last = 0;
    for (size_t c = 0; c < m->unfolded.chain_count; c++)
        last = fmax(last, moved_start(m, c, times) + (double)m->lengths[c]);
    return last;
}

static mt_model *moved(moving *m, double times, mt_error *error) {
    if (span_of(m, times) > LATEST)
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE, "a session begins after more than 292 years"));
    for (size_t c = 0; c < m->unfolded.chain_count; c++)
        m->unfolded.chains[c].start_ns = (int64_t)moved_start(m, c, times);
    return mt_fold(&m->unfolded, error);
}

/* ---- sessions at once ---- */

/* What the starts are to be multiplied by for so many sessions at once. */
static mt_code find_times(const moving *m, double sessions, double *times, mt_error *error) {
    double all = 0, low = 0, high = 1;
    for (size_t c = 0; c < m->unfolded.chain_count; c++)
        all += (double)m->lengths[c];
    double span = all / sessions;
    while (span_of(m, high) < span && high < 1e18)
        high *= 2;
    if (!(span_of(m, high) >= span))
        return mt_fail(error, MT_ERROR_VALUE,
                       "%.4g sessions at once cannot be: all begin together, so there are %.4g",
                       sessions, all / span_of(m, 1));
    for (int i = 0; i < HALVINGS && high - low > 1e-15 * high; i++) {
        double middle = low + (high - low) / 2;
        if (span_of(m, middle) < span)
            low = middle;
        else
            high = middle;
    }
    *times = high;
    return MT_OK;
}

/* How many copies of the sessions: as often as they are to be, and never nearer together. */
static mt_code copies_for(double often, size_t *copies, mt_error *error) {
    if (!(often <= (double)MT_KNOB_TURNS))
        return mt_fail(error, MT_ERROR_VALUE,
                       "so many sessions at once need %.4g times the source's, with more than %zu "
                       "turns",
                       often, MT_KNOB_TURNS);
    *copies = often > 1 ? (size_t)ceil(often - 1e-9) : 1;
    return MT_OK;
}

mt_model *mt_model_with_sessions_at_once(const mt_model *model, double sessions, mt_error *error) {
    moving m = {0};
    mt_model *made = NULL;
    mt_model_measures now;
    size_t copies = 1;
    double times = 1;
    mt_code code = mt_model_measure(model, &now, error);
    if (code)
        return NULL;
    if (model->chain_count > 0 && !(now.sessions_at_once > 0))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "no session lasts, so there are never several at once: all have one "
                               "turn, or all of theirs at one instant"));
    if (!(sessions > 0) || !isfinite(sessions))
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "sessions at once must be above 0, not %.17g",
                               sessions));
    if (model->chain_count > 0)
        code = copies_for(sessions / now.sessions_at_once, &copies, error);
    if (code == MT_OK && open_moving(&m, model, copies, error) == MT_OK &&
        find_times(&m, sessions, &times, error) == MT_OK)
        made = moved(&m, times, error);
    close_moving(&m);
    return made;
}

/* ---- the cliff ---- */

typedef struct search {
    const mt_model *model;
    mt_model *made;
    double cliff; /* blocks, of what was made last; 0: the sessions would be too far apart */
    double now;   /* of the model itself */
} search;

/* So many copies of the sessions, their starts 2^apart times as far apart. */
static mt_code try_sessions(search *s, size_t copies, double apart, mt_error *error) {
    moving m = {0};
    mt_model_measures measures;
    mt_model_release(s->made);
    s->made = NULL;
    s->cliff = 0;
    mt_code code = open_moving(&m, s->model, copies, error);
    if (code == MT_OK && span_of(&m, exp2(apart)) <= LATEST) {
        if (!(s->made = moved(&m, exp2(apart), error)))
            code = mt_code_of(error);
        else if ((code = mt_model_measure(s->made, &measures, error)) == MT_OK)
            s->cliff = (double)measures.cliff;
    }
    close_moving(&m);
    return code;
}

static int is_there(const search *s, double size) {
    return fabs(s->cliff - size) <= 0.01 * size;
}

/* What was reached may be on the far side of what the model has as it is. */
static mt_code fail_to_reach(const search *s, double size, double reached, mt_error *error) {
    reached = size > s->now ? fmax(reached, s->now) : fmin(reached, s->now);
    return mt_fail(error, MT_ERROR_VALUE,
                   "the cliff cannot be at %.0f blocks by how many sessions are at once: only as "
                   "%s as %.0f (now %.0f); multipliers of lengths move it too",
                   size, size > s->now ? "high" : "low", reached, s->now);
}

/* The fewest copies with which the cliff is there or above, which are made: first powers of two,
 * until it hardly rises twice in a row. */
static mt_code find_copies(search *s, double size, size_t *copies, mt_error *error) {
    size_t few = 0, many = 1;
    double blocks = 0; /* different ones, of the model: no cliff lies above those there are */
    for (size_t i = 0; i < s->model->count; i++)
        blocks += (double)mt_description_blocks(&s->model->descriptions[i]) -
                  (double)s->model->descriptions[i].shared;
    mt_code code = try_sessions(s, many, 0, error);
    s->now = s->cliff;
    if (code == MT_OK && s->now == 0)
        return mt_fail(error, MT_ERROR_VALUE, "nothing is shared, so there is no cliff to move");
    if (!code && size / blocks * (double)s->model->count > MOST_TURNS)
        return mt_fail(
            error, MT_ERROR_VALUE,
            "the cliff cannot be at %.0f blocks (now %.0f): that takes more than %d turns", size,
            s->now, MOST_TURNS);
    for (int still = 0; !code && s->cliff < size && !is_there(s, size);) {
        double reached = s->cliff;
        if (still == 2 || 2 * many * s->model->count > MOST_TURNS)
            return fail_to_reach(s, size, reached, error);
        few = many;
        many *= 2;
        code = try_sessions(s, many, 0, error);
        still = s->cliff <= 1.01 * reached ? still + 1 : 0;
    }
    while (!code && many - few > 1 && !is_there(s, size)) {
        size_t middle = few + (many - few) / 2;
        if ((code = try_sessions(s, middle, 0, error)))
            break;
        if (s->cliff < size && !is_there(s, size))
            few = middle;
        else
            many = middle;
        if (many - few == 1 && many != middle)
            code = try_sessions(s, many, 0, error);
    }
    *copies = many;
    return code;
}

/* Draws the starts apart until the cliff has come down: first powers of two, then between the two
 * that it lies between, where a straight line in logarithms says, a tenth of the way off both. */
static mt_code draw_apart(search *s, double size, size_t copies, mt_error *error) {
    double low = 0, high = 0, above = s->cliff, below = above;
    mt_code code = MT_OK;
    for (int still = 0; !code && s->cliff > size && !is_there(s, size);) {
        low = high++;
        above = s->cliff;
        code = still < 2 && high <= FARTHEST ? try_sessions(s, copies, high, error) : MT_OK;
        if (!code && (still == 2 || high > FARTHEST || s->cliff == 0))
            return fail_to_reach(s, size, above, error);
        still = s->cliff >= 0.99 * above ? still + 1 : 0;
        below = s->cliff;
    }
    for (int i = 0; !code && i < TRIALS && !is_there(s, size) && high - low > 0.002; i++) {
        double part = log(above / size) / log(above / below);
        part = i % 3 == 2 ? 0.5 : fmin(fmax(part, 0.1), 0.9);
        double middle = low + part * (high - low);
        code = try_sessions(s, copies, middle, error);
        *(s->cliff > size ? &low : &high) = middle;
        *(s->cliff > size ? &above : &below) = s->cliff;
    }
    if (!code && fabs(s->cliff - size) > fmax(0.02 * size, 1))
        return mt_fail(error, MT_ERROR_VALUE,
                       "the cliff cannot be at %.0f blocks: it jumps from %.0f to %.0f (now %.0f)",
                       size, below, above, s->now);
    return code;
}

mt_model *mt_model_with_cliff(const mt_model *model, uint64_t size, mt_error *error) {
    search s = {.model = model};
    size_t copies = 1;
    mt_code code = MT_OK;
    if (size == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "the cliff is at 1 block or more, not at 0"));
    if ((code = find_copies(&s, (double)size, &copies, error)) == MT_OK)
        code = draw_apart(&s, (double)size, copies, error);
    if (code) {
        mt_model_release(s.made);
        return NULL;
    }
    return s.made;
}
