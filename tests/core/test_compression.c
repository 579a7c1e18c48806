#define _GNU_SOURCE /* sched_setaffinity */
/* The codecs behind compressed files, each against the others of its method. */
#include "file_support.h"

#include "base/file/codec.h"
#include "base/file/deflate_blocks.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What is used where no other library is there, what is used here, and the other method. */
static const mt_codec zlib = {"gzip", mt_gzip_may_begin, 1, &mt_unpacks_zlib, &mt_packs_zlib};
static const mt_codec *const codecs[] = {&zlib, &mt_codec_gzip, &mt_codec_zstd};

enum { CODECS = sizeof codecs / sizeof *codecs, MOST = 1 << 20 };

/* Lines of a trace: `count` of them, some alike. Returns how many bytes. */
static size_t make_lines(char *to, int count) {
    size_t length = 0;
    uint64_t random = 1;
    for (int i = 0; i < count; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        length += (size_t)sprintf(to + length, "{\"timestamp\": %d, \"hash_ids\": [1, 2, %u]}\n",
                                  i * 7, (unsigned)(random >> 44));
    }
    return length;
}

/* Packs plain into `to` in pieces, the sizes of which go 1, 2, ... `piece`; every third is
 * flushed. */
static size_t pack(const mt_codec *codec, mt_span plain, size_t piece, char *to) {
    mt_compressor *compressor = mt_compressor_by(codec, NULL);
    size_t length = 0, size = 0;
    assert_non_null(compressor);
    for (int more = 1; more;) {
        size = size % piece + 1;
        mt_span some = {plain.text, size < plain.length ? size : plain.length}, packed;
        int is_end = some.length == plain.length;
        mt_compress_until until = is_end          ? MT_COMPRESS_END
                                  : size % 3 == 0 ? MT_COMPRESS_FLUSH
                                                  : MT_COMPRESS_SOME;
        plain = (mt_span){plain.text + some.length, plain.length - some.length};
        do {
            more = mt_compress(compressor, &some, until, &packed);
            assert_true(more >= 0);
            memcpy(to + length, packed.text, packed.length);
            length += packed.length;
        } while (more);
        more = !is_end;
    }
    mt_compressor_free(compressor);
    return length;
}

/* Unpacks in pieces of at most `piece` bytes into rooms of `room`. Returns how many bytes; -1: they
 * are damaged, as *error says. */
static ptrdiff_t unpack(const mt_codec *codec, mt_span packed, size_t piece, size_t room, char *to,
                        mt_error *error) {
    mt_decompressor *decompressor = mt_decompressor_by(codec, NULL);
    ptrdiff_t got = 0, length = 0;
    assert_non_null(decompressor);
    while (packed.length > 0 && got >= 0) {
        mt_span some = {packed.text, piece < packed.length ? piece : packed.length};
        packed = (mt_span){packed.text + some.length, packed.length - some.length};
        while ((got = mt_decompress(decompressor, &some, to + length, room, error)) > 0)
            length += got;
        assert_true(got < 0 || some.length == 0);
    }
    if (got == 0 && mt_decompress_end(decompressor, error) != MT_OK)
        got = -1;
    mt_decompressor_free(decompressor);
    return got < 0 ? -1 : length;
}

static char plain[MOST], packed[2 * MOST], again[MOST];

/* What one packs the others unpack, however the bytes are cut and however many data stand behind
 * one another. */
static void test_there_and_back(void **state) {
    (void)state;
    size_t length = make_lines(plain, 500);
    for (size_t from = 0; from < CODECS; from++)
        for (size_t piece = 1; piece < 70000; piece = piece * 5 + 2) {
            mt_span first = {plain, length / 3}, second = {plain + length / 3, length - length / 3};
            size_t size = pack(codecs[from], first, piece, packed);
            size += pack(codecs[from], second, piece, packed + size);
            for (size_t to = 0; to < CODECS; to++) {
                if (strcmp(codecs[from]->method, codecs[to]->method) != 0)
                    continue;
                for (size_t room = 1; room < 70000; room = room * 9 + 4) {
                    mt_error error = {0};
                    memset(again, 0, length);
                    assert_int_equal(
                        unpack(codecs[to], (mt_span){packed, size}, piece, room, again, &error),
                        length);
                    assert_memory_equal(again, plain, length);
                }
            }
        }
}

/* Flushed, all bytes so far can be had; and flushing again writes no more. */
static void test_flush(void **state) {
    (void)state;
    for (size_t i = 0; i < CODECS; i++) {
        mt_compressor *compressor = mt_compressor_by(codecs[i], NULL);
        mt_decompressor *decompressor = mt_decompressor_by(codecs[i], NULL);
        for (int k = 0; k < 100; k++) {
            mt_span line = {"a line\n", 7}, bytes;
            assert_int_equal(mt_compress(compressor, &line, MT_COMPRESS_FLUSH, &bytes), 0);
            assert_int_equal(mt_decompress(decompressor, &bytes, again, 100, NULL), 7);
            assert_int_equal(bytes.length, 0);
            assert_memory_equal(again, "a line\n", 7);
            assert_int_equal(mt_compress(compressor, &line, MT_COMPRESS_FLUSH, &bytes), 0);
            assert_int_equal(bytes.length, 0);
        }
        mt_compressor_free(compressor);
        mt_decompressor_free(decompressor);
    }
}

/* Cut anywhere, data are known to be cut; with any byte changed they are damaged, or give what they
 * gave (some bytes of gzip's header say nothing of them, nor do those
 * that fill up what is flushed). */
static void test_damage(void **state) {
    (void)state;
    size_t length = make_lines(plain, 60);
    for (size_t i = 0; i < CODECS; i++) {
        int unharmed = 0;
        size_t size = pack(codecs[i], (mt_span){plain, length}, 1000, packed);
        for (size_t at = 1; at < size; at++) {
            mt_error error = {0};
            assert_int_equal(unpack(codecs[i], (mt_span){packed, at}, 100, 777, again, &error), -1);
            assert_non_null(strstr(error.message, "the file is cut"));
            assert_non_null(strstr(error.message, codecs[i]->method));
        }
        for (size_t at = 4; at < size; at++) {
            mt_error error = {0};
            char was = packed[at];
            packed[at] ^= (char)(1 << at % 8);
            ptrdiff_t got = unpack(codecs[i], (mt_span){packed, size}, 100, 777, again, &error);
            if (got < 0)
                assert_int_equal(error.code, MT_ERROR_INPUT);
            else
                unharmed++;
            assert_true(got < 0 || codecs[i] == &mt_codec_zstd ||
                        ((size_t)got == length && memcmp(again, plain, length) == 0));
            packed[at] = was;
        }
        assert_true(unharmed < (int)size / 8 || codecs[i] == &mt_codec_zstd); /* has no checksum */
    }
}

/* A header with everything in it that it may have, as other programs write it. */
static void test_gzip_header(void **state) {
    (void)state;
    static const char header[] = "\x1F\x8B\x08\x1E\0\0\0\0\0\3"
                                 "\4\0data"
                                 "a name\0a comment\0";
    for (size_t i = 0; i < CODECS; i++) {
        mt_error error = {0};
        mt_span lines = {"one\ntwo\n", 8};
        if (codecs[i] == &mt_codec_zstd)
            continue;
        size_t begin = sizeof header - 1, size = pack(codecs[i], lines, 9, again);
        memcpy(packed, header, begin);
        uint32_t check = 0xFFFFFFFF; /* of the header, its lower half (CRC-32) */
        for (size_t k = 0; k < begin; k++) {
            check ^= (unsigned char)header[k];
            for (int bit = 0; bit < 8; bit++)
                check = check & 1 ? check >> 1 ^ 0xEDB88320 : check >> 1;
        }
        check = ~check;
        packed[begin] = (char)(check & 0xFF);
        packed[begin + 1] = (char)(check >> 8 & 0xFF);
        memcpy(packed + begin + 2, again + 10, size - 10);
        for (size_t piece = 1; piece < 60; piece += 7) {
            mt_span all = {packed, begin + 2 + size - 10};
            ptrdiff_t got = unpack(codecs[i], all, piece, 100, again, &error);
            if (got != 8)
                fail_msg("codec %zu, pieces of %zu: %s", i, piece, error.message);
            assert_memory_equal(again, "one\ntwo\n", 8);
        }
    }
}

/* ---- more than a chunk ---- */

/* Bytes that do not pack. */
static size_t make_noise(char *to, size_t length) {
    uint64_t random = 3;
    for (size_t i = 0; i < length; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        to[i] = (char)(random >> 56);
    }
    return length;
}

/* One member, which fills `size` packed bytes and gives the first `length` plain ones, as any reader sees it. */
static void assert_one_member(size_t size, size_t length) {
    z_stream stream = {0};
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = (Bytef *)packed;
    stream.avail_in = (uInt)size;
    stream.next_out = (Bytef *)again;
    stream.avail_out = sizeof again;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, length);
    assert_memory_equal(again, plain, length);
    inflateEnd(&stream);
}

/* In one call where `piece` is 0, else as above. */
static size_t pack_gzip(size_t length, size_t piece, char *to) {
    mt_span left = {plain, length}, some;
    size_t size = 0;
    if (piece > 0)
        return pack(&mt_codec_gzip, left, piece, to);
    mt_compressor *compressor = mt_compressor_by(&mt_codec_gzip, NULL);
    for (int more = 1; more; size += some.length) {
        more = mt_compress(compressor, &left, MT_COMPRESS_END, &some);
        memcpy(to + size, some.text, some.length);
    }
    mt_compressor_free(compressor);
    return size;
}

/* Packed on one processor: the same bytes as those in `packed`. */
static void assert_same_alone(size_t length, size_t piece, size_t size) {
    cpu_set_t before, one;
    CPU_ZERO(&one);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    char *alone = malloc(2 * MOST);
    assert_int_equal(pack_gzip(length, piece, alone), size);
    assert_memory_equal(alone, packed, size);
    free(alone);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

/* Text and noise of many lengths, those at chunks' ends among them, are one member, and the same whether a thread
 * packs some of it or not. What cannot be packed grows by a thousandth at most. */
static void test_chunks(void **state) {
    (void)state;
    enum { CHUNK = 1 << 18 };
    static const size_t lengths[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 77};
    for (int is_noise = 0; is_noise < 2; is_noise++) {
        size_t room = is_noise ? make_noise(plain, MOST) : make_lines(plain, 20000);
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            size_t length = lengths[i];
            assert_true(length <= room);
            for (size_t piece = 0; piece <= 1000; piece += 500) {
                size_t size = pack_gzip(length, piece, packed);
                assert_one_member(size, length);
                assert_same_alone(length, piece, size);
                if (is_noise && piece == 0)
                    assert_in_range(size, length, length + length / 1000 + 40);
            }
        }
    }
}

/* ---- blocks ---- */

/* Packs what `plain` has by zlib in these ways, without a header. Returns how many bytes. */
static size_t deflate_raw(size_t length, int level, int strategy) {
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, -15, 8, strategy), Z_OK);
    stream.next_in = (Bytef *)plain;
    stream.avail_in = (uInt)length;
    stream.next_out = (Bytef *)packed;
    stream.avail_out = sizeof packed;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t size = stream.total_out;
    deflateEnd(&stream);
    return size;
}

/* Where zlib, which stops behind each block, says that the last one begins and ends. */
static mt_deflate_places places_by_zlib(size_t size) {
    z_stream stream = {0};
    mt_deflate_places places = {0, 0};
    assert_int_equal(inflateInit2(&stream, -15), Z_OK);
    stream.next_in = (Bytef *)packed;
    stream.avail_in = (uInt)size;
    for (int status = Z_OK; status == Z_OK;) {
        stream.next_out = (Bytef *)again;
        stream.avail_out = sizeof again;
        status = inflate(&stream, Z_BLOCK);
        assert_true(status == Z_OK || status == Z_STREAM_END);
        places.last = places.end;
        places.end = 8 * stream.total_in - (size_t)(stream.data_type & 7);
        if (status == Z_OK &&
            stream.data_type & 64) /* it stands behind the last: the end comes once more */
            break;
    }
    inflateEnd(&stream);
    return places;
}

static void test_places(void **state) {
    (void)state;
    static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};
    for (int is_noise = 0; is_noise < 2; is_noise++) {
        if (is_noise)
            make_noise(plain, MOST);
        else
            make_lines(plain, 20000);
        for (int way = 0; way < 40; way++)
            for (size_t length = 0; length < 400000; length = 7 * length + 1) {
                size_t size = deflate_raw(length, way / 4, strategies[way % 4]);
                mt_deflate_places found, expected = places_by_zlib(size);
                assert_int_equal(mt_deflate_find((mt_span){packed, size}, &found), 0);
                assert_int_equal(found.last, expected.last);
                assert_int_equal(found.end, expected.end);
                if (length > 10000)
                    continue;
                for (size_t cut = 0; cut < size; cut += 1 + cut / 50)
                    assert_int_equal(mt_deflate_find((mt_span){packed, cut}, &found), -1);
            }
    }
}

/* Whatever the bytes are it comes to an end, and looks at none behind them (the sanitizers see that). */
static void test_places_of_noise(void **state) {
    (void)state;
    size_t length = make_noise(plain, MOST), found_some = 0;
    for (size_t at = 0; at + 2000 < length; at += 37) {
        size_t size = at % 2000;
        char *bytes = malloc(size + 1);
        mt_deflate_places found;
        memcpy(bytes + 1, plain + at, size);
        if (mt_deflate_find((mt_span){bytes + 1, size}, &found) == 0) {
            assert_true(found.last < found.end && found.end <= 8 * size);
            found_some++;
        }
        free(bytes);
    }
    assert_true(found_some > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),  cmocka_unit_test(test_flush),
        cmocka_unit_test(test_damage),          cmocka_unit_test(test_gzip_header),
        cmocka_unit_test(test_chunks),          cmocka_unit_test(test_places),
        cmocka_unit_test(test_places_of_noise),
    };
    return cmocka_run_group_tests_name("compression", tests, NULL, NULL);
}
