#include "base/slab.h"

#include "base/assert.h"
#include "base/sanitizer.h"

#include <string.h>

/* Chunks begin small, as most slabs stay. A chunk is an eighth of all before it, rounded up, or what is
 * least: from 8 MiB on each is a huge page. So that much at most is not used yet. */
enum { SMALL_CHUNK = 64 << 10, MIDDLE_CHUNK = 1 << 20, HUGE_CHUNK = 2 << 20 };

#if MT_HAS_SANITIZER
static int is_small(size_t bytes) {
    (void)bytes;
    return 0;
}
#else
static int is_small(size_t bytes) {
    return bytes <= MT_SLAB_LARGEST;
}
#endif

static size_t class_of(size_t bytes) {
    return (bytes - 1) / MT_SLAB_STEP;
}

static void put(mt_slab *slab, void *block, size_t class) {
    memcpy(block, &slab->freed[class], sizeof(void *));
    slab->freed[class] = block;
}

/* What is left of a chunk is smaller than what was wanted of it, so it is one block of a class. */
static void put_rest(mt_slab *slab) {
    if (slab->left >= MT_SLAB_STEP)
        put(slab, slab->next, class_of(slab->left));
    slab->left = 0;
}

static size_t next_chunk(const mt_slab *slab) {
    size_t eighth = slab->chunk_bytes / 8;
    if (eighth >= MIDDLE_CHUNK)
        return HUGE_CHUNK;
    return eighth < SMALL_CHUNK ? SMALL_CHUNK : eighth;
}

static int add_chunk(mt_slab *slab) {
    mt_big chunk = {0};
    if (mt_big_reserve(&chunk, next_chunk(slab)) != 0)
        return -1;
    mt_memory_leave_out(chunk.bytes, 0);
    put_rest(slab);
    mt_big *head = chunk.data;
    *head = slab->newest;
    slab->newest = chunk;
    slab->chunk_bytes += chunk.bytes;
    slab->next = (char *)chunk.data + sizeof *head;
    slab->left = chunk.bytes - sizeof *head;
    return 0;
}

static void *take(mt_slab *slab, size_t class) {
    void *block = slab->freed[class];
    if (block) {
        memcpy(&slab->freed[class], block, sizeof(void *));
        return block;
    }
    size_t bytes = (class + 1) * MT_SLAB_STEP;
    if (bytes > slab->left && add_chunk(slab) != 0)
        return NULL;
    block = slab->next;
    slab->next += bytes;
    slab->left -= bytes;
    return block;
}

static void *allocate(mt_slab *slab, size_t wanted) {
    return is_small(wanted) ? take(slab, class_of(wanted)) : mt_resize_collected(NULL, wanted);
}

static void release(mt_slab *slab, void *block, size_t had) {
    if (is_small(had))
        put(slab, block, class_of(had));
    else
        (void)mt_resize_collected(block, 0);
}

void *mt_slab_resize(mt_slab *slab, void *block, size_t had, size_t wanted) {
    if (!block)
        return wanted == 0 ? NULL : allocate(slab, wanted);
    mt_assert(had > 0);
    if (wanted == 0) {
        release(slab, block, had);
        return NULL;
    }
    if (is_small(had) && is_small(wanted) && class_of(had) == class_of(wanted))
        return block;
    int are_large = !is_small(had) && !is_small(wanted);
    void *moved = are_large ? mt_resize_collected(block, wanted) : allocate(slab, wanted);
    if (!moved)
        return wanted < had ? block : NULL;
    if (are_large)
        return moved;
    memcpy(moved, block, had < wanted ? had : wanted);
    release(slab, block, had);
    return moved;
}

void mt_slab_free(mt_slab *slab) {
    while (slab->newest.data) {
        mt_big before = *(mt_big *)slab->newest.data;
        mt_memory_leave_out(slab->newest.bytes, 1);
        mt_big_free(&slab->newest);
        slab->newest = before;
    }
    *slab = (mt_slab){0};
}
