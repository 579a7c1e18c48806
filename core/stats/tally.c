#include "stats/tally.h"

#include "base/assert.h"
#include "base/memory.h"
#include "stats/quantiles.h"

#include <math.h>

enum { FIRST_CAPACITY = 1024 };

/* Multiplying by 2^64 over the golden ratio spreads neighbours (Knuth, volume 3, section 6.4); its
 * high bits are the best. */
static size_t home_of(size_t capacity, uint64_t value) {
    return (size_t)((value * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (capacity - 1);
}

/* The slot of the value, or the free one where it belongs. */
static mt_tally_slot *slot_of(mt_tally_slot *slots, size_t capacity, uint64_t value) {
    size_t at = home_of(capacity, value);
    while (slots[at].count > 0 && slots[at].value != value)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static int grow(mt_tally *tally) {
    size_t capacity = tally->capacity ? 2 * tally->capacity : FIRST_CAPACITY;
    mt_tally_slot *slots = mt_allocate_zero(capacity, sizeof *slots);
    if (!slots)
        return -1;
    for (size_t i = 0; i < tally->capacity; i++)
        if (tally->slots[i].count > 0)
            *slot_of(slots, capacity, tally->slots[i].value) = tally->slots[i];
    mt_free(tally->slots);
    tally->slots = slots;
    tally->capacity = capacity;
    return 0;
}

/* A page for the number, if it has none. */
static int begin_page(mt_tally *tally, uint64_t value) {
    uint64_t **page = &tally->pages[value / MT_TALLY_PAGE];
    if (!*page)
        *page = mt_allocate_zero(MT_TALLY_PAGE, sizeof **page);
    return *page ? 0 : -1;
}

/* Counts the small ones that wait; the others wait on, in their order. */
static int count_small(mt_tally *tally) {
    size_t others = 0, at = 0;
    for (; at < tally->waiting; at++) {
        uint64_t value = tally->values[at];
        if (!mt_tally_is_small(value)) {
            tally->values[others++] = value;
            continue;
        }
        if (begin_page(tally, value) != 0)
            break;
        uint64_t *count = &tally->pages[value / MT_TALLY_PAGE][value % MT_TALLY_PAGE];
        tally->used += *count == 0;
        ++*count;
    }
    int failed = at < tally->waiting;
    for (; at < tally->waiting; at++)
        tally->values[others++] = tally->values[at];
    tally->waiting = others;
    return failed ? -1 : 0;
}

int mt_tally_count(mt_tally *tally) {
    mt_tally_slot *homes[MT_TALLY_WAITING];
    if (count_small(tally) != 0)
        return -1;
    /* At most half of the slots are used: there is always a free one, and it is near. */
    while (2 * (tally->filled + tally->waiting) > tally->capacity)
        if (grow(tally) != 0)
            return -1;
    for (size_t i = 0; i < tally->waiting; i++) {
        homes[i] = &tally->slots[home_of(tally->capacity, tally->values[i])];
        __builtin_prefetch(homes[i], 1);
    }
    for (size_t i = 0; i < tally->waiting; i++) {
        mt_tally_slot *slot = homes[i];
        if (slot->count == 0 || slot->value != tally->values[i]) {
            slot = slot_of(tally->slots, tally->capacity, tally->values[i]);
            tally->filled += slot->count == 0;
            tally->used += slot->count == 0;
            slot->value = tally->values[i];
        }
        slot->count++;
    }
    mt_assert(2 * tally->filled <= tally->capacity);
    tally->waiting = 0;
    return 0;
}

/* All that are counted, in any order, into a list with room for them. */
static void list_values(const mt_tally *tally, mt_weighted *values) {
    for (uint64_t i = 0; i < MT_TALLY_PAGES; i++)
        for (uint64_t k = 0; tally->pages[i] && k < MT_TALLY_PAGE; k++)
            if (tally->pages[i][k] > 0)
                *values++ = (mt_weighted){(double)(i * MT_TALLY_PAGE + k), tally->pages[i][k]};
    for (size_t i = 0; i < tally->capacity; i++)
        if (tally->slots[i].count > 0)
            *values++ = (mt_weighted){(double)tally->slots[i].value, tally->slots[i].count};
}

static void set_deviations(mt_summary *summary, const mt_weighted *values, size_t count) {
    long double square = 0;
    for (size_t i = 0; i < count; i++) {
        long double off = (long double)values[i].value - (long double)summary->mean;
        square += (long double)values[i].weight * off * off;
    }
    double total = (double)summary->count;
    summary->population_deviation = sqrt((double)square / total);
    summary->sample_deviation = summary->count > 1 ? sqrt((double)square / (total - 1)) : NAN;
}

int mt_tally_summarise(mt_tally *tally, mt_summary *summary) {
    *summary = (mt_summary){0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (tally->waiting > 0 && mt_tally_count(tally) != 0)
        return -1;
    if (tally->used == 0)
        return 0;
    mt_weighted *values = mt_allocate(tally->used, sizeof *values);
    if (!values)
        return -1;
    size_t count = tally->used;
    long double sum = 0;
    list_values(tally, values);
    for (size_t i = 0; i < count; i++)
        sum += (long double)values[i].value * (long double)values[i].weight;
    mt_quantiles quantiles;
    mt_quantiles_of(values, count, &quantiles);
    summary->count = quantiles.count;
    summary->sum = (double)sum;
    summary->mean = (double)(sum / (long double)quantiles.count);
    summary->min = quantiles.min;
    summary->p25 = quantiles.p25;
    summary->median = quantiles.median;
    summary->p75 = quantiles.p75;
    summary->p90 = quantiles.p90;
    summary->p95 = quantiles.p95;
    summary->p99 = quantiles.p99;
    summary->max = quantiles.max;
    set_deviations(summary, values, count);
    mt_free(values);
    return 0;
}

void mt_tally_free(mt_tally *tally) {
    for (int i = 0; i < MT_TALLY_PAGES; i++)
        mt_free(tally->pages[i]);
    mt_free(tally->slots);
    *tally = (mt_tally){0};
}
