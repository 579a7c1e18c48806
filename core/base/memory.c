#define _GNU_SOURCE /* mremap */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* The hook's state is the one static of this file; only tests write it. */
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

/* What malloc is asked for. A large block is mapped by itself, after a header: whole huge pages,
 * header included, come at the beginning of one and can be moved as such. What is never touched takes
 * no memory. */
static size_t asked(size_t bytes) {
    enum { HEADER = 64 };
    return bytes < LARGE_BLOCK || bytes > SIZE_MAX - 2 * HUGE_PAGE
               ? bytes
               : round_up(bytes + HEADER, HUGE_PAGE) - HEADER;
}

/* Asks for huge pages where a block is large; advice only: without them all works, slower. The page
 * of the block's header has the advice too: mremap moves nothing that is advised in part, so that
 * realloc would copy. */
static void *advised(void *block, size_t bytes) {
    if (block && bytes >= LARGE_BLOCK) {
        size_t before = (uintptr_t)block % SMALL_PAGE;
#ifdef __GLIBC__
        bytes = malloc_usable_size(block);
#endif
        (void)madvise((char *)block - before, round_up(before + bytes, SMALL_PAGE), MADV_HUGEPAGE);
    }
    return block;
}

void *mt_allocate(size_t count, size_t size) {
    size_t bytes;
    if (total(count, size, &bytes) || must_fail())
        return NULL;
    return advised(malloc(asked(bytes)), bytes);
}

void *mt_allocate_zero(size_t count, size_t size) {
    size_t bytes;
    if (total(count, size, &bytes) || must_fail())
        return NULL;
    return advised(calloc(asked(bytes), 1), bytes);
}

/* realloc; but where a large block leaves the heap the advice comes before its contents do. (The
 * heap ends at sbrk(0), below all that is mapped; a block that is mapped grows without a copy.) */
static void *resized(void *block, size_t bytes) {
#ifdef __GLIBC__
    size_t before = block ? malloc_usable_size(block) : 0;
    if (block && bytes >= LARGE_BLOCK && bytes > before && (char *)block < (char *)sbrk(0)) {
        void *larger = advised(malloc(asked(bytes)), bytes);
        if (larger) {
            memcpy(larger, block, before);
            free(block);
        }
        return larger;
    }
#endif
    return advised(realloc(block, asked(bytes)), bytes);
}

void *mt_reallocate(void *block, size_t count, size_t size) {
    size_t bytes;
    if (total(count, size, &bytes) || must_fail())
        return NULL;
    return resized(block, bytes);
}

void *mt_new(size_t size, const char *what, mt_error *error) {
    void *block = mt_allocate_zero(1, size);
    if (!block)
        mt_fail_memory(error, what);
    return block;
}

void mt_free(void *block) {
    free(block);
}

void *mt_resize(void *block, size_t bytes) {
    if (bytes > 0)
        return resized(block, bytes);
    free(block);
    return NULL;
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

int mt_reserve(void *pointer_at, size_t *capacity, size_t wanted, size_t size) {
    if (wanted <= *capacity)
        return 0;
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

/* Half as large again as before, for growing may copy. `rounded` is below HUGE_PAGE. */
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

int mt_big_reserve(mt_big *big, size_t bytes) {
    if (bytes <= big->bytes)
        return 0;
    if (bytes > SIZE_MAX - HUGE_PAGE || must_fail())
        return -1;
    if (bytes < HUGE_PAGE) {
        size_t ample = big->bytes + big->bytes / 2;
        size_t rounded = round_up(bytes > ample ? bytes : ample, SMALL_STEP);
        if (rounded < HUGE_PAGE)
            return reserve_small(big, rounded);
    }
    return reserve_pages(big, bytes);
}

void mt_big_free(mt_big *big) {
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
