/* A fuzz target in libFuzzer's shape: a model that is read, written and read again is the same.
 *   clang -std=c11 -D_DEFAULT_SOURCE -Icore -fsanitize=fuzzer,address -o fuzz-model \
 *     tests/fuzz/model.c core/{base,hash,trace,prefix,stats,random}/[a-z]*.c -lz -lm
 * Its seeds are the files that `moontide learn` makes of small traces. */
#define _GNU_SOURCE /* memfd_create */
#include "prefix/model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition) {
    if (!condition)
        abort();
}

static const char *name_of(int file) {
    static char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    return name;
}

static mt_model *read_file(int file, mt_error *error) {
    check(lseek(file, 0, SEEK_SET) == 0);
    mt_input *input = mt_input_open(name_of(file), error);
    check(input != NULL);
    mt_model *model = mt_model_read(input, error);
    mt_input_close(input);
    return model;
}

static void check_same(const mt_model *a, const mt_model *b) {
    check(a->block_size == b->block_size && a->count == b->count && a->run_count == b->run_count &&
          a->gaps_in_order == b->gaps_in_order);
    check(memcmp(a->descriptions, b->descriptions, a->count * sizeof *a->descriptions) == 0);
    check(a->run_count == 0 || memcmp(a->runs, b->runs, a->run_count * sizeof *a->runs) == 0);
    check(memcmp(a->gaps_ns, b->gaps_ns, a->count * sizeof *a->gaps_ns) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mt_error error = {0};
    int file = memfd_create("model", 0), second = memfd_create("again", 0);
    check(file >= 0 && second >= 0 && write(file, data, size) == (ssize_t)size);
    mt_model *model = read_file(file, &error);
    check(model || (error.code == MT_ERROR_INPUT && error.message[0]));
    if (model) {
        mt_output *output = mt_output_open(name_of(second), &error);
        check(output && mt_model_write(model, 1, output, &error) == MT_OK);
        check(mt_output_finish(output, &error) == MT_OK);
        mt_model *again = read_file(second, &error);
        check(again != NULL);
        check_same(model, again);
        mt_model_release(again);
    }
    mt_model_release(model);
    close(file);
    close(second);
    return 0;
}
