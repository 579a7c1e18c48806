/* Who waits for whom among the rows of a log: each names itself by its member request_id, and by
 * wait_for those whose answers must have ended before it; branches names those that its own answer
 * starts. Of a session a row waits for the one before it in any case.
 *
 * Rows are added as they come, and may name later ones; only all of them together say whether each
 * name is there and none waits for itself. Memory: 16 bytes a row, 4 a name that it gives, and a
 * text a name and a session. Private to this folder. */
#ifndef MT_TRACE_LOG_WAITS_H
#define MT_TRACE_LOG_WAITS_H

#include "text/texts.h"
#include "trace/record.h"
#include "base/error.h"

typedef struct mt_waits_row {
    uint64_t line;
    uint64_t
        edge_end;    /* edges[edge_end of the row before .. edge_end) are names that it waits for */
    uint64_t before; /* the session's row before it, plus 1; 0: none */
} mt_waits_row;

/* Zero it, add rows, check, free. */
typedef struct mt_waits {
    mt_texts names, sessions;
    uint64_t *row_of_name;     /* plus 1; 0: no row so far has this name */
    uint64_t *last_of_session; /* plus 1; 0: none */
    mt_waits_row *rows;
    uint32_t *edges;
    uint32_t *branches;    /* names, and */
    uint64_t *branch_rows; /* who names them */
    size_t name_capacity, session_capacity, row_count, row_capacity, edge_count, edge_capacity;
    size_t branch_count, branch_capacity, branch_row_capacity;
} mt_waits;

/* Adds a row. MT_ERROR_INPUT, without a place: request_id is there already, or no name; wait_for or
 * branches are no lists of names. MT_ERROR_MEMORY. */
mt_code mt_waits_add(mt_waits *waits, const mt_request *request, mt_error *error);

/* All rows are there: MT_ERROR_INPUT with the line, no source, when a name is no row's, or rows
 * wait for one another in a circle. MT_ERROR_MEMORY. */
mt_code mt_waits_check(const mt_waits *waits, mt_error *error);

void mt_waits_free(mt_waits *waits);

#endif
