/* All methods of compression, and the only file that names them: with the libraries that know them it is a
 * module of its own, packing.so, which is loaded for the first compressed file (base/codec_module.c). */
#include "base/codec.h"

#include <string.h>

const mt_codec *const mt_codecs[] = {
#ifdef MT_HAS_ISAL
    &mt_codec_isal,
#else
    &mt_codec_zlib,
#endif
    &mt_codec_zstd, NULL};

__attribute__((visibility("default"))) const mt_codec *const *mt_packing(void) {
    return mt_codecs;
}

int mt_gzip_may_begin(mt_span packed) {
    return memcmp(packed.text, "\x1F\x8B", packed.length < 2 ? packed.length : 2) == 0;
}
