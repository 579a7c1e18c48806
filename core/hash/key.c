#include "hash/ids.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Seeds keep namespaces and chained blocks apart even where their bytes are equal. */
enum { BLOCK_SEED = 0, NAMESPACE_SEED = 1 };

/* Contents up to this many bytes are put behind their parent's key on the stack; longer ones go
 * through XXH3's incremental form, which gives the same hash without the copy. */
enum { SHORT_CONTENT = 496 };

static mt_key to_key(XXH128_hash_t hash) {
    return (mt_key){hash.low64, hash.high64};
}

mt_key mt_key_child(mt_key parent, const void *content, size_t bytes) {
    if (bytes <= SHORT_CONTENT) {
        unsigned char joined[sizeof parent + SHORT_CONTENT];
        memcpy(joined, &parent, sizeof parent);
        if (bytes)
            memcpy(joined + sizeof parent, content, bytes);
        return to_key(XXH3_128bits_withSeed(joined, sizeof parent + bytes, BLOCK_SEED));
    }
    XXH3_state_t state;
    XXH3_128bits_reset_withSeed(&state, BLOCK_SEED);
    XXH3_128bits_update(&state, &parent, sizeof parent);
    XXH3_128bits_update(&state, content, bytes);
    return to_key(XXH3_128bits_digest(&state));
}

mt_key mt_key_number(mt_key parent, uint64_t number) {
    struct {
        mt_key parent;
        uint64_t number;
    } joined = {parent, number};
    return to_key(XXH3_128bits_withSeed(&joined, sizeof joined, BLOCK_SEED));
}

mt_key mt_key_namespace(const char *name, size_t length) {
    return to_key(XXH3_128bits_withSeed(name, length, NAMESPACE_SEED));
}
