/* Zstandard (RFC 8878) by libzstd, at its usual level, with a checksum of the content: without one,
 * damage that leaves the frame sound would be read as other content. */
#include "base/file/codec.h"

#include <string.h>
#include <zstd.h>

/* There are frames to be skipped too, of 16 kinds. */
static int may_begin(mt_span packed) {
    size_t length = packed.length < 4 ? packed.length : 4;
    return memcmp(packed.text, "\x28\xB5\x2F\xFD", length) == 0 ||
           ((*packed.text & 0xF0) == 0x50 &&
            memcmp(packed.text + 1, "\x2A\x4D\x18", length - 1) == 0);
}

static void *unpacker_new(void) {
    return ZSTD_createDStream();
}

static mt_unpacked unpack(void *unpacker, mt_span *packed, mt_room *room, const char **what) {
    ZSTD_inBuffer in = {packed->text, packed->length, 0};
    ZSTD_outBuffer out = {room->text, room->length, 0};
    size_t left = ZSTD_decompressStream(unpacker, &out, &in);
    *packed = (mt_span){packed->text + in.pos, packed->length - in.pos};
    *room = (mt_room){room->text + out.pos, room->length - out.pos};
    if (!ZSTD_isError(left))
        return left == 0 ? MT_UNPACKED_ALL : MT_UNPACKED_SOME;
    *what = ZSTD_getErrorName(left);
    return MT_UNPACKED_DAMAGED;
}

static void unpacker_free(void *unpacker) {
    ZSTD_freeDStream(unpacker);
}

static void *packer_new(void) {
    ZSTD_CStream *packer = ZSTD_createCStream();
    if (packer)
        ZSTD_CCtx_setParameter(packer, ZSTD_c_checksumFlag, 1);
    return packer;
}

static int pack(void *packer, mt_span *plain, mt_compress_until until, mt_room *room) {
    static const ZSTD_EndDirective modes[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    ZSTD_inBuffer in = {plain->text, plain->length, 0};
    ZSTD_outBuffer out = {room->text, room->length, 0};
    size_t left = ZSTD_compressStream2(packer, &out, &in, modes[until]);
    if (ZSTD_isError(left))
        return -1;
    *plain = (mt_span){plain->text + in.pos, plain->length - in.pos};
    *room = (mt_room){room->text + out.pos, room->length - out.pos};
    return plain->length > 0 || (until != MT_COMPRESS_SOME && left > 0);
}

static void packer_free(void *packer) {
    ZSTD_freeCStream(packer);
}

static const mt_unpacks unpacks = {unpacker_new, unpack, unpacker_free};
static const mt_packs packs = {packer_new, pack, packer_free};
const mt_codec mt_codec_zstd = {"zstd", may_begin, 0, &unpacks, &packs};
