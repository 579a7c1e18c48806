#include "random/distribution.h"

#include "base/assert.h"
#include "base/memory.h"

#include <math.h>

typedef struct cell {
    double keep;  /* the chance of this index itself */
    size_t other; /* the index drawn otherwise */
} cell;

struct mt_alias {
    size_t count;
    cell cells[];
};

static mt_code check_weights(const double *weights, size_t count, double *total, mt_error *error) {
    double largest = 0;
    if (count == 0)
        return mt_fail(error, MT_ERROR_VALUE, "there must be at least one weight");
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(weights[i]) || weights[i] < 0)
            return mt_fail(error, MT_ERROR_VALUE,
                           "weight %zu must be a finite number, 0 or more (it is %g)", i + 1,
                           weights[i]);
        largest = fmax(largest, weights[i]);
    }
    if (largest == 0)
        return mt_fail(error, MT_ERROR_VALUE, "at least one weight must be above 0");
    *total = 0;
    for (size_t i = 0; i < count; i++)
        *total += weights[i] / largest;
    *total *= largest;
    if (!isfinite(*total))
        return mt_fail(error, MT_ERROR_VALUE, "the weights' sum must be finite");
    return MT_OK;
}

/* Vose's table: cells that are too full give to cells that are not, each cell keeps two owners.
 * `order` holds the too small from the front and the too large from the back. */
static void fill(mt_alias *alias, const double *weights, double total, size_t *order) {
    size_t count = alias->count;
    size_t small = 0;
    size_t large = count;
    for (size_t i = 0; i < count; i++) {
        alias->cells[i].keep = weights[i] / total * (double)count;
        alias->cells[i].other = i;
        order[alias->cells[i].keep < 1 ? small++ : --large] = i;
    }
    while (small > 0 && large < count) {
        size_t poor = order[--small];
        size_t rich = order[large];
        mt_assert(poor != rich && alias->cells[poor].keep < 1 && alias->cells[rich].keep >= 1);
        alias->cells[poor].other = rich;
        alias->cells[rich].keep -= 1 - alias->cells[poor].keep;
        if (alias->cells[rich].keep < 1) {
            large++;
            order[small++] = rich;
        }
    }
    /* What rounding leaves without a giver lacks its last bits only: as long as one lacks more, the
     * rich cell that must still fill it holds that much above 1. */
    while (small > 0)
        alias->cells[order[--small]].keep = 1;
}

mt_alias *mt_alias_new(const double *weights, size_t count, mt_error *error) {
    double total = 0;
    if (check_weights(weights, count, &total, error))
        return NULL;
    /* The weights are in memory: twice their bytes are no more than a size_t holds. */
    mt_alias *alias = mt_allocate(sizeof(mt_alias) + count * sizeof(cell), 1);
    size_t *order = alias ? mt_allocate(count, sizeof *order) : NULL;
    if (!order) {
        mt_free(alias);
        return mt_null(mt_fail_memory(error, "alias table"));
    }
    alias->count = count;
    fill(alias, weights, total, order);
    mt_free(order);
    return alias;
}

size_t mt_alias_draw(const mt_alias *alias, mt_random *random) {
    size_t index = mt_random_below(random, alias->count);
    const cell *drawn = &alias->cells[index];
    return mt_random_uniform(random) < drawn->keep ? index : drawn->other;
}

void mt_alias_free(mt_alias *alias) {
    mt_free(alias);
}
