/* What went wrong, for a caller to show or to act on.
 *
 * Every function of core that can fail takes an `mt_error *` (NULL: the caller does not want to
 * know) and returns an mt_code, or NULL / -1 where it says so. The message lives in a fixed buffer,
 * so that it can be written when memory is out. Core prints nothing and never exits. */
#ifndef MT_BASE_ERROR_H
#define MT_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mt_code {
    MT_OK = 0,
    MT_ERROR_MEMORY,      /* an allocation failed */
    MT_ERROR_IO,          /* the world: a file, a disk, a pipe */
    MT_ERROR_INPUT,       /* a file's content is not what it must be; line (and column) are set */
    MT_ERROR_VALUE,       /* a caller's value is out of its range */
    MT_ERROR_INTERRUPTED, /* Ctrl-C */
    MT_ERROR_CLOSED,      /* the reader of our pipe went away (EPIPE) */
    MT_ERROR_CALLBACK,    /* a script's function failed; the message is the script's */
    MT_ERROR_UNKNOWN      /* something failed that had no mt_error to say why */
} mt_code;

enum { MT_ERROR_SOURCE_SIZE = 512, MT_ERROR_MESSAGE_SIZE = 768 };

typedef struct mt_error {
    mt_code code;
    uint64_t line;                       /* 1-based; 0: not about a line */
    uint64_t column;                     /* 1-based byte within the line; 0: not about a column */
    int can_be_skipped;                  /* a reader that is told to passes over such a line */
    char source[MT_ERROR_SOURCE_SIZE];   /* file name as the user gave it; "" when none */
    char message[MT_ERROR_MESSAGE_SIZE]; /* what is wrong, without the source's name */
} mt_error;

/* Fills *error (when not NULL) with code and the printf-like message, no source; returns code. */
mt_code mt_fail(mt_error *error, mt_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with a source name and a position (line 0, column 0: none). */
mt_code mt_fail_at(mt_error *error, mt_code code, const char *source, uint64_t line,
                   uint64_t column, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* The same for functions that take a format themselves. */
mt_code mt_fail_list(mt_error *error, mt_code code, const char *source, uint64_t line,
                     uint64_t column, const char *format, va_list arguments)
    __attribute__((format(printf, 6, 0)));

/* Fails with MT_ERROR_IO and "SOURCE: what: strerror(errno_value)". MT_ERROR_CLOSED on EPIPE. */
mt_code mt_fail_errno(mt_error *error, const char *source, const char *what, int errno_value);

/* Fails with MT_ERROR_MEMORY: "out of memory (what)". */
mt_code mt_fail_memory(mt_error *error, const char *what);

/* A failure as functions return it that give a pointer, or -1 when they fail:
 * return mt_null(mt_fail(error, MT_ERROR_VALUE, ...)); */
static inline void *mt_null(mt_code code) {
    (void)code;
    return NULL;
}

static inline int mt_failed(mt_code code) {
    (void)code;
    return -1;
}

/* The code that goes with a NULL or -1 that a function returned together with *error; without one
 * only that it failed is known. A caller that must act on the code gives an mt_error of its own. */
static inline mt_code mt_code_of(const mt_error *error) {
    return error ? error->code : MT_ERROR_UNKNOWN;
}

/* Writes "SOURCE:LINE:COLUMN: MESSAGE", leaving out the parts that are unknown, cut to size
 * and terminated. Returns buffer. */
char *mt_error_text(const mt_error *error, char *buffer, size_t size);

/* Copies at most `size` - 1 bytes of text[0..length) into buffer as something fit for an error
 * message: control bytes and broken UTF-8 become '?', what is cut ends in "...". size >= 4.
 * Returns buffer. */
char *mt_quote(const char *text, size_t length, char *buffer, size_t size);

#endif
