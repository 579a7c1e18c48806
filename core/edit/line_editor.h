/* A line of input from the terminal, edited: libedit (BSD) with its Emacs keys, history, Ctrl-R and
 * completion. What the user has in ~/.editrc is respected.
 *
 * Lives in a module of its own, which only the console loads: libedit costs each start some
 * milliseconds. Texts are in the locale's encoding; the constructor calls setlocale(LC_CTYPE, ""),
 * without which libedit drops all but ASCII. */
#ifndef MT_EDIT_LINE_EDITOR_H
#define MT_EDIT_LINE_EDITOR_H

#include <stddef.h>

typedef struct mt_line_editor mt_line_editor;

/* What Tab does with the text before the cursor. Both NULL: nothing is known, and it beeps. The
 * texts belong to the callback and must last until it is called again. */
typedef struct mt_completion {
    const char *insert; /* at the cursor; may be "" */
    const char *list;   /* lines to show below, without the last line's end */
} mt_completion;

typedef void mt_complete_function(void *context, const char *before, size_t length,
                                  mt_completion *completion);

/* How a reading ended. */
typedef enum mt_line_end {
    MT_LINE_READ,        /* a line is there */
    MT_LINE_INTERRUPTED, /* Ctrl-C or another signal that mt_interrupt_flag tells of */
    MT_LINE_NO_MORE      /* Ctrl-D on an empty line, or the terminal is gone */
} mt_line_end;

/* An editor over standard input and output, which must be a terminal. Tab calls complete(context,
 * ...). NULL when memory is out or libedit refuses the terminal. */
mt_line_editor *mt_line_editor_new(mt_complete_function *complete, void *context);

/* Shows the prompt and reads a line: *text of *length bytes, without its end, valid until the next
 * reading. The terminal is as before afterwards. Ctrl-Z stops the process as usual. */
mt_line_end mt_line_editor_read(mt_line_editor *editor, const char *prompt, const char **text,
                                size_t *length);

/* Adds a line (terminated) to the history; one that equals the last is not added again. 0, or -1
 * when memory is out. */
int mt_line_editor_remember(mt_line_editor *editor, const char *line);

/* NULL is allowed. */
void mt_line_editor_free(mt_line_editor *editor);

#endif
