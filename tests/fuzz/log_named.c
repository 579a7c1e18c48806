/* A fuzz target: logs whose columns or members the caller names. */
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int is_json = size > 0 && (data[0] == '{' || data[0] == '[');
    mt_log_options options = {.format = is_json ? "json" : "csv",
                              .columns = {"t", is_json ? "n.in" : "in", "o", "s", "m", "y"},
                              .time_digits = 6,
                              .tokens_per_char = size % 2 ? 0.25 : 0};
    check_log(data, size, &options);
    return 0;
}
