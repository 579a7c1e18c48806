/* A source of requests, driven: each row is prepared and offered to the driver in time, sessions wait
 * for their answers, and what comes back is counted and written.
 *
 * Everything here runs in the thread that owns the source (and Lua, where the source calls it). It
 * reads ahead: what is due in the next second always, and where rows wait for one another as much
 * as MT_REPLAY_AHEAD bytes of rows, so that a turn is known when the answer before it comes early.
 *
 * When a row is due. A row without a session is due at its timestamp. The first row of a session
 * too; each later one when the answer before it has ended and its delay has passed, or, where it has
 * none, the difference of the two timestamps. A row with `wait_for` waits for all the rows whose
 * `request_id` it names, and then for its delay and tool_wait_ms. In the closed loop timestamps say
 * only the order.
 *
 * A row's `cancel_after`, in ms, says how long after it was due its user gives up; without one the
 * run's option does.
 *
 * A live source (trace/source/source.h) is told how its requests were answered: of an answer the
 * moment of its end and its real length, of a request that failed the moment and the planned length.
 * What it gives next is read when it is due within a second. */
#ifndef MT_DRIVE_REPLAY_H
#define MT_DRIVE_REPLAY_H

#include "drive/driver.h"
#include "drive/event.h"
#include "drive/measure/phases.h"
#include "drive/prompt/body.h"
#include "drive/prompt/head.h"
#include "random/distribution.h"
#include "trace/source/source.h"

typedef struct mt_replay mt_replay;

enum { MT_REPLAY_AHEAD = 64 << 20, MT_ADAPTER_TRIES = 10 };

/* Another API than OpenAI's, by functions of the caller's that run in the replay's thread. */
typedef struct mt_adapter {
    void *context;
    /* Makes another body of the one in *body, and may change the head (what it points to holds until the
     * next call). Where it gives MT_ERROR_CALLBACK that request has failed, when it is due, as
     * "adapter_error", and the run goes on; but where it gives that for the first MT_ADAPTER_TRIES of a run,
     * the run ends with it. NULL: they stay. */
    mt_code (*request)(void *context, const mt_request *request, uint64_t number, mt_text *body,
                       mt_head_options *head, mt_error *error);
    /* Reads an event of an answer; the driver must keep them (mt_driver_options.keep_events). Where it gives
     * MT_ERROR_CALLBACK the answer is malformed and the run goes on. NULL: the driver reads them. */
    mt_code (*event)(void *context, mt_span event, mt_said *said, mt_error *error);
} mt_adapter;

typedef struct mt_replay_options {
    mt_body_options body;
    mt_adapter adapter;
    const mt_head_options *heads; /* one an endpoint, in the driver's order */
    size_t head_count;
    int live_history; /* answers that were heard (mt_driver_options.want_texts) stand in later turns of
                         their session */
    int by_session;        /* a session stays at one endpoint; else round robin by request */
    uint64_t first_number; /* of the first request: which endpoint it goes to, and its id */
    uint64_t slots;        /* of the closed loop; 0: open loop */
    int64_t start_ns;      /* monotonic: the moment of timestamp 0; mt_replay_start sets another */
    int64_t window_begin_ns, window_end_ns; /* since the start: requests due in it are the result */
    mt_distribution *cancel_after;          /* seconds; NULL: nobody gives up. Borrowed */
    uint64_t seed;                          /* of request ids and of cancel_after */
    const mt_objective *objectives;
    size_t objective_count;
    const char *by; /* results also by this member of the row, or MT_BY_ENDPOINT; NULL */
    const int64_t *phase_ends_ns; /* results also by phase; phase_count (drive/measure/phases.h) */
    size_t phase_count;
    mt_output *lines;  /* profile_export.jsonl; NULL: none. Stays the caller's */
    mt_output *record; /* what was sent, as a trace in the order of its ends; NULL: none */
    /* The bodies, for inputs.json, those that are no JSON as strings; NULL: none. */
    mt_output *inputs;
    uint64_t input_bytes; /* of inputs: at most so many */
    /* Names of members that inputs does not show the values of, wherever in a body they stand. */
    const char *const *hidden;
    size_t hidden_count;
    int64_t epoch_ns; /* monotonic to CLOCK_REALTIME */
} mt_replay_options;

/* The source, the driver and what the options point to stay the caller's, and longer than the replay.
 * Reads the first row: what the source has to look at before it can give one is done before the start. A first
 * row of an open loop that is due later than a day is refused: NULL and MT_ERROR_INPUT. */
mt_replay *mt_replay_new(mt_source *source, mt_driver *driver, const mt_replay_options *options,
                         mt_error *error);

/* Sets the start anew, before the first step. */
void mt_replay_start(mt_replay *replay, int64_t start_ns);

/* Goes on until `until_ns` (monotonic), the end of the run, Ctrl-C or a failure of the source: 1 to be
 * called again, 0 when all rows have ended, -1 on failure. After a failure or an interrupt call
 * mt_replay_stop and go on: what was sent still comes back. */
int mt_replay_step(mt_replay *replay, int64_t until_ns, mt_error *error);

/* Reads and sends no more; those in flight have until grace_until_ns, then they end as `failure`. What
 * was due and not sent is counted as not sent. */
void mt_replay_stop(mt_replay *replay, int64_t grace_until_ns, mt_failure failure);

/* Metrics whose last seconds are known, by their names among mt_measures ("ttft"). */
enum { MT_RECENT_TTFT, MT_RECENT_ITL, MT_RECENT_LAG, MT_RECENT_LATENCY, MT_RECENT_METRICS };
extern const char *const mt_recent_names[MT_RECENT_METRICS];

/* The counts so far. A look costs nothing. */
typedef struct mt_replay_progress {
    uint64_t read, offered, ended, held;        /* held: rows that have not ended */
    uint64_t done, failed, cancelled, not_sent; /* of those that were due, in the window or not */
    int source_ended;
    int is_read_whole; /* it has ended by itself: nothing was left out because the run was stopped */
    int64_t last_planned_ns;            /* the latest timestamp read; -1 before the first */
    uint64_t write_failures;            /* lines that could not be written */
    mt_error write_error;               /* the first of them */
    double input_tokens, output_tokens; /* of those that were done */
    double recent[MT_RECENT_METRICS]
                 [2]; /* of the last seconds, ms: p50, p99; NaN: there were none */
} mt_replay_progress;
void mt_replay_look(mt_replay *replay, mt_replay_progress *progress);

/* Is the end of the window over, and has every request ended that was due in it? 0 where the window
 * has no end. Whoever asks goes through the rows that are held. */
int mt_replay_window_has_ended(mt_replay *replay);

/* Results of the window; of what was due outside it; of each value of `by`, in order of appearance.
 * They belong to the replay. */
mt_results *mt_replay_results(mt_replay *replay);
mt_results *mt_replay_outside(mt_replay *replay);
size_t mt_replay_group_count(const mt_replay *replay);
mt_results *mt_replay_group(mt_replay *replay, size_t i, mt_span *value);

/* The phases, of what was due in the window. */
mt_run_phases *mt_replay_phases(mt_replay *replay);

/* The driver is to be freed first, whose requests are rows of the replay. NULL is allowed. */
void mt_replay_free(mt_replay *replay);

#endif
