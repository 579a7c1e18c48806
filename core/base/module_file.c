#define _GNU_SOURCE /* dladdr */
#include "base/module_file.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The file that this is linked into, as the system has loaded it: of a module its path, of the executable
 * whatever it was called by. */
static const char *own_file(void) {
    static const char here;
    Dl_info info;
    return dladdr(&here, &info) && info.dli_fname ? info.dli_fname : "";
}

static int is_module(const char *file) {
    size_t length = strlen(file);
    return length > 3 && strcmp(file + length - 3, ".so") == 0;
}

/* FOLDER/below/NAME.so, where FOLDER is that of `file`. */
static int is_there(const char *file, const char *below, const char *name, char *path,
                    size_t room) {
    const char *slash = strrchr(file, '/');
    int folder = slash ? (int)(slash - file) : 1;
    int length = snprintf(path, room, "%.*s/%s%s.so", folder, slash ? file : ".", below, name);
    return length > 0 && (size_t)length < room && access(path, R_OK) == 0;
}

int mt_module_file(const char *name, char *path, size_t room) {
    char executable[PATH_MAX];
    const char *file = own_file();
    if (is_module(file))
        return is_there(file, "", name, path, room);
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    if (length <= 0)
        return 0;
    executable[length] = '\0';
    return is_there(executable, "lib/moontide/", name, path, room) ||
           is_there(executable, "../lib/lua/5.4/moontide/", name, path, room);
}
