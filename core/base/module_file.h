/* Where the modules in C are that only some commands need: beside what is running. */
#ifndef MT_BASE_MODULE_FILE_H
#define MT_BASE_MODULE_FILE_H

#include <stddef.h>

/* Writes the path of the module `name` ("drive"), NAME.so, to path[0..room): beside this module in C, or,
 * in the executable, in lib/moontide/ beside it, where a build has it, or in ../lib/lua/5.4/moontide/, where
 * `make install` puts it. No other place is looked at: in one there might lie something else of that name.
 * 1; 0 when there is no such file. */
int mt_module_file(const char *name, char *path, size_t room);

#endif
