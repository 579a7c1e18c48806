/* The last turn of every session, and what two turns of one say of the rows they stand in. */
#ifndef MT_TRACE_TURNS_H
#define MT_TRACE_TURNS_H

#include "base/error.h"
#include "trace/record.h"
#include "text/texts.h"

/* What the input_length of a session's later turns counts. */
typedef enum mt_rows {
    MT_ROWS_UNKNOWN,    /* to be guessed; no session has two turns; they contradict one another */
    MT_ROWS_CUMULATIVE, /* the whole prompt, earlier turns and answers included */
    MT_ROWS_DELTA       /* only what the turn adds to them */
} mt_rows;

typedef struct mt_turn {
    uint64_t count;                             /* turns so far; 0: none yet, and the rest is 0 */
    uint64_t input_length, output_length, line; /* of the last one; absent lengths are 0 */
    uint64_t restarts;                          /* so far; kept by callers that count them */
    uint64_t *hash_ids;
    size_t hash_count, hash_capacity;
} mt_turn;

/* Zero it, use it, free it. */
typedef struct mt_turns {
    mt_texts sessions;
    mt_turn *turns; /* by the session's number */
    size_t capacity;
} mt_turns;

/* The last turn of the session named so; valid until the next call. NULL when out of memory. */
mt_turn *mt_turns_of(mt_turns *turns, mt_span session, mt_error *error);

/* Makes the request the session's last turn. */
mt_code mt_turn_keep(mt_turn *turn, const mt_request *request, mt_error *error);

void mt_turns_free(mt_turns *turns);

/* Pairs of turns that follow one another, by what they speak for. Where both have hash ids, those
 * decide: whole prompts begin with the whole blocks of the turn before. */
typedef struct mt_rows_evidence {
    uint64_t continued, apart; /* by ids: begins with the blocks of the one before; shares none */
    uint64_t longer, shorter;  /* by lengths: at least prompt and answer of the one before; less */
    uint64_t first_continued, first_apart, first_longer, first_shorter; /* lines */
} mt_rows_evidence;

/* Takes in the request that follows the turn `before`. */
void mt_rows_look(mt_rows_evidence *evidence, const mt_turn *before, const mt_request *request);

/* What most pairs speak for: four of five by ids; by lengths nine of ten that are longer, or fewer
 * than two of three. */
mt_rows mt_rows_guess(const mt_rows_evidence *evidence);

#endif
