/* The part that a shorter trace is made after becomes more like its source, step by step. Of a few
 * changes at a time the one is taken that is likely to do most for it (chains_guess.h); what comes of a
 * step is judged. */
#include "prefix/reuse/chains_search.h"

#include <math.h>
#include <string.h>

enum { MOST_STEPS = 400000 };
enum { DRAWS = 8 };                             /* units looked at */
enum { NEAR = 3 };                              /* turns that a skip's end moves */
static const double bolder = 1.3, shyer = 0.95; /* after a step that is kept, or not */
/* So much less alike is likely to be kept, at first, where there are fewer units than FEW, and such a
 * part of it elsewhere. */
static const double hottest = 0.02, cooler = 0.05;
enum { FEW = 256 };
enum { GUESS_WORK = 200 }; /* what a try costs, as looking at so many runs */
enum { MOST_TRIES = 32, FEW_TRIES = 8, UNITS_A_TRY = 4 }; /* of which the best one is taken */

/* ---- pieces ---- */

static mt_reuse_piece *piece_of(const mt_reuse_search *s, uint32_t unit) {
    return &s->here[s->units[unit].chain];
}

/* Puts a unit's piece in place of what stands there, in the guess too. */
static void put(mt_reuse_search *s, uint32_t unit, mt_reuse_piece piece) {
    mt_reuse_piece *here = piece_of(s, unit);
    if (mt_reuse_is_one_piece(here, &piece))
        return;
    s->undo[s->undo_count++] = (mt_reuse_was){unit, *here};
    mt_reuse_guess_count(&s->guess, s->units[unit].chain, here, -1);
    mt_reuse_guess_count(&s->guess, s->units[unit].chain, &piece, 1);
    *here = piece;
    if (!s->differs[unit])
        s->differ[s->differ_count++] = unit;
    s->differs[unit] = 1;
}

/* The last change did not happen. */
static void take_back(mt_reuse_search *s) {
    size_t count = s->undo_count;
    while (count-- > 0)
        put(s, s->undo[count].unit, s->undo[count].piece);
    s->undo_count = 0;
}

/* `now` becomes what stands here, or the other way round. */
static void settle(mt_reuse_search *s, int is_kept) {
    for (size_t i = 0; i < s->differ_count; i++) {
        uint32_t unit = s->differ[i], chain = s->units[unit].chain;
        if (is_kept)
            s->now[chain] = s->here[chain];
        else
            put(s, unit, s->now[chain]);
        s->undo_count = 0;
    }
    for (size_t i = 0; i < s->differ_count; i++)
        s->differs[s->differ[i]] = 0;
    s->differ_count = 0;
}

/* ---- changes ---- */

static int is_in(const mt_reuse_search *s, uint32_t unit) {
    const mt_reuse_unit *u = &s->units[unit];
    const mt_reuse_piece *piece = piece_of(s, unit);
    int64_t end = u->last < piece->until ? u->last : piece->until;
    int64_t begin = u->start > piece->from ? u->start : piece->from;
    return piece->earlier_ns != MT_REUSE_DROPPED && end - piece->earlier_ns >= s->phase &&
           begin - piece->earlier_ns <= s->phase + s->guess.lasts;
}

static uint32_t draw_any(mt_reuse_search *s) {
    return (uint32_t)mt_random_below(&s->random, s->unit_count);
}

/* A unit that is in the part, or that is not, if a few draws find one. */
static uint32_t draw_unit(mt_reuse_search *s, int in) {
    uint32_t found = draw_any(s);
    for (size_t k = 1; k < DRAWS && is_in(s, found) != in; k++)
        found = draw_any(s);
    return found;
}

/* The unit's piece, beginning at about that time, counted as the lap's are. */
static mt_reuse_piece placed(const mt_reuse_search *s, uint32_t unit, double start) {
    mt_reuse_piece piece = *piece_of(s, unit);
    double earlier = (double)s->units[unit].start - start;
    piece.earlier_ns = (int64_t)floor(earlier / (double)s->step) * s->step;
    return piece;
}

static mt_reuse_piece without(const mt_reuse_search *s, uint32_t unit) {
    mt_reuse_piece piece = *piece_of(s, unit);
    piece.earlier_ns = MT_REUSE_DROPPED;
    return piece;
}

static void leave_out(mt_reuse_search *s, uint32_t unit) {
    put(s, unit, without(s, unit));
}

/* When it begins in the part. */
static double begin_of(const mt_reuse_search *s, uint32_t unit) {
    return (double)s->units[unit].start - (double)piece_of(s, unit)->earlier_ns;
}

/* It comes to where any part of it falls into the new trace. */
static mt_reuse_piece placed_anywhere(mt_reuse_search *s, uint32_t unit) {
    double lasts = (double)(s->units[unit].last - s->units[unit].start);
    return placed(s, unit,
                  (double)s->phase - lasts +
                      mt_random_uniform(&s->random) * ((double)s->guess.lasts + lasts));
}

/* Another one takes a unit's place. */
static void replace(mt_reuse_search *s, uint32_t in) {
    uint32_t out = draw_unit(s, 0);
    put(s, out, placed(s, out, begin_of(s, in)));
    leave_out(s, in);
}

static void move_a_little(mt_reuse_search *s, uint32_t unit) {
    double by = (mt_random_uniform(&s->random) - 0.5) * (double)s->guess.lasts / 4;
    put(s, unit, placed(s, unit, begin_of(s, unit) + by));
}

/* Its beginning or its end is left out, or made again. */
static void cut(mt_reuse_search *s, uint32_t unit) {
    const mt_reuse_unit *u = &s->units[unit];
    mt_reuse_piece piece = *piece_of(s, unit);
    int64_t time =
        u->start + (int64_t)(mt_random_uniform(&s->random) * (double)(u->last - u->start));
    switch (mt_random_below(&s->random, 4)) {
    case 0:
        piece.from = time;
        break;
    case 1:
        piece.from = u->start;
        break;
    case 2:
        piece.until = time;
        break;
    default:
        piece.until = u->last;
    }
    put(s, unit, piece);
}

/* The longest chain of a unit. */
static const mt_model_chain *longest_of(const mt_reuse_search *s, uint32_t unit) {
    const mt_model_chain *chains = s->chains->model->chains;
    uint32_t longest = s->units[unit].chain;
    for (uint32_t c = longest; c != MT_NO_TURN; c = s->guess.next[c])
        if (chains[c].count > chains[longest].count)
            longest = c;
    return &chains[longest];
}

/* The turn, or one near it, of those from `first` to `last`. */
static uint32_t draw_near(mt_reuse_search *s, uint32_t turn, uint32_t first, uint32_t last) {
    uint32_t low = turn > first + NEAR ? turn - NEAR : first;
    uint32_t drawn = low + (uint32_t)mt_random_below(&s->random, 2 * NEAR + 1);
    return drawn < last ? drawn : last;
}

/* Do the skips, put in order, not overlap? */
static int put_in_order(mt_reuse_skips *skips) {
    for (size_t i = 1; i < MT_REUSE_SKIPS; i++)
        for (size_t k = i; k > 0 && skips->all[k].after < skips->all[k - 1].after; k--) {
            mt_reuse_skip kept = skips->all[k];
            skips->all[k] = skips->all[k - 1];
            skips->all[k - 1] = kept;
        }
    for (size_t k = 1; k < MT_REUSE_SKIPS; k++)
        if (skips->all[k - 1].again > skips->all[k].after)
            return 0;
    return 1;
}

/* Some requests in its middle are left out, or others than were, or are made again. */
static void skip(mt_reuse_search *s, uint32_t unit) {
    const mt_reuse_chains *chains = s->chains;
    const mt_model_chain *chain = longest_of(s, unit);
    mt_reuse_piece piece = *piece_of(s, unit);
    mt_reuse_skips skips = piece.skips > 0 ? chains->skips[piece.skips] : mt_reuse_no_skips();
    mt_reuse_skip *one = &skips.all[mt_random_below(&s->random, mt_reuse_most_skips(s))];
    uint32_t last = chain->first + chain->count - 1, before, again; /* the turns about the skip */
    if (chain->count < 3)
        return;
    switch (mt_random_below(&s->random, one->after < INT64_MAX ? 5 : 1)) {
    case 0:
        before = chain->first + (uint32_t)mt_random_below(&s->random, chain->count - 2);
        again = before + 2 + (uint32_t)mt_random_below(&s->random, last - before - 1);
        break;
    case 1:
        before = again = last;
        break;
    default:
        before = mt_reuse_first_after(s, chain, one->after);
        before -= before > chain->first;
        again = mt_reuse_first_after(s, chain, one->again - 1);
        before = draw_near(s, before, chain->first, last);
        again = draw_near(s, again, chain->first, last);
        if (again < before + 2)
            return;
    }
    *one = (mt_reuse_skip){INT64_MAX, INT64_MAX, 0};
    if (again > before)
        *one =
            (mt_reuse_skip){chains->when[before], chains->when[again],
                            (chains->when[again - 1] - chains->when[before]) / s->step * s->step};
    if (again > before && mt_reuse_missing(s, unit, one) > 0)
        return;
    if (!put_in_order(&skips))
        return;
    piece.skips = mt_reuse_add_skips(s, &skips);
    put(s, unit, piece);
}

/* All that hangs together with a unit comes in, as it hangs together, or is left out. */
static void change_tree(mt_reuse_search *s, uint32_t one) {
    int64_t earlier = is_in(s, one) ? MT_REUSE_DROPPED : placed_anywhere(s, one).earlier_ns;
    for (uint32_t u = s->trees[s->units[one].tree].first; u != MT_REUSE_NO_UNIT;
         u = s->units[u].next) {
        mt_reuse_piece piece = *piece_of(s, u);
        piece.earlier_ns = earlier;
        put(s, u, piece);
    }
}

/* A request that shares less than in the source, for whoever came before it there is not in the part, is
 * left out with its unit, or its unit is moved to where it has its beginning, or that other one comes
 * in. */
static void mend(mt_reuse_search *s) {
    uint32_t turn = s->lost[mt_random_below(&s->random, s->lost_count)];
    uint32_t one = s->place_of[s->chains->chain_of[turn]];
    uint32_t before = s->place_of[s->chains->chain_of[s->chains->origin[turn]]];
    mt_reuse_piece piece = *piece_of(s, one), other = *piece_of(s, before);
    if (piece.earlier_ns == MT_REUSE_DROPPED)
        return;
    switch (mt_random_below(&s->random, 3)) {
    case 0:
        leave_out(s, one);
        break;
    case 1:
        if (begin_of(s, one) < (double)s->phase)
            piece = placed(s, one,
                           (double)s->phase +
                               mt_random_uniform(&s->random) * (double)s->guess.lasts / 4);
        piece.from = s->units[one].start;
        put(s, one, piece);
        break;
    default:
        other.earlier_ns = piece.earlier_ns;
        other.from = s->units[before].start;
        put(s, before, other);
    }
}

/* One unit is changed, or a tree of them. */
static void change(mt_reuse_search *s) {
    uint32_t one = draw_unit(s, 1);
    int is_long = s->units[one].last > s->units[one].start;
    size_t kinds = s->lost_count > 0 ? 11 : 8;
    size_t kind = mt_random_below(&s->random, kinds + (s->spare_skips ? 2 : 0));
    if (kind >= kinds) {
        if (is_long)
            skip(s, one);
        return;
    }
    switch (kind) {
    case 8:
    case 9:
    case 10:
        mend(s);
        break;
    case 0:
        leave_out(s, one);
        break;
    case 1:
        one = draw_unit(s, 0);
        put(s, one, placed_anywhere(s, one));
        break;
    case 2:
        if (is_in(s, one))
            move_a_little(s, one);
        break;
    case 3:
    case 4:
        if (is_long)
            cut(s, one);
        break;
    case 5:
        change_tree(s, draw_any(s));
        break;
    default:
        if (is_in(s, one))
            replace(s, one);
    }
}

/* Of so many changes the one that is likely to be the best. */
static void change_well(mt_reuse_search *s, size_t tries) {
    double best = INFINITY, unchanged = 0;
    mt_random chosen = s->random;
    if (tries > 1)
        unchanged = mt_reuse_guess_mark(&s->guess);
    for (size_t k = 0; k < tries; k++) {
        s->judge.work += tries > 1 ? GUESS_WORK : 0;
        mt_random from = s->random;
        s->undo_count = 0;
        change(s);
        if (tries == 1)
            return;
        double unlike = s->undo_count > 0 ? mt_reuse_guess_unlike(&s->guess, best) : unchanged;
        if (k == 0 || unlike < best) {
            best = unlike;
            chosen = from;
        }
        take_back(s);
        s->guess.moved = 0;
    }
    mt_random after = s->random;
    s->random = chosen;
    change(s);
    s->random = after;
}

/* ---- all of it ---- */

/* Where there are few units, and so few changes, the best guess of many would be the same one again and
 * again. */
static size_t most_tries_of(const mt_reuse_search *s) {
    size_t tries = 1 + s->unit_count / UNITS_A_TRY;
    return s->unit_count >= FEW ? MOST_TRIES : tries < FEW_TRIES ? tries : FEW_TRIES;
}

/* So many units change at a time as are found to be for the better, now and then. What makes the part
 * less alike is kept too, at first, as annealing does: else it would be caught where no single change
 * is for the better. */
mt_code mt_reuse_improve(mt_reuse_search *s, mt_error *error) {
    size_t size = s->chains->model->chain_count * sizeof *s->now;
    size_t most_tries = most_tries_of(s);
    double now, next, most = (double)s->unit_count / 16;
    s->phase = s->best_phase;
    memcpy(s->here, s->best, size);
    memcpy(s->now, s->best, size);
    mt_code code = mt_reuse_judge_here(s, INFINITY, &now, error);
    int is_new = 1;
    for (size_t k = 0; k < MOST_STEPS && s->judge.work < s->most_work && !code; k++) {
        mt_reuse_keep_skips(s);
        if (is_new) {
            s->lost_count = s->judge.lost_count;
            memcpy(s->lost, s->judge.lost, s->lost_count * sizeof *s->lost);
            if ((code = mt_reuse_guess_begin(&s->guess, s->phase, error)))
                break;
        }
        double left = 1 - fmax((double)k / MOST_STEPS, s->judge.work / s->most_work);
        size_t changes =
            1 + (size_t)(most * mt_random_uniform(&s->random)) + mt_random_below(&s->random, 3);
        size_t tries = 1 + mt_random_below(&s->random, most_tries);
        for (size_t i = 0; i < changes; i++)
            change_well(s, tries);
        double heat = hottest * left * left * (s->unit_count < FEW ? 1 : cooler);
        double limit = now - heat * log(1 - mt_random_uniform(&s->random));
        code = mt_reuse_judge_here(s, limit, &next, error);
        is_new = next < limit && !code;
        most *= is_new ? bolder : shyer;
        most = fmin(most, (double)s->unit_count / 16);
        now = is_new ? next : now;
        settle(s, is_new);
    }
    return code;
}
