/* A fuzz target: what is read of a run's lines can be counted; merged as a shard's and read again it is the
 * same; a file that is cut gives no more than its whole lines. */
#include "fuzz.h"

#include "base/memory.h"
#include "drive/measure/merge.h"

static mt_code read_all(mt_run_requests *requests, const void *data, size_t size, int *cut) {
    mt_error error = {0};
    int file = file_of(data, size);
    mt_code code = mt_run_requests_read(requests, path_of(file), 0, cut, &error);
    check(code == MT_OK || (code == MT_ERROR_INPUT && error.message[0] && error.line > 0));
    close(file);
    return code;
}

static void count_all(mt_results *results, const mt_run_requests *requests) {
    char text[MT_ENDPOINT_ROOM];
    mt_results_begin(results, NULL, 0);
    for (size_t i = 0; i < requests->count; i++) {
        check(mt_results_add_row(results, requests, i, NULL) == MT_OK);
        mt_run_requests_member(requests, i, i % 2 ? "tenant" : MT_BY_ENDPOINT, text);
    }
    check(results->due == requests->count);
    check(results->due == results->done + results->failed + results->cancelled + results->not_sent);
}

static void check_merged(const void *data, size_t size, const mt_run_requests *requests,
                         const mt_results *results) {
    int file = file_of(data, size), target = file_of("", 0), cut = 0;
    char path[64], to[64];
    const char *paths[] = {path};
    snprintf(path, sizeof path, "%s", path_of(file));
    snprintf(to, sizeof to, "%s", path_of(target));
    mt_output *output = mt_output_open(to, NULL);
    check(output != NULL);
    if (mt_merge_write(requests, paths, 1, output, NULL) != MT_OK) {
        mt_output_abandon(output); /* lines that are not ours */
    } else {
        check(mt_output_finish(output, NULL) == MT_OK);
        mt_run_requests again = {0};
        mt_results of_again;
        check(mt_run_requests_read(&again, path_of(target), 7, &cut, NULL) == MT_OK && !cut);
        count_all(&of_again, &again);
        check(again.count == requests->count && of_again.done == results->done &&
              of_again.failed == results->failed && again.gap_count == requests->gap_count);
        for (size_t i = 0; i < again.count; i++)
            check(again.rows[i].part == 0);
        mt_results_free(&of_again);
        mt_run_requests_free(&again);
    }
    close(file);
    close(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mt_run_requests requests = {0};
    mt_results results;
    int cut = 0;
    read_all(&requests, data, size, &cut);
    count_all(&results, &requests);
    check_merged(data, size, &requests, &results);
    mt_results_free(&results);
    mt_run_requests_free(&requests);
    return 0;
}
