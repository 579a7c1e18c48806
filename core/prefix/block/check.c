#include "prefix/block/check.h"

mt_code mt_check_request(const mt_request *request, uint64_t block_size, int needs_output,
                         const char *needed_by, mt_error *error) {
    const char *missing = NULL;
    if (!(request->has & MT_HAS_INPUT_LENGTH))
        missing = "input_length";
    else if (needs_output && !(request->has & MT_HAS_OUTPUT_LENGTH))
        missing = "output_length";
    if (missing)
        return mt_fail_at(error, MT_ERROR_INPUT, "", request->line, 0,
                          "%s is missing, and %s needs it", missing, needed_by);
    mt_code code = mt_check_blocks(request, block_size, error);
    if (code != MT_OK && error)
        error->line = request->line;
    return code;
}

mt_code mt_check_time(const mt_request *request, int64_t last_ns, const char *needed_by,
                      mt_error *error) {
    if (!(request->has & MT_HAS_TIME))
        return mt_fail_at(
            error, MT_ERROR_INPUT, "", request->line, 0, "timestamp is missing, and %s needs it%s",
            needed_by,
            request->has & MT_HAS_DELAY
                ? ": from a delay alone nobody knows when the answer before it "
                  "ended (moontide cat --times-from-delays says it by a service's speed)"
                : "");
    if (request->time_ns < last_ns)
        return mt_fail_at(error, MT_ERROR_INPUT, "", request->line, 0,
                          "the timestamp is earlier than the one before ('moontide cat --sort' "
                          "puts a trace in order)");
    return MT_OK;
}
