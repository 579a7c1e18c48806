#define _GNU_SOURCE /* dladdr1 */
#include "base/module_file.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The module that this is linked into, as the system has loaded it; "": it is the executable, whatever its name
 * is. */
static const char *own_file(void) {
    static const char here;
    Dl_info info;
    struct link_map *map = NULL;
    return dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP) && map ? map->l_name : "";
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
    if (*file)
        return is_there(file, "", name, path, room);
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    if (length <= 0)
        return 0;
    executable[length] = '\0';
    return is_there(executable, "lib/moontide/", name, path, room) ||
           is_there(executable, "../lib/lua/5.4/moontide/", name, path, room);
}

void *mt_module_open(const char *path, mt_error *error) {
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module)
        return mt_null(mt_fail(error, MT_ERROR_IO, "%s", dlerror()));
    const char *version = dlsym(module, "mt_module_version");
    if (version && strcmp(version, MT_VERSION) == 0)
        return module;
    if (version)
        mt_fail(error, MT_ERROR_IO, "%s is of Moontide %.40s, this program of %s", path, version,
                MT_VERSION);
    else
        mt_fail(error, MT_ERROR_IO, "%s is no module of Moontide %s", path, MT_VERSION);
    dlclose(module);
    return NULL;
}
