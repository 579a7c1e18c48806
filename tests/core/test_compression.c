/* The codecs behind compressed files, each against the others of its method. */
#include "file_support.h"

#include "base/codec.h"

#include <stdlib.h>
#include <string.h>

static const mt_codec *const codecs[] = {
#ifdef MT_HAS_ISAL
    &mt_codec_isal,
#endif
    &mt_codec_zlib, &mt_codec_zstd};

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_gzip_header),
    };
    return cmocka_run_group_tests_name("compression", tests, NULL, NULL);
}
