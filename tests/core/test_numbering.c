/* Ids as numbers by first appearance: beside a plain list, and memory that is out. */
#include "prefix/block/numbering.h"

#include "base/memory.h"
#include "prefix_support.h"
#include "sweep.h"

static uint64_t plain_number(uint64_t *seen, size_t *count, uint64_t id) {
    for (size_t i = 0; i < *count; i++)
        if (seen[i] == id)
            return i;
    seen[*count] = id;
    return (*count)++;
}

static void compare_with_plain(const plain_trace *trace) {
    static uint64_t seen[TRACE_REQUESTS * TRACE_BLOCKS];
    size_t count = 0;
    mt_numbering *numbering = mt_numbering_new(NULL);
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        const uint64_t *numbers = mt_numbering_of(numbering, trace->ids[r], trace->count[r], NULL);
        assert_non_null(numbers);
        for (size_t i = 0; i < trace->count[r]; i++)
            assert_int_equal(numbers[i], plain_number(seen, &count, trace->ids[r][i]));
    }
    mt_numbering_free(numbering);
}

static void test_against_plain(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 1;
    for (int kind = 0; kind < ID_KINDS; kind++)
        for (int round = 0; round < 5; round++) {
            make_plain_trace(&trace, (id_kind)kind, &random);
            compare_with_plain(&trace);
        }
}

/* Ids that are their numbers are handed back, wherever they stand. */
static void test_nothing_stored(void **state) {
    (void)state;
    static const uint64_t ids[] = {0, 0, 1, 0, 2, 2, 1, 3};
    mt_numbering *numbering = mt_numbering_new(NULL);
    assert_ptr_equal(mt_numbering_of(numbering, ids, 8, NULL), ids);
    assert_ptr_equal(mt_numbering_of(numbering, ids, 8, NULL), ids);
    const uint64_t later[] = {3, 5, 4};
    const uint64_t *numbers = mt_numbering_of(numbering, later, 3, NULL);
    assert_memory_equal(numbers, ((uint64_t[]){3, 4, 5}), 3 * sizeof *numbers);
    assert_memory_equal(mt_numbering_seal(numbering), ((uint64_t[]){0, 1, 2, 3, 5, 4}),
                        6 * sizeof *numbers);
    mt_numbering_free(numbering);
    assert_non_null(numbering = mt_numbering_after(7, NULL));
    assert_null(mt_numbering_seal(numbering));
    mt_numbering_free(numbering);
    mt_numbering_free(NULL);
}

static void test_out_of_memory(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 2;
    make_plain_trace(&trace, IDS_RENAMED, &random);
    for (sweep all = {0}; sweep_next(&all);) {
        mt_numbering *numbering = mt_numbering_new(&all.error);
        int failed = !numbering;
        for (size_t r = 0; !failed && r < TRACE_REQUESTS; r++)
            failed = !mt_numbering_of(numbering, trace.ids[r], trace.count[r], &all.error);
        all.code = failed ? all.error.code : MT_OK;
        mt_numbering_free(numbering);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_nothing_stored),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("numbering", tests, NULL, NULL);
}
