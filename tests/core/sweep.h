/* Memory that runs out, everywhere: a sweep does the same thing again and again, and its first allocation
 * fails, then its second, and so on, until it asks for fewer than are to fail.
 *
 *     for (sweep all = {0}; sweep_next(&all);) {
 *         thing *made = thing_new(&all.error);
 *         all.code = made ? MT_OK : all.error.code;
 *         thing_free(made);
 *     }
 *
 * The body does the whole thing, frees it, and leaves in `code` how it went. Each time that an
 * allocation failed, that must be MT_ERROR_MEMORY; the last time it must be MT_OK, and not all may
 * have gone well before. What is lost on the way, the leak checker of the sanitizers sees. */
#ifndef SWEEP_H
#define SWEEP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct sweep {
    int sticky;              /* all allocations after the first that fails do too */
    uint64_t all_of, stride; /* behind so many allocations one in so many fails; 0: each */
    int may_do_without; /* what fails need not fail the whole: estimates, libraries that ask again */
    mt_code code;       /* set by the body */
    mt_error error;     /* empty when the body begins */
    uint64_t n;         /* the allocation that fails */
    uint64_t failures;
} sweep;

/* Judges the attempt before, and begins the next one; 0 when there is none to make. */
static inline int sweep_next(sweep *self) {
    uint64_t asked = mt_memory_asked();
    mt_memory_fail_at(0, 0);
    if (self->n > 0) {
        int has_failed = asked >= self->n;
        if (self->code != MT_OK && (self->code != MT_ERROR_MEMORY || !has_failed))
            fail_msg("allocation %d: code %d, %s", (int)self->n, (int)self->code,
                     self->error.message);
        if (self->code == MT_OK && has_failed && !self->may_do_without)
            fail_msg("allocation %d failed, and nobody was told", (int)self->n);
        self->failures += self->code != MT_OK;
        if (!has_failed) {
            assert_true(self->failures > 0);
            return 0;
        }
    }
    self->n += self->n < self->all_of || self->stride == 0 ? 1 : self->stride;
    self->code = MT_OK;
    self->error = (mt_error){0};
    mt_memory_fail_at(self->n, self->sticky);
    return 1;
}

#endif
