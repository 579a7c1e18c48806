/* Arrival processes: when requests come.
 *
 * A process is an immutable, reference-counted value; opened with a seed, a name, a rate factor and
 * an end it yields events in time order. even, poisson and renewal are a change of clock over the
 * curve's area: t_k = inverse_area(s_k). Every process keeps its curve as the mean rate.
 *
 * A kind of process is one mt_process_kind in one file; process.c lists none of them. Plain kinds
 * yield only times; kinds with sessions also fill session, turn and delay, and are told the lengths
 * each turn got (settle), because the next turn waits for the answer. In a closed loop every request
 * waits for an answer, a real one: it runs only live.
 *
 * Makers retain what they are given; the caller still releases its own. They return NULL and fill
 * error (MT_ERROR_VALUE, MT_ERROR_MEMORY). */
#ifndef MT_LOAD_PROCESS_PROCESS_H
#define MT_LOAD_PROCESS_PROCESS_H

#include "base/error.h"
#include "load/curve/curve.h"
#include "load/process/service.h"
#include "random/distribution.h"

/* A session under way: the first member of what the caller keeps of one (session_size of
 * mt_process_context). Made by the process at its first turn, which owns it until mt_process_settle
 * says that it has ended; then it is the caller's. */
typedef struct mt_process_session {
    uint64_t ordinal; /* within its stream, by first appearance */
    /* The process's own. */
    uint64_t address;                 /* of its turns' items: that of its first turn */
    uint64_t turn, turns;             /* the one to come, and how many there will be */
    double delay;                     /* think time before it, seconds */
    struct mt_session_family *family; /* load/process/branch.h; NULL: the process has no branches */
} mt_process_session;

/* What becomes of a session's context when its next prompt would be too long; tokens of whole
 * prompts, 0: never. What applies is done in this order. */
typedef struct mt_context_rules {
    /* A prompt longer than clear_at loses the tools' outputs of all turns but the last clear_keep:
     * so large a share (0 to 1) of what each turn after the first added. */
    uint64_t clear_at, clear_keep;
    double clear_share;
    /* A prompt longer than compact_at has, between the shared beginning and its new input, a summary
     * of so many tokens in place of what was said. */
    uint64_t compact_at;
    mt_distribution *compact_keep; /* NULL unless compact_at is there */
    uint64_t max_input;            /* a prompt that is still longer ends the session */
} mt_context_rules;

typedef struct mt_event {
    double time;   /* seconds since the start */
    uint64_t item; /* where this request's draws begin, in every purpose: the same request has the
                      same item at every rate scale */
    uint64_t turn; /* 0-based; 0 for plain processes */
    double delay;  /* seconds since the answer before; NAN: the record has none */
    mt_process_session *session; /* NULL for plain processes */
    const struct mt_given_request
        *given;                    /* what a caller gave with it (load/process/given.h); NULL */
    const mt_context_rules *rules; /* of a session's later turns; the process's. NULL: none */
} mt_event;

typedef struct mt_process_context {
    uint64_t seed;
    const char *name; /* of the stream: what its random numbers are keyed by; outlives the state */
    double factor;    /* multiplies all rates */
    double end;       /* seconds; no session or plain request begins at or after it */
    int live;         /* answers are real: they come while later events have been yielded already */
    size_t session_size; /* bytes of a session, zeroed, which begin with mt_process_session; 0: it
                            is one */
    void (*session_release)(mt_process_session *session); /* what it has beside; NULL: nothing */
} mt_process_context;

/* How the request of an event was answered, or that there was none. */
typedef struct mt_answer {
    double end; /* seconds since the start; NAN: as long after the event as the process plans */
    uint64_t input_length, output_length; /* tokens */
    int is_rejected; /* the prompt passed max_input and no request was made; the rest is not read */
} mt_answer;

/* Frees what a session has beside its own bytes; for the caller who owns it. */
void mt_process_session_release(mt_process_session *session);

typedef struct mt_process mt_process;
typedef struct mt_process_state mt_process_state;

/* Evenly over the area, at phase, phase + 1, ...; 0 <= phase < 1 (0: the first where the rate first
 * is above 0). */
mt_process *mt_process_even(mt_curve *curve, double phase, mt_error *error);

/* Poisson of the curve's rate, exact by time change. */
mt_process *mt_process_poisson(mt_curve *curve, mt_error *error);

/* In each interval [t, t_end), t_end = min(t + interval, end): a Poisson count of mean
 * rate(t) * (t_end - t), placed evenly from t on. interval > 0 seconds. */
mt_process *mt_process_poisson_counts(mt_curve *curve, double interval, mt_error *error);

/* Gaps of area drawn from a positive distribution scaled to mean 1; the first from the stationary
 * law (length-biased times uniform), so that the curve's mean holds from the first second on (Cox,
 * Renewal Theory, 1962, section 5). A gap of cv 1 from the gamma family is Poisson. */
mt_process *mt_process_renewal(mt_curve *curve, mt_distribution *gaps, mt_error *error);

/* The curve times a random level: count >= 1 relative levels >= 0, visited in turn, each for an
 * exponential time of mean dwells[i] > 0 seconds; scaled so that their mean over time is 1, from a
 * stationary start (Fischer & Meier-Hellstern, "The Markov-modulated Poisson process cookbook",
 * 1993). on_off is its commonest case. */
mt_process *mt_process_mmpp(mt_curve *curve, const double *levels, const double *dwells,
                            size_t count, mt_error *error);

/* Requests that bring further ones (Hawkes 1971, by clusters: Hawkes & Oakes 1974): a background of
 * curve * (1 - branching), and for every request a Poisson number of mean branching (0 <= branching
 * < 1) of children, each after an exponential delay of mean decay > 0 seconds. */
mt_process *mt_process_hawkes(mt_curve *curve, double branching, double decay, mt_error *error);

typedef struct mt_session_shape {
    mt_distribution *turns;      /* of a session; rounded, at least 1 */
    mt_distribution *think;      /* seconds from the end of an answer to the next turn; >= 0 */
    double first_token;          /* seconds an answer's first token takes */
    double per_token;            /* seconds a token of an answer */
    mt_session_service *service; /* in place of these two; or NULL */
    mt_context_rules rules;
} mt_session_shape;

/* Sessions that begin as `starts` says and have turns. A session begun before the end runs on. Where
 * starts is a closed loop each user has one session after the other. */
mt_process *mt_process_sessions(mt_process *starts, const mt_session_shape *shape, mt_error *error);

/* The given times (seconds, nondecreasing; copied) since `origin`, which none of them is before, at `speed` > 0
 * times their speed; with wrap again and again, a mean gap after the last. count >= 1. */
mt_process *mt_process_recorded(const double *times, size_t count, double origin, double speed,
                                int wrap, mt_error *error);

/* `users` that each send at 0, wait for the answer, think, and send again until the end: it has no
 * times of its own and is for driving an endpoint. Opening it for a run that is not live, or asking
 * what to expect, fails and says so. Request k of user u has the item k * users + u. */
mt_process *mt_process_closed(uint64_t users, mt_distribution *think, mt_error *error);

/* A caller's own process. make is called once a run, next once a request; gaps are in seconds at
 * rate factor 1, NAN ends the process. Each may fail with its own error. */
typedef struct mt_gap_source {
    void *context; /* retained by the maker, released with the process */
    void (*retain)(void *context);
    void (*release)(void *context);
    mt_code (*make)(void *context, const mt_process_context *run, void **state, mt_error *error);
    mt_code (*next)(void *state, double now, double *gap, mt_error *error);
    void (*close)(void *state);
} mt_gap_source;

mt_process *mt_process_custom(const mt_gap_source *source, mt_error *error);

mt_process *mt_process_retain(mt_process *process); /* returns it */
void mt_process_release(mt_process *process);       /* NULL is allowed */

/* The curve given to the maker (of sessions: to that of their starts), or NULL. */
mt_curve *mt_process_curve(const mt_process *process);

/* Seconds after which no new request or session begins where all rates are multiplied by `factor`: the curve's
 * duration, or the recorded times', which come in 1/factor of their time; INFINITY when it goes on. */
double mt_process_duration(const mt_process *process, double factor);

/* The name of its kind, as scripts have it: "poisson"; "mmpp" also of on_off. */
const char *mt_process_name(const mt_process *process);

/* Does it have sessions: turns that wait for answers? */
int mt_process_has_sessions(const mt_process *process);

/* What begins its sessions; of a plain process itself. Its own reference is not the caller's. */
mt_process *mt_process_starts(mt_process *process);

/* The same sessions, begun by other, plain starts; of a plain process these starts themselves. With a
 * reference of its own. */
mt_process *mt_process_restarted(mt_process *process, mt_process *starts, mt_error *error);

/* Do its sessions' turns, think times, services or branches follow curves of time? */
int mt_process_follows_time(const mt_process *process);

/* Seconds after which a curve in its sessions' turns or think times has ended and keeps its last value;
 * INFINITY: none ends. */
double mt_process_shape_duration(const mt_process *process);

/* Do answers of its sessions take as long as a function of the load says? */
int mt_process_follows_load(const mt_process *process);

/* Is it a closed loop, or has it sessions that one begins? */
int mt_process_is_closed(const mt_process *process);

/* Does it want to be told of answers: has it sessions, or is it a closed loop? */
int mt_process_wants_answers(const mt_process *process);

/* What its sessions' contexts are subject to; NULL: it has no sessions. */
const mt_context_rules *mt_process_rules(const mt_process *process);

/* Are its requests and their lengths on average known without a run? Not where sessions have
 * rules for their context, or branches, or follow time; the number of requests is the one without
 * rules then, and the rest leaves branches out, and reads curves where sessions begin. */
int mt_process_has_formula(const mt_process *process);

/* As a script would write it, cut to size and terminated. Returns buffer. */
char *mt_process_text(const mt_process *process, char *buffer, size_t size);

/* NULL on failure. The process is retained by the state. */
mt_process_state *mt_process_open(mt_process *process, const mt_process_context *context,
                                  mt_error *error);

/* 1 with *event filled, 0 at the end, -1 on failure. Times never decrease, unless the run is live;
 * there 0 may also mean that nothing comes before an answer has. */
int mt_process_next(mt_process_state *state, mt_event *event, mt_error *error);

/* The time of the event that mt_process_next would yield: 1, or 0 and -1 as there. An answer may
 * bring an event that is sooner. */
int mt_process_soonest(mt_process_state *state, double *time, mt_error *error);

/* Can the answer to the event bring another one? 0: it may as well be settled at once. */
int mt_process_awaits(const mt_process_state *state, const mt_event *event);

/* Tells a process how an event that it yielded was answered, planned or real. Sets *last to whether
 * the session ended with it (always, when rejected): then the caller owns event->session and frees
 * it (mt_process_session_release, then mt_free) when done with it. To be called once an event: before the next one is asked for,
 * unless the run is live. Of a live run all events must have been settled (say as rejected) when the
 * state is closed, but for one yielded since, and for one whose settling failed. For plain processes
 * *last = 1. */
mt_code mt_process_settle(mt_process_state *state, const mt_event *event, const mt_answer *answer,
                          int *last, mt_error *error);

void mt_process_close(mt_process_state *state); /* NULL is allowed */

typedef struct mt_process_expectation {
    double requests;   /* on average, over [0, end) */
    double sessions;   /* 0 for plain processes */
    double mean_turns; /* of a session; 1 for plain processes */
    double mean_turn;  /* of a request, counted from 0; 0 for plain processes */
    double clamped_at; /* first t at which the curve was negative and counted as 0, or -1 */
} mt_process_expectation;

/* What the process delivers on average; needs no random numbers. MT_ERROR_VALUE where the curve is
 * NaN or infinite. */
mt_code mt_process_expect(mt_process *process, const mt_process_context *context,
                          mt_process_expectation *expectation, mt_error *error);

/* The requests (of sessions: these) that begin on average over the seeds of the curve's noise; NAN where
 * no formula knows it: the curve is bent, or arrivals are not in proportion to it. A rate that some seed
 * has below 0 is not clamped in it. */
double mt_process_mean_over_noise(mt_process *process, const mt_process_context *context);

/* A picture over time: `count` equal bins over [0, horizon). */
typedef struct mt_process_bins {
    double *requests;
    size_t count;
    double horizon; /* seconds */
} mt_process_bins;

/* The requests on average in each bin; NAN where nobody knows. Later turns of sessions are counted
 * as if each came after the mean think time and an answer of `answer_tokens`. */
mt_code mt_process_expect_bins(mt_process *process, const mt_process_context *context,
                               double answer_tokens, const mt_process_bins *bins, mt_error *error);

/* ---- for the files that implement a kind ---- */

typedef struct mt_process_kind {
    const char *name;
    size_t state_size; /* of the struct that begins with mt_process_state; zeroed before open */
    mt_code (*open)(mt_process_state *state, mt_error *error);
    int (*next)(mt_process_state *state, mt_event *event, mt_error *error);
    int (*soonest)(mt_process_state *state, double *time,
                   mt_error *error); /* NULL: next is called ahead */
    int has_sessions;
    int (*is_closed)(const mt_process *process);                         /* NULL: no */
    int (*awaits)(const mt_process_state *state, const mt_event *event); /* NULL: if it settles */
    mt_code (*settle)(mt_process_state *state, const mt_event *event, const mt_answer *answer,
                      int *last, mt_error *error); /* NULL: plain */
    void (*close)(mt_process_state *state);        /* also after a failed open */
    mt_code (*expect)(mt_process *process, const mt_process_context *context,
                      mt_process_expectation *expectation,
                      mt_error *error); /* NULL: the curve's total */
    mt_code (*expect_bins)(mt_process *process, const mt_process_context *context,
                           double answer_tokens, const mt_process_bins *bins,
                           mt_error *error);       /* NULL: as expect says of every bin's end */
    mt_curve *(*curve)(const mt_process *process); /* NULL: the maker's */
    double (*duration)(const mt_process *process, double factor); /* NULL: the curve's */
    void (*text)(const mt_process *process, char *buffer, size_t size);
    void (*release)(mt_process *process); /* parts other than the curve; NULL: none */
} mt_process_kind;

struct mt_process {
    const mt_process_kind *kind;
    uint64_t references;
    mt_curve *curve; /* may be NULL */
};

struct mt_process_state {
    mt_process *process;
    mt_process_context context;
    mt_clock *clock;  /* over the curve; opened before open() when the process has one */
    double last_time; /* of the last event */
    mt_event ahead;   /* the next one, where it has been asked for ahead */
    int has_ahead, is_over;
};

/* A process of `size` zeroed bytes (its struct begins with mt_process), one reference. */
mt_process *mt_process_new(const mt_process_kind *kind, size_t size, mt_curve *curve,
                           mt_error *error);

/* The generator of (seed, stream name, purpose), at item 0. */
mt_random mt_process_random(const mt_process_context *context, const char *purpose);

/* A sum of many small steps that loses none (Kahan 1965) and never decreases. Zero it. */
typedef struct mt_growing_sum {
    double sum, lost; /* lost: what rounding added too much */
} mt_growing_sum;

void mt_growing_add(mt_growing_sum *sum, double step); /* step >= 0 */

/* Fills a plain event: the k-th request at `time`. */
void mt_event_plain(mt_event *event, double time, uint64_t k);

#endif
