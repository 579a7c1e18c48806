/* A slab allocator: many small blocks, made and freed in turn, for an interpreter's objects, whose
 * owner remembers how large each block is.
 *
 * Blocks of up to MT_SLAB_LARGEST bytes are cut from chunks, one size class every 8 bytes, and a
 * freed one is the next of its class: a few instructions where the heap needs a hundred. Their
 * memory goes back to the system with the slab, not before. Larger blocks are the heap's. Blocks
 * are aligned to 8 bytes. Not thread-safe. With a sanitizer every block is the heap's, so that it sees
 * each (base/sanitizer.h). */
#ifndef MT_BASE_SLAB_H
#define MT_BASE_SLAB_H

#include "base/memory.h"

enum { MT_SLAB_STEP = 8, MT_SLAB_LARGEST = 512, MT_SLAB_CLASSES = MT_SLAB_LARGEST / MT_SLAB_STEP };

/* Zero it before first use. */
typedef struct mt_slab {
    void *freed[MT_SLAB_CLASSES]; /* of each class, one leading to the next */
    char *next;                   /* what is left of the newest chunk */
    size_t left;
    mt_big newest; /* chunk; the one before it stands at its beginning, and so on */
    size_t chunk_bytes;
} mt_slab;

/* A block of `wanted` bytes with the contents of `block`, which had `had` bytes and is gone: where
 * `block` is NULL a new one; where `wanted` is 0 none, and NULL. NULL when out of memory: then
 * `block` stays. A block that becomes smaller is never NULL; one that finds no smaller memory stays
 * where it is, and what was the heap's is not given back then. */
void *mt_slab_resize(mt_slab *slab, void *block, size_t had, size_t wanted);

/* Frees all small blocks. The large ones must be gone. */
void mt_slab_free(mt_slab *slab);

#endif
