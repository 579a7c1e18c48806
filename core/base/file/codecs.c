/* All methods of compression, and the only file that names them: with the libraries that know them it is a
 * module of its own, packing.so, which is loaded for the first compressed file (base/file/codec_module.c). */
#include "base/file/codec.h"

#include "base/module_file.h"

#include <string.h>

#ifdef MT_HAS_ISAL
#define UNPACKS mt_unpacks_isal
#else
#define UNPACKS mt_unpacks_zlib
#endif
#ifdef MT_HAS_LIBDEFLATE
#define PACKS mt_packs_libdeflate
#else
#define PACKS mt_packs_zlib
#endif

const mt_codec mt_codec_gzip = {"gzip", mt_gzip_may_begin, 1, &UNPACKS, &PACKS};

const mt_codec *const mt_codecs[] = {&mt_codec_gzip, &mt_codec_zstd, NULL};

MT_MODULE_OF_THIS_VERSION;

__attribute__((visibility("default"))) const mt_codec *const *mt_packing(void) {
    return mt_codecs;
}

int mt_gzip_may_begin(mt_span packed) {
    return memcmp(packed.text, "\x1F\x8B", packed.length < 2 ? packed.length : 2) == 0;
}
