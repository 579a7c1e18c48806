/* The fuzz target over its seeds, all of their prefixes and some thousands of mutations of them. */
#include "../fuzz/scanner.c" /* first: it asks for more of the system */

#include "trace_support.h"

enum { SEEDS = 64, LINE_SIZE = 1024, MUTATIONS = 40000 };

static char seeds[SEEDS][LINE_SIZE];
static size_t lengths[SEEDS];
static size_t seed_count;

static int read_seeds(void **state) {
    (void)state;
    FILE *file = fopen("tests/fuzz/scanner.txt", "r");
    if (!file)
        return -1;
    while (seed_count < SEEDS && fgets(seeds[seed_count], LINE_SIZE, file)) {
        lengths[seed_count] = strcspn(seeds[seed_count], "\n");
        seed_count++;
    }
    fclose(file);
    return seed_count > 0 ? 0 : -1;
}

static void test_seeds_are_accepted(void **state) {
    (void)state;
    mt_scan_buffer buffer = {0};
    for (size_t i = 0; i < seed_count; i++) {
        mt_request request = {0};
        mt_error error;
        char *text = padded(seeds[i], lengths[i]);
        if (mt_scan_request(text, lengths[i], &buffer, &request, &error) != MT_OK)
            fail_msg("%s: column %d: %s", seeds[i], (int)error.column, error.message);
        LLVMFuzzerTestOneInput((const uint8_t *)seeds[i], lengths[i]);
        free(text);
    }
    mt_scan_buffer_free(&buffer);
}

static void test_prefixes(void **state) {
    (void)state;
    for (size_t i = 0; i < seed_count; i++)
        for (size_t length = 0; length < lengths[i]; length++)
            LLVMFuzzerTestOneInput((const uint8_t *)seeds[i], length);
}

/* One change: a byte of JSON's or any byte put, put in or taken out, or a piece of another seed. */
static size_t mutate(char *text, size_t length, uint64_t *random) {
    static const char likely[] = "{}[]:,\"\\ 0123456789-+.eEntfu\t\r\n";
    size_t at = (size_t)below(random, length + 1);
    char byte =
        below(random, 4) ? likely[below(random, sizeof likely - 1)] : (char)below(random, 256);
    switch (below(random, 4)) {
    case 0:
        if (at < length)
            text[at] = byte;
        return length;
    case 1:
        if (length + 1 > LINE_SIZE)
            return length;
        memmove(text + at + 1, text + at, length - at);
        text[at] = byte;
        return length + 1;
    case 2: {
        size_t count = (size_t)below(random, 8);
        if (count > length - at)
            count = length - at;
        memmove(text + at, text + at + count, length - at - count);
        return length - count;
    }
    default: {
        size_t other = (size_t)below(random, seed_count);
        size_t from = (size_t)below(random, lengths[other] + 1);
        size_t count = (size_t)below(random, lengths[other] - from + 1);
        if (count > 40)
            count = 40;
        if (length + count > LINE_SIZE)
            return length;
        memmove(text + at + count, text + at, length - at);
        memcpy(text + at, seeds[other] + from, count);
        return length + count;
    }
    }
}

static void test_mutations(void **state) {
    (void)state;
    uint64_t random = 1;
    char text[LINE_SIZE];
    for (int round = 0; round < MUTATIONS; round++) {
        size_t seed = (size_t)below(&random, seed_count);
        size_t length = lengths[seed];
        memcpy(text, seeds[seed], length);
        for (uint64_t changes = 1 + below(&random, 4); changes > 0; changes--)
            length = mutate(text, length, &random);
        LLVMFuzzerTestOneInput((const uint8_t *)text, length);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds_are_accepted),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests_name("scanner_fuzz", tests, read_seeds, NULL);
}
