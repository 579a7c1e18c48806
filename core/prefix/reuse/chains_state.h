/* What the files of requests made from chains share (prefix/reuse/chains.h). */
#ifndef MT_PREFIX_REUSE_CHAINS_STATE_H
#define MT_PREFIX_REUSE_CHAINS_STATE_H

#include "prefix/gaps/gaps.h"
#include "prefix/reuse/chains.h"
#include "random/generator.h"
#include "stats/grid.h"

#define MT_REUSE_NO_SESSION UINT64_MAX

typedef struct mt_reuse_depths {
    uint32_t shared, core; /* blocks that earlier requests had, and that may come back, stretched */
    uint32_t known;        /* shared, as the source has it */
} mt_reuse_depths;

typedef struct mt_reuse_event {
    int64_t time;
    uint64_t tie; /* decides between equal times; a chain's turns have the same */
    uint32_t turn;
} mt_reuse_event;

/* Own blocks of a turn, from where the segment before it ends. */
typedef struct mt_reuse_segment {
    uint64_t first_id;
    uint32_t end, next;
} mt_reuse_segment;

typedef struct mt_reuse_hop {
    uint32_t turn, depth;
} mt_reuse_hop;

#define MT_REUSE_DROPPED (INT64_C(1) << 62) /* later than any time of a source */

/* Requests of a unit that are left out in the middle of its piece: those after the one time of the lap
 * and before the other. Those from there on come earlier still, as though the last one before them
 * that is made were the last one that is left out. */
typedef struct mt_reuse_skip {
    int64_t after, again; /* INT64_MAX: nothing is left out */
    int64_t earlier_ns;
} mt_reuse_skip;

enum { MT_REUSE_SKIPS = 11 };

typedef struct mt_reuse_skips {
    mt_reuse_skip all[MT_REUSE_SKIPS]; /* in order of time; those that are none come last */
} mt_reuse_skips;

/* What a part makes of a unit: its requests from `from` to `until` of the lap's time, earlier. */
typedef struct mt_reuse_piece {
    int64_t earlier_ns; /* MT_REUSE_DROPPED: it is left out */
    int64_t from, until;
    uint32_t skips; /* place in the chains' list of them; 0: none */
} mt_reuse_piece;

/* A request of a part, as it is looked at. */
typedef struct mt_reuse_judged {
    int64_t time_ns;
    uint32_t turn;
} mt_reuse_judged;

typedef struct mt_reuse_placed {
    int64_t time, was; /* since the part begins; as pieces say */
} mt_reuse_placed;

/* When a part's requests come, of which pieces only say the order (chains_arrivals_part.c). */
typedef struct mt_reuse_arrivals {
    int64_t *times;          /* of the lap: of the part's first, second, ... request */
    uint32_t *after;         /* by turn: as mt_reuse_tie_turns says */
    mt_reuse_placed *placed; /* by turn, to work with */
} mt_reuse_arrivals;

/* A unit as it is. */
static inline mt_reuse_piece mt_reuse_whole_piece(void) {
    return (mt_reuse_piece){.from = INT64_MIN, .until = INT64_MAX};
}

static inline int mt_reuse_is_one_piece(const mt_reuse_piece *one, const mt_reuse_piece *other) {
    return one->earlier_ns == other->earlier_ns && one->from == other->from &&
           one->until == other->until && one->skips == other->skips;
}

struct mt_reuse_chains {
    const mt_model *model;
    const mt_reuse_items *items;
    /* By turn, for all laps. */
    mt_reuse_depths *depths;
    int64_t *times;         /* ns */
    uint32_t *order, *rank; /* each behind what it needs, and the place there */
    uint8_t *heads;         /* is it a chain's first turn? */
    uint8_t *has_branch;    /* does a chain go on from it? */
    uint32_t *chain_of;
    uint32_t *lasting; /* how deep its own blocks last from lap to lap */
    /* By chain. */
    uint32_t *families; /* prefix/model/families.h */
    uint8_t *sorts;     /* of their families */
    uint8_t *ties;      /* mt_reuse_tie */
    int64_t *lasts;     /* a family's time, at its first chain */
    int64_t *moved;     /* where a family begins in this lap, at its first chain */
    double at_once;     /* chains, on average */
    int64_t last;       /* of the times */
    int64_t lap_length, grid;
    mt_grid clock;     /* the source's; a period of 0: it does not tick */
    int64_t *instants; /* of the source, ascending, if its clock ticks */
    size_t instant_count;
    uint32_t *instant_at; /* by stretch of 2^instant_shift ns: the instant before it, see there */
    size_t stretch_count;
    unsigned instant_shift;
    int is_spread; /* times are spread over the ticks */
    int resample;
    int is_placed; /* without resample: laps come at the source's own times; the first lap says so */
    int64_t slowness;     /* times are multiplied by it */
    int64_t phase;        /* where in the first lap it begins, ns */
    size_t part_requests; /* of a part; 0: the first lap is made of all */
    /* Of a part (mt_reuse_find_part); NULL and 0 where the first lap is made of all. */
    uint32_t *units; /* by chain: the first chain of those that keep their times among them */
    mt_reuse_piece *pieces;      /* of units, at their first chains */
    mt_reuse_skips *skips;       /* NULL: no piece has any */
    int64_t part_end;            /* of the first lap, since it begins */
    mt_reuse_arrivals *arrivals; /* NULL: its requests come when pieces say */
    /* The lap. */
    mt_random random;
    uint64_t seed;
    uint64_t lap;
    uint32_t *before; /* MT_NO_TURN: the turn begins a chain */
    uint32_t *origin;
    int64_t *when, *starts;
    int64_t *answers; /* how long that to a turn took, once it was made */
    uint64_t *session;
    mt_reuse_event *events;
    size_t event_count, next;
    int64_t last_time;
    /* The blocks. */
    uint32_t *segment_of;
    mt_reuse_segment *segments;
    uint32_t segment_count;
    size_t segment_capacity;
    mt_reuse_hop *hops;
    size_t hop_count, hop_capacity;
};

/* Finds the clock. MT_ERROR_MEMORY. */
mt_code mt_reuse_clock_begin(mt_reuse_chains *chains, mt_error *error);

/* The time, or the source's instant at the same tick: a clock may tick a little early or late. */
int64_t mt_reuse_on_clock(const mt_reuse_chains *chains, int64_t time_ns);

/* Spreads the lap's events over the ticks, where that is asked for. */
mt_code mt_reuse_spread_events(mt_reuse_chains *chains, mt_error *error);

/* Which part of the first lap, of so many requests, is to be made, its turns' times (chains->when)
 * having been dealt: sets phase, pieces and part_end. */
mt_code mt_reuse_find_part(mt_reuse_chains *chains, size_t requests, mt_error *error);

/* When a turn at that time of the lap comes in the unit's piece; MT_REUSE_DROPPED: it is not made. */
static inline int64_t mt_reuse_time_in_piece(const mt_reuse_chains *chains,
                                             const mt_reuse_piece *piece, int64_t time) {
    if (piece->earlier_ns == MT_REUSE_DROPPED || time < piece->from || time > piece->until)
        return MT_REUSE_DROPPED;
    int64_t earlier = piece->earlier_ns;
    const mt_reuse_skip *skips = piece->skips > 0 ? chains->skips[piece->skips].all : NULL;
    for (size_t k = 0; skips && k < MT_REUSE_SKIPS && time > skips[k].after; k++) {
        if (time < skips[k].again)
            return MT_REUSE_DROPPED;
        earlier += skips[k].earlier_ns;
    }
    return time - earlier;
}

static inline const mt_description *mt_reuse_description(const mt_reuse_chains *chains,
                                                         uint32_t turn) {
    return &chains->model->descriptions[chains->model->turns[turn].description];
}

/* Do few families make a stretch (prefix/model/families.h), so that dealing them does little? */
int mt_reuse_is_few(const mt_reuse_chains *chains);

mt_code mt_reuse_starts_begin(mt_reuse_chains *chains, mt_error *error);

#define MT_REUSE_MANY 8 /* chains at once, of which none matters much */

/* How far what begins may move, ns: little, for any cache, against how long it lasts. */
double mt_reuse_start_spread(const mt_reuse_chains *chains);

/* A time of -most_ns to most_ns, drawn evenly. */
int64_t mt_reuse_jitter(mt_reuse_chains *chains, double most_ns);

/* When chains begin in this lap. */
mt_code mt_reuse_deal_starts(mt_reuse_chains *chains, mt_error *error);

/* Places the turns of a lap, that were dealt (`when`).
 *
 * With chains->resample along another realisation of the source's arrivals. Families move as one where the
 * counts per window then vary as the source's, within a tenth; else only those that may have waited for an
 * answer move with it, and readers come each by itself. Where few families make a stretch, those that last
 * stay where they were dealt.
 *
 * Else they stay as they were dealt where the counts vary as the source's, within a fifth, or where few
 * families make a stretch; if not, they come at the source's own times, readers each by itself. The first
 * lap says which, for all.
 *
 * MT_ERROR_MEMORY, MT_ERROR_INTERRUPTED. */
mt_code mt_reuse_place_arrivals(mt_reuse_chains *chains, mt_error *error);

/* To which turn each one keeps its distance when the lap is placed, or MT_NO_TURN, for that comes by itself:
 * a family moves as one, or only who may have waited for an answer with whom it waited for. after: by turn.
 * Gives how many come by themselves. */
size_t mt_reuse_tie_turns(const mt_reuse_chains *chains, int is_whole, uint32_t *after);

/* Where nearly all requests come by themselves, and in bunches: finds when those of a part come
 * (chains->arrivals, else left NULL), the lap's times (`when`) having been dealt. MT_ERROR_MEMORY,
 * MT_ERROR_INTERRUPTED. */
mt_code mt_reuse_find_arrivals(mt_reuse_chains *chains, size_t requests, mt_error *error);

/* A part's events, in order, with times since it begins, which there must be enough of: they come when
 * chains->arrivals say, in order still, but for those that keep their distance to an earlier one.
 * MT_ERROR_MEMORY. */
mt_code mt_reuse_take_arrivals(const mt_reuse_chains *chains, mt_reuse_judged *events, size_t count,
                               mt_error *error);

/* The same of `when`, into which pieces have been taken. Sets phase and part_end. */
mt_code mt_reuse_place_part(mt_reuse_chains *chains, mt_error *error);

void mt_reuse_free_arrivals(mt_reuse_arrivals *arrivals); /* NULL is allowed */

/* How a chain hangs together with what it goes on from. */
enum {
    MT_REUSE_FREE,
    MT_REUSE_CHILD, /* it comes so long after that turn */
    MT_REUSE_READER /* many go on from there: of a document, say */
} /* mt_reuse_tie */;

mt_code mt_reuse_members_begin(mt_reuse_chains *chains, mt_error *error);

/* Moves the starts of families' members: readers by up to a part of the time since the last one
 * began there, others by up to a part of that to the chains beside them; and with each who goes on
 * from it. Uses `moved` to work with. MT_ERROR_MEMORY. */
mt_code mt_reuse_move_members(mt_reuse_chains *chains, mt_error *error);

/* Members from which nobody goes on exchange their starts with others of their family that share
 * the same, so that only what is their own changes places: those of one turn with many, longer ones
 * with those near them. MT_ERROR_MEMORY. */
mt_code mt_reuse_deal_members(mt_reuse_chains *chains, mt_error *error);

/* How much later the turn that the chain hangs on comes than its chain's start says, when gaps have
 * changed places: `when` of that turn must be set. */
int64_t mt_reuse_drift(const mt_reuse_chains *chains, size_t chain);

/* How long the turn's answer takes at least, ns. */
int64_t mt_reuse_answer_ns(const mt_reuse_chains *chains, uint32_t turn);

/* No answer to the turn ends sooner, ns, however fast the server. */
int64_t mt_reuse_fastest_ns(const mt_reuse_chains *chains, uint32_t turn);

/* Deals the lap: when its turns come. */
typedef mt_code mt_reuse_deal(mt_reuse_chains *chains, mt_error *error);

/* Deals the first lap in several ways and leaves it as the one that is most like the source in caches,
 * LRU, FIFO and those that keep blocks for some time, and on a clock (prefix/reuse/chains_judge.h). For
 * where few families make a stretch and few chains run at once: who runs beside whom is chance there,
 * and hit ratios are off by some hundredths at a cliff. All of the source must be made, not a part.
 * MT_ERROR_MEMORY, MT_ERROR_INTERRUPTED. */
mt_code mt_reuse_deal_well(mt_reuse_chains *chains, mt_reuse_deal *deal, mt_error *error);

mt_code mt_reuse_laps_begin(mt_reuse_chains *chains, const mt_synthesis_options *options,
                            uint64_t number, mt_error *error);

/* Makes the next lap's events. MT_ERROR_VALUE when they would come after 292 years. */
mt_code mt_reuse_laps_next(mt_reuse_chains *chains, mt_error *error);

#endif
