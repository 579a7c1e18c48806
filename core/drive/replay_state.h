/* What a replay is, and what the files that share its work offer each other:
 *   replay.c         the run: opening, going on, stopping, looking
 *   replay_read.c    rows read ahead from the source
 *   replay_wait.c    who waits for whom: sessions, wait_for, and when a row is due
 *   replay_send.c    rows that are due soon, prepared and offered to the driver
 *   replay_settle.c  what comes back: counted, told to the source and to those who waited
 *   replay_write.c   the files
 * Functions of rows give MT_OK or a code with *error. */
#ifndef MT_DRIVE_REPLAY_STATE_H
#define MT_DRIVE_REPLAY_STATE_H

#include "base/heap.h"
#include "drive/replay.h"
#include "drive/rows.h"

enum {
    MT_REPLAY_SECOND = 1000000000,        /* nanoseconds */
    MT_REPLAY_HORIZON = MT_REPLAY_SECOND, /* requests due within it are read and prepared */
};

static inline int mt_row_is_sooner(mt_row *const *a, mt_row *const *b) {
    if ((*a)->due_ns != (*b)->due_ns)
        return (*a)->due_ns < (*b)->due_ns;
    return (*a)->asked.number < (*b)->asked.number;
}

/* NOLINTNEXTLINE(bugprone-sizeof-expression): of a pointer */
MT_HEAP(mt_row_heap, mt_row *, mt_row_is_sooner)

/* Metrics of the last seconds: of each one histogram is filled while the other is complete. */
typedef struct mt_last_seconds {
    mt_log_histogram metrics[MT_RECENT_METRICS][2];
    int places[MT_RECENT_METRICS]; /* in mt_measures */
    int now;
    int64_t turn_ns;
} mt_last_seconds;

struct mt_replay {
    mt_source *source;
    mt_driver *driver;
    mt_replay_options options;
    int is_read_whole; /* the source has ended by itself */
    int source_ended, is_stopped, waits_for_others, is_live;
    int64_t next_planned_ns; /* of a live source: of its next request, as far as is known */
    int64_t stopped_ns;
    int has_first, got_first; /* the first row, or what came in its place, was read ahead */
    mt_request first;
    mt_error first_error;
    uint64_t begun_before;    /* what the driver had begun for others */
    uint64_t begun_in_window; /* closed loop: until its end; 0: that has not come */
    uint64_t read, offered, ended;
    int64_t last_planned_ns;
    int64_t
        last_own_ns; /* the timestamp of the last row that is due by it; MT_NEVER: there is none */
    mt_row *rows;    /* all that have not ended */
    size_t held, held_bytes;
    mt_row_heap due;       /* rows whose due time is known and that are not prepared */
    mt_outgoing *prepared; /* the driver had no room for it */
    mt_row *prepared_row;
    uint64_t made, unmade;  /* requests that the adapter made, and could not make */
    mt_error adapter_error; /* of the first that it could not */
    mt_texts session_names, row_names, group_names;
    mt_replay_session **sessions;
    size_t session_capacity;
    mt_named_row *named;
    size_t named_count, named_capacity;
    mt_results results, outside;
    mt_results **groups; /* by member */
    size_t group_count, group_capacity;
    mt_run_phases phases;
    mt_text body, scratch;
    mt_random cancel_draws;
    mt_last_seconds *recent;
    uint64_t input_bytes;
    mt_output *lines, *record, *inputs; /* NULL once they have failed */
    uint64_t write_failures;
    mt_error write_error;
};

/* ---- replay_wait.c ------------------------------------------------------------------------------ */

/* Holds a row that was read, until mt_replay_drop_row. */
void mt_replay_hold_row(mt_replay *replay, mt_row *row);
void mt_replay_drop_row(mt_replay *replay, mt_row *row);

/* Finds the row's session and its place in it. */
mt_code mt_replay_join_session(mt_replay *replay, mt_row *row, mt_error *error);

/* Finds out whom the row waits for, and when it is due if for nobody. */
mt_code mt_replay_place_row(mt_replay *replay, mt_row *row, mt_error *error);

/* The row has ended: those that waited for it alone are due. */
mt_code mt_replay_release(mt_replay *replay, mt_row *row, int64_t end_ns, mt_error *error);

/* Nobody waits for anybody any more. Rows that waited for a name that no row has are marked. */
void mt_replay_forget_waits(mt_replay *replay);

/* ---- replay_read.c ------------------------------------------------------------------------------ */

/* Is it time to read another row? 1, 0, or -1 on failure. */
int mt_replay_wants_row(mt_replay *replay, int64_t now_ns, mt_error *error);

/* Reads one row: 1; 0 at the end, or when a live source has none before an answer; -1 on failure. */
int mt_replay_read_row(mt_replay *replay, mt_error *error);

/* The place of the results by member of that value, which are made if there are none yet. */
mt_code mt_replay_group_of(mt_replay *replay, mt_span value, uint32_t *number, mt_error *error);

/* Completes an error about a request with where that stands. */
void mt_replay_place_error(const mt_replay *replay, const mt_request *request, mt_error *error);

/* ---- replay_send.c ------------------------------------------------------------------------------ */

/* Offers what is due soon: 0, or -1 on failure. */
int mt_replay_offer_due(mt_replay *replay, int64_t now_ns, mt_error *error);

/* ---- replay_settle.c ---------------------------------------------------------------------------- */

/* Takes what the driver has: how many results that were, or -1 on failure. */
int mt_replay_take_results(mt_replay *replay, int64_t now_ns, mt_error *error);

/* Rows that wait for somebody who never comes are not sent: 0, or -1 on failure. */
int mt_replay_end_hopeless(mt_replay *replay, int64_t now_ns, mt_error *error);

/* ---- replay_write.c ----------------------------------------------------------------------------- */

/* What cannot be written is noted (write_error), and its file is written no more. The body that is
 * written as an input is replay->body. */
void mt_replay_write_input(mt_replay *replay, const mt_row *row);
void mt_replay_write_result(mt_replay *replay, const mt_row *row, const mt_exchange *exchange);

#endif
