#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static mt_code load(mt_library *library, mt_error *error) {
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL), *symbol = NULL;
    if (!handle)
        return mt_fail(error, MT_ERROR_IO, "%s needs a library: %s", library->what, dlerror());
    for (size_t i = 0; library->names[i]; i++) {
        if (!(symbol = dlsym(handle, library->names[i]))) {
            mt_fail(error, MT_ERROR_IO, "%s needs a library: %s", library->what, dlerror());
            dlclose(handle);
            return MT_ERROR_IO;
        }
        /* C knows no other way from an object to a function. */
        memcpy((char *)library->functions + i * sizeof symbol, &symbol, sizeof symbol);
    }
    return MT_OK;
}

mt_code mt_library_load(mt_library *library, mt_error *error) {
    if (__atomic_load_n(&library->is_loaded, __ATOMIC_ACQUIRE))
        return MT_OK;
    pthread_mutex_lock(&loading);
    mt_code code = library->is_loaded ? MT_OK : load(library, error);
    if (code == MT_OK)
        __atomic_store_n(&library->is_loaded, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&loading);
    return code;
}
