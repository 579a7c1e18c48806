/* Compressed files, which are known by their names: ".gz" (gzip, RFC 1952) and ".zst" (Zstandard,
 * RFC 8878). Bytes in, bytes out; the libraries are base/file/codec.h's, files base/file/input.h's and
 * base/file/output.h's. */
#ifndef MT_BASE_FILE_COMPRESSION_H
#define MT_BASE_FILE_COMPRESSION_H

#include "base/error.h"
#include "base/span.h"

/* How the file called `path` is compressed: "gzip" or "zstd"; NULL: not at all. */
const char *mt_compression_of(const char *path);

/* ---- reading ---- */

typedef struct mt_decompressor mt_decompressor;

/* For data of that method. NULL with MT_ERROR_MEMORY, or MT_ERROR_IO where the module that knows it is
 * missing. */
mt_decompressor *mt_decompressor_new(const char *method, mt_error *error);

/* Takes bytes from the front of *packed and writes at most `room` plain ones to `to`. Returns how
 * many; 0 when it needs more bytes (*packed is empty then), -1 with MT_ERROR_INPUT (no source) when
 * the data are damaged, or when something else stands behind them: then the plain bytes up to there
 * were given before. Data may be several, one behind the other. What does not begin as such data is
 * given as it is. */
ptrdiff_t mt_decompress(mt_decompressor *decompressor, mt_span *packed, char *to, size_t room,
                        mt_error *error);

/* There are no more bytes: MT_OK, or MT_ERROR_INPUT when they end too early. */
mt_code mt_decompress_end(const mt_decompressor *decompressor, mt_error *error);

void mt_decompressor_free(mt_decompressor *decompressor); /* NULL is allowed */

/* ---- writing ---- */

typedef struct mt_compressor mt_compressor;

typedef enum mt_compress_until {
    MT_COMPRESS_SOME,  /* bytes may stay in the compressor */
    MT_COMPRESS_FLUSH, /* a reader can have all of them */
    MT_COMPRESS_END    /* and the data are whole */
} mt_compress_until;

/* NULL as above. */
mt_compressor *mt_compressor_new(const char *method, mt_error *error);

/* Takes bytes from the front of *plain; *packed is what is to be written, valid until the next
 * call. 1 when it is to be called again, whatever `plain` is then; 0 when all was done; -1: out of
 * memory. */
int mt_compress(mt_compressor *compressor, mt_span *plain, mt_compress_until until,
                mt_span *packed);

void mt_compressor_free(mt_compressor *compressor); /* NULL is allowed */

#endif
