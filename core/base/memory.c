#define _GNU_SOURCE /* mremap */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

void *mt_allocate(size_t count, size_t size) {
    size_t bytes;
    if (total(count, size, &bytes) || must_fail())
        return NULL;
    return malloc(bytes);
}

void *mt_allocate_zero(size_t count, size_t size) {
    size_t bytes;
    if (total(count, size, &bytes) || must_fail())
        return NULL;
    return calloc(bytes, 1);
}

void *mt_reallocate(void *block, size_t count, size_t size) {
    size_t bytes;
    if (total(count, size, &bytes) || must_fail())
        return NULL;
    return realloc(block, bytes);
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

/* The system clears a huge page whole at the first touch, which a small array would pay for room that
 * it never uses: arrays below LARGE_ARRAY take ordinary pages. */
enum { SMALL_STEP = 256 << 10, HUGE_PAGE = 2 << 20, LARGE_ARRAY = 16 << 20 };

int mt_big_reserve(mt_big *big, size_t bytes) {
    if (bytes <= big->bytes)
        return 0;
    if (bytes > SIZE_MAX - HUGE_PAGE || must_fail())
        return -1;
    size_t step = bytes < HUGE_PAGE ? SMALL_STEP : HUGE_PAGE;
    size_t rounded = (bytes + step - 1) / step * step;
    void *data;
    if (big->data)
        data = mremap(big->data, big->bytes, rounded, MREMAP_MAYMOVE);
    else
        data = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return -1;
    /* Advice only: without huge pages everything still works, slower. */
    (void)madvise(data, rounded, rounded < LARGE_ARRAY ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    big->data = data;
    big->bytes = rounded;
    return 0;
}

void mt_big_free(mt_big *big) {
    if (big->data)
        munmap(big->data, big->bytes);
    big->data = NULL;
    big->bytes = 0;
}
