#include "base/file/compression.h"

#include "base/file/codec.h"
#include "base/memory.h"

#include <string.h>

enum { PACKED_SIZE = 1 << 18 };

static const struct {
    const char *ending, *method;
} endings[] = {{".gz", "gzip"}, {".zst", "zstd"}};

static int ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), size = strlen(ending);
    return length > size && strcmp(path + length - size, ending) == 0;
}

const char *mt_compression_of(const char *path) {
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_in(path, endings[i].ending))
            return endings[i].method;
    return NULL;
}

/* ---- reading ---- */

typedef enum place {
    AT_START,
    INSIDE,     /* of data */
    BEHIND,     /* of whole data */
    IN_PADDING, /* zeros behind data */
    PLAIN
} place;

struct mt_decompressor {
    const mt_codec *codec;
    void *unpacker;
    place place;
    uint64_t taken; /* packed bytes */
    int is_full;    /* there was no room for all: more comes without more bytes */
};

mt_decompressor *mt_decompressor_by(const mt_codec *codec, mt_error *error) {
    mt_decompressor *self = mt_new(sizeof *self, "decompression", error);
    if (!self)
        return NULL;
    self->codec = codec;
    self->unpacker = codec->unpacks->unpacker_new();
    if (self->unpacker)
        return self;
    mt_free(self);
    return mt_null(mt_fail_memory(error, "decompression"));
}

mt_decompressor *mt_decompressor_new(const char *method, mt_error *error) {
    const mt_codec *codec = mt_codec_of(method, error);
    return codec ? mt_decompressor_by(codec, error) : NULL;
}

static ptrdiff_t fail_behind(const mt_decompressor *self, mt_error *error) {
    return mt_failed(
        mt_fail(error, MT_ERROR_INPUT,
                "behind the %s data, from byte %llu of the file on, stands something else: was it "
                "appended to the compressed file?",
                self->codec->method, (unsigned long long)self->taken + 1));
}

static ptrdiff_t fail_damaged(const mt_decompressor *self, const char *what, mt_error *error) {
    return mt_failed(
        mt_fail(error, MT_ERROR_INPUT, "damaged %s data: %s", self->codec->method, what));
}

static void take(mt_decompressor *self, mt_span *packed, size_t bytes) {
    packed->text += bytes;
    packed->length -= bytes;
    self->taken += bytes;
}

/* Between data, where a byte decides what comes: 0, or -1 when that is nothing known. */
static ptrdiff_t look(mt_decompressor *self, mt_span *packed, mt_error *error) {
    int may_begin = self->codec->may_begin(*packed);
    if (self->place == AT_START && !may_begin)
        self->place = PLAIN;
    else if (self->place != IN_PADDING && may_begin)
        self->place = INSIDE;
    else if (self->codec->is_padded && *packed->text == '\0')
        self->place = IN_PADDING;
    else
        return fail_behind(self, error);
    if (self->place == IN_PADDING)
        take(self, packed, 1);
    return 0;
}

static ptrdiff_t unpack(mt_decompressor *self, mt_span *packed, char *to, size_t room,
                        mt_error *error) {
    const char *what = NULL;
    mt_room left = {to, room};
    size_t before = packed->length;
    mt_unpacked status = self->codec->unpacks->unpack(self->unpacker, packed, &left, &what);
    self->taken += before - packed->length;
    if (status == MT_UNPACKED_NO_MEMORY)
        return mt_failed(mt_fail_memory(error, "decompression"));
    if (status == MT_UNPACKED_DAMAGED)
        return fail_damaged(self, what, error);
    self->is_full = status == MT_UNPACKED_SOME && left.length == 0;
    if (status == MT_UNPACKED_ALL)
        self->place = BEHIND;
    return left.text - to;
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
            got = unpack(self, packed, to, room, error);
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
    self->codec->unpacks->unpacker_free(self->unpacker);
    mt_free(self);
}

/* ---- writing ---- */

struct mt_compressor {
    const mt_codec *codec;
    void *packer;
    char packed[PACKED_SIZE];
};

mt_compressor *mt_compressor_by(const mt_codec *codec, mt_error *error) {
    mt_compressor *self = mt_new(sizeof *self, "compression", error);
    if (!self)
        return NULL;
    self->codec = codec;
    self->packer = codec->packs->packer_new();
    if (self->packer)
        return self;
    mt_free(self);
    return mt_null(mt_fail_memory(error, "compression"));
}

mt_compressor *mt_compressor_new(const char *method, mt_error *error) {
    const mt_codec *codec = mt_codec_of(method, error);
    return codec ? mt_compressor_by(codec, error) : NULL;
}

int mt_compress(mt_compressor *self, mt_span *plain, mt_compress_until until, mt_span *packed) {
    mt_room left = {self->packed, sizeof self->packed};
    int more = self->codec->packs->pack(self->packer, plain, until, &left);
    *packed = (mt_span){self->packed, (size_t)(left.text - self->packed)};
    return more;
}

void mt_compressor_free(mt_compressor *self) {
    if (!self)
        return;
    self->codec->packs->packer_free(self->packer);
    mt_free(self);
}
