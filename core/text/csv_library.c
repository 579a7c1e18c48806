#include "text/csv_library.h"

#include "base/library.h"

const mt_csv_library *mt_csv_library_of(mt_error *error) {
    /* In the order of the struct. */
    static const char *const names[] = {"csv_init",          "csv_free",
                                        "csv_fini",          "csv_parse",
                                        "csv_error",         "csv_get_buffer_size",
                                        "csv_set_delim",     "csv_set_realloc_func",
                                        "csv_set_free_func", "csv_set_space_func",
                                        "csv_set_blk_size",  NULL};
    static mt_csv_library functions;
    static mt_library library = {"libcsv.so.3", "a CSV", names, &functions, 0};
    _Static_assert(sizeof functions == sizeof names - sizeof *names, "a name for each function");
    return mt_library_load(&library, error) == MT_OK ? &functions : NULL;
}
