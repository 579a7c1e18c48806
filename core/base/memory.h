/* Memory: small allocations through one hook, and big arrays straight from the system.
 *
 * All of core allocates through these, so that a test can fail the n-th allocation and see that
 * nothing is lost (mt_memory_fail_at). Sizes are checked for overflow. */
#ifndef MT_BASE_MEMORY_H
#define MT_BASE_MEMORY_H

#include "base/error.h"

/* `count` elements of `size` bytes, contents undefined; NULL when out of memory or on overflow.
 * A zero total gives a pointer that may be freed. */
void *mt_allocate(size_t count, size_t size);

/* The same, all bytes zero. */
void *mt_allocate_zero(size_t count, size_t size);

/* Like realloc for count * size bytes; on NULL the old block is still valid. */
void *mt_reallocate(void *block, size_t count, size_t size);

/* One thing of `size` bytes, all zero; NULL with "out of memory (what)" in *error on failure. */
void *mt_new(size_t size, const char *what, mt_error *error);

/* Frees a block of the four above; NULL is allowed. */
void mt_free(void *block);

/* realloc, and free where `bytes` is 0, of memory that neither the hook nor mt_memory_held counts:
 * what the caller can do without. Such a block is freed by this too, not by mt_free, which counts. */
void *mt_resize(void *block, size_t bytes);

/* The same through the hook: memory that a collector sees by itself, as Lua's does its own. */
void *mt_resize_collected(void *block, size_t bytes);

/* A terminated copy of text[0..length); NULL when out of memory. Free with mt_free. */
char *mt_copy_text(const char *text, size_t length);

/* Makes room for at least `wanted` elements in the block at which `pointer` points (NULL: none
 * yet), whose capacity in elements is `capacity`, a size_t: doubles, keeps contents. Both are
 * variables that it sets. 0, or -1 with both unchanged. */
#define MT_GROW(pointer, capacity, wanted)                                                         \
    mt_reserve((void *)&(pointer), &(capacity), (wanted), sizeof *(pointer))

/* What mt_reserve does where there is too little room. */
int mt_reserve_more(void *pointer_at, size_t *capacity, size_t wanted, size_t size);

/* The same for elements of a size that only the caller knows; pointer_at: the pointer's address. */
#ifdef __clang_analyzer__ /* which takes it for possible that there is room and no block */
int mt_reserve(void *pointer_at, size_t *capacity, size_t wanted, size_t size);
#else
static inline int mt_reserve(void *pointer_at, size_t *capacity, size_t wanted, size_t size) {
    return wanted <= *capacity ? 0 : mt_reserve_more(pointer_at, capacity, wanted, size);
}
#endif

/* A big array, zero at first. Below 2 MiB it is a block of the heap. From there on it is anonymous
 * pages straight from the system, huge ones where the kernel gives them, of which only what is
 * touched takes memory; they grow in place or by remapping, without a copy of what is there. */
typedef struct mt_big {
    void *data;   /* NULL while empty */
    size_t bytes; /* room; a multiple of 64 KiB, from 2 MiB on of 2 MiB */
} mt_big;

/* Makes *big longer than it is; see mt_big_reserve. */
int mt_big_grow(mt_big *big, size_t bytes);

/* Makes *big at least `bytes` long; zero bytes are added, more than asked for where it grows again.
 * Returns 0, or -1 with *big unchanged. */
#ifdef __clang_analyzer__
int mt_big_reserve(mt_big *big, size_t bytes);
#else
static inline int mt_big_reserve(mt_big *big, size_t bytes) {
    return bytes <= big->bytes ? 0 : mt_big_grow(big, bytes);
}
#endif

/* Gives everything back; *big is empty afterwards. */
void mt_big_free(mt_big *big);

/* Bytes of the blocks and big arrays there are now, of those of 64 KiB and more. Lua's collector does
 * not see them, and is told by this: core/lua/binding.c. One count for the process, of all threads;
 * without the memory of mt_resize and mt_resize_collected. Small blocks are not counted, as few
 * objects are many of those and nothing else, nor anything where malloc does not tell a size. */
size_t mt_memory_held(void);

/* Leaves a big array of so many bytes out of that count, as a collector sees it; `is_freed`: before
 * mt_big_free of it. */
void mt_memory_leave_out(size_t bytes, int is_freed);

/* For an executable, first of all, before it has a thread: has the heap begin in huge pages, and
 * keep what is freed for the next question. Advice: where the system has no such thing nothing
 * changes. */
void mt_memory_prepare(void);

/* For tests: the n-th allocation from now (1: the next) fails, and so do all after it when
 * `sticky`. n = 0 switches the failing off. Counts mt_big_reserve too. Not thread-safe. */
void mt_memory_fail_at(uint64_t n, int sticky);

/* For tests: allocations asked for since the last mt_memory_fail_at. */
uint64_t mt_memory_asked(void);

#endif
