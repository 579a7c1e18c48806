/* The methods of compression, found: linked in, as tests have them, or in packing.so, so that commands which
 * meet no compressed file do not load the libraries (each some tenths of a millisecond at every start, and
 * memory). */
#include "base/file/codec.h"

#include "base/module_file.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>

/* Where base/file/codecs.c is not linked in there is no such list. */
extern const mt_codec *const mt_codecs[] __attribute__((weak, visibility("hidden")));

typedef const mt_codec *const *mt_packing_function(void);

static const mt_codec *const *load(mt_error *error) {
    char path[PATH_MAX];
    if (!mt_module_file("packing", path, sizeof path))
        return mt_null(mt_fail(error, MT_ERROR_IO,
                               "compressed files need the module packing.so, which is not where "
                               "this program's modules are"));
    mt_error problem;
    void *module = mt_module_open(path, &problem),
         *symbol = module ? dlsym(module, "mt_packing") : NULL;
    if (!module)
        return mt_null(
            mt_fail(error, problem.code, "compressed files need a module: %s", problem.message));
    if (!symbol) /* another of this program's modules has that name */
        return mt_null(
            mt_fail(error, MT_ERROR_IO, "compressed files need a module: %s", dlerror()));
    mt_packing_function *packing; /* C knows no other way from an object to a function: */
    memcpy(&packing, &symbol, sizeof packing);
    return packing();
}

const mt_codec *mt_codec_of(const char *method, mt_error *error) {
    static const mt_codec *const *loaded; /* stays: a second thread finds the same */
    const mt_codec *const *all = mt_codecs;
    if (!all && !(all = __atomic_load_n(&loaded, __ATOMIC_ACQUIRE))) {
        if (!(all = load(error)))
            return NULL;
        __atomic_store_n(&loaded, all, __ATOMIC_RELEASE);
    }
    while (all[1] && strcmp((*all)->method, method) != 0)
        all++;
    return *all;
}
