/* Shared libraries that only some commands need: loaded for the first of these, as what is linked is loaded at
 * each start, which takes some tenths of a millisecond and memory. They are found where the system finds those
 * that are linked, and stay loaded. */
#ifndef MT_BASE_LIBRARY_H
#define MT_BASE_LIBRARY_H

#include "base/error.h"

/* In static memory. `functions` is a struct of pointers to functions and nothing else, in the order of their
 * names. */
typedef struct mt_library {
    const char *file;         /* by the name that programs are linked to, "libcsv.so.3" */
    const char *what;         /* for messages: what needs it, "a CSV" */
    const char *const *names; /* NULL behind the last */
    void *functions;
    int is_loaded;
} mt_library;

/* Fills the functions, once; threads may call it. MT_ERROR_IO (no source) where the library is not there, or
 * one of the functions is not in it. */
mt_code mt_library_load(mt_library *library, mt_error *error);

#endif
