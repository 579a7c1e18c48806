#include "prefix/block/id_table.h"

#include "base/assert.h"
#include "base/interrupt.h"
#include "base/memory.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Ids looked up together: enough to keep all of a core's outstanding misses busy, and few where
 * most turn out to be the ones that were guessed. */
enum { FEWEST = 8, MOST = 256 };

/* Below so many bytes of slots a table doubles; from there on it grows by half, which bounds what
 * is never used. */
enum { DOUBLED_BELOW = 128 << 20 };

enum { SLOTS = 8 };

/* Slots are filled from the first one on; as long as the last one is empty, its hash is how many
 * are filled. What finds its bucket full lies in the next that is not; after the last one comes the
 * first. */
typedef struct bucket {
    uint32_t hashes[SLOTS];
    uint32_t numbers[SLOTS]; /* + 1; 0: the slot is empty */
} bucket;

struct mt_id_table {
    mt_big buckets; /* bucket[capacity] */
    mt_big ids;     /* uint64_t[count], by number */
    uint64_t capacity;
    uint64_t count;
    uint64_t first; /* the number that the last call began with */
    size_t group;   /* ids to look up together, FEWEST to MOST */
};

/* ---- buckets ---- */

/* The steps of splitmix64's finisher (Steele, Lea, Flood 2014), of which the upper half is kept:
 * every bit of the id moves it. */
static uint32_t hash_of(uint64_t id) {
    id += UINT64_C(0x9e3779b97f4a7c15);
    id = (id ^ id >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    id = (id ^ id >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((id ^ id >> 31) >> 32);
}

/* Hashes spread over the buckets in their order (Lemire 2019). */
static uint64_t home_of(uint64_t capacity, uint32_t hash) {
    return hash * capacity >> 32;
}

static uint64_t after(uint64_t capacity, uint64_t at) {
    return at + 1 == capacity ? 0 : at + 1;
}

static uint64_t fitting(uint64_t capacity) {
    return capacity * SLOTS / 4 * 3; /* above that too many are full */
}

/* Which of eight numbers are equal to `value`: a bit each. */
static unsigned equal_ones(const uint32_t *eight, uint32_t value) {
#ifdef __SSE2__
    __m128i wanted = _mm_set1_epi32((int)value);
    __m128i low = _mm_cmpeq_epi32(_mm_loadu_si128((const __m128i *)eight), wanted);
    __m128i high = _mm_cmpeq_epi32(_mm_loadu_si128((const __m128i *)(eight + 4)), wanted);
    __m128i both = _mm_packs_epi32(low, high);
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(both, both)) & 0xff;
#else
    unsigned equal = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        equal |= (unsigned)(eight[i] == value) << i;
    return equal;
#endif
}

static int is_full(const bucket *one) {
    return one->numbers[SLOTS - 1] != 0;
}

/* Fills a slot of a bucket that is not full. */
static void put(bucket *one, uint32_t hash, uint32_t number) {
    uint32_t at = one->hashes[SLOTS - 1];
    one->hashes[SLOTS - 1] = at + 1;
    one->hashes[at] = hash;
    one->numbers[at] = number;
}

/* ---- growing ---- */

/* Slots that found no place above them. */
typedef struct leftovers {
    struct leftover {
        uint32_t hash, number;
    } * list;
    size_t count, capacity;
} leftovers;

/* Moves a slot that lay in bucket `from`, of which and of those above it nothing is left where it
 * was. */
static int move_up(mt_id_table *table, uint32_t hash, uint32_t number, uint64_t from,
                   leftovers *left) {
    bucket *buckets = table->buckets.data;
    uint64_t at = home_of(table->capacity, hash);
    if (at >= from) {
        while (at < table->capacity && is_full(&buckets[at]))
            at++;
        if (at < table->capacity) {
            put(&buckets[at], hash, number);
            return 0;
        }
    }
    if (MT_GROW(left->list, left->capacity, left->count + 1))
        return -1;
    left->list[left->count++] = (struct leftover){hash, number};
    return 0;
}

/* Moves all slots, which lay in the first `before` buckets, the last ones first. Left over are some
 * of the first, which had not found room in their own buckets, and what goes beyond the last
 * bucket. */
static int move_all(mt_id_table *table, uint64_t before, leftovers *left) {
    bucket *buckets = table->buckets.data;
    for (uint64_t from = before; from-- > 0;) {
        bucket one = buckets[from];
        buckets[from] = (bucket){{0}, {0}};
        for (unsigned i = 0; i < SLOTS && one.numbers[i] != 0; i++)
            if (move_up(table, one.hashes[i], one.numbers[i], from, left))
                return -1;
    }
    for (size_t i = 0; i < left->count; i++) {
        uint64_t at = home_of(table->capacity, left->list[i].hash);
        while (is_full(&buckets[at]))
            at = after(table->capacity, at);
        put(&buckets[at], left->list[i].hash, left->list[i].number);
    }
    return 0;
}

static int grow(mt_id_table *table) {
    size_t bytes = table->buckets.bytes;
    uint64_t before = table->capacity;
    leftovers left = {0};
    if (mt_big_reserve(&table->buckets, bytes < DOUBLED_BELOW ? 2 * bytes : bytes / 2 * 3))
        return -1;
    table->capacity = table->buckets.bytes / sizeof(bucket);
    int failed = move_all(table, before, &left);
    mt_free(left.list);
    return failed;
}

/* Room for `count` more ids, so that nothing grows while they are looked up. */
static mt_code make_room(mt_id_table *table, size_t count, mt_error *error) {
    if (count > MT_ID_TABLE_LIMIT - table->count)
        return mt_fail(error, MT_ERROR_VALUE, "more than 2^32 - 2 different ids");
    uint64_t wanted = table->count + count;
    if (mt_big_reserve(&table->ids, wanted * sizeof(uint64_t)) ||
        (wanted > fitting(table->capacity) && grow(table)))
        return mt_fail_memory(error, "table of ids");
    mt_assert(wanted <= fitting(table->capacity)); /* so there is a bucket that is not full */
    return MT_OK;
}

/* ---- looking up ---- */

/* Is it the id of that number? */
static int is_of(const mt_id_table *table, uint64_t number, uint64_t id) {
    return number < table->count && ((const uint64_t *)table->ids.data)[number] == id;
}

/* The number of an id; where it has none UINT64_MAX, and *room is the bucket in which it would lie. */
static uint64_t find(const mt_id_table *table, uint64_t id, uint32_t hash, uint64_t *room) {
    const bucket *buckets = table->buckets.data;
    for (uint64_t at = home_of(table->capacity, hash);; at = after(table->capacity, at)) {
        const bucket *one = &buckets[at];
        /* The hash of an empty slot may be equal too: it has no number. */
        for (unsigned equal = equal_ones(one->hashes, hash); equal != 0; equal &= equal - 1) {
            uint64_t number = (uint64_t)one->numbers[__builtin_ctz(equal)] - 1;
            if (is_of(table, number, id))
                return number;
        }
        if (!is_full(one)) {
            *room = at;
            return UINT64_MAX;
        }
    }
}

/* The number of an id, a new one where it has none. */
static uint64_t look_up(mt_id_table *table, uint64_t id, uint32_t hash) {
    uint64_t room, number = find(table, id, hash, &room);
    if (number != UINT64_MAX)
        return number;
    ((uint64_t *)table->ids.data)[table->count] = id;
    put((bucket *)table->buckets.data + room, hash, (uint32_t)++table->count);
    return table->count - 1;
}

/* Up to MOST ids in three passes, so that misses overlap: buckets, what lies behind them, and what
 * is found. Returns how many had the number after that of the one before them. */
static size_t look_up_group(mt_id_table *table, const uint64_t *ids, size_t count,
                            uint64_t *numbers) {
    uint32_t hashes[MOST], homes[MOST];
    const bucket *buckets = table->buckets.data;
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_of(ids[i]);
        homes[i] = (uint32_t)home_of(table->capacity, hashes[i]);
        __builtin_prefetch(buckets + homes[i], 1);
    }
    for (size_t i = 0; i < count; i++) {
        const bucket *one = buckets + homes[i];
        unsigned equal = equal_ones(one->hashes, hashes[i]);
        if (equal != 0)
            __builtin_prefetch((const uint64_t *)table->ids.data +
                               one->numbers[__builtin_ctz(equal)] - 1);
        else if (is_full(one))
            __builtin_prefetch(buckets + after(table->capacity, homes[i]), 1);
    }
    size_t followed = 0;
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        int follows = is_of(table, next, ids[i]);
        followed += (size_t)follows;
        numbers[i] = follows ? next : look_up(table, ids[i], hashes[i]);
        next = numbers[i] + 1;
    }
    return followed;
}

mt_code mt_id_table_of(mt_id_table *table, const uint64_t *ids, size_t count, uint64_t *numbers,
                       mt_error *error) {
    uint64_t next = table->first;
    for (size_t done = 0;;) {
        for (; done < count && is_of(table, next, ids[done]); done++)
            numbers[done] = next++;
        if (done == count)
            break;
        size_t some = count - done < table->group ? count - done : table->group;
        mt_code code = mt_poll_interrupt(error);
        if (code || (code = make_room(table, some, error)))
            return code;
        size_t followed = look_up_group(table, ids + done, some, numbers + done);
        if (followed > some / 2)
            table->group = table->group / 2 < FEWEST ? FEWEST : table->group / 2;
        else if (followed == 0)
            table->group = 2 * table->group > MOST ? MOST : 2 * table->group;
        done += some;
        next = numbers[done - 1] + 1;
    }
    if (count > 0)
        table->first = numbers[0];
    return MT_OK;
}

size_t mt_id_table_known(const mt_id_table *table, const uint64_t *ids, size_t count,
                         uint64_t *numbers) {
    uint64_t next = UINT64_MAX, room;
    for (size_t i = 0; i < count; i++) {
        numbers[i] =
            is_of(table, next, ids[i]) ? next : find(table, ids[i], hash_of(ids[i]), &room);
        if (numbers[i] == UINT64_MAX)
            return i;
        next = numbers[i] + 1;
    }
    return count;
}

/* ---- the table ---- */

mt_id_table *mt_id_table_new(uint64_t expected, mt_error *error) {
    const uint64_t most = (size_t)1 << 27; /* more is believed as it comes */
    mt_id_table *table = mt_new(sizeof *table, "table of ids", error);
    if (!table)
        return NULL;
    table->group = MOST;
    uint64_t first = (expected < most ? expected : most) + MOST;
    if (mt_big_reserve(&table->buckets, (first / fitting(1) + 1) * sizeof(bucket))) {
        mt_fail_memory(error, "table of ids");
        mt_id_table_free(table);
        return NULL;
    }
    table->capacity = table->buckets.bytes / sizeof(bucket);
    return table;
}

void mt_id_table_seal(mt_id_table *table) {
    mt_big_free(&table->buckets);
}

void mt_id_table_free(mt_id_table *table) {
    if (!table)
        return;
    mt_id_table_seal(table);
    mt_big_free(&table->ids);
    mt_free(table);
}

uint64_t mt_id_table_count(const mt_id_table *table) {
    return table->count;
}

const uint64_t *mt_id_table_ids(const mt_id_table *table) {
    return table->ids.data;
}
