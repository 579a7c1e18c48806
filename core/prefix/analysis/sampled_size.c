/* The size of the sample's cache: what its members are of a whole LRU cache, which the runs tell. */
#include "prefix/analysis/sampled_state.h"

#include "base/interrupt.h"

#include <string.h>

enum { ARMS = MT_SAMPLE_PARTS + 1 };

/* The members that a request touched last, by weight: those that are in all samples, and those of its one
 * other family. */
typedef struct touched {
    double always, family;
    uint32_t blocks; /* of the whole */
    uint32_t part;   /* of that family */
} touched;

/* An LRU cache of the whole: it holds what the requests from `oldest` on touched last. */
typedef struct window {
    touched *by;     /* by request */
    uint32_t *owner; /* by member: who touched it last; MT_NO_MEMBER */
    uint64_t held;
    double weight[ARMS]; /* what is held of the sample, and of its parts */
    size_t oldest;
} window;

/* Adds so much, or takes it away, where the cache holds it. */
static void add(window *self, size_t request, double always, double family) {
    if (request < self->oldest)
        return;
    self->weight[0] += always + family;
    for (size_t part = 1; part < ARMS; part++)
        self->weight[part] += always;
    self->weight[1 + self->by[request].part] += MT_SAMPLE_PARTS * family;
}

static void give_up_blocks(window *self, const mt_locality_run *run) {
    self->by[run->owner].blocks -= run->blocks;
    self->held -= run->owner < self->oldest ? 0 : run->blocks;
}

static void give_up_member(window *self, uint32_t request, double weight) {
    double always = weight > 1 ? 0 : weight, family = weight - always;
    self->by[request].always -= always;
    self->by[request].family -= family;
    add(self, request, -always, -family);
}

/* The request touches its blocks, whose runs are [run, end). */
static void pass(window *self, mt_block_sample *sample, size_t r, size_t run, size_t end) {
    const mt_locality *locality = sample->locality;
    size_t rare, count = mt_sample_find(sample, r, sample->path, &rare);
    touched here = {0, 0, locality->rows[r].blocks, 0};
    for (; run < end; run++)
        give_up_blocks(self, &locality->runs[run]);
    for (size_t i = 0; i < count; i++) {
        uint32_t at = sample->path[i];
        double weight = (double)sample->weights[at];
        if (self->owner[at] != MT_NO_MEMBER)
            give_up_member(self, self->owner[at], weight);
        self->owner[at] = (uint32_t)r;
        *(i < rare ? &here.always : &here.family) += weight;
    }
    here.part = rare < count ? (uint32_t)mt_sample_part(sample, sample->path[rare]) : 0;
    self->by[r] = here;
    self->held += here.blocks;
    add(self, r, here.always, here.family);
}

/* The oldest requests' blocks leave until `size` are held. */
static void leave(window *self, uint64_t size) {
    while (self->held > size) {
        const touched *last = &self->by[self->oldest];
        self->held -= last->blocks;
        add(self, self->oldest, -last->always, -last->family);
        self->oldest++;
    }
}

static mt_code walk(window *self, mt_block_sample *sample, uint64_t size, double *shares,
                    mt_error *error) {
    const mt_locality *locality = sample->locality;
    double held = 0, weights[ARMS] = {0};
    size_t run = 0, end = 0;
    mt_code code = MT_OK;
    memset(self->owner, 0xff, sample->count * sizeof *self->owner);
    for (size_t r = 0; code == MT_OK && r < locality->row_count; r++, run = end) {
        while (end < locality->run_count && locality->runs[end].request == r)
            end++;
        pass(self, sample, r, run, end);
        leave(self, size);
        if (self->oldest > 0) {
            held += (double)self->held;
            for (size_t arm = 0; arm < ARMS; arm++)
                weights[arm] += self->weight[arm];
        }
        if (r % 4096 == 0)
            code = mt_poll_interrupt(error);
    }
    for (size_t arm = 0; arm < ARMS; arm++)
        shares[arm] = weights[arm] > 0 ? weights[arm] / held : 1;
    return code;
}

mt_code mt_sample_held(mt_block_sample *sample, uint64_t size, double shares[ARMS],
                       mt_error *error) {
    window self = {mt_allocate(sample->locality->row_count + 1, sizeof *self.by),
                   mt_allocate(sample->count + 1, sizeof *self.owner),
                   0,
                   {0},
                   0};
    mt_code code = self.by && self.owner ? walk(&self, sample, size, shares, error)
                                         : mt_fail_memory(error, "sample");
    mt_free(self.by);
    mt_free(self.owner);
    return code;
}
