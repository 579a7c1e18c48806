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
    hook.asked = 0;
    hook.fail_at = n;
    hook.sticky = sticky;
}

uint64_t mt_memory_asked(void) {
    return hook.asked;
}

static int must_fail(void) {
    hook.asked++;
    return hook.fail_at &&
           (hook.asked == hook.fail_at || (hook.sticky && hook.asked > hook.fail_at));
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

enum { HUGE_PAGE = 2 << 20 };

int mt_big_reserve(mt_big *big, size_t bytes) {
    if (bytes <= big->bytes)
        return 0;
    if (bytes > SIZE_MAX - HUGE_PAGE || must_fail())
        return -1;
    size_t rounded = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *data;
    if (big->data)
        data = mremap(big->data, big->bytes, rounded, MREMAP_MAYMOVE);
    else
        data = mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return -1;
    /* Advice only: without huge pages everything still works, slower. */
    (void)madvise(data, rounded, MADV_HUGEPAGE);
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
