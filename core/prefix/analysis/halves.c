#include "prefix/analysis/halves.h"

#include "prefix/analysis/locality_state.h"
#include "random/generator.h"

struct mt_halves {
    mt_random random;
    mt_big numbers[2]; /* uint32_t by the whole trace's number: the half's, and 1; 0: none yet */
    uint32_t counts[2];
    uint32_t sessions; /* seen so far */
    uint64_t units[2];
    uint64_t *ids; /* of the request at hand */
    size_t capacity;
};

mt_halves *mt_halves_new(uint64_t seed, mt_error *error) {
    mt_halves *halves = mt_new(sizeof *halves, "halves", error);
    if (halves)
        mt_random_begin(&halves->random, seed, "compare", "halves");
    return halves;
}

void mt_halves_seal(mt_halves *halves) {
    mt_big_free(&halves->numbers[0]);
    mt_big_free(&halves->numbers[1]);
    mt_free(halves->ids);
    halves->ids = NULL;
    halves->capacity = 0;
}

void mt_halves_free(mt_halves *halves) {
    if (!halves)
        return;
    mt_halves_seal(halves);
    mt_free(halves);
}

/* Where the request goes; counts what is new. */
static int half_of(mt_halves *halves, const mt_locality *whole) {
    size_t at = whole->row_count - 1;
    uint32_t session = whole->rows[at].session;
    int is_alone = session == MT_NO_SESSION;
    mt_random_seek(&halves->random, 2 * (uint64_t)(is_alone ? at : session) + (uint64_t)is_alone);
    int which = (int)(mt_random_u32(&halves->random) & 1);
    /* Sessions are numbered as they come. */
    if (is_alone || session == halves->sessions) {
        halves->units[which]++;
        halves->sessions += !is_alone;
    }
    return which;
}

mt_code mt_halves_place(mt_halves *halves, const mt_locality *whole, const mt_request *request,
                        int *which, mt_request *part, mt_error *error) {
    size_t count = request->has & MT_HAS_HASH_IDS ? request->hash_count : 0;
    uint64_t most = 0;
    for (size_t i = 0; i < count; i++)
        most = request->hash_ids[i] > most ? request->hash_ids[i] : most;
    *which = half_of(halves, whole);
    mt_big *numbers = &halves->numbers[*which];
    if (MT_GROW(halves->ids, halves->capacity, count) ||
        (count > 0 && mt_big_reserve(numbers, (size_t)(most + 1) * sizeof(uint32_t))))
        return mt_fail_memory(error, "halves");
    uint32_t *of = numbers->data;
    for (size_t i = 0; i < count; i++) {
        uint32_t *number = &of[request->hash_ids[i]];
        if (*number == 0)
            *number = ++halves->counts[*which];
        halves->ids[i] = *number - 1;
    }
    *part = *request;
    part->hash_ids = halves->ids;
    return MT_OK;
}

uint64_t mt_halves_units(const mt_halves *halves, int which) {
    return halves->units[which];
}
