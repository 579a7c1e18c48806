/* How unlike its source a part of it is, as a new trace of its own: in caches, on a clock, in its
 * lengths. Private to the reuse method (prefix/reuse/chains.h).
 *
 * A part is pieces of the source's units (prefix/reuse/chains_state.h), each moved in time, some left
 * out; what comes before its begin is not made, nor what comes after so many requests. Its requests
 * are run through caches that begin empty (prefix/reuse/chains_caches.h), and what these, their
 * lengths, tokens per window and pauses are is held against the whole source's.
 *
 * Memory: the caches' and the sessions', and 106 bytes a request. */
#ifndef MT_PREFIX_REUSE_CHAINS_JUDGE_H
#define MT_PREFIX_REUSE_CHAINS_JUDGE_H

#include "prefix/reuse/chains_listed.h"
#include "prefix/reuse/chains_sessions.h"

enum { MT_JUDGE_LENGTHS = 64 }; /* bins, about equally full */
enum { MT_JUDGE_WINDOWS = 3, MT_JUDGE_TENTHS = 10 };
enum { MT_JUDGE_LEAST_WINDOWS = 4 }; /* fewer say nothing */

/* Which window of the k-th sort, of 10, 60 or 300 s, the time is in. It is asked of every turn: the divisors
 * are constants. */
static inline int64_t mt_judge_window_at(int64_t time_ns, size_t k) {
    int64_t first = time_ns / INT64_C(10000000000);
    return k == 0 ? first : k == 1 ? first / 6 : first / 30;
}

/* What the mean difference of LRU hit ratios counts; the worst one: mt_judge_weights.worst. */
#define MT_JUDGE_MEAN 1.0

/* A pause against the source's median: shorter, as long (to a tenth), longer; none, where a session begins. */
typedef enum mt_reuse_pause {
    MT_PAUSE_SHORT,
    MT_PAUSE_LIKE,
    MT_PAUSE_LONG,
    MT_PAUSE_NONE
} mt_reuse_pause;

/* What a part is judged by. */
typedef struct mt_reuse_tally {
    double turns, inputs[MT_JUDGE_LENGTHS], outputs[MT_JUDGE_LENGTHS];
    double tenths[MT_JUDGE_TENTHS];     /* hit ratio in a cache without limit */
    double variation[MT_JUDGE_WINDOWS]; /* of tokens per window; negative: too few windows */
    double bunching[MT_JUDGE_WINDOWS];  /* variance over mean of requests per window; as that */
    double sessions;                    /* as who sees the requests alone would count them */
    double pauses[MT_PAUSE_NONE];       /* of turns that go on, since the one before */
    double early;                       /* of those, that come before its answer could have ended */
    double rate;                        /* requests a nanosecond; 0: one instant */
    mt_reuse_block_hits hits;           /* last, for most of it is mostly 0 */
} mt_reuse_tally;

/* What differences count that are weighed by what the source is like. */
typedef struct mt_judge_weights {
    double worst;     /* the worst difference of LRU hit ratios */
    double age, fifo; /* hits by age; of FIFO */
    double worst_tenth,
        tenths;         /* hits of the worst tenth; the sum of what is more than is spared */
    double other_pause; /* a median pause unlike the source's */
    double bunching;    /* requests per window, each, in parts of the source's variance over mean */
} mt_judge_weights;

typedef struct mt_reuse_judge {
    const mt_reuse_chains *chains;
    size_t requests; /* of a part */
    /* By turn. */
    uint64_t *inputs;
    uint8_t *input_bins, *output_bins;
    uint8_t *pauses; /* in the source: mt_reuse_pause */
    int64_t pause;   /* the source's median */
    double
        wanted; /* sessions of a part; whole->sessions scaled, unless somebody sets another number */
    /* The whole's, up to each bin, in parts of all. */
    double input_sums[MT_JUDGE_LENGTHS], output_sums[MT_JUDGE_LENGTHS];
    double lru_sums[MT_REUSE_DISTANCES];
    mt_judge_weights weights;
    mt_reuse_caches caches;
    mt_reuse_sessions sessions;
    mt_reuse_listed listed;
    /* The part. */
    mt_reuse_judged *events;
    size_t event_count;
    int64_t *gaps;  /* by event: since the one that it goes on from, ns; -1: it begins a session */
    uint32_t *lost; /* turns of the part that share less than in the source */
    size_t lost_count;
    int64_t lasts; /* until the last request that is asked for, since it begins, as pieces say */
    int64_t ends[MT_JUDGE_TENTHS -
                 1]; /* when each tenth of its requests but the last ended, as pieces say */
    int64_t end;     /* until the last one that there would be */
    mt_reuse_tally whole, part;
    double work; /* runs and requests that were looked at */
} mt_reuse_judge;

/* *judge must be zero; free it with mt_reuse_judge_free, on failure too. MT_ERROR_MEMORY. */
mt_code mt_reuse_judge_open(mt_reuse_judge *judge, mt_reuse_chains *chains, size_t requests,
                            mt_error *error);

/* How unlike the part is, as many of its first requests as are asked for: 0 for one like the source in
 * all; INFINITY where there are too few. It begins at `phase` and has these pieces of units
 * (chains->units), at their first chains; turns come when the lap has them (chains->when; where that
 * has changed, judge->listed must be told). Whoever is
 * found to be at least `limit` unlike is looked at no further, so that judge->part, which else says
 * what is known of it, may hold no hits. Sets judge->lasts, ends and end. MT_ERROR_MEMORY. */
mt_code mt_reuse_judge_part(mt_reuse_judge *judge, const mt_reuse_piece *pieces, int64_t phase,
                            double limit, double *unlike, mt_error *error);

/* Sets the sum's figures of so many windows, the k-th sort of them (mt_judge_window_at), from the tokens and the
 * requests in all of them and from the sums of those of each, squared. */
void mt_reuse_vary(double tokens, double token_squares, double requests, double request_squares,
                   double windows, size_t k, mt_reuse_tally *sum);

/* What lengths say of that; and how much that changes at most by so many turns that come or leave, of a part
 * that has no fewer than `all`. */
double mt_reuse_unlike_lengths(const mt_reuse_judge *judge, const mt_reuse_tally *part);
double mt_reuse_unlike_lengths_of(double turns, double all);

/* What tokens and requests per window and the rate say of that. */
double mt_reuse_unlike_clock(const mt_reuse_judge *judge, const mt_reuse_tally *part);

/* What turns a session and pauses say of that. */
double mt_reuse_unlike_sessions(const mt_reuse_judge *judge, const mt_reuse_tally *part);

/* What hits per tenth say of that. */
double mt_reuse_unlike_tenths(const mt_reuse_judge *judge, const mt_reuse_tally *part);

/* What requests say of that which come too soon, of parts whose times pieces do not say. */
double mt_reuse_unlike_early(const mt_reuse_judge *judge, const mt_reuse_tally *part);

/* What hits in LRU caches say, and by age and per tenth, of judge->part; and in FIFO caches. */
double mt_reuse_unlike_lru(const mt_reuse_judge *judge);
double mt_reuse_unlike_fifo(const mt_reuse_judge *judge);

/* By what such a source's parts are weighed; judge->whole and wanted must be known. */
mt_judge_weights mt_reuse_weights_of(const mt_reuse_judge *judge);

void mt_reuse_judge_free(mt_reuse_judge *judge);

#endif
