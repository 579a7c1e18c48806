/* Sub-agents: sessions that a turn of another session starts, and that its next turn may wait for.
 *
 * A session's turn may start children once it is answered, but not its last turn: nobody would go
 * on with what they find. Children of children are the next level; there are as many levels as the
 * process was given, so that it always ends. Draws of a child depend on its parent's turn and its
 * number alone. */
#ifndef MT_LOAD_PROCESS_BRANCH_H
#define MT_LOAD_PROCESS_BRANCH_H

#include "load/process/process.h"

enum { MT_BRANCH_LEVELS = 8 };

/* What the parent's next turn waits for. */
typedef enum mt_join_kind {
    MT_JOIN_NONE, /* for nothing but its own answer */
    MT_JOIN_ALL,  /* until all children of the turn before have ended */
    MT_JOIN_ANY   /* until one of them has */
} mt_join_kind;

typedef struct mt_branch_shape {
    uint64_t every;         /* every n-th turn starts children; 0: by chance */
    double chance;          /* of a turn, above 0, at most 1 */
    mt_distribution *count; /* of the children; rounded, at least 1 */
    mt_join_kind join;
    int inherits; /* a child's first prompt carries what its parent has said, else the shared
                     beginning alone */
    mt_session_shape child; /* first_token NAN: answers take as long as the parent's */
} mt_branch_shape;

/* The sessions of `sessions` (mt_process_sessions) with branches: level 0 starts their children,
 * and so on; 1 to MT_BRANCH_LEVELS. MT_ERROR_VALUE as well when a session would bring more than a
 * million requests on average, or when no turn of a level ever starts a child. */
mt_process *mt_process_branched(mt_process *sessions, const mt_branch_shape *levels, size_t count,
                                mt_error *error);

/* The branches of a process; *count 0: none. */
const mt_branch_shape *mt_process_branches(const mt_process *process, size_t *count);

/* A session's child and one of its turns. */
typedef struct mt_turn_name {
    uint64_t child, turn;
} mt_turn_name;

typedef struct mt_join_point mt_join_point;

/* Where a session stands among its relatives. Of sessions in processes with branches. */
typedef struct mt_session_family {
    unsigned level; /* 0: begun by the starts */
    /* Numbers among the children of the same parent, from 1: of its forefathers, then its own. */
    uint64_t path[MT_BRANCH_LEVELS];
    uint64_t addresses[MT_BRANCH_LEVELS]; /* of the same */
    mt_process_session *parent;           /* to be looked at while its first turn is made */
    uint64_t parent_turn;                 /* which started it */
    uint64_t born;                        /* children so far */
    uint64_t
        starting; /* of them, the last: those that the turn in hand starts when it is answered */
    uint64_t started;    /* of them, those that the turn before started */
    mt_turn_name *waits; /* what the next turn waits for; none: its own last turn */
    size_t wait_count, wait_capacity;
    mt_join_point *join; /* that waits for its end, or NULL */
} mt_session_family;

/* ---- for the files of sessions ---- */

enum { MT_TURN_BITS = 20 }; /* of an item: the session is above, the turn below */

#define MT_MOST_TURNS ((uint64_t)1 << MT_TURN_BITS) /* of a session */

/* The share of sessions that have a turn k, counted from 0, of those that begin at `time`. Turns are
 * rounded, halves up. */
double mt_session_share_with_turn(const mt_distribution *turns, uint64_t k, uint64_t seed,
                                  double time);

/* Requests that a session of the shape brings on average, with those of its children; curves
 * are read at `time`. */
double mt_branch_requests(const mt_session_shape *shape, const mt_branch_shape *levels,
                          size_t count, uint64_t seed, double time);

/* The family of the child of that number, or (parent NULL) of a session of the starts. NULL when
 * out of memory. */
mt_session_family *mt_family_new(mt_process_session *parent, uint64_t number);
void mt_family_free(mt_session_family *family); /* NULL is allowed */

/* Where children end. */
struct mt_join_point {
    mt_process_session *parent; /* that waits; NULL: it does not, or no longer */
    mt_join_kind kind;
    uint64_t alive; /* children that have not ended */
    mt_join_point *before, *after;
};

typedef struct mt_joins {
    mt_join_point *first;
} mt_joins;

/* NULL when out of memory. The parent is set by the caller, when it begins to wait. */
mt_join_point *mt_join_open(mt_joins *joins, mt_join_kind kind, uint64_t children);

/* A child of the join has ended with that turn. *parent becomes the one whose wait is over, or
 * NULL; frees the join with its last child. */
mt_code mt_join_end(mt_joins *joins, mt_join_point *join, mt_turn_name last,
                    mt_process_session **parent, mt_error *error);

#endif
