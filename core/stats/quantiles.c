#include "stats/quantiles.h"

#include "base/sort.h"

#include <math.h>
#include <stdlib.h>

/* Walks the sorted numbers once, for percentiles that go up. */
typedef struct walk {
    const mt_weighted *values;
    size_t count, at;
    uint64_t before; /* weight of values[0..at) */
} walk;

/* Number `rank` (from 0) of the list; ranks go up from call to call. */
static double value_at(walk *list, uint64_t rank) {
    while (list->at + 1 < list->count && list->before + list->values[list->at].weight <= rank)
        list->before += list->values[list->at++].weight;
    return list->values[list->at].value;
}

static double percentile(walk *list, uint64_t total, double percent) {
    double position = percent / 100 * (double)(total - 1);
    uint64_t rank = (uint64_t)position;
    double low = value_at(list, rank);
    walk ahead = *list;
    double high = rank + 1 < total ? value_at(&ahead, rank + 1) : low;
    return low + (position - (double)rank) * (high - low);
}

/* Doubles above zero are in the order of their bits, read as whole numbers: such are dealt out by
 * bytes, where there is memory for it. Equal numbers keep their order either way. */
static void sort_weighted(mt_weighted *values, size_t count) {
    enum { FEW = 256 };
    int is_positive = count >= FEW;
    for (size_t i = 0; is_positive && i < count; i++)
        is_positive = !signbit(values[i].value);
    if (!is_positive || mt_sort_by_number(values, count, sizeof *values, NULL) != MT_OK)
        qsort(values, count, sizeof *values, mt_by_double);
}

void mt_quantiles_of(mt_weighted *values, size_t count, mt_quantiles *quantiles) {
    *quantiles = (mt_quantiles){0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    sort_weighted(values, count);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        quantiles->count += values[i].weight;
        sum += values[i].value * (double)values[i].weight;
    }
    uint64_t total = quantiles->count;
    if (total == 0)
        return;
    walk list = {values, count, 0, 0};
    quantiles->mean = sum / (double)total;
    quantiles->min = value_at(&list, 0);
    quantiles->p10 = percentile(&list, total, 10);
    quantiles->p25 = percentile(&list, total, 25);
    quantiles->median = percentile(&list, total, 50);
    quantiles->p75 = percentile(&list, total, 75);
    quantiles->p90 = percentile(&list, total, 90);
    quantiles->p95 = percentile(&list, total, 95);
    quantiles->p99 = percentile(&list, total, 99);
    quantiles->max = value_at(&list, total - 1);
}
