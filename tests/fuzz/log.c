/* A fuzz target: logs of servers, of the format that their beginning shows. */
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mt_log_options options = {.time_digits = -1};
    check_log(data, size, &options);
    return 0;
}
