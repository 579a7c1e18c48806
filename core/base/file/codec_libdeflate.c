/* gzip (RFC 1952), written by libdeflate at its level 5, the first that looks for a better match behind
 * each.
 *
 * Measured: how many times as fast as zlib 1.2.13's level 6 on one processor, and how much larger the file
 * is, in percent (libdeflate 1.14, the ISA-L 2.30, libzstd 1.5.4; 3 to 24 MB of text, the least of two or
 * three times on a busy machine):
 *
 *                       sin           the conversation   synthesized   results of a run,
 *                                     trace              from it       a line a request
 *   zlib, level 4       3.0   + 8.9    3.3   + 4.9        3.2   + 7.7   1.5  + 14.6
 *   ISA-L, level 3      6.0   +10.9   13.7   - 1.8       12.4   - 1.1   4.1  + 24.9
 *   libdeflate, 4       4.8   + 5.8    5.5   + 7.4        6.1   + 8.7   2.1  + 10.2
 *   libdeflate, 5       3.5   -24.3    3.6   -22.5        4.5   -19.5   2.1  +  1.3
 *   the same, in here   3.0   -24.4    3.1   -22.6        3.3   -19.6   2.1  +  1.3
 *   libdeflate, 6       2.2   -25.4    2.1   -23.1        2.7   -20.3   1.8  -  1.5
 *   (zstd, level 3      8.6   -12.6   17.2   -54.4       10.1   -49.3   2.8  +  0.9)
 *
 * Of what is three times as fast on each trace it is the only one that makes no larger files than zlib. Of
 * results, which we write plain, nothing is both.
 *
 * libdeflate does not stream: it packs what it is given into data that are whole. Here it is given CHUNK
 * bytes at a time, and what it makes of them is opened again: the mark on the last block goes, and an empty
 * block brings it to a whole byte (as zlib's sync flush does), so that all of it is the one member of a gzip
 * file. Members one behind the other would be simpler, but some readers end behind the first one and say
 * nothing: Perl's IO::Uncompress::Gunzip and a decompressobj of Python's zlib do (tried).
 *
 * Chunks know nothing of one another, so that a thread packs every other one where there is a second
 * processor: the same bytes. */
#ifdef MT_HAS_LIBDEFLATE

#include "base/file/codec.h"

#include "base/beside.h"
#include "base/file/deflate_blocks.h"
#include "base/memory.h"

#include <libdeflate.h>
#include <string.h>

enum { LEVEL = 5, CHUNK = 1 << 18, OPENING = 5, HEADER = 10, TRAILER = 10 };

/* The level is said to be none of the quickest and none of the slowest, the system to be Unix. */
static const char header[HEADER] = "\x1F\x8B\x08\0\0\0\0\0\0\x03";

typedef struct chunk {
    struct libdeflate_compressor *by;
    size_t filled, size; /* of plain; of packed, 0: it failed */
    size_t room;         /* of packed, without that for what opens it */
    char plain[CHUNK], packed[];
} chunk;

typedef struct packer {
    chunk *chunks
        [2]; /* the first is the thread's while it works; the second is there when a thread is */
    mt_beside *beside;
    int is_decided; /* whether there is to be a thread */
    int filling;    /* which chunk */
    int packed;     /* how many of them are, */
    int given;      /* and how many of these were begun to be given */
    mt_span giving; /* before all else */
    int has_ended;
    uint32_t check, length; /* of what was taken, as the trailer has them */
    char trailer[TRAILER];
} packer;

/* ---- chunks ---- */

static void chunk_free(chunk *self) {
    if (self)
        libdeflate_free_compressor(self->by);
    mt_free(self);
}

static chunk *chunk_new(void) {
    struct libdeflate_compressor *by = libdeflate_alloc_compressor(LEVEL);
    size_t room = by ? libdeflate_deflate_compress_bound(by, CHUNK) : 0;
    chunk *self = by ? mt_allocate(1, sizeof *self + room + OPENING) : NULL;
    if (!self) {
        libdeflate_free_compressor(by);
        return NULL;
    }
    self->by = by;
    self->room = room;
    self->filled = 0;
    return self;
}

/* Packed data go on behind their last block: an empty one, stored, follows it up to a whole byte. */
static int reopen(chunk *self) {
    mt_deflate_places places;
    if (self->size == 0 || mt_deflate_find((mt_span){self->packed, self->size}, &places) != 0)
        return -1;
    self->packed[places.last / 8] &= (char)~(1 << places.last % 8);
    /* Behind the last bit there are zeros up to the byte's end; three say what kind of block it is. */
    size_t whole = (places.end + 3 + 7) / 8;
    memset(self->packed + self->size, 0, whole - self->size);
    memcpy(self->packed + whole, "\0\0\xFF\xFF", 4);
    self->size = whole + 4;
    return 0;
}

static void squeeze(void *given_chunk) {
    chunk *self = given_chunk;
    self->size =
        libdeflate_deflate_compress(self->by, self->plain, self->filled, self->packed, self->room);
    if (reopen(self) != 0)
        self->size = 0;
}

/* ---- the packer ---- */

static void packer_free(void *given_packer) {
    packer *self = given_packer;
    mt_beside_free(self->beside);
    chunk_free(self->chunks[0]);
    chunk_free(self->chunks[1]);
    mt_free(self);
}

static void *packer_new(void) {
    packer *self = mt_allocate_zero(1, sizeof *self);
    if (!self)
        return NULL;
    self->chunks[0] = chunk_new();
    if (!self->chunks[0]) {
        packer_free(self);
        return NULL;
    }
    self->giving = (mt_span){header, HEADER};
    return self;
}

/* Is there a thread? One is tried for when the first chunk is full. */
static int has_beside(packer *self) {
    if (!self->is_decided) {
        self->is_decided = 1;
        self->chunks[1] = chunk_new();
        if (self->chunks[1])
            self->beside = mt_beside_new(MT_BESIDE_COMPRESSION, squeeze, self->chunks[0]);
        if (!self->beside) {
            chunk_free(self->chunks[1]);
            self->chunks[1] = NULL;
        }
    }
    return self->beside != NULL;
}

/* Gives of what is packed as much as there is room for. 1 when that was all; the chunks are free again then. */
static int give(packer *self, mt_room *room) {
    for (;;) {
        mt_span *giving = &self->giving;
        size_t step = giving->length < room->length ? giving->length : room->length;
        if (step > 0)
            memcpy(room->text, giving->text, step);
        *room = (mt_room){room->text + step, room->length - step};
        *giving = (mt_span){giving->text + step, giving->length - step};
        if (giving->length > 0)
            return 0;
        if (self->given == self->packed)
            break;
        chunk *next = self->chunks[self->given++];
        *giving = (mt_span){next->packed, next->size};
        next->filled = 0;
    }
    if (self->packed > 0)
        self->packed = self->given = self->filling = 0;
    return 1;
}

static void take(packer *self, mt_span *plain) {
    chunk *to = self->chunks[self->filling];
    size_t left = CHUNK - to->filled, step = plain->length < left ? plain->length : left;
    if (step == 0)
        return;
    memcpy(to->plain + to->filled, plain->text, step);
    self->check = libdeflate_crc32(self->check, plain->text, step);
    self->length += (uint32_t)step;
    to->filled += step;
    *plain = (mt_span){plain->text + step, plain->length - step};
}

/* The chunk being filled goes to the thread, or is packed here, and then those before it are waited for; so
 * they are too when it is_last of what can be had now. -1: libdeflate has made what is not understood here, which
 * no input is known to bring about. */
static int finish_chunk(packer *self, int is_last) {
    chunk *one = self->chunks[self->filling];
    if (self->filling == 0 && !is_last && has_beside(self)) {
        mt_beside_begin(self->beside);
        self->filling = 1;
        return 0;
    }
    int is_empty = one->filled == 0, is_good = 1;
    if (!is_empty)
        squeeze(one);
    while (self->filling == 1 && mt_beside_wait(self->beside, NULL) != MT_OK) {
    } /* not long: Ctrl-C is seen by whoever makes the bytes */
    self->packed = self->filling + !is_empty;
    for (int i = 0; i < self->packed; i++)
        is_good = is_good && self->chunks[i]->size > 0;
    return is_good ? 0 : -1;
}

/* Little-endian. */
static void put(char *to, uint32_t value) {
    for (int i = 0; i < 4; i++)
        to[i] = (char)(value >> 8 * i);
}

/* An empty block that is the last, and the member's trailer. */
static void end(packer *self) {
    memcpy(self->trailer, "\x03\0", 2);
    put(self->trailer + 2, self->check);
    put(self->trailer + 6, self->length);
    self->giving = (mt_span){self->trailer, TRAILER};
    self->has_ended = 1;
}

static int pack(void *given_packer, mt_span *plain, mt_compress_until until, mt_room *room) {
    packer *self = given_packer;
    for (;;) {
        if (!give(self, room))
            return 1;
        take(self, plain);
        size_t filled = self->chunks[self->filling]->filled;
        int is_last = plain->length == 0 && until != MT_COMPRESS_SOME;
        if (filled == CHUNK || (is_last && (filled > 0 || self->filling > 0))) {
            if (finish_chunk(self, is_last) != 0)
                return -1;
        } else if (is_last && until == MT_COMPRESS_END && !self->has_ended) {
            end(self);
        } else {
            return 0;
        }
    }
}

const mt_packs mt_packs_libdeflate = {packer_new, pack, packer_free};

#endif
