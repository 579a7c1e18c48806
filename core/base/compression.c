#include "base/compression.h"

#include "base/memory.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { GZIP_WINDOW = 15 + 16, GZIP_LEVEL = 6, GZIP_MEMORY = 8, PACKED_SIZE = 1 << 18 };

static const char gzip[] = "gzip", zstd[] = "zstd";

static int ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), size = strlen(ending);
    return length > size && strcmp(path + length - size, ending) == 0;
}

const char *mt_compression_of(const char *path) {
    return ends_in(path, ".gz") ? gzip : ends_in(path, ".zst") ? zstd : NULL;
}

/* ---- reading ---- */

typedef enum place {
    AT_START,
    INSIDE,     /* of data */
    BEHIND,     /* of whole data */
    IN_PADDING, /* zeros behind gzip data, as on a tape */
    PLAIN
} place;

struct mt_decompressor {
    place place;
    uint64_t taken; /* packed bytes */
    int is_full;    /* there was no room for all: more comes without more bytes */
    z_stream gzip;
    ZSTD_DStream *zstd; /* NULL: gzip */
};

mt_decompressor *mt_decompressor_new(const char *method, mt_error *error) {
    mt_decompressor *self = mt_new(sizeof *self, "decompression", error);
    if (!self)
        return NULL;
    int is_there = method == zstd ? (self->zstd = ZSTD_createDStream()) != NULL
                                  : inflateInit2(&self->gzip, GZIP_WINDOW) == Z_OK;
    if (is_there)
        return self;
    mt_free(self);
    return mt_null(mt_fail_memory(error, "decompression"));
}

static const char *name_of(const mt_decompressor *self) {
    return self->zstd ? zstd : gzip;
}

/* May these bytes begin data? zstd has frames to be skipped too, of 16 kinds. */
static int may_begin(const mt_decompressor *self, const mt_span *packed) {
    size_t length = packed->length < 4 ? packed->length : 4;
    if (!self->zstd)
        return memcmp(packed->text, "\x1F\x8B", length < 2 ? length : 2) == 0;
    return memcmp(packed->text, "\x28\xB5\x2F\xFD", length) == 0 ||
           ((*packed->text & 0xF0) == 0x50 &&
            memcmp(packed->text + 1, "\x2A\x4D\x18", length - 1) == 0);
}

static ptrdiff_t fail_behind(const mt_decompressor *self, mt_error *error) {
    return mt_failed(
        mt_fail(error, MT_ERROR_INPUT,
                "behind the %s data, from byte %llu of the file on, stands something else: was it "
                "appended to the compressed file?",
                name_of(self), (unsigned long long)self->taken + 1));
}

static ptrdiff_t fail_damaged(const mt_decompressor *self, const char *what, mt_error *error) {
    return mt_failed(mt_fail(error, MT_ERROR_INPUT, "damaged %s data: %s", name_of(self), what));
}

static void take(mt_decompressor *self, mt_span *packed, size_t bytes) {
    packed->text += bytes;
    packed->length -= bytes;
    self->taken += bytes;
}

/* Between data, where a byte decides what comes: 0, or -1 when that is nothing known. */
static ptrdiff_t look(mt_decompressor *self, mt_span *packed, mt_error *error) {
    int is_zero = *packed->text == '\0';
    if (self->place == AT_START && !may_begin(self, packed))
        self->place = PLAIN;
    else if (self->place != IN_PADDING && may_begin(self, packed))
        self->place = INSIDE;
    else if (!self->zstd && is_zero)
        self->place = IN_PADDING;
    else
        return fail_behind(self, error);
    if (self->place == IN_PADDING)
        take(self, packed, 1);
    return 0;
}

static ptrdiff_t decompress_gzip(mt_decompressor *self, mt_span *packed, char *to, size_t room,
                                 mt_error *error) {
    z_stream *stream = &self->gzip;
    uInt given = packed->length > PACKED_SIZE ? PACKED_SIZE : (uInt)packed->length;
    uInt space = room > PACKED_SIZE ? PACKED_SIZE : (uInt)room;
    stream->next_in = (z_const Bytef *)packed->text;
    stream->avail_in = given;
    stream->next_out = (Bytef *)to;
    stream->avail_out = space;
    int status = inflate(stream, Z_NO_FLUSH);
    take(self, packed, given - stream->avail_in);
    if (status == Z_MEM_ERROR)
        return mt_failed(mt_fail_memory(error, "decompression"));
    self->is_full = stream->avail_out == 0;
    if (status == Z_STREAM_END) {
        self->is_full = 0;
        self->place = BEHIND;
        inflateReset(stream);
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
        return fail_damaged(self, stream->msg ? stream->msg : "it cannot be read", error);
    }
    return (ptrdiff_t)(space - stream->avail_out);
}

static ptrdiff_t decompress_zstd(mt_decompressor *self, mt_span *packed, char *to, size_t room,
                                 mt_error *error) {
    ZSTD_inBuffer in = {packed->text, packed->length, 0};
    ZSTD_outBuffer out = {to, room, 0};
    size_t left = ZSTD_decompressStream(self->zstd, &out, &in);
    take(self, packed, in.pos);
    if (ZSTD_isError(left))
        return fail_damaged(self, ZSTD_getErrorName(left), error);
    self->is_full = left > 0 && out.pos == room;
    if (left == 0)
        self->place = BEHIND;
    return (ptrdiff_t)out.pos;
}

ptrdiff_t mt_decompress(mt_decompressor *self, mt_span *packed, char *to, size_t room,
                        mt_error *error) {
    ptrdiff_t got = 0;
    while (got == 0 && (packed->length > 0 || self->is_full)) {
        if (self->place == PLAIN) {
            got = (ptrdiff_t)(packed->length < room ? packed->length : room);
            memcpy(to, packed->text, (size_t)got);
            take(self, packed, (size_t)got);
        } else if (self->place != INSIDE) {
            got = look(self, packed, error);
        } else {
            got = self->zstd ? decompress_zstd(self, packed, to, room, error)
                             : decompress_gzip(self, packed, to, room, error);
        }
    }
    return got;
}

mt_code mt_decompress_end(const mt_decompressor *self, mt_error *error) {
    if (self->place != INSIDE)
        return MT_OK;
    fail_damaged(self, "the file is cut", error);
    return MT_ERROR_INPUT;
}

void mt_decompressor_free(mt_decompressor *self) {
    if (!self)
        return;
    if (self->zstd)
        ZSTD_freeDStream(self->zstd);
    else
        inflateEnd(&self->gzip);
    mt_free(self);
}

/* ---- writing ---- */

struct mt_compressor {
    z_stream gzip;
    ZSTD_CStream *zstd; /* NULL: gzip */
    char packed[PACKED_SIZE];
};

mt_compressor *mt_compressor_new(const char *method, mt_error *error) {
    mt_compressor *self = mt_new(sizeof *self, "compression", error);
    if (!self)
        return NULL;
    int is_there = method == zstd ? (self->zstd = ZSTD_createCStream()) != NULL
                                  : deflateInit2(&self->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW,
                                                 GZIP_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK;
    if (is_there)
        return self;
    mt_free(self);
    return mt_null(mt_fail_memory(error, "compression"));
}

static int compress_gzip(mt_compressor *self, mt_span *plain, mt_compress_until until,
                         mt_span *packed) {
    static const int modes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    enum { MOST = 1 << 30 };
    z_stream *stream = &self->gzip;
    uInt given = plain->length > MOST ? MOST : (uInt)plain->length;
    int mode = given < plain->length ? Z_NO_FLUSH : modes[until];
    stream->next_in = (z_const Bytef *)plain->text;
    stream->avail_in = given;
    stream->next_out = (Bytef *)self->packed;
    stream->avail_out = sizeof self->packed;
    int status = deflate(stream, mode);
    if (status == Z_STREAM_ERROR)
        return -1;
    plain->text += given - stream->avail_in;
    plain->length -= given - stream->avail_in;
    *packed = (mt_span){self->packed, sizeof self->packed - stream->avail_out};
    return plain->length > 0 || (mode == Z_FINISH ? status != Z_STREAM_END : !stream->avail_out);
}

static int compress_zstd(mt_compressor *self, mt_span *plain, mt_compress_until until,
                         mt_span *packed) {
    static const ZSTD_EndDirective modes[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    ZSTD_inBuffer in = {plain->text, plain->length, 0};
    ZSTD_outBuffer out = {self->packed, sizeof self->packed, 0};
    size_t left = ZSTD_compressStream2(self->zstd, &out, &in, modes[until]);
    if (ZSTD_isError(left))
        return -1;
    plain->text += in.pos;
    plain->length -= in.pos;
    *packed = (mt_span){self->packed, out.pos};
    return plain->length > 0 || (until != MT_COMPRESS_SOME && left > 0);
}

int mt_compress(mt_compressor *self, mt_span *plain, mt_compress_until until, mt_span *packed) {
    return self->zstd ? compress_zstd(self, plain, until, packed)
                      : compress_gzip(self, plain, until, packed);
}

void mt_compressor_free(mt_compressor *self) {
    if (!self)
        return;
    if (self->zstd)
        ZSTD_freeCStream(self->zstd);
    else
        deflateEnd(&self->gzip);
    mt_free(self);
}
