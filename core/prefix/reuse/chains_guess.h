/* What a change of a part is likely to do to how unlike its source it is, without running caches: from
 * what each turn hit when it was run last (mt_reuse_caches.gains). Private to the reuse method.
 *
 * A guess holds a part's sums. A unit's piece is taken from them or added to them in time of its turns;
 * how unlike the sums are takes some hundred steps, where the judge (chains_judge.h) looks at every
 * request. What others hit beside a unit is held to stay. So guesses only choose what is judged.
 *
 * Memory: 4 bytes a chain, and 16 for each window that a part has, of which there are no more
 * than requests. */
#ifndef MT_PREFIX_REUSE_CHAINS_GUESS_H
#define MT_PREFIX_REUSE_CHAINS_GUESS_H

#include "prefix/reuse/chains_judge.h"

enum { MT_GUESS_JOINED = 8 }; /* bins of distances, which are one here */
enum { MT_GUESS_DISTANCES = MT_REUSE_DISTANCES / MT_GUESS_JOINED + 1 };

typedef struct mt_reuse_guess_window {
    double tokens, requests;
} mt_reuse_guess_window;

typedef struct mt_reuse_guess_windows {
    mt_reuse_guess_window *all;
    size_t count, capacity;
    mt_reuse_guess_window sums, squares; /* over the windows */
} mt_reuse_guess_windows;

typedef struct mt_reuse_guess {
    mt_reuse_judge *judge;
    uint32_t *next; /* by chain: the next one of its unit, or MT_NO_TURN */
    int64_t phase;  /* of the part that was begun with, and how long it lasts */
    int64_t lasts;
    double whole[MT_GUESS_DISTANCES];  /* of the source's blocks, hits up to that distance */
    size_t bins;                       /* of them, up to the source's largest distance */
    double lru[MT_GUESS_DISTANCES];    /* the part's blocks, by distance */
    mt_reuse_tally sums;               /* its other sums; no caches but hits.all */
    int64_t ends[MT_JUDGE_TENTHS - 1]; /* judge->ends of the part that was begun with */
    double known[MT_JUDGE_TENTHS],
        blocks[MT_JUDGE_TENTHS]; /* hit in a cache without limit, and all */
    mt_reuse_guess_windows windows[MT_JUDGE_WINDOWS];
    /* What lengths said when the sums were marked, of so many turns; and turns that came and left since. */
    double lengths, turns;
    size_t moved;
} mt_reuse_guess;

/* *guess must be zero, and chains->units set; the judge must live longer. Free it with
 * mt_reuse_guess_free, on failure too. MT_ERROR_MEMORY. */
mt_code mt_reuse_guess_open(mt_reuse_guess *guess, mt_reuse_judge *judge, mt_error *error);

/* The sums become those of the part that has been judged last, which begins at `phase`.
 * MT_ERROR_MEMORY. */
mt_code mt_reuse_guess_begin(mt_reuse_guess *guess, int64_t phase, mt_error *error);

/* The piece of the unit with that first chain comes in (sign 1), or leaves (-1). */
void mt_reuse_guess_count(mt_reuse_guess *guess, uint32_t chain, const mt_reuse_piece *piece,
                          double sign);

/* How unlike the source the sums are; only differences of guesses mean something. What guesses are made of from
 * here on differs little from what stands here, whose lengths are looked at once. */
double mt_reuse_guess_mark(mt_reuse_guess *guess);

/* The same of sums that have changed since, or, where that is more than the limit, something that is too. */
double mt_reuse_guess_unlike(mt_reuse_guess *guess, double limit);

void mt_reuse_guess_free(mt_reuse_guess *guess);

#endif
