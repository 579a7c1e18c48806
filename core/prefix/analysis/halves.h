/* A trace cut in two by its sessions: each session goes whole to one half, a request without one by
 * itself, which is drawn. How far the halves are apart says what chance does to a trace of half the
 * load. */
#ifndef MT_PREFIX_ANALYSIS_HALVES_H
#define MT_PREFIX_ANALYSIS_HALVES_H

#include "prefix/analysis/locality.h"

typedef struct mt_halves mt_halves;

/* Random numbers: (seed, "compare", "halves"); the items are sessions and requests. NULL on
 * failure. */
mt_halves *mt_halves_new(uint64_t seed, mt_error *error);

/* The half, 0 or 1, of the request that `whole` took in last, whose ids are numbered 0, 1, ... by
 * first appearance (prefix/block/numbering.h); *part becomes the request with its ids numbered so
 * within that half, valid until the next call. MT_ERROR_MEMORY. */
mt_code mt_halves_place(mt_halves *halves, const mt_locality *whole, const mt_request *request,
                        int *which, mt_request *part, mt_error *error);

/* Sessions, and requests without one, that went to that half. */
uint64_t mt_halves_units(const mt_halves *halves, int which);

/* No request will be placed any more: gives back all memory but what the units take. */
void mt_halves_seal(mt_halves *halves);

void mt_halves_free(mt_halves *halves); /* NULL is allowed */

#endif
