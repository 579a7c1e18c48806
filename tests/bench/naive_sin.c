/* naive_sin FILE: the work of
 *   moontide sin --time-duration 3600 --request-rate-min 20 --request-rate-max 100
 *                --request-rate-period 600
 * as one would write it in an afternoon: a 48-bit linear congruential generator, Knuth's method for
 * the Poisson counts, an open-addressing table from (parent, block) to id that doubles when half
 * full, and one fprintf a number. The floor that `moontide sin` is held against. */
#include "bench.h"

#include <math.h>

enum { BLOCK_SIZE = 512, TOTAL_BLOCKS = 10000, DURATION = 3600 };

static double uniform(uint64_t *state) {
    *state = (*state * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF;
    return (double)*state / (double)((uint64_t)1 << 48);
}

static int poisson(uint64_t *state, double mean) {
    double product = uniform(state), limit = exp(-mean);
    int count = 0;
    while (product > limit) {
        product *= uniform(state);
        count++;
    }
    return count;
}

/* lo at t = 0, hi half a period later. */
static double swing(double low, double high, double period, double t) {
    return (low + high) / 2 + (high - low) / 2 * sin(2 * M_PI / period * t - M_PI / 2);
}

/* ---- ids ---- */

typedef struct entry {
    uint64_t key; /* parent and block in one number, from 1 on; 0: a free slot */
    int64_t id;
} entry;

typedef struct table {
    entry *slots;
    size_t size; /* a power of 2 */
    int64_t count;
} table;

static entry *find(const table *ids, uint64_t key) {
    size_t i = (size_t)(key * 0x9E3779B97F4A7C15 >> 32) & (ids->size - 1);
    while (ids->slots[i].key != 0 && ids->slots[i].key != key)
        i = (i + 1) & (ids->size - 1);
    return &ids->slots[i];
}

static void resize(table *ids, size_t size) {
    table bigger = {calloc(size, sizeof(entry)), size, ids->count};
    bench_require(bigger.slots != NULL, "naive_sin: out of memory");
    for (size_t i = 0; i < ids->size; i++)
        if (ids->slots[i].key != 0)
            *find(&bigger, ids->slots[i].key) = ids->slots[i];
    free(ids->slots);
    *ids = bigger;
}

/* parent -1: none. */
static int64_t id_of(table *ids, int64_t parent, int64_t block) {
    uint64_t key = (uint64_t)(parent + 1) * TOTAL_BLOCKS + (uint64_t)block + 1;
    entry *slot = find(ids, key);
    if (slot->key == key)
        return slot->id;
    if (2 * (size_t)ids->count >= ids->size) {
        resize(ids, 2 * ids->size);
        slot = find(ids, key);
    }
    *slot = (entry){key, ids->count};
    return ids->count++;
}

/* ---- requests ---- */

static void write_request(FILE *file, table *ids, uint64_t *state, double time) {
    int is_first = uniform(state) < swing(0.2, 0.8, 10, time);
    int isl = is_first ? 100 : 5000, osl = is_first ? 2000 : 100;
    int64_t id = -1;
    fprintf(file,
            "{\"timestamp\": %d, \"input_length\": %d, \"output_length\": %d, \"hash_ids\": [",
            (int)floor(1000 * time), isl, osl);
    for (int i = 0; i < (isl + BLOCK_SIZE - 1) / BLOCK_SIZE; i++) {
        id = id_of(ids, id, (int64_t)(uniform(state) * TOTAL_BLOCKS));
        fprintf(file, i > 0 ? ", %lld" : "%lld", (long long)id);
    }
    fprintf(file, "]}\n");
}

int main(int count, char **arguments) {
    table ids = {NULL, 0, 0};
    uint64_t state = 1;
    bench_require(count == 2, "usage: naive_sin FILE");
    FILE *file = fopen(arguments[1], "w");
    bench_require(file != NULL, "naive_sin: cannot create the file");
    resize(&ids, 1024);
    for (int t = 0; t < DURATION; t++) {
        int requests = poisson(&state, swing(20, 100, 600, t));
        for (int i = 0; i < requests; i++)
            write_request(file, &ids, &state, t + (double)i / requests);
    }
    free(ids.slots);
    bench_require(fclose(file) == 0, "naive_sin: cannot write the file");
    return 0;
}
