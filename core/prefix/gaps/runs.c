/* Where a source is cut into runs. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "prefix/gaps/state.h"

/* A gap between instants, numbered as the request behind it. */
typedef struct gap {
    size_t request, instant; /* that come after it */
    int64_t ticks;
    uint32_t tie; /* which of equally long ones counts as longer */
} gap;

typedef struct cutting {
    const int64_t *times;
    size_t count;
    int64_t period;
    int64_t most_ns;
    gap *open;       /* gaps whose parts have no end yet, the longest first */
    uint8_t *is_cut; /* by request: before it */
} cutting;

static int is_shorter(const gap *one, const gap *other) {
    return one->ticks < other->ticks || (one->ticks == other->ticks && one->tie < other->tie);
}

/* Requests [first, end), of so many instants, are more than a run may have. */
static int is_too_long(const cutting *c, size_t first, size_t end, size_t instants) {
    return (end - first > MT_GAPS_RUN && instants > MT_GAPS_RUN_INSTANTS) ||
           c->times[end - 1] - c->times[first] > c->most_ns;
}

static int64_t ticks_before(const cutting *c, size_t request) {
    return c->times[request] / c->period - c->times[request - 1] / c->period;
}

/* Each gap is the longest one between the longer ones beside it: those are found as the open ones are
 * closed by one that is longer (Vuillemin, "A unifying look at data structures", 1980). */
static mt_code find_cuts(cutting *c, mt_random *random, mt_error *error) {
    static const gap begin = {0};
    size_t open = 0, instant = 0;
    for (size_t i = 1; i <= c->count; i++) {
        if (i % 4096 == 0 && mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
        gap here = {.request = i, .instant = instant + 1, .ticks = INT64_MAX};
        if (i < c->count) {
            here.ticks = ticks_before(c, i);
            here.tie = mt_random_u32(random);
        }
        if (here.ticks == 0)
            continue;
        instant++;
        while (open > 0 && is_shorter(&c->open[open - 1], &here)) {
            const gap *closed = &c->open[--open], *before = open > 0 ? closed - 1 : &begin;
            c->is_cut[closed->request] = (uint8_t)is_too_long(c, before->request, here.request,
                                                              here.instant - before->instant);
        }
        if (i < c->count)
            c->open[open++] = here;
    }
    return MT_OK;
}

/* Two runs are one again where that is not too long, and the gap between them is no longer than those on
 * their other sides: it is as long as one of these, and which was cut was drawn. */
static int may_be_one(const cutting *c, size_t first, size_t middle, size_t end) {
    int64_t between = ticks_before(c, middle);
    size_t instants = 1;
    if ((first > 0 && between > ticks_before(c, first)) ||
        (end < c->count && between > ticks_before(c, end)))
        return 0;
    for (size_t i = first + 1; i < end && instants <= MT_GAPS_RUN; i++)
        instants += ticks_before(c, i) > 0;
    return !is_too_long(c, first, end, instants);
}

static mt_code list_runs(mt_gaps_runs *runs, const cutting *c, mt_error *error) {
    size_t count = 1, kept = 0;
    for (size_t i = 1; i < c->count; i++)
        count += c->is_cut[i];
    size_t *ends = runs->ends = mt_allocate(count, sizeof *ends);
    if (!ends)
        return mt_fail_memory(error, "gaps");
    for (size_t i = 1; i <= c->count; i++) {
        if (i < c->count && !c->is_cut[i])
            continue;
        if (kept > 0 && may_be_one(c, kept > 1 ? ends[kept - 2] : 0, ends[kept - 1], i))
            kept--;
        ends[kept++] = i;
    }
    runs->count = kept;
    return MT_OK;
}

mt_code mt_gaps_cut(mt_gaps_runs *runs, const int64_t *times_ns, size_t count, int64_t period_ns,
                    mt_random *random, mt_error *error) {
    cutting c = {.times = times_ns,
                 .count = count,
                 .period = period_ns,
                 .most_ns = (times_ns[count - 1] - times_ns[0]) / MT_GAPS_RUN_PART,
                 .open = mt_allocate(count, sizeof *c.open),
                 .is_cut = mt_allocate_zero(count, sizeof *c.is_cut)};
    mt_code code = MT_OK;
    *runs = (mt_gaps_runs){0};
    if (!c.open || !c.is_cut)
        code = mt_fail_memory(error, "gaps");
    else if ((code = find_cuts(&c, random, error)) == MT_OK)
        code = list_runs(runs, &c, error);
    mt_free(c.open);
    mt_free(c.is_cut);
    return code;
}
