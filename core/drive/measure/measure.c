#include "drive/measure/measure.h"

#include <math.h>
#include <string.h>

uint64_t mt_answer_tokens(const mt_exchange *exchange) {
    return exchange->completion_tokens >= 0 ? (uint64_t)exchange->completion_tokens
                                            : exchange->contents;
}

int mt_usage_is_said(const mt_exchange *exchange) {
    return exchange->completion_tokens >= 0 ||
           (exchange->noted & MT_HAS_NO_TOKENS && exchange->prompt_tokens >= 0);
}

/* Tokens that came: reasoning of which nothing came was over before the first of them. Where the server counts no
 * more tokens than reasoning, its count leaves the answer out: pieces count. */
static uint64_t tokens_seen(const mt_exchange *exchange) {
    uint64_t tokens = mt_answer_tokens(exchange);
    if (exchange->completion_tokens < 0 || exchange->reasoning_tokens <= 0 ||
        exchange->noted & MT_SAW_REASONING)
        return tokens;
    uint64_t reasoning = (uint64_t)exchange->reasoning_tokens;
    return reasoning < tokens ? tokens - reasoning : exchange->contents;
}

/* From one moment to another in milliseconds; 0 where one of them never came. */
static int between(int64_t from, int64_t to, double *milliseconds) {
    if (from == MT_NEVER || to == MT_NEVER)
        return 0;
    *milliseconds = (double)(to - from) / 1e6;
    return 1;
}

static int count_of(int64_t count, double *value) {
    *value = (double)count;
    return count >= 0;
}

/* Moments of content mean nothing where an answer comes as a whole. */
static int has_stream(const mt_exchange *e) {
    return (e->noted & MT_WAS_STREAM) != 0;
}

static int first_token(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return has_stream(e) && between(e->begun_ns, e->first_content_ns, value);
}

static int second_token(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return has_stream(e) && between(e->first_content_ns, e->second_content_ns, value);
}

/* The end of the answer: its last content, or, where it came as a whole, its end. */
static int64_t answered(const mt_exchange *e) {
    return has_stream(e) ? e->last_content_ns : e->end_ns;
}

static int request_latency(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return between(e->begun_ns, answered(e), value);
}

static int inter_token_latency(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    uint64_t tokens = tokens_seen(e);
    if (!has_stream(e) || tokens < 2 || !between(e->first_content_ns, e->last_content_ns, value))
        return 0;
    *value /= (double)(tokens - 1);
    return 1;
}

static int throughput_per_user(const mt_exchange *e, const mt_asked *asked, double *value) {
    if (!inter_token_latency(e, asked, value) || !(*value > 0))
        return 0;
    *value = 1000 / *value;
    return 1;
}

static int output_length(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    *value = (double)mt_answer_tokens(e);
    return has_stream(e) || e->completion_tokens >= 0;
}

/* By the server's count, else as planned. */
static int input_length(const mt_exchange *e, const mt_asked *asked, double *value) {
    if (count_of(e->prompt_tokens, value))
        return 1;
    *value = (double)asked->input;
    return asked->has_input;
}

static int end_to_end_throughput(const mt_exchange *e, const mt_asked *asked, double *value) {
    double latency;
    if (!request_latency(e, asked, &latency) || !(latency > 0) || !output_length(e, asked, value))
        return 0;
    *value *= 1000 / latency;
    return 1;
}

static int prefill_throughput(const mt_exchange *e, const mt_asked *asked, double *value) {
    double first;
    if (!first_token(e, asked, &first) || !(first > 0) || !input_length(e, asked, value))
        return 0;
    *value *= 1000 / first;
    return 1;
}

static int reasoning_tokens(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return count_of(e->reasoning_tokens, value);
}

static int output_tokens(const mt_exchange *e, const mt_asked *asked, double *value) {
    if (!output_length(e, asked, value))
        return 0;
    if (e->reasoning_tokens > 0)
        *value = fmax(0, *value - (double)e->reasoning_tokens);
    return 1;
}

static int first_byte(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return between(e->begun_ns, e->first_byte_ns, value);
}

static int first_event(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return has_stream(e) && between(e->begun_ns, e->first_event_ns, value);
}

static int schedule_lag(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return between(e->due_ns, e->sent_ns, value);
}

static int read_lag(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    *value = (double)e->read_lag_ns / 1e6;
    return (e->noted & MT_HAS_KERNEL_STAMPS) && e->first_byte_ns != MT_NEVER;
}

static int latency_from_due(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return between(e->due_ns, answered(e), value);
}

static int first_token_from_due(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return has_stream(e) && between(e->due_ns, e->first_content_ns, value);
}

static int wanted_input(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)e;
    *value = (double)asked->input;
    return asked->has_input;
}

static int wanted_output(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)e;
    *value = (double)asked->output;
    return asked->has_output;
}

static int input_difference(const mt_exchange *e, const mt_asked *asked, double *value) {
    *value = (double)e->prompt_tokens - (double)asked->input;
    return asked->has_input && e->prompt_tokens >= 0;
}

static int output_difference(const mt_exchange *e, const mt_asked *asked, double *value) {
    if (!output_length(e, asked, value))
        return 0;
    *value -= (double)asked->output;
    return asked->has_output;
}

static int cached_tokens(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    return count_of(e->cached_tokens, value);
}

static int chunk_tokens(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    if (!has_stream(e) || e->contents == 0)
        return 0;
    *value = (double)tokens_seen(e) / (double)e->contents;
    return 1;
}

static int together(const mt_exchange *e, const mt_asked *asked, double *value) {
    (void)asked;
    *value = (double)e->together;
    return has_stream(e);
}

const mt_measure mt_measures[MT_MEASURES] = {
    [MT_MEASURE_FIRST] = {"time_to_first_token", "ms", "Time to First Token", first_token, 0},
    [MT_MEASURE_SECOND] = {"time_to_second_token", "ms", "Time to Second Token", second_token, 0},
    [MT_MEASURE_LATENCY] = {"request_latency", "ms", "Request Latency", request_latency, 0},
    [MT_MEASURE_BETWEEN] = {"inter_token_latency", "ms", "Inter Token Latency", inter_token_latency,
                            0},
    {"output_token_throughput_per_user", "tokens/sec/user", "Output Token Throughput Per User",
     throughput_per_user, 0},
    {"e2e_output_token_throughput", "tokens/sec/user", "E2E Output Token Throughput",
     end_to_end_throughput, 0},
    {"prefill_throughput_per_user", "tokens/sec/user", "Prefill Throughput Per User",
     prefill_throughput, 0},
    [MT_MEASURE_OUTPUT] = {"output_sequence_length", "tokens", "Output Sequence Length",
                           output_length, 0},
    [MT_MEASURE_INPUT] = {"input_sequence_length", "tokens", "Input Sequence Length", input_length,
                          0},
    [MT_MEASURE_OUTPUT_TOKENS] = {"output_token_count", "tokens", "Output Token Count",
                                  output_tokens, 0},
    {"reasoning_token_count", "tokens", "Reasoning Token Count", reasoning_tokens, 0},
    {"time_to_first_byte", "ms", "Time to First Byte", first_byte, 0},
    {"time_to_first_event", "ms", "Time to First Event", first_event, 0},
    {"schedule_lag", "ms", "Schedule Lag", schedule_lag, 1},
    {"read_lag", "ms", "Read Lag", read_lag, 1},
    {"latency_from_due", "ms", "Latency from Due Time", latency_from_due, 0},
    {"time_to_first_token_from_due", "ms", "Time to First Token from Due Time",
     first_token_from_due, 0},
    [MT_MEASURE_WANTED_INPUT] = {"wanted_input_length", "tokens", "Wanted Input Length",
                                 wanted_input, 0},
    {"wanted_output_length", "tokens", "Wanted Output Length", wanted_output, 0},
    [MT_MEASURE_INPUT_DIFFERENCE] = {"input_length_difference", "tokens",
                                     "Input Length, Got less Wanted", input_difference, 0},
    {"output_length_difference", "tokens", "Output Length, Got less Wanted", output_difference, 0},
    [MT_MEASURE_CACHED] = {"cached_tokens", "tokens", "Cached Tokens", cached_tokens, 0},
    {"tokens_per_chunk", "tokens", "Tokens per Chunk", chunk_tokens, 0},
    [MT_MEASURE_TOGETHER] = {"chunks_read_together", "chunks", "Chunks Read Together", together, 0},
};

int mt_measure_by_name(const char *name) {
    static const struct {
        const char *name, *key;
    } shorts[] = {
        {"ttft", "time_to_first_token"},  {"ttst", "time_to_second_token"},
        {"itl", "inter_token_latency"},   {"e2e", "request_latency"},
        {"latency", "request_latency"},   {"lag", "schedule_lag"},
        {"isl", "input_sequence_length"}, {"osl", "output_sequence_length"},
        {"tpot", "inter_token_latency"},
    };
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
        if (strcmp(shorts[i].name, name) == 0)
            name = shorts[i].key;
    for (int i = 0; i < MT_MEASURES; i++)
        if (strcmp(mt_measures[i].key, name) == 0)
            return i;
    return -1;
}
