/* Groups of the alike: the order of the list, whatever order it came in, and visits dealt within groups. */
#include "prefix/model/alike.h"

#include "trace_support.h"

#include <stdlib.h>

enum { MOST = 1500 };

static int compare(const void *a, const void *b) {
    const mt_alike *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* `count` of them, of few kinds, with items that go up, or in no order. */
static void make(mt_alike *list, uint32_t count, int goes_up, uint64_t *random) {
    for (uint32_t i = 0; i < count; i++)
        list[i] = (mt_alike){.kind = mt_alike_kind((uint32_t)below(random, 3) << 30,
                                                   (uint32_t)below(random, 2), 1, 2),
                             .distance = (double)below(random, 1 + i) / 4,
                             .item = 3 * i,
                             .visits = 1 + (uint32_t)below(random, 50)};
    for (uint32_t i = count; !goes_up && i > 1; i--) {
        uint32_t other = (uint32_t)below(random, i);
        mt_alike one = list[i - 1];
        list[i - 1] = list[other];
        list[other] = one;
    }
}

/* The list is what it was, in order, but for visits. */
static void assert_order(const mt_alike *list, mt_alike *before, uint32_t count) {
    qsort(before, count, sizeof *before, compare);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(list[i].item, before[i].item);
        assert_true(list[i].kind == before[i].kind && list[i].distance == before[i].distance);
    }
}

/* A group is of one kind, and its visits are those that it had, going up. */
static void assert_group(const mt_alike *list, const mt_alike *before, uint32_t begin,
                         uint32_t end) {
    uint64_t sum = 0, squares = 0;
    assert_true(begin < end);
    for (uint32_t i = begin; i < end; i++) {
        uint64_t now = list[i].visits, then = before[i].visits;
        assert_true(list[i].kind == list[begin].kind);
        assert_true(i == begin || list[i].visits >= list[i - 1].visits);
        sum += now - then;
        squares += now * now - then * then;
    }
    assert_true(sum == 0 && squares == 0);
}

static void test_groups(void **state) {
    (void)state;
    static const uint32_t counts[] = {0, 1, 2, 30, 255, 256, 257, 700, MOST};
    static mt_alike list[MOST], before[MOST];
    static uint32_t ends[MOST], scratch[MOST];
    uint64_t random = 3;
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        for (int goes_up = 0; goes_up < 2; goes_up++) {
            uint32_t count = counts[k], begin = 0;
            make(list, count, goes_up, &random);
            memcpy(before, list, sizeof list);
            uint32_t groups = mt_alike_group(list, count, ends, scratch);
            assert_order(list, before, count);
            for (uint32_t g = 0; g < groups; begin = ends[g++])
                assert_group(list, before, begin, ends[g]);
            assert_int_equal(begin, count);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_groups)};
    return cmocka_run_group_tests_name("alike", tests, NULL, NULL);
}
