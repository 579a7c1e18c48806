/* What contradicts itself in a trace, with a guess at why.
 *
 * Requests are taken in as they come, with the lines they stand in; at the end there are findings.
 * Memory: 8 bytes a request up to MT_LINT_TIMES of them, what prefix/block/parents.h takes for a
 * distinct hash id, the last turn of each session, a text and 9 bytes a request_id. */
#ifndef MT_PREFIX_LINT_LINT_H
#define MT_PREFIX_LINT_LINT_H

#include "prefix/lint/block_fit.h"
#include "prefix/block/parents.h"
#include "stats/grid.h"
#include "trace/scanner.h"
#include "trace/turns.h"

typedef struct mt_lint mt_lint;

/* A grid is looked for among the first so many times. */
#define MT_LINT_TIMES ((size_t)1 << 20)

/* So many tokens are a block in any trace. */
#define MT_LINT_BLOCK 512

/* Why times are thought to be no milliseconds. */
typedef enum mt_unit_reason {
    MT_UNIT_NO_REASON,
    MT_UNIT_EPOCH, /* all are seconds since 1970, in the years 2001 to 2100 */
    MT_UNIT_LOAD,  /* as milliseconds they were more than services are given */
    MT_UNIT_SLOW,  /* as milliseconds nearly nothing comes */
    MT_UNIT_TURNS  /* as milliseconds turns followed one another faster than answers can be made */
} mt_unit_reason;

typedef struct mt_lint_result {
    uint64_t requests;
    uint64_t next_id; /* larger than every hash id; at most INT64_MAX */

    mt_lines decreasing;              /* times smaller than the one before */
    int64_t decreased_to_ns, from_ns; /* the first of them */

    mt_lines without_time;  /* where others have one: no turn that a delay could place */
    mt_lines empty_prompts; /* input_length 0 */
    mt_lines no_requests;   /* without time, lengths, ids */
    int looks_like_log;     /* one of these has messages or conversations */
    mt_lines bare_turns;    /* of sessions, without input_length: no step can convert their rows */
    mt_lines empty_ids;     /* hash_ids [] beside more than MT_LINT_BLOCK tokens */

    mt_time_unit unit;
    mt_unit_reason unit_reason;
    uint64_t times;
    int64_t span_ns; /* from the earliest to the latest, as milliseconds */
    double requests_a_second, tokens_a_second; /* over that span; input tokens */
    int64_t first_ns;                          /* the earliest */

    mt_grid grid; /* of the times, in the unit that they are thought to have; period 0: none */

    int is_whole;         /* ids are of whole blocks only: that fits more prompts */
    uint64_t block_size;  /* given, or the one that fits best; 0: no request has hash ids */
    mt_size_fit size_fit; /* how it fits */
    uint64_t better_size; /* one that fits more prompts than the given one; 0: none */
    uint64_t better_fits;
    /* Another size, one that fits every prompt which block_size does not fit. Set only where no
     * single size fits more prompts than block_size. 0: none, or block_size fits them all. */
    uint64_t other_size;
    uint64_t prompts; /* with ISL and hash ids */

    mt_rows rows; /* MT_ROWS_UNKNOWN: no session has two turns, or they contradict one another */
    mt_rows_evidence evidence;

    /* Sessions that differ only in that one's name is a string and the other's a number, and the
     * first such name, without quotes, cut. */
    uint64_t twice_named;
    char twice_name[32];

    /* Lines where names first stand that requests wait for or start, and that no request has; the
     * first of them, without quotes, cut. */
    mt_lines lost_names;
    char lost_name[64];

    mt_lines two_parents;         /* requests with hash ids that followed another id before */
    uint64_t conflicts;           /* such ids in all */
    mt_parents_conflict conflict; /* the first */
} mt_lint_result;

/* block_size: tokens a block, 0: the size that fits most prompts.
 *
 * The unit of ten times or more is guessed by what services are given: 0.005 to 100 requests a
 * second, up to a million input tokens a second, traces of 5 s to 10 days. A test of 5 s or more may
 * be busier than that, 10 000 requests and 2.5 million tokens a second, and a shorter one in whole
 * milliseconds, most of whose requests have hash ids, 1000, unless the digits are those of seconds:
 * more than three decimals, or, from 5 s on, none and a clock that ticks less often than every
 * second.
 * How far outside a unit puts the trace is counted in powers of ten, of its length half; where
 * milliseconds are more than half a one outside, and another unit is nearer, it is that one. It is
 * seconds, too, where four of five turns (of at least five) would be answered with more than 5000
 * tokens a second: a replica of a large model writes some hundred for one user. NULL on failure. */
mt_lint *mt_lint_new(uint64_t block_size, mt_error *error);

/* Takes in one request, in trace order. After a failure (memory, Ctrl-C) the lint can only be
 * freed. */
mt_code mt_lint_add(mt_lint *lint, const mt_request *request, mt_error *error);

mt_code mt_lint_finish(mt_lint *lint, mt_lint_result *result, mt_error *error);

void mt_lint_free(mt_lint *lint); /* NULL is allowed */

#endif
