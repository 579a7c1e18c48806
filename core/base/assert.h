/* Invariants, said where they hold. Tests and `make sanitize` check them (MT_ASSERTS is defined)
 * and stop at the first that does not hold; `make` leaves them out. What a caller or a file may get
 * wrong is no invariant: that is an error (base/error.h). */
#ifndef MT_BASE_ASSERT_H
#define MT_BASE_ASSERT_H

#ifdef MT_ASSERTS
#include <assert.h>
#define mt_assert(condition) assert(condition)
#else
#define mt_assert(condition) ((void)(0 && (condition)))
#endif

#endif
