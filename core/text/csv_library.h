/* What the CSV reader uses of libcsv, which is loaded for the first CSV (base/library.h). */
#ifndef MT_TEXT_CSV_LIBRARY_H
#define MT_TEXT_CSV_LIBRARY_H

#include "base/error.h"

#include <csv.h>

/* Of the types that the library's header declares. */
typedef struct mt_csv_library {
    __typeof__(&csv_init) init;
    __typeof__(&csv_free) free;
    __typeof__(&csv_fini) fini;
    __typeof__(&csv_parse) parse;
    __typeof__(&csv_error) error;
    __typeof__(&csv_get_buffer_size) get_buffer_size;
    __typeof__(&csv_set_delim) set_delim;
    __typeof__(&csv_set_realloc_func) set_realloc_func;
    __typeof__(&csv_set_free_func) set_free_func;
    __typeof__(&csv_set_space_func) set_space_func;
    __typeof__(&csv_set_blk_size) set_blk_size;
} mt_csv_library;

/* NULL with MT_ERROR_IO (no source) where it cannot be loaded. */
const mt_csv_library *mt_csv_library_of(mt_error *error);

#endif
