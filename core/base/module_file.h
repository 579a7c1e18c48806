/* Where the modules in C are that only some commands need: beside what is running. */
#ifndef MT_BASE_MODULE_FILE_H
#define MT_BASE_MODULE_FILE_H

#include "base/error.h"

#include <stddef.h>

/* What each of them has, beside what it is for: of which version it is. Its functions and the program's share
 * structs, so that only those of one version go together. */
#define MT_MODULE_OF_THIS_VERSION                                                                  \
    __attribute__((visibility("default"))) extern const char mt_module_version[];                  \
    const char mt_module_version[] = MT_VERSION

/* Writes the path of the module `name` ("drive"), NAME.so, to path[0..room): beside this module in C, or,
 * in the executable, in lib/moontide/ beside it, where a build has it, or in ../lib/lua/5.4/moontide/, where
 * `make install` puts it. No other place is looked at: in one there might lie something else of that name.
 * 1; 0 when there is no such file. */
int mt_module_file(const char *name, char *path, size_t room);

/* Loads that file, for dlsym and dlclose. NULL with MT_ERROR_IO (no source), which names the file, when it
 * cannot be loaded, is no such module, or one of another version. */
void *mt_module_open(const char *path, mt_error *error);

#endif
