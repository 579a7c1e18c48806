/* Raw deflate data (RFC 1951), walked from block to block without being unpacked: what it takes to go on
 * behind data that a library has ended. */
#ifndef MT_BASE_FILE_DEFLATE_BLOCKS_H
#define MT_BASE_FILE_DEFLATE_BLOCKS_H

#include "base/span.h"

/* In bits from the data's first one; the k-th bit of a byte is the one worth 2^k. */
typedef struct mt_deflate_places {
    size_t last; /* where the last block begins: its first bit says that it is the last */
    size_t end;  /* behind its last bit */
} mt_deflate_places;

/* Finds them. 0; -1: the data are damaged or cut. What stands behind the last block is not looked at. It takes
 * some nanoseconds a literal or match. */
int mt_deflate_find(mt_span packed, mt_deflate_places *places);

#endif
