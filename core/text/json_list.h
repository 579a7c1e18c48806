/* The objects of a JSON list, or objects one after another without a list, from a file of any
 * length. One object at a time is in memory. Only brackets and strings are looked at here; what is
 * between them is checked by whoever reads the object (text/json_items.h). */
#ifndef MT_TEXT_JSON_LIST_H
#define MT_TEXT_JSON_LIST_H

#include "base/file/input.h"

/* Set the first two and zero the rest; free it in the end. */
typedef struct mt_json_list {
    mt_input *input;  /* stays the caller's */
    const char *what; /* an object is, for messages: "conversation" */
    /* The object read last, as it stands in the file. */
    char *text;
    size_t text_length, text_capacity;
    uint64_t text_line;                    /* where it begins, from 1 */
    uint64_t text_column;                  /* bytes before it on that line */
    size_t located;                        /* bytes of it up to the position asked for last, */
    uint64_t located_line, located_column; /* which is there */
    /* The file. */
    const char *unread;
    size_t unread_length;
    uint64_t line, column; /* of the next byte, from 0 */
    int has_begun;         /* the list's bracket, or that there is none, was seen */
    int is_list, is_after, is_at_end;
} mt_json_list;

/* The next object: 1 with list->text, 0 at the end, -1 on failure. MT_ERROR_INPUT with line and
 * column when there is something else, the file ends too early, or an object is longer than
 * MT_LINE_LIMIT; MT_ERROR_MEMORY; what base/file/input.h says. Nothing can be read after a failure.
 * Polls for Ctrl-C. */
int mt_json_list_next(mt_json_list *list, mt_error *error);

/* The line (from 1) and column of a position in list->text. Positions behind the one asked for last are
 * found from there: asked for in their order they cost one look at the text. */
void mt_json_list_locate(mt_json_list *list, const char *at, uint64_t *line, uint64_t *column);

void mt_json_list_free(mt_json_list *list);

#endif
