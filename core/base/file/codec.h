/* A method of compression, and the libraries that know it: what base/file/compression.h is made of. Each library's
 * functions are a table in a file of its own; base/file/codecs.c says which are used, and lists the methods. */
#ifndef MT_BASE_FILE_CODEC_H
#define MT_BASE_FILE_CODEC_H

#include "base/file/compression.h"

typedef enum mt_unpacked {
    MT_UNPACKED_SOME,
    MT_UNPACKED_ALL,     /* the data are whole: what stands behind them was not taken */
    MT_UNPACKED_DAMAGED, /* *what says how */
    MT_UNPACKED_NO_MEMORY
} mt_unpacked;

/* Where bytes may be written; a function that does so takes them from the front. */
typedef struct mt_room {
    char *text;
    size_t length;
} mt_room;

/* How a library unpacks a method. */
typedef struct mt_unpacks {
    void *(*unpacker_new)(void); /* NULL: out of memory */
    /* Takes from the front of both. Data begin again after MT_UNPACKED_ALL. */
    mt_unpacked (*unpack)(void *unpacker, mt_span *packed, mt_room *room, const char **what);
    void (*unpacker_free)(void *unpacker);
} mt_unpacks;

/* How a library packs it: it may be another one. */
typedef struct mt_packs {
    void *(*packer_new)(void); /* NULL: out of memory */
    /* As mt_compress, into the room. */
    int (*pack)(void *packer, mt_span *plain, mt_compress_until until, mt_room *room);
    void (*packer_free)(void *packer);
} mt_packs;

typedef struct mt_codec {
    const char *method; /* as messages call it */
    /* May these bytes, one at least, begin data? Of fewer than it wants to see it says yes as long as
     * they may. */
    int (*may_begin)(mt_span packed);
    int is_padded; /* with zeros behind the data, as on a tape */
    const mt_unpacks *unpacks;
    const mt_packs *packs;
} mt_codec;

/* The one of that method, from packing.so where none are linked in. NULL with MT_ERROR_IO (no source) when
 * that cannot be loaded. */
const mt_codec *mt_codec_of(const char *method, mt_error *error);

/* The list of them, NULL behind it; packing.so gives it by this name. */
const mt_codec *const *mt_packing(void);

/* gzip by the libraries that are best at reading and at writing it, of those that there are. */
extern const mt_codec mt_codec_gzip, mt_codec_zstd;

/* By zlib, where one of the others is missing, and for tests. */
extern const mt_unpacks mt_unpacks_zlib;
extern const mt_packs mt_packs_zlib;
#ifdef MT_HAS_ISAL
extern const mt_unpacks mt_unpacks_isal;
#endif
#ifdef MT_HAS_LIBDEFLATE
extern const mt_packs mt_packs_libdeflate;
#endif

/* gzip's may_begin. */
int mt_gzip_may_begin(mt_span packed);

/* What the two of compression.h make, by one codec. */
mt_decompressor *mt_decompressor_by(const mt_codec *codec, mt_error *error);
mt_compressor *mt_compressor_by(const mt_codec *codec, mt_error *error);

#endif
