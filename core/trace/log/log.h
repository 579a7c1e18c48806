/* Reading real logs: a row a request, whatever the file looks like.
 *
 *   burstgpt   CSV. Timestamp (seconds), Model, Request tokens, Response tokens, Log Type,
 *              and in newer releases Session ID.
 *   azure      CSV. TIMESTAMP (date and time), ContextTokens, GeneratedTokens.
 *   csv        Any CSV; the caller names its columns.
 *   json       JSON lines of any kind, an object each; the caller names its members as the columns
 *              of a CSV, or the path to one in another, "usage.prompt_tokens". Numbers may stand in
 *              strings, a time may be a date. A row without a time or a length is a bad row.
 *   bailian    JSON lines. timestamp (seconds), input_length, output_length,
 *              hash_ids (blocks of 16 tokens), chat_id, parent_chat_id (-1: the first turn).
 *   aibrix     JSON lines. timestamp (milliseconds), requests: a list of objects with
 *              prompt_length or "Prompt Length", output_length or "Output Length", and perhaps
 *              session_id.
 *   sharegpt   A JSON list (or lines) of conversations, each a list of messages. Every answer is
 *              a request; there are no times.
 *   results    JSON lines, the profile_export.jsonl of a run, AIPerf's or ours: metadata
 *              (credit_issued_ns or request_start_ns, conversation_id, x_correlation_id; rows of the
 *              warm-up are passed over) and metrics (input_sequence_length, of a request that
 *              failed error_isl; output_sequence_length).
 *   vllm-bench  JSON objects, results of vLLM's bench serve or SGLang's bench_serving: input_lens,
 *              output_lens, errors and perhaps start_times (vllm_bench.c).
 *   guidellm   JSON, a report of GuideLLM: benchmarks with their requests (guidellm.c).
 *   inference-perf  A JSON list, results of inference-perf by request: start_time, info
 *              (inference_perf.c).
 *   perf-analyzer  JSON, the profile_export.json of Perf Analyzer: experiments with their requests
 *              (perf_analyzer.c).
 *   inputs-json  JSON, the inputs.json of AIPerf or GenAI-Perf: data, a list of bodies of requests
 *              (inputs_json.c).
 *   dynamo JSON lines of Dynamo's replay, Mooncake's rows and more: input_length (input_tokens),
 *              output_length (output_tokens), hash_ids, timestamp (created_time), delay (delay_ms;
 *              both milliseconds), session_id; of agents request_id, wait_for, branches and others,
 *              which stay as they are. Only a row that neither waits nor follows in its session
 *              needs a timestamp.
 *   dynamo-trace  JSON lines, Dynamo's record of requests ("dynamo.request.trace.v1"), each event
 *              by itself or in a member `event`: of a request_end the request's request_id,
 *              request_received_ms, total_time_ms, input_tokens, output_tokens, model, and in
 *              replay trace_block_size, input_length and input_sequence_hashes; of an agent
 *              session_id and parent_session_id in agent_context. The rows of agents are read
 *              whole, and say whom they wait for (dynamo_trace.c).
 *   weka       JSON objects, or a folder of files of them: a session each, as kv-cache-tester has
 *              them: id, block_size, requests with t (seconds from the session's start), in, out,
 *              hash_ids, api_time, think_time, or sub-agents (type "subagent") with requests of
 *              their own, whose ids are the session's own unless hash_id_scope is "global".
 *   lmcache    JSON lines of agents: input (the whole prompt, a text or a list of messages), output
 *              or output_length, session_id, timestamp (microseconds), pre_gap (seconds after the
 *              answer before), model.
 *   claude-code  JSON lines, transcripts of Claude Code: type, timestamp, sessionId, isSidechain,
 *              agentId, requestId, and message with id, model and usage (claude.c).
 *   codex      JSON lines, rollouts of the Codex CLI: timestamp, type, payload; of a token_count the
 *              last usage, of a session_meta the session (codex.c).
 *   mini-swe-agent  JSON objects, trajectories of mini-SWE-agent: messages with extra.response.usage and
 *              extra.timestamp (mini_swe.c).
 *   swe-agent  JSON objects, trajectories of SWE-agent: steps with query, response and
 *              execution_time; there are no times (swe_agent.c).
 *   langfuse   JSON objects, a list of them, pages of them, or CSV: observations with startTime, usageDetails,
 *              model, sessionId, traceId, or the same names with underscores (langfuse.c).
 *   otel       JSON lines, OpenTelemetry's traces (OTLP): resourceSpans, scopeSpans, spans with
 *              startTimeUnixNano and attributes by the conventions gen_ai.* or llm.* (otel.c).
 *
 * A format is one file of this folder, which fills an mt_log_kind (kind.h), and one entry in the
 * table in log.c. Whatever lists formats asks mt_log_format_count and mt_log_format_of.
 *
 * CSV is read as text/csv_reader.h says; columns stand in any order, their names in any case where
 * no column has the exact one. A time is a number or, in CSV, a date of ISO 8601: all of one kind.
 * Where the delimiter is no comma, numbers may have a decimal comma. Tokens are whole numbers of at
 * least 0: logs have rows of requests that failed. In a sharegpt log a message's tokens are what
 * its tokens, num_tokens, token_count or length says; one such number anywhere in a conversation
 * makes all its messages need one. Else they are counted in its text (text/tokens.h): a string, a
 * list of parts of which those with a text count, and the names and arguments of its tool calls. An
 * output_length of null is an answer whose length is not known.
 *
 * A row that is not as it must be is MT_ERROR_INPUT with file and line, and names its column. */
#ifndef MT_TRACE_LOG_LOG_H
#define MT_TRACE_LOG_LOG_H

#include "base/error.h"
#include "text/tokens.h"
#include "trace/record.h"

typedef struct mt_log mt_log;

/* What a CSV's column may say of its row. The first three are needed. */
enum {
    MT_LOG_TIMESTAMP,
    MT_LOG_INPUT,
    MT_LOG_OUTPUT,
    MT_LOG_SESSION,
    MT_LOG_MODEL,
    MT_LOG_TYPE,
    MT_LOG_ROLES,
    MT_LOG_NEEDED_ROLES = MT_LOG_OUTPUT + 1
};

/* When sessions begin whose own start is not known: all at 0; spread uniformly over `value`
 * seconds; one after the other at random, `value` a second on average (a Poisson process). */
typedef enum mt_log_start_law {
    MT_LOG_START_TOGETHER,
    MT_LOG_START_UNIFORM,
    MT_LOG_START_POISSON
} mt_log_start_law;

typedef struct mt_log_start {
    mt_log_start_law law;
    double value; /* > 0, but of MT_LOG_START_TOGETHER */
    uint64_t seed;
} mt_log_start;

typedef struct mt_log_options {
    const char *format; /* a name of the list above; NULL: found from the file's beginning */
    const char
        *columns[MT_LOG_ROLES]; /* of a "csv" log's columns, a "json" log's members; NULL: none */
    char delimiter;             /* of a CSV; '\0': found from its header (text/csv_reader.h) */
    int time_digits;          /* a number in the column of times counts 10^time_digits nanoseconds;
                            -1: as the format has it, "csv" and "json" in seconds */
    mt_token_rule token_rule; /* what a token of a text is, where the log does not count them */
    double tokens_per_char;   /* above 0, at most 16: so many a code point, and no rule; else 0 */
    uint64_t block_size;      /* tokens, at most MT_LOG_BLOCK_SIZE_LIMIT; 0: as the format has it */
    int skip_bad_rows;        /* bad rows are counted and passed over */
    mt_log_start start;
} mt_log_options;

enum { MT_LOG_BLOCK_SIZE = 128, MT_LOG_BAILIAN_BLOCK_SIZE = 16 };
#define MT_LOG_BLOCK_SIZE_LIMIT ((uint64_t)1 << 31)

/* A format, for lists that a user sees. */
typedef struct mt_log_format {
    const char *name;    /* "burstgpt": as mt_log_options has it */
    const char *title;   /* "BurstGPT" */
    int takes_columns;   /* the caller names its columns */
    uint64_t block_size; /* tokens, where the caller does not say; 0: the log says it, or nobody */
} mt_log_format;

size_t mt_log_format_count(void);
mt_log_format mt_log_format_of(size_t i); /* i < mt_log_format_count() */

typedef struct mt_log_row {
    mt_request
        request; /* time_ns (since what the log counts from; absent in sharegpt, and in rows that only
                           wait for others), delay, lengths,
                           session, extra, line. hash_ids, where the log knows what its blocks
                           contain: hashes of a block and of all before it */
    uint64_t index;          /* which row of the log it is, from 0, bad ones counted */
    mt_span model, log_type; /* without blanks around them; length 0 where there is none */
} mt_log_row;

/* Opens a log; "-" is standard input, compressed files are unpacked. NULL on failure: also when the
 * columns are not there (MT_ERROR_INPUT, naming those that are), when options do not fit together
 * or to the format (MT_ERROR_VALUE). The options are copied. */
mt_log *mt_log_open(const char *path, const mt_log_options *options, mt_error *error);

/* The next row: 1 with *row filled (valid until the next call), 0 at the end, -1 on failure. After
 * a failure the log is not to be read on. Polls for Ctrl-C. */
int mt_log_next(mt_log *log, mt_log_row *row, mt_error *error);

/* What a log is like. */
typedef struct mt_log_facts {
    const char *format;     /* its format's name */
    const char *name;       /* as given; "standard input" for "-" */
    uint64_t block_size;    /* tokens; 0: it is not known, but may be found by its hash_ids */
    const mt_span *columns; /* the names of a CSV's columns */
    size_t column_count;    /* 0 for the others */
    int has_times;          /* its rows have */
    int has_dates;          /* times are dates, and count from 1970; known after the first row */
    int has_texts;          /* prompts are texts, whose tokens are counted here */
    int ids_are_of_texts;   /* equal hash_ids mean the same in another log too */
    int starts_unknown;     /* its sessions begin when mt_log_options.start says */
    int has_waits;          /* rows may name each other by request_id, wait_for and branches */
    uint64_t passed_over;   /* files of a folder that are no sessions by their names */
    int failed_at_row;      /* mt_log_next failed about a row that skip_bad_rows passes over */
    uint64_t rows;          /* so far, bad ones counted */
    uint64_t parts_without_text; /* of messages so far: pictures, sounds; they count nothing */
} mt_log_facts;

mt_log_facts mt_log_facts_of(const mt_log *log);

/* Bad rows passed over so far, and the first of them as an error (code MT_OK when none). */
uint64_t mt_log_skipped(const mt_log *log, mt_error *first);

void mt_log_close(mt_log *log); /* NULL is allowed */

#endif
