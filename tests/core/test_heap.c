/* The heap: what is soonest comes first, equal items in one order, and a refused push loses
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/heap.h"

typedef struct due {
    double time;
    uint32_t number;
} due;

static int is_sooner(const due *a, const due *b) {
    return a->time < b->time || (a->time == b->time && a->number < b->number);
}

MT_HEAP(due_heap, due, is_sooner)

static uint64_t below(uint64_t *random, uint64_t limit) {
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (*random >> 33) % limit;
}

/* Pushed and popped turn about: whatever is popped is in order, and nothing is lost. */
static void test_order(void **state) {
    (void)state;
    due_heap heap = {0};
    uint64_t random = 1;
    uint32_t number = 0;
    double sum = 0;
    for (int round = 0; round < 50; round++) {
        due before = {-1, 0};
        for (uint32_t k = 0; k < 40; k++) {
            due pushed = {(double)below(&random, 30), number++};
            sum += pushed.time;
            assert_int_equal(due_heap_push(&heap, pushed), 0);
        }
        for (uint64_t k = round < 49 ? below(&random, heap.count) : heap.count; k > 0; k--) {
            due popped = due_heap_pop(&heap);
            assert_true(is_sooner(&before, &popped));
            sum -= popped.time;
            before = popped;
        }
    }
    assert_int_equal(heap.count, 0);
    assert_true(sum == 0);
    mt_free(heap.items);
}

/* The first item becomes later again and again, as a merge of streams has it. */
static void test_sift_down(void **state) {
    (void)state;
    enum { STREAMS = 7, STEPS = 1000 };
    due items[STREAMS];
    due_heap heap = {.items = items, .count = STREAMS, .capacity = STREAMS};
    uint64_t random = 2;
    for (uint32_t i = 0; i < STREAMS; i++)
        items[i] = (due){0, i};
    due before = {-1, 0};
    for (int step = 0; step < STEPS; step++) {
        assert_true(is_sooner(&before, &items[0]));
        for (uint32_t i = 1; i < STREAMS; i++)
            assert_true(is_sooner(&items[0], &items[i]));
        before = items[0];
        items[0].time += 1 + (double)below(&random, 3);
        due_heap_sift_down(&heap, 0);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    due_heap heap = {0};
    mt_memory_fail_at(2, 1);
    uint32_t pushed = 0;
    while (due_heap_push(&heap, (due){1000 - pushed, pushed}) == 0)
        pushed++;
    mt_memory_fail_at(0, 0);
    assert_true(pushed > 0);
    assert_int_equal(heap.count, pushed);
    for (uint32_t i = pushed; i-- > 0;)
        assert_int_equal(due_heap_pop(&heap).number, i);
    mt_free(heap.items);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_sift_down),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
