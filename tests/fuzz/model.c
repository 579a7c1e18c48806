/* A fuzz target: a model that is read, written and read again is the same. */
#include "fuzz.h"

#include "prefix/model/text.h"

static mt_model *read_file(int file, mt_error *error) {
    mt_input *input = mt_input_open(path_of(file), error);
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

/* Writes it into an empty file. */
static void put_model(const mt_model *model, int file) {
    mt_output *output = mt_output_open(path_of(file), NULL);
    check(output && mt_model_write(model, 1, output, NULL) == MT_OK);
    check(mt_output_finish(output, NULL) == MT_OK);
}

/* Chains, answers and all the rest: the texts are the same. */
static void check_same_texts(int a, int b) {
    char some[4096], others[4096];
    ssize_t length;
    off_t at = 0;
    while ((length = pread(a, some, sizeof some, at)) > 0) {
        check(pread(b, others, sizeof others, at) == length);
        check(memcmp(some, others, (size_t)length) == 0);
        at += length;
    }
    check(pread(b, others, sizeof others, at) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mt_error error = {0};
    int file = file_of(data, size), second = file_of("", 0), third = file_of("", 0);
    mt_model *model = read_file(file, &error);
    check(model || (error.code == MT_ERROR_INPUT && error.message[0]));
    if (model) {
        put_model(model, second);
        mt_model *again = read_file(second, &error);
        check(again != NULL);
        check_same(model, again);
        put_model(again, third);
        check_same_texts(second, third);
        mt_model_release(again);
    }
    mt_model_release(model);
    close(file);
    close(second);
    close(third);
    return 0;
}
