/* A fuzz target in libFuzzer's shape: answers are understood the same however they are split.
 *   clang -std=c11 -D_DEFAULT_SOURCE -Icore -fsanitize=fuzzer,address,undefined -o fuzz-answer \
 *     tests/fuzz/answer.c core/drive/http/message.c
 * Its seeds are in tests/fuzz/answer. */
#include "http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_all_splits(MT_HTTP_ANSWER, data, size);
    return 0;
}
