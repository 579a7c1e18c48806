#include "edit/line_editor.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_LINES = 1000 };

struct mt_line_editor {
    EditLine *edit;
    History *history;
    char *prompt;
    mt_complete_function *complete;
    void *context;
    sigset_t mask; /* the process's own, in force only while we wait for a key */
};

/* Signals that our handlers must see while we wait for a key, and at no other moment: libedit's own
 * handlers (EL_SIGNAL) would send each of them once more, to the whole process group. */
static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT, SIGTSTP};
enum { WATCHED = sizeof watched / sizeof *watched, FIRST_OF_TERMINAL = 3 };

/* What the terminal's signals have asked for. */
static volatile sig_atomic_t was_resized, was_continued, is_to_stop;

static void on_terminal_signal(int number) {
    if (number == SIGWINCH)
        was_resized = 1;
    else if (number == SIGCONT)
        was_continued = 1;
    else
        is_to_stop = 1;
}

static mt_line_editor *editor_of(EditLine *edit) {
    void *editor = NULL;
    el_get(edit, EL_CLIENTDATA, &editor);
    return editor;
}

static char *prompt_of(EditLine *edit) {
    return editor_of(edit)->prompt;
}

/* Stops the process as if it had no handler. Where no shell looks after the process group the
 * system ignores the signal. */
static void stop(EditLine *edit) {
    struct sigaction usual, ours;
    sigset_t only;
    memset(&usual, 0, sizeof usual);
    usual.sa_handler = SIG_DFL;
    sigemptyset(&only);
    sigaddset(&only, SIGTSTP);
    el_set(edit, EL_PREP_TERM, 0);
    sigaction(SIGTSTP, &usual, &ours);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    sigprocmask(SIG_BLOCK, &only, NULL);
    sigaction(SIGTSTP, &ours, NULL);
    was_continued = 1;
}

/* Does what a signal of the terminal asked for: the line is drawn anew after a stop. */
static void answer_signals(EditLine *edit) {
    if (is_to_stop) {
        is_to_stop = 0;
        stop(edit);
    }
    if (was_continued) {
        was_continued = 0;
        el_set(edit, EL_PREP_TERM, 1);
        el_set(edit, EL_REFRESH);
    }
    if (was_resized) {
        was_resized = 0;
        el_resize(edit);
    }
}

/* Waits for a byte of standard input. 1, 0 at the end, -1 after Ctrl-C. */
static int read_byte(EditLine *edit, char *byte) {
    mt_line_editor *editor = editor_of(edit);
    for (;;) {
        fd_set input;
        FD_ZERO(&input);
        FD_SET(STDIN_FILENO, &input);
        if (mt_interrupted())
            return -1;
        answer_signals(edit);
        int ready = pselect(STDIN_FILENO + 1, &input, NULL, NULL, NULL, &editor->mask);
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t got = ready < 0 ? -1 : read(STDIN_FILENO, byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        return got == 1;
    }
}

/* libedit calls this to read a key: one character of the locale's encoding. Bytes that make no
 * character are skipped. */
static int read_character(EditLine *edit, wchar_t *character) {
    mbstate_t state;
    memset(&state, 0, sizeof state);
    for (;;) {
        char byte;
        int got = read_byte(edit, &byte);
        if (got <= 0)
            return got;
        size_t used = mbrtowc(character, &byte, 1, &state);
        if (used == (size_t)-1)
            memset(&state, 0, sizeof state);
        else if (used != (size_t)-2)
            return 1;
    }
}

static unsigned char on_tab(EditLine *edit, int key) {
    (void)key;
    mt_line_editor *editor = editor_of(edit);
    const LineInfo *line = el_line(edit);
    mt_completion completion = {NULL, NULL};
    editor->complete(editor->context, line->buffer, (size_t)(line->cursor - line->buffer),
                     &completion);
    if (!completion.insert && !completion.list)
        return CC_REFRESH_BEEP;
    if (completion.insert && *completion.insert)
        el_insertstr(edit, completion.insert);
    if (!completion.list)
        return CC_REFRESH;
    printf("\n%s\n", completion.list);
    fflush(stdout);
    return CC_REDISPLAY;
}

/* The names of our function are wide and last as long as the editor: libedit copies narrow ones and
 * never frees the copies. */
static int set_up(mt_line_editor *editor) {
    HistEvent event;
    EditLine *edit = editor->edit;
    if (history(editor->history, &event, H_SETSIZE, HISTORY_LINES) < 0 ||
        history(editor->history, &event, H_SETUNIQUE, 1) < 0 ||
        el_set(edit, EL_CLIENTDATA, editor) != 0 || el_set(edit, EL_PROMPT, prompt_of) != 0 ||
        el_set(edit, EL_HIST, history, editor->history) != 0 ||
        el_set(edit, EL_EDITOR, "emacs") != 0 || el_set(edit, EL_GETCFN, read_character) != 0 ||
        el_wset(edit, EL_ADDFN, L"moontide-complete", L"complete the word", on_tab) != 0)
        return -1;
    el_set(edit, EL_BIND, "^I", "moontide-complete", NULL);
    el_set(edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(edit, EL_BIND, "^W", "ed-delete-prev-word", NULL);
    el_source(edit, NULL);
    return 0;
}

mt_line_editor *mt_line_editor_new(mt_complete_function *complete, void *context) {
    mt_line_editor *editor = mt_allocate_zero(1, sizeof *editor);
    if (!editor)
        return NULL;
    setlocale(LC_CTYPE, "");
    editor->complete = complete;
    editor->context = context;
    editor->history = history_init();
    editor->edit = el_init("moontide", stdin, stdout, stderr);
    if (!editor->history || !editor->edit || set_up(editor) != 0) {
        mt_line_editor_free(editor);
        return NULL;
    }
    return editor;
}

/* Blocks the watched signals and installs our handlers before the terminal sends any. `old` and the
 * editor's mask keep what was there before. */
static void watch_signals(mt_line_editor *editor, struct sigaction *old) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_terminal_signal;
    sigset_t blocked;
    sigemptyset(&blocked);
    for (int i = 0; i < WATCHED; i++)
        sigaddset(&blocked, watched[i]);
    sigprocmask(SIG_BLOCK, &blocked, &editor->mask);
    for (int i = FIRST_OF_TERMINAL; i < WATCHED; i++) {
        sigaction(watched[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)
            sigaction(watched[i], &action, NULL);
    }
}

static void unwatch_signals(const mt_line_editor *editor, const struct sigaction *old) {
    for (int i = FIRST_OF_TERMINAL; i < WATCHED; i++)
        sigaction(watched[i], &old[i], NULL);
    sigprocmask(SIG_SETMASK, &editor->mask, NULL);
}

mt_line_end mt_line_editor_read(mt_line_editor *editor, const char *prompt, const char **text,
                                size_t *length) {
    struct sigaction old[WATCHED];
    char *copy = mt_copy_text(prompt, strlen(prompt));
    if (!copy)
        return MT_LINE_NO_MORE;
    mt_free(editor->prompt);
    editor->prompt = copy;
    watch_signals(editor, old);
    /* libedit prepares the terminal only with the first key. What is typed before that would be
     * echoed twice. */
    el_set(editor->edit, EL_PREP_TERM, 1);
    int count = 0;
    *text = el_gets(editor->edit, &count);
    el_set(editor->edit, EL_PREP_TERM, 0);
    unwatch_signals(editor, old);
    if (*text && count > 0 && !mt_interrupted()) {
        *length = (size_t)count - ((*text)[count - 1] == '\n');
        return MT_LINE_READ;
    }
    return mt_interrupted() ? MT_LINE_INTERRUPTED : MT_LINE_NO_MORE;
}

int mt_line_editor_remember(mt_line_editor *editor, const char *line) {
    HistEvent event;
    return history(editor->history, &event, H_ENTER, line) < 0 ? -1 : 0;
}

void mt_line_editor_free(mt_line_editor *editor) {
    if (!editor)
        return;
    if (editor->edit)
        el_end(editor->edit);
    if (editor->history)
        history_end(editor->history);
    mt_free(editor->prompt);
    mt_free(editor);
}
