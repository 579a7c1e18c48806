#include "prefix/check.h"

mt_code mt_check_request(const mt_request *request, uint64_t block_size, const char *needed_by,
                         mt_error *error) {
    const char *missing = !(request->has & MT_HAS_INPUT_LENGTH)    ? "input_length"
                          : !(request->has & MT_HAS_OUTPUT_LENGTH) ? "output_length"
                                                                   : NULL;
    if (missing)
        return mt_fail_at(error, MT_ERROR_INPUT, "", request->line, 0,
                          "%s is missing, and %s needs it", missing, needed_by);
    mt_code code = mt_check_blocks(request, block_size, error);
    if (code != MT_OK && error)
        error->line = request->line;
    return code;
}
