#define _GNU_SOURCE /* mremap */
#include "base/memory.h"

#include "base/sanitizer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __linux__
#include <malloc.h>
#endif

/* Only tests write the hook's state. */
static struct {
    uint64_t asked, fail_at;
    int sticky;
} hook;

void mt_memory_fail_at(uint64_t n, int sticky) {
    __atomic_store_n(&hook.sticky, sticky, __ATOMIC_RELAXED);
    __atomic_store_n(&hook.asked, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&hook.fail_at, n, __ATOMIC_RELAXED);
}

uint64_t mt_memory_asked(void) {
    return hook.asked;
}

static int must_fail(void) {
    /* Threads may meet here: then a count may be lost, which is cheaper than a lock. */
    uint64_t asked = __atomic_load_n(&hook.asked, __ATOMIC_RELAXED) + 1;
    uint64_t fail_at = __atomic_load_n(&hook.fail_at, __ATOMIC_RELAXED);
    __atomic_store_n(&hook.asked, asked, __ATOMIC_RELAXED);
    return fail_at && (asked == fail_at ||
                       (asked > fail_at && __atomic_load_n(&hook.sticky, __ATOMIC_RELAXED)));
}

static int total(size_t count, size_t size, size_t *bytes) {
    if (__builtin_mul_overflow(count, size, bytes))
        return -1;
    if (*bytes == 0)
        *bytes = 1;
    return 0;
}

/* A page fault costs far more than clearing the page, above all on a virtual machine (measured: 14
 * microseconds a fault of 4 KiB, 150 a huge page of 2 MiB). So arrays of a huge page's size and more
 * take huge pages, and so do large blocks. Smaller ones come from the heap, which begins in huge
 * pages: see mt_memory_prepare. */
enum { SMALL_PAGE = 4 << 10, SMALL_STEP = 64 << 10, HUGE_PAGE = 2 << 20, LARGE_BLOCK = 4 << 20 };

static size_t round_up(size_t bytes, size_t step) {
    return (bytes + step - 1) / step * step;
}

/* ---- large blocks ----
 *
 * malloc writes its header before anybody can ask for huge pages, and so has the first 2 MiB of each
 * block come in 512 small ones. So a large block is a mapping of our own, a whole number of huge
 * pages, which grows by being moved and not copied. It begins HEADER bytes into a page, where few
 * blocks of malloc do, and the word before it is MARK turned by its address: by chance another
 * block has that before it once in 2^64 times, whichever malloc is there. */
#if defined(__GLIBC__) && !MT_HAS_SANITIZER

typedef struct header {
    size_t bytes; /* of the mapping */
    uint64_t mark;
} header;

enum { HEADER = 64 };
#define MARK UINT64_C(0xb5c9d2f07a4e8163)

static header *header_of(void *block) {
    return (header *)block - 1;
}

static int is_mapped(void *block) {
    return (uintptr_t)block % SMALL_PAGE == HEADER &&
           /* Of another block it is malloc's own word, which is always there: a look that valgrind's
            * memcheck, whose blocks have none, reports as an invalid read of 8 bytes, and rightly
            * lets go on. */
           header_of(block)->mark == (MARK ^ (uintptr_t)block); // NOLINT
}

static void *base_of(void *block) {
    return (char *)block - HEADER;
}

static size_t room_of(void *block) {
    return is_mapped(block) ? header_of(block)->bytes - HEADER : malloc_usable_size(block);
}

/* The block in a mapping; NULL where that failed. */
static void *block_in(void *mapping, size_t bytes) {
    if (mapping == MAP_FAILED)
        return NULL;
    (void)madvise(mapping, bytes, MADV_HUGEPAGE);
    void *block = (char *)mapping + HEADER;
    *header_of(block) = (header){bytes, MARK ^ (uintptr_t)block};
    return block;
}

/* A new one, all zero. */
static void *map_block(size_t bytes) {
    if (bytes > SIZE_MAX - 2 * (size_t)HUGE_PAGE)
        return NULL;
    size_t whole = round_up(bytes + HEADER, HUGE_PAGE);
    return block_in(mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                    whole);
}

/* The large block that was freed last, for the next one: its pages are there and need no clearing.
 * Where the next one does not fit, it ends. NULL: none. One of more than MOST_KEPT goes back at once:
 * what clearing it costs is little beside what is done with so much. */
static void *kept;

enum { MOST_KEPT = 64 << 20, TOO_LARGE = 4 };

/* Is that the right room for so many bytes? */
static int fits(size_t room, size_t bytes) {
    return room >= bytes && room / TOO_LARGE <= bytes;
}

static void *swap_kept(void *block) {
    return __atomic_exchange_n(&kept, block, __ATOMIC_ACQ_REL);
}

static void unmap(void *block) {
    if (block)
        munmap(base_of(block), header_of(block)->bytes);
}

static void *allocated(size_t bytes) {
    if (bytes < LARGE_BLOCK)
        return malloc(bytes);
    void *before = swap_kept(NULL);
    if (before && fits(room_of(before), bytes))
        return before;
    unmap(before);
    return map_block(bytes);
}

static void *allocated_zero(size_t bytes) {
    return bytes < LARGE_BLOCK ? calloc(bytes, 1) : map_block(bytes);
}

static void ended(void *block) {
    if (!is_mapped(block))
        free(block);
    else
        unmap(room_of(block) > MOST_KEPT ? block : swap_kept(block));
}

/* What becomes large, and what is no longer, moves from one kind to the other. A large block that becomes
 * much smaller gives back the pages behind it. */
static void *resized(void *block, size_t bytes) {
    if (!is_mapped(block) && bytes < LARGE_BLOCK)
        return realloc(block, bytes);
    size_t before = room_of(block);
    if (is_mapped(block) && bytes >= LARGE_BLOCK) {
        if (fits(before, bytes))
            return block;
        if (bytes > SIZE_MAX - 2 * (size_t)HUGE_PAGE)
            return NULL;
        size_t whole = round_up(bytes + HEADER, HUGE_PAGE);
        return block_in(mremap(base_of(block), before + HEADER, whole, MREMAP_MAYMOVE), whole);
    }
    void *other = allocated(bytes);
    if (other && block) {
        memcpy(other, block, before < bytes ? before : bytes);
        ended(block);
    }
    return other;
}

#else

static void *allocated(size_t bytes) {
    return malloc(bytes);
}

static void *allocated_zero(size_t bytes) {
    return calloc(bytes, 1);
}

static void *resized(void *block, size_t bytes) {
    return realloc(block, bytes);
}

static void ended(void *block) {
    free(block);
}

static size_t room_of(void *block) {
#ifdef __linux__
    return malloc_usable_size(block);
#else
    (void)block;
    return 0;
#endif
}

#endif

/* ---- what is held ---- */

enum { COUNTED = 64 << 10 };

static size_t held; /* it may pass below zero for a moment, as threads free and count */

size_t mt_memory_held(void) {
    size_t bytes = __atomic_load_n(&held, __ATOMIC_RELAXED);
    return bytes > SIZE_MAX / 2 ? 0 : bytes;
}

static void hold(size_t bytes) {
    if (bytes >= COUNTED)
        __atomic_fetch_add(&held, bytes, __ATOMIC_RELAXED);
}

static void release(size_t bytes) {
    if (bytes >= COUNTED)
        __atomic_fetch_sub(&held, bytes, __ATOMIC_RELAXED);
}

/* The block, counted. Blocks have a little more room than was asked for, which is asked only where
 * it may matter. */
static void *counted(void *block, size_t bytes) {
    if (block && bytes >= COUNTED / 2)
        hold(room_of(block));
    return block;
}

void mt_memory_leave_out(size_t bytes, int is_freed) {
    if (is_freed)
        hold(bytes);
    else
        release(bytes);
}

/* ---- small ones, and all through the hook ---- */

void *mt_allocate(size_t count, size_t size) {
    size_t bytes;
    if (total(count, size, &bytes) || must_fail())
        return NULL;
    return counted(allocated(bytes), bytes);
}

void *mt_allocate_zero(size_t count, size_t size) {
    size_t bytes;
    if (total(count, size, &bytes) || must_fail())
        return NULL;
    return counted(allocated_zero(bytes), bytes);
}

void *mt_reallocate(void *block, size_t count, size_t size) {
    size_t bytes;
    if (total(count, size, &bytes) || must_fail())
        return NULL;
    size_t before = block ? room_of(block) : 0;
    void *after = resized(block, bytes);
    if (!after)
        return NULL;
    release(before);
    return counted(after, bytes);
}

void *mt_new(size_t size, const char *what, mt_error *error) {
    void *block = mt_allocate_zero(1, size);
    if (!block)
        mt_fail_memory(error, what);
    return block;
}

void mt_free(void *block) {
    if (!block)
        return;
    release(room_of(block));
    ended(block);
}

void *mt_resize(void *block, size_t bytes) {
    if (bytes > 0)
        return resized(block, bytes);
    ended(block);
    return NULL;
}

void *mt_resize_collected(void *block, size_t bytes) {
    return bytes > 0 && must_fail() ? NULL : mt_resize(block, bytes);
}

char *mt_copy_text(const char *text, size_t length) {
    char *copy = mt_allocate(length + 1, 1);
    if (!copy)
        return NULL;
    if (length)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

int mt_reserve_more(void *pointer_at, size_t *capacity, size_t wanted, size_t size) {
    size_t larger = *capacity < 8 ? 16 : *capacity + *capacity;
    if (larger < wanted)
        larger = wanted;
    void *block; /* copied, as the pointer there may be of any type */
    memcpy(&block, pointer_at, sizeof block);
    block = mt_reallocate(block, larger, size);
    if (!block)
        return -1;
    memcpy(pointer_at, &block, sizeof block);
    *capacity = larger;
    return 0;
}

/* What a small array has room for when it grows: three steps take it to 768 KiB, for growing copies,
 * and clears what is new. */
static size_t ample_of(size_t before) {
    enum { LITTLE = 128 << 10, MIDDLE = 512 << 10 };
    return before < LITTLE ? 4 * before : before < MIDDLE ? 3 * before : 2 * before;
}

/* `rounded` is below HUGE_PAGE. */
static int reserve_small(mt_big *big, size_t rounded) {
    char *data = realloc(big->data, rounded);
    if (!data)
        return -1;
    memset(data + big->bytes, 0, rounded - big->bytes);
    big->data = data;
    big->bytes = rounded;
    return 0;
}

/* A quarter more than before at least, for moving pages takes its time too. */
static int reserve_pages(mt_big *big, size_t bytes) {
    void *data;
    int is_mapped = big->bytes >= HUGE_PAGE;
    size_t ample = is_mapped ? big->bytes + big->bytes / 4 : 0;
    size_t rounded = round_up(bytes > ample ? bytes : ample, HUGE_PAGE);
    if (is_mapped)
        data = mremap(big->data, big->bytes, rounded, MREMAP_MAYMOVE);
    else
        data = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return -1;
    (void)madvise(data, rounded, MADV_HUGEPAGE);
    if (!is_mapped && big->data) {
        memcpy(data, big->data, big->bytes);
        free(big->data);
    }
    big->data = data;
    big->bytes = rounded;
    return 0;
}

int mt_big_grow(mt_big *big, size_t bytes) {
    if (bytes > SIZE_MAX - HUGE_PAGE || must_fail())
        return -1;
    size_t before = big->bytes, ample = ample_of(before);
    size_t rounded =
        bytes < HUGE_PAGE ? round_up(bytes > ample ? bytes : ample, SMALL_STEP) : bytes;
    int failed = rounded < HUGE_PAGE ? reserve_small(big, rounded) : reserve_pages(big, bytes);
    release(before);
    hold(big->bytes);
    return failed;
}

void mt_big_free(mt_big *big) {
    release(big->bytes);
    if (big->bytes >= HUGE_PAGE)
        munmap(big->data, big->bytes);
    else
        free(big->data);
    big->data = NULL;
    big->bytes = 0;
}

/* Address space for the heap that huge pages are asked for. What is larger than LARGE_BLOCK is
 * mapped by itself, so that growing it copies nothing. */
enum { HEAP_ROOM = 32 << 20 };

void mt_memory_prepare(void) {
#ifdef __GLIBC__
    /* The page that the first allocation touches, before the advice, is the last one of its huge
     * page: the next is whole. */
    size_t place = ((uintptr_t)sbrk(0) + SMALL_PAGE) % HUGE_PAGE;
    if (place > 0)
        (void)sbrk((intptr_t)(HUGE_PAGE - place));
    char *begin = sbrk(0);
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    mallopt(M_TRIM_THRESHOLD, HEAP_ROOM);
    mallopt(M_TOP_PAD, HEAP_ROOM);
    void *volatile first = malloc(1);
    free(first);
    char *end = sbrk(0);
    if (end > begin)
        (void)madvise(begin, (size_t)(end - begin), MADV_HUGEPAGE);
    mallopt(M_TOP_PAD, HUGE_PAGE);
#endif
}
