#include "prefix/model/knobs.h"

#include "base/memory.h"
#include "prefix/model/copies.h"
#include "prefix/model/unfold.h"

#include <math.h>
#include <stdlib.h>

enum { HALVINGS = 200, TRIALS = 16, NEAREST = 10, FARTHEST = 16 /* powers of two */ };

#define LATEST 9.0e18 /* ns, that a start may have */

/* Sessions whose starts move: their own starts, how long they last, the source's grid. */
typedef struct moving {
    mt_unfolded unfolded;
    int64_t *starts, *lengths; /* by chain, ns */
    int64_t grid;              /* of all times, ns; 0: all come at one instant */
} moving;

static int64_t divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

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
        m->grid = divisor(m->starts[c], m->grid);
        for (uint32_t t = chain->first; t < chain->first + chain->count; t++) {
            m->lengths[c] += all->turns[t].gap_ns;
            m->grid = divisor(all->turns[t].gap_ns, m->grid);
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
    if (!(sessions > 0) || !isfinite(sessions))
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "sessions at once must be above 0, not %.17g",
                               sessions));
    if (model->chain_count > 0 && !(now.sessions_at_once > 0))
        return mt_null(mt_fail(error, MT_ERROR_VALUE,
                               "no session lasts, so there are never several at once: all have one "
                               "turn, or all of theirs at one instant"));
    if (model->chain_count > 0)
        code = copies_for(sessions / now.sessions_at_once, &copies, error);
    if (code == MT_OK && (code = open_moving(&m, model, copies, error)) == MT_OK &&
        (code = find_times(&m, sessions, &times, error)) == MT_OK)
        made = moved(&m, times, error);
    close_moving(&m);
    return made;
}

/* ---- the cliff ---- */

typedef struct search {
    const mt_model *model;
    mt_model *made;
    double cliff; /* blocks, of what was made last; 0: the sessions would be too far apart */
} search;

/* As many sessions at once as 2^power times the source's, about. */
static mt_code try_power(search *s, double power, mt_error *error) {
    moving m = {0};
    mt_model_measures measures;
    double often = exp2(power);
    size_t copies = 1;
    mt_model_release(s->made);
    s->made = NULL;
    s->cliff = 0;
    mt_code code = copies_for(often, &copies, error);
    if (code == MT_OK && (code = open_moving(&m, s->model, copies, error)) == MT_OK &&
        span_of(&m, (double)copies / often) <= LATEST) {
        if (!(s->made = moved(&m, (double)copies / often, error)))
            code = mt_code_of(error);
        else if ((code = mt_model_measure(s->made, &measures, error)) == MT_OK)
            s->cliff = (double)measures.cliff;
    }
    close_moving(&m);
    return code;
}

static mt_code fail_to_reach(double size, int is_up, double reached, double now, mt_error *error) {
    return mt_fail(error, MT_ERROR_VALUE,
                   "the cliff cannot be at %.0f blocks by how many sessions are at once: only as "
                   "%s as %.0f (now %.0f); multipliers of lengths move it too",
                   size, is_up ? "high" : "low", reached, now);
}

/* The cliff rises with the sessions at once. First powers of two, until it is passed or twice in a row
 * hardly moves; then between the two that it lies between, where a straight line in logarithms says,
 * a tenth of the way off both. */
static mt_code find_cliff(search *s, double size, mt_error *error) {
    mt_code code = try_power(s, 0, error);
    if (code)
        return code;
    double now = s->cliff, reached = now, power = 0, passed;
    int is_up = now < size, still = 0;
    if (now == 0)
        return mt_fail(error, MT_ERROR_VALUE, "nothing is shared, so there is no cliff to move");
    while (fabs(s->cliff - size) > 0.01 * size && (is_up ? s->cliff < size : s->cliff > size)) {
        reached = s->cliff;
        power += is_up ? 1 : -1;
        if (still == 2 || power > NEAREST || power < -FARTHEST)
            return fail_to_reach(size, is_up, reached, now, error);
        if ((code = try_power(s, power, error)))
            return code;
        if (s->cliff == 0)
            return fail_to_reach(size, is_up, reached, now, error);
        still = fabs(s->cliff - reached) <= 0.01 * reached ? still + 1 : 0;
    }
    passed = s->cliff;
    double low = is_up ? power - 1 : power, high = is_up ? power : power + 1;
    double below = is_up ? reached : passed, above = is_up ? passed : reached;
    for (int i = 0; i < TRIALS && high - low > 0.005 && fabs(s->cliff - size) > 0.01 * size; i++) {
        double part = log(size / below) / log(above / below);
        part = i % 3 == 2 ? 0.5 : fmin(fmax(part, 0.1), 0.9);
        double middle = low + part * (high - low);
        if ((code = try_power(s, middle, error)))
            return code;
        *(s->cliff < size ? &low : &high) = middle;
        *(s->cliff < size ? &below : &above) = s->cliff;
    }
    if (fabs(s->cliff - size) > fmax(0.02 * size, 1))
        return mt_fail(error, MT_ERROR_VALUE,
                       "the cliff cannot be at %.0f blocks: it jumps from %.0f to %.0f (now %.0f)",
                       size, below, above, now);
    return MT_OK;
}

mt_model *mt_model_with_cliff(const mt_model *model, uint64_t size, mt_error *error) {
    search s = {.model = model};
    mt_code code =
        size > 0 ? find_cliff(&s, (double)size, error)
                 : mt_fail(error, MT_ERROR_VALUE, "the cliff is at 1 block or more, not at 0");
    if (code) {
        mt_model_release(s.made);
        return NULL;
    }
    return s.made;
}
