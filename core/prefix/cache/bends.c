#include "prefix/cache/bends.h"

#include "base/assert.h"
#include "base/memory.h"

enum { GRID = 512 };

static const double least_bend = 0.004;

/* Points of the curves. */
typedef struct outline {
    const mt_hit_curve *const *curves;
    size_t curve_count, count;
    uint64_t sizes[GRID + 1];
    double logarithms[GRID + 1];
    double ratios[]; /* curve_count a point */
} outline;

/* A stretch between two points that are shown: the point in it that is furthest from the straight line
 * between them, and how far. */
typedef struct stretch {
    size_t low, high, place;
    double miss;
} stretch;

/* A size as many people read it: three digits. */
static uint64_t rounded(uint64_t size) {
    double digits = floor(log10((double)size)) - 2;
    uint64_t unit = (uint64_t)pow(10, digits > 0 ? digits : 0);
    return (size + unit / 2) / unit * unit;
}

/* Size number `i`, evenly apart on a logarithmic scale. */
static uint64_t size_at(uint64_t from, uint64_t to, int i) {
    if (i == GRID)
        return to;
    double exact = (double)from * pow((double)to / (double)from, (double)i / GRID);
    uint64_t size = rounded((uint64_t)(exact + 0.5));
    return size < to ? size : to;
}

static void fill(outline *all, uint64_t from, uint64_t to) {
    for (int i = 0; i <= GRID; i++) {
        uint64_t size = size_at(from, to, i);
        if (all->count > 0 && size <= all->sizes[all->count - 1])
            continue;
        all->sizes[all->count] = size;
        all->logarithms[all->count] = log((double)size);
        double *ratios = all->ratios + all->count * all->curve_count;
        for (size_t k = 0; k < all->curve_count; k++) {
            double ratio = mt_hit_curve_at(all->curves[k], size).block;
            ratios[k] = isnan(ratio) ? 0 : ratio;
        }
        all->count++;
    }
}

static stretch stretch_between(const outline *all, size_t low, size_t high) {
    stretch found = {low, high, low, 0};
    const double *first = all->ratios + low * all->curve_count;
    const double *last = all->ratios + high * all->curve_count;
    double begin = all->logarithms[low], span = all->logarithms[high] - begin;
    for (size_t i = low + 1; i < high; i++) {
        double share = (all->logarithms[i] - begin) / span;
        const double *here = all->ratios + i * all->curve_count;
        for (size_t k = 0; k < all->curve_count; k++) {
            double miss = fabs(here[k] - first[k] - (last[k] - first[k]) * share);
            if (miss > found.miss) {
                found.miss = miss;
                found.place = i;
            }
        }
    }
    return found;
}

/* Divides stretches until there are enough points or none is missed by much; how many stretches. */
static size_t divide(const outline *all, stretch stretches[MT_MOST_BENDS - 1]) {
    size_t count = 1;
    stretches[0] = stretch_between(all, 0, all->count - 1);
    while (count < MT_MOST_BENDS - 1) {
        size_t worst = 0;
        for (size_t i = 1; i < count; i++)
            if (stretches[i].miss > stretches[worst].miss)
                worst = i;
        stretch parted = stretches[worst];
        if (parted.miss < least_bend)
            break;
        for (size_t i = count; i > worst + 1; i--)
            stretches[i] = stretches[i - 1];
        stretches[worst] = stretch_between(all, parted.low, parted.place);
        stretches[worst + 1] = stretch_between(all, parted.place, parted.high);
        count++;
    }
    return count;
}

mt_code mt_hit_curve_bends(const mt_hit_curve *const *curves, size_t count,
                           uint64_t distinct_blocks, uint64_t sizes[MT_MOST_BENDS], size_t *found,
                           mt_error *error) {
    mt_assert(count > 0 && distinct_blocks > 0);
    uint64_t from = distinct_blocks < 1000 ? 1 : 100;
    if (distinct_blocks <= from) {
        sizes[0] = distinct_blocks;
        *found = 1;
        return MT_OK;
    }
    outline *all = mt_allocate(1, sizeof *all + (GRID + 1) * count * sizeof *all->ratios);
    if (!all)
        return mt_fail_memory(error, "hit ratios");
    all->curves = curves;
    all->curve_count = count;
    all->count = 0;
    fill(all, from, distinct_blocks);
    stretch stretches[MT_MOST_BENDS - 1];
    size_t parts = divide(all, stretches);
    for (size_t i = 0; i < parts; i++)
        sizes[i] = all->sizes[stretches[i].low];
    sizes[parts] = all->sizes[all->count - 1];
    *found = parts + 1;
    mt_free(all);
    return MT_OK;
}
