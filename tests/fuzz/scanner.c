/* A fuzz target: whatever is accepted, written and read again is the same. Its seeds, the lines of
 * scanner.txt, are those of tests/core/test_scanner_fuzz.c too, which runs it without a fuzzer. */
#include "fuzz.h"

#include "text/json.h"
#include "trace/scanner.h"
#include "trace/writer.h"

static char *with_slack(const void *data, size_t size) {
    char *text = malloc(size + 64);
    check(text != NULL);
    memcpy(text, data, size);
    memset(text + size, '\n', 64);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mt_scan_buffer first = {0}, second = {0};
    mt_request request = {0}, again = {0};
    mt_error error = {0};
    char *text = with_slack(size ? (const void *)data : "", size);
    mt_code code = mt_scan_request(text, size, &first, &request, &error);
    /* A request is a JSON value; what is refused names a place in the text. */
    check(code != MT_OK || mt_json_check(text, size, &error) == MT_OK);
    check(code == MT_OK || (error.column >= 1 && error.column <= size + 1 && error.message[0]));
    for (int compact = 0; code == MT_OK && compact < 2; compact++) {
        mt_trace_format format = {.compact = compact, .timestamp_digits = 6};
        char *line = malloc(mt_request_bound(&request, &format) + 64);
        check(line != NULL);
        size_t length = (size_t)(mt_request_write(&request, &format, line) - line);
        check(length <= mt_request_bound(&request, &format) && line[length - 1] == '\n');
        memset(line + length, '\n', 64);
        check(mt_scan_request(line, length - 1, &second, &again, &error) == MT_OK);
        check(again.has == request.has && again.time_ns == request.time_ns &&
              again.delay_ns == request.delay_ns && again.hash_count == request.hash_count &&
              again.input_length == request.input_length &&
              again.output_length == request.output_length);
        check(request.hash_count == 0 ||
              memcmp(again.hash_ids, request.hash_ids, request.hash_count * sizeof(uint64_t)) == 0);
        check(again.extra.length == request.extra.length &&
              memcmp(again.extra.text ? again.extra.text : "",
                     request.extra.text ? request.extra.text : "", again.extra.length) == 0);
        free(line);
    }
    mt_scan_buffer_free(&first);
    mt_scan_buffer_free(&second);
    free(text);
    return 0;
}
