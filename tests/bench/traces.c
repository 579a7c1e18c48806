/* The trace reader and the trace writer alone:
 *
 *   traces read FILE                reads all requests and keeps none
 *   traces analyze FILE             reads all requests into the prefix analysis, and finishes it
 *   traces play FILE POLICY SIZE TIMES   plays caches of that policy and size over it
 *   traces write FILE TARGET TIMES  reads FILE into columns, then writes them TIMES times:
 *     write   seconds
 *     bytes   written
 *     copy    seconds for memcpy of as many bytes between two buffers of 32 MiB */
#include "base/file/output.h"
#include "bench.h"
#include "prefix/analysis/analysis.h"
#include "prefix/analysis/played.h"
#include "trace/columns.h"
#include "trace/end/ends.h"
#include "trace/writer.h"

#include <string.h>

enum { COPY_SIZE = 32 << 20 };

static mt_source *open_trace(const char *path) {
    mt_source *source = mt_source_open(path, 0, NULL);
    bench_require(source != NULL, "traces: cannot open the trace");
    return source;
}

static void read_trace(const char *path) {
    mt_request request;
    uint64_t tokens = 0;
    int status;
    mt_source *source = open_trace(path);
    while ((status = mt_source_next(source, &request, NULL)) == 1)
        tokens += request.input_length + request.hash_count;
    bench_require(status == 0, "traces: cannot read the trace");
    bench_keep((double)tokens);
    mt_source_free(source);
}

static void analyze_trace(const char *path) {
    mt_request request;
    mt_analysis_result result;
    int status;
    mt_source *source = open_trace(path);
    mt_analysis *analysis = mt_analysis_new(512, NULL);
    bench_require(analysis != NULL, "traces: out of memory");
    while ((status = mt_source_next(source, &request, NULL)) == 1)
        bench_require(mt_analysis_add(analysis, &request, NULL) == MT_OK,
                      "traces: cannot analyze a request");
    bench_require(status == 0, "traces: cannot read the trace");
    bench_require(mt_analysis_finish(analysis, &result, NULL) == MT_OK, "traces: cannot analyze");
    bench_keep(result.theoretical_hit_rate.mean);
    mt_analysis_free(analysis);
    mt_source_free(source);
}

/* Plays caches of the policy over the trace, so many times. */
static void play_trace(const char *path, const char *name, uint64_t size, int times) {
    mt_request request;
    int status;
    const mt_policy *policy = mt_policy_named(name);
    mt_source *source = open_trace(path);
    mt_locality *locality = mt_locality_new(512, NULL);
    bench_require(locality && policy, "traces: out of memory, or no such policy");
    while ((status = mt_source_next(source, &request, NULL)) == 1)
        bench_require(mt_locality_add(locality, &request, NULL) == MT_OK, "traces: cannot add");
    bench_require(status == 0, "traces: cannot read the trace");
    uint32_t *hits = malloc((mt_locality_requests(locality) + 1) * sizeof *hits);
    bench_require(hits != NULL, "traces: out of memory");
    mt_cache_spec spec = {.policy = policy, .size = size, .ttl_ns = MT_NO_TTL};
    for (int i = 0; i < times; i++)
        bench_require(mt_locality_play(locality, &spec, MT_HIT_ALL, hits, NULL) == MT_OK,
                      "traces: cannot play");
    bench_keep(mt_locality_tally(locality, hits, MT_HIT_ALL).ratio.block);
    free(hits);
    mt_locality_free(locality);
    mt_source_free(source);
}

static uint64_t write_columns(const mt_columns *columns, const char *target, int times) {
    const mt_trace_format format = {.compact = 0, .timestamp_digits = 6};
    mt_request request;
    mt_output *output = mt_output_open(target, NULL);
    bench_require(output != NULL, "traces: cannot open the target");
    for (int repeat = 0; repeat < times; repeat++)
        for (size_t i = 0; i < columns->count; i++) {
            mt_columns_get(columns, i, &request);
            bench_require(mt_trace_write(output, &request, &format, NULL) == MT_OK,
                          "traces: cannot write");
        }
    uint64_t bytes = mt_output_bytes(output);
    bench_require(mt_output_finish(output, NULL) == MT_OK, "traces: cannot write");
    return bytes;
}

static void copy_bytes(uint64_t bytes) {
    char *from = malloc(COPY_SIZE), *to = malloc(COPY_SIZE);
    bench_require(from && to, "traces: out of memory");
    memset(from, '7', COPY_SIZE);
    memset(to, '8', COPY_SIZE);
    double start = bench_now();
    while (bytes > 0) {
        size_t part = bytes < COPY_SIZE ? (size_t)bytes : COPY_SIZE;
        memcpy(to, from, part);
        bench_keep_bytes(to);
        bytes -= part;
    }
    printf("copy %.9f\n", bench_now() - start);
    free(from);
    free(to);
}

static void write_trace(const char *path, const char *target, int times) {
    mt_columns columns = {0};
    uint64_t count;
    mt_source *source = open_trace(path);
    bench_require(mt_source_collect(source, &columns, UINT64_MAX, &count, NULL) == MT_OK,
                  "traces: cannot read");
    mt_source_free(source);
    double start = bench_now();
    uint64_t bytes = write_columns(&columns, target, times);
    printf("write %.9f\nbytes %llu\n", bench_now() - start, (unsigned long long)bytes);
    mt_columns_free(&columns);
    copy_bytes(bytes);
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "";
    if (count == 3 && strcmp(what, "read") == 0)
        read_trace(arguments[2]);
    else if (count == 3 && strcmp(what, "analyze") == 0)
        analyze_trace(arguments[2]);
    else if (count == 6 && strcmp(what, "play") == 0)
        play_trace(arguments[2], arguments[3], strtoull(arguments[4], NULL, 10),
                   (int)strtol(arguments[5], NULL, 10));
    else if (count == 5 && strcmp(what, "write") == 0)
        write_trace(arguments[2], arguments[3], (int)strtol(arguments[4], NULL, 10));
    else
        bench_require(0, "usage: traces read FILE | analyze FILE | write FILE TARGET TIMES | "
                         "play FILE POLICY SIZE TIMES");
    return 0;
}
