/* Fetching memory before it is needed. A function that does nothing but fetch (__builtin_prefetch)
 * is one without effect to gcc, which leaves its calls out, and with them all that was to be fetched
 * (seen of gcc 12). So such a function says MT_FETCHES: its body is then where it is called. */
#ifndef MT_BASE_FETCH_H
#define MT_BASE_FETCH_H

#define MT_FETCHES inline __attribute__((always_inline))

#endif
