/* Is this a build for a sanitizer that watches memory or threads? Then each block is the heap's, for it
 * to see each. GCC says so by macros, clang by features. */
#ifndef MT_BASE_SANITIZER_H
#define MT_BASE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MT_HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
    __has_feature(thread_sanitizer)
#define MT_HAS_SANITIZER 1
#endif
#endif

#ifndef MT_HAS_SANITIZER
#define MT_HAS_SANITIZER 0
#endif

#endif
