/* ids COUNT LOOKUPS: the id table, grown from nothing to COUNT keys.
 *
 *   grow        seconds to give COUNT new ids, 4096 at a time, growing included
 *   memory      bytes in use then
 *   look_up     seconds for LOOKUPS random keys that are there, 1024 at a time
 *   reads       seconds for LOOKUPS random reads of 8 bytes among 16 * COUNT */
#include "base/memory.h"
#include "bench.h"
#include "hash/ids.h"

enum { GROW_BATCH = 4096, LOOK_UP_BATCH = 1024 };

static const mt_key no_parent = {0, 0};

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005 + 1442695040888963407;
    return *state >> 20;
}

static mt_ids *grow(uint64_t count) {
    mt_key keys[GROW_BATCH];
    uint64_t out[GROW_BATCH];
    double start = bench_now();
    mt_ids *ids = mt_ids_new(0, NULL);
    bench_require(ids != NULL, "ids: out of memory");
    for (uint64_t done = 0; done < count;) {
        size_t batch = 0;
        for (; batch < GROW_BATCH && done < count; batch++)
            keys[batch] = mt_key_number(no_parent, done++);
        bench_require(mt_ids_of(ids, keys, batch, out, NULL) == MT_OK, "ids: out of memory");
    }
    printf("grow %.9f\n", bench_now() - start);
    printf("memory %llu\n", (unsigned long long)mt_ids_memory(ids));
    return ids;
}

static void look_up(mt_ids *ids, uint64_t count, size_t lookups) {
    uint64_t out[LOOK_UP_BATCH], state = 1, sum = 0;
    mt_key *keys = mt_allocate(lookups, sizeof *keys);
    bench_require(keys != NULL, "ids: out of memory");
    for (size_t i = 0; i < lookups; i++)
        keys[i] = mt_key_number(no_parent, next_random(&state) % count);
    double start = bench_now();
    for (size_t i = 0; i < lookups; i += LOOK_UP_BATCH) {
        size_t batch = lookups - i < LOOK_UP_BATCH ? lookups - i : LOOK_UP_BATCH;
        bench_require(mt_ids_of(ids, keys + i, batch, out, NULL) == MT_OK, "ids: out of memory");
        sum += out[0];
    }
    bench_keep((double)sum);
    printf("look_up %.9f\n", bench_now() - start);
    bench_require(mt_ids_count(ids) == count, "ids: a key that was there was not found");
    mt_free(keys);
}

static void read_randomly(uint64_t count, size_t lookups) {
    mt_big big = {0};
    uint64_t state = 1, sum = 0;
    bench_require(mt_big_reserve(&big, (size_t)count * 16) == 0, "ids: out of memory");
    uint64_t *numbers = big.data;
    for (uint64_t i = 0; i < 2 * count; i++)
        numbers[i] = i;
    double start = bench_now();
    for (size_t i = 0; i < lookups; i++)
        sum += numbers[2 * (next_random(&state) % count)];
    bench_keep((double)sum);
    printf("reads %.9f\n", bench_now() - start);
    mt_big_free(&big);
}

int main(int argument_count, char **arguments) {
    bench_require(argument_count == 3, "usage: ids COUNT LOOKUPS");
    uint64_t count = strtoull(arguments[1], NULL, 10);
    size_t lookups = (size_t)strtoull(arguments[2], NULL, 10);
    bench_require(count > 0, "ids: COUNT must be at least 1");
    mt_ids *ids = grow(count);
    look_up(ids, count, lookups);
    mt_ids_free(ids);
    read_randomly(count, lookups);
    return 0;
}
