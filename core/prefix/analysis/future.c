#include "prefix/analysis/future.h"

#include "prefix/analysis/locality_state.h"

#include <string.h>

void mt_future_free(mt_future *self) {
    mt_free(self->first);
    mt_free(self->uses);
}

/* Who touched a run last is told who touches it next. */
mt_code mt_future_see(mt_future *self, const mt_locality *locality, mt_error *error) {
    size_t rows = locality->row_count;
    self->first = mt_allocate_zero(rows + 2, sizeof *self->first);
    self->uses = mt_allocate(locality->run_count, sizeof *self->uses);
    if (!self->first || !self->uses)
        return mt_fail_memory(error, "cache");
    for (size_t i = 0; i < locality->run_count; i++)
        self->first[locality->runs[i].owner + 2]++;
    for (size_t r = 2; r < rows + 2; r++)
        self->first[r] += self->first[r - 1];
    uint32_t end = 0;
    for (size_t i = 0; i < locality->run_count; i++) {
        const mt_locality_run *run = &locality->runs[i];
        uint32_t begin = i > 0 && run[-1].request == run->request ? end : 0;
        end = begin + run->blocks;
        self->uses[self->first[run->owner + 1]++] = (mt_next_use){run->request, begin, end};
    }
    return MT_OK;
}

void mt_future_of(const mt_future *self, const mt_locality *locality, mt_hit_rule rule,
                  size_t request, uint32_t *next) {
    memset(next, 0xff, locality->rows[request].blocks * sizeof *next); /* MT_NEVER_USED */
    for (size_t i = self->first[request]; i < self->first[request + 1]; i++) {
        const mt_next_use *here = &self->uses[i];
        size_t end = mt_hits_by(rule, here->end, locality->rows[here->request].blocks);
        for (size_t at = here->begin; at < end; at++)
            next[at] = here->request;
    }
}
