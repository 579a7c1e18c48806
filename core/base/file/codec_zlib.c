/* gzip (RFC 1952) by zlib. */
#include "base/file/codec.h"

#include "base/memory.h"

#include <zlib.h>

enum { WINDOW = 15 + 16, LEVEL = 6, MEMORY = 8, MOST = 1 << 30 };

static uInt at_most(size_t length) {
    return length > MOST ? MOST : (uInt)length;
}

static void *unpacker_new(void) {
    z_stream *stream = mt_allocate(sizeof *stream, 1);
    if (!stream)
        return NULL;
    *stream = (z_stream){0};
    if (inflateInit2(stream, WINDOW) == Z_OK)
        return stream;
    mt_free(stream);
    return NULL;
}

static mt_unpacked unpack(void *unpacker, mt_span *packed, mt_room *room, const char **what) {
    z_stream *stream = unpacker;
    uInt given = at_most(packed->length), space = at_most(room->length);
    stream->next_in = (z_const Bytef *)packed->text;
    stream->avail_in = given;
    stream->next_out = (Bytef *)room->text;
    stream->avail_out = space;
    int status = inflate(stream, Z_NO_FLUSH);
    *packed = (mt_span){packed->text + (given - stream->avail_in),
                        packed->length - (given - stream->avail_in)};
    *room = (mt_room){room->text + (space - stream->avail_out),
                      room->length - (space - stream->avail_out)};
    if (status == Z_MEM_ERROR)
        return MT_UNPACKED_NO_MEMORY;
    if (status == Z_STREAM_END) {
        inflateReset(stream);
        return MT_UNPACKED_ALL;
    }
    if (status == Z_OK || status == Z_BUF_ERROR)
        return MT_UNPACKED_SOME;
    *what = stream->msg ? stream->msg : "it cannot be read";
    return MT_UNPACKED_DAMAGED;
}

static void unpacker_free(void *unpacker) {
    inflateEnd(unpacker);
    mt_free(unpacker);
}

static void *packer_new(void) {
    z_stream *stream = mt_allocate(sizeof *stream, 1);
    if (!stream)
        return NULL;
    *stream = (z_stream){0};
    if (deflateInit2(stream, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) == Z_OK)
        return stream;
    mt_free(stream);
    return NULL;
}

static int pack(void *packer, mt_span *plain, mt_compress_until until, mt_room *room) {
    static const int modes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    z_stream *stream = packer;
    uInt given = at_most(plain->length), space = at_most(room->length);
    int mode = given < plain->length ? Z_NO_FLUSH : modes[until];
    stream->next_in = (z_const Bytef *)plain->text;
    stream->avail_in = given;
    stream->next_out = (Bytef *)room->text;
    stream->avail_out = space;
    int status = deflate(stream, mode);
    if (status == Z_STREAM_ERROR)
        return -1;
    *plain = (mt_span){plain->text + (given - stream->avail_in),
                       plain->length - (given - stream->avail_in)};
    *room = (mt_room){room->text + (space - stream->avail_out), stream->avail_out};
    return plain->length > 0 || (mode == Z_FINISH ? status != Z_STREAM_END : !stream->avail_out);
}

static void packer_free(void *packer) {
    deflateEnd(packer);
    mt_free(packer);
}

const mt_unpacks mt_unpacks_zlib = {unpacker_new, unpack, unpacker_free};
const mt_packs mt_packs_zlib = {packer_new, pack, packer_free};
