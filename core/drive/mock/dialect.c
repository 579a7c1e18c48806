#include "drive/mock/dialect.h"

#include "drive/mock/mock.h"
#include "text/json.h"

#include <stdarg.h>
#include <stdio.h>

/* From the servers' sources in 2025 and 2026; an entry is a way to speak, not a promise of a version.
 * uvicorn (vLLM, SGLang, TensorRT-LLM, Triton) closes idle connections after 5 s, as does cpp-httplib
 * (llama.cpp), that one also after 100 requests. */
static const mt_dialect dialects[] = {
    {.name = "vllm",
     .cache_reset = "/reset_prefix_cache",
     .owner = "vllm",
     .role = MT_ROLE_BEFORE,
     .role_content = ",\"content\":\"\"",
     .finish = MT_FINISH_WITH_LAST,
     .finish_extra = ",\"stop_reason\":null",
     .cached = MT_CACHED_WITH_CACHE,
     .errors = MT_ERRORS_NESTED,
     .is_done_after_error = 1,
     .overload = 503,
     .too_long = 400,
     .idle_s = 5},
    {.name = "sglang",
     .cache_reset = "/flush_cache",
     .owner = "sglang",
     .role = MT_ROLE_BEFORE,
     .role_content = ",\"content\":\"\"",
     .finish = MT_FINISH_ALONE_IN_CHAT,
     .finish_extra = ",\"matched_stop\":null",
     .cached = MT_CACHED_NOT_ZERO,
     .errors = MT_ERRORS_FLAT,
     .says_null_usage = 1,
     .overloads_in_stream = 1,
     .is_done_after_error = 1,
     .overload = 503,
     .too_long = 400,
     .idle_s = 5},
    {.name = "trtllm",
     .cache_reset = "/reset_prefix_cache",
     .owner = "tensorrt_llm",
     .role = MT_ROLE_BEFORE,
     .role_content = "",
     .role_end = " ",
     .finish = MT_FINISH_WITH_LAST,
     .finish_extra = ",\"stop_reason\":null",
     .cached = MT_CACHED_ALWAYS,
     .errors = MT_ERRORS_FLAT,
     .is_done_after_error = 1,
     .refuses_unknown = 1,
     .overload = 503,
     .too_long = 400,
     .idle_s = 5},
    {.name = "llamacpp",
     .cache_reset = "/reset_prefix_cache",
     .owner = "llamacpp",
     .role = MT_ROLE_BEFORE,
     .role_content = ",\"content\":null",
     .finish = MT_FINISH_ALONE,
     .cached = MT_CACHED_ALWAYS,
     .errors = MT_ERRORS_NESTED,
     .usage_beside_text = 1,
     .has_timings = 1,
     .overload = 503,
     .too_long = 400,
     .idle_s = 5,
     .ping_s = 30,
     .requests_a_connection = 100},
    {.name = "tgi",
     .cache_reset = "/reset_prefix_cache",
     .owner = "tgi",
     .role = MT_ROLE_ALWAYS,
     .finish = MT_FINISH_WITH_LAST,
     .cached = MT_CACHED_NEVER,
     .errors = MT_ERRORS_TEXT,
     .usage_beside_text = 1,
     .empty_reason = 1,
     .is_done_after_error = 1,
     .needs_text = 1,
     .overload = 429,
     .too_long = 422,
     .ping_s = 15},
    {.name = "ollama",
     .cache_reset = "/reset_prefix_cache",
     .owner = "library",
     .role = MT_ROLE_ALWAYS,
     .finish = MT_FINISH_ALONE,
     .cached = MT_CACHED_NEVER,
     .errors = MT_ERRORS_NESTED,
     .zero_usage = 1,
     .needs_text = 1,
     .overload = 503,
     .too_long = 400},
    {.name = "dynamo",
     .cache_reset = "/reset_prefix_cache",
     .owner = "nvidia",
     .role = MT_ROLE_IN_FIRST,
     .finish = MT_FINISH_WITH_LAST,
     .cached = MT_CACHED_WITH_CACHE,
     .errors = MT_ERRORS_FLAT,
     .is_done_after_error = 1,
     .overload = 529,
     .too_long = 400},
    {.name = "openai",
     .owner = "openai",
     .role = MT_ROLE_BEFORE,
     .role_content = ",\"content\":\"\",\"refusal\":null",
     .finish = MT_FINISH_ALONE,
     .cached = MT_CACHED_ALWAYS,
     .errors = MT_ERRORS_NESTED,
     .says_null_usage = 1,
     .is_padded = 1,
     .refuses_unknown = 1,
     .refuses_forcing = 1,
     .overload = 429,
     .too_long = 400},
    {.name = "triton",
     .cache_reset = "/reset_prefix_cache",
     .owner = "Triton Inference Server",
     .role = MT_ROLE_AT_ONCE,
     .role_content = ",\"content\":\"\"",
     .finish = MT_FINISH_WITH_LAST,
     .cached = MT_CACHED_NEVER,
     .errors = MT_ERRORS_FLAT,
     .refuses_unknown = 1,
     .needs_text = 1,
     .overload = 503,
     .too_long = 400,
     .idle_s = 5},
};

enum { DIALECTS = sizeof dialects / sizeof *dialects };

const char *mt_mock_dialect_name(size_t index) {
    return index < DIALECTS ? dialects[index].name : NULL;
}

const mt_dialect *mt_dialect_by_name(const char *name) {
    for (size_t i = 0; i < DIALECTS; i++)
        if (strcmp(dialects[i].name, name) == 0)
            return &dialects[i];
    return NULL;
}

void mt_bytes_format(mt_bytes *bytes, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *to = mt_bytes_room(bytes, (size_t)length + 1);
    if (to)
        bytes->length += (size_t)vsnprintf(to, (size_t)length + 1, format, again);
    va_end(again);
}

/* --- words -------------------------------------------------------------------------------------- */

/* Common words, so that one is one token in most vocabularies. */
static const char words[64][8] = {
    " the",  " of",    " and",  " to",    " in",    " is",   " that",  " for",  " it",    " as",
    " was",  " with",  " be",   " by",    " on",    " not",  " he",    " this", " are",   " or",
    " his",  " from",  " at",   " which", " but",   " have", " an",    " had",  " they",  " you",
    " were", " their", " one",  " all",   " we",    " can",  " her",   " has",  " there", " been",
    " if",   " more",  " when", " will",  " would", " who",  " so",    " no",   " out",   " up",
    " into", " them",  " then", " she",   " many",  " some", " these", " two",  " other", " time",
    " may",  " first", " any",  " new"};

static void put_words(mt_bytes *out, const mt_answer_text *text, uint64_t first, uint64_t count) {
    for (uint64_t i = first; i < first + count; i++) {
        uint64_t mixed =
            (text->seed + text->number * 0x9e3779b97f4a7c15u + i) * 0xd1342543de82ef95u;
        mt_bytes_text(out, words[(mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9u >> 58]);
    }
}

/* --- framing ------------------------------------------------------------------------------------ */

enum { SIZE_DIGITS = 6, SIZE_LINE = SIZE_DIGITS + 2 };

/* An event's HTTP chunk begins; returns where, for end_event. */
static size_t begin_event(mt_bytes *out) {
    size_t start = out->length;
    mt_bytes_text(out, "000000\r\ndata: ");
    return start;
}

static void end_chunk(mt_bytes *out, size_t start) {
    if (out->has_failed)
        return;
    mt_bytes_hex(out->data + start, out->length - start - SIZE_LINE, SIZE_DIGITS);
    mt_bytes_text(out, "\r\n");
}

static void end_event(mt_bytes *out, size_t start) {
    mt_bytes_text(out, "\n\n");
    end_chunk(out, start);
}

void mt_say_done(mt_bytes *out) {
    size_t start = begin_event(out);
    mt_bytes_text(out, "[DONE]");
    end_event(out, start);
}

void mt_say_comment(mt_bytes *out) {
    mt_bytes_text(out, "000003\r\n:\n\n\r\n");
}

void mt_say_end(mt_bytes *out) {
    mt_bytes_text(out, "0\r\n\r\n");
}

/* --- heads -------------------------------------------------------------------------------------- */

static const char *reason_of(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 422:
        return "Unprocessable Content";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

void mt_say_stream_head(mt_bytes *out, int closes) {
    mt_bytes_text(out, "HTTP/1.1 200 OK\r\nserver: moontide\r\n"
                       "content-type: text/event-stream; charset=utf-8\r\n"
                       "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n");
    mt_bytes_text(out, closes ? "connection: close\r\n\r\n" : "\r\n");
}

void mt_say_head(mt_bytes *out, int status, const char *content_type, size_t length, int closes,
                 const char *more) {
    mt_bytes_text(out, "HTTP/1.1 ");
    mt_bytes_number(out, (uint64_t)status);
    mt_bytes_text(out, " ");
    mt_bytes_text(out, reason_of(status));
    mt_bytes_text(out, "\r\nserver: moontide\r\ncontent-type: ");
    mt_bytes_text(out, content_type);
    mt_bytes_text(out, "\r\ncontent-length: ");
    mt_bytes_number(out, length);
    mt_bytes_text(out, "\r\n");
    mt_bytes_text(out, more);
    mt_bytes_text(out, closes ? "connection: close\r\n\r\n" : "\r\n");
}

/* --- what chunks and answers share -------------------------------------------------------------- */

static void put_beginning(mt_bytes *out, const mt_answer_text *text, const char *object) {
    mt_bytes_text(out, text->is_chat ? "{\"id\":\"chatcmpl-" : "{\"id\":\"cmpl-");
    char *digits = mt_bytes_room(out, 16);
    if (digits) {
        mt_bytes_hex(digits, text->number, 16);
        out->length += 16;
    }
    mt_bytes_text(out, "\",\"object\":\"");
    mt_bytes_text(out, object);
    mt_bytes_text(out, "\",\"created\":");
    mt_bytes_number(out, (uint64_t)text->created);
    mt_bytes_text(out, ",\"model\":\"");
    mt_bytes_put(out, text->model.text, text->model.length);
    mt_bytes_text(out, "\",\"choices\":[");
}

static void put_reason(mt_bytes *out, const mt_answer_text *text, int is_last) {
    mt_bytes_text(out, ",\"finish_reason\":");
    if (!is_last || text->lacks_reason)
        mt_bytes_text(out, text->dialect->empty_reason && !text->is_chat ? "\"\"" : "null");
    else
        mt_bytes_text(out, text->ends_by_itself ? "\"stop\"" : "\"length\"");
    if (is_last && text->dialect->finish_extra)
        mt_bytes_text(out, text->dialect->finish_extra);
}

static int tells_cached(const mt_answer_text *text) {
    switch (text->dialect->cached) {
    case MT_CACHED_NEVER:
        return 0;
    case MT_CACHED_NOT_ZERO:
        return text->cached_tokens > 0;
    case MT_CACHED_WITH_CACHE:
        return text->has_cache;
    default:
        return 1;
    }
}

static void put_usage(mt_bytes *out, const mt_answer_text *text, uint64_t said) {
    mt_bytes_text(out, ",\"usage\":{\"prompt_tokens\":");
    mt_bytes_number(out, text->prompt_tokens);
    mt_bytes_text(out, ",\"total_tokens\":");
    mt_bytes_number(out, text->prompt_tokens + said);
    mt_bytes_text(out, ",\"completion_tokens\":");
    mt_bytes_number(out, said);
    if (tells_cached(text)) {
        mt_bytes_text(out, ",\"prompt_tokens_details\":{\"cached_tokens\":");
        mt_bytes_number(out, text->cached_tokens);
        mt_bytes_text(out, "}");
    }
    mt_bytes_text(out, "}");
}

static void put_timings(mt_bytes *out, const mt_answer_text *text) {
    if (text->dialect->has_timings)
        mt_bytes_format(out,
                        ",\"timings\":{\"cache_n\":%llu,\"prompt_n\":%llu,\"predicted_n\":%llu}",
                        (unsigned long long)text->cached_tokens,
                        (unsigned long long)(text->prompt_tokens - text->cached_tokens),
                        (unsigned long long)text->output_tokens);
}

/* --- chunks ------------------------------------------------------------------------------------- */

static void put_chunk_beginning(mt_bytes *out, const mt_answer_text *text) {
    put_beginning(out, text, text->is_chat ? "chat.completion.chunk" : "text_completion");
}

/* What a chunk that is not the last says of usage. */
static void put_no_usage(mt_bytes *out, const mt_answer_text *text, uint64_t said) {
    const mt_dialect *dialect = text->dialect;
    if (text->wants_usage && text->wants_usage_always)
        put_usage(out, text, said);
    else if (dialect->zero_usage && !text->is_chat)
        mt_bytes_text(out, ",\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,"
                           "\"total_tokens\":0}");
    else if (dialect->says_null_usage && text->wants_usage)
        mt_bytes_text(out, ",\"usage\":null");
}

static void put_padding(mt_bytes *out, const mt_answer_text *text) {
    static const char padding[] = "aVbQeRkPz7Hq";
    if (!text->dialect->is_padded)
        return;
    mt_bytes_text(out, ",\"obfuscation\":\"");
    mt_bytes_put(out, padding, 1 + (size_t)(text->said * 7 + text->number) % 12);
    mt_bytes_text(out, "\"");
}

void mt_say_role(mt_bytes *out, const mt_answer_text *text) {
    size_t start = begin_event(out);
    put_chunk_beginning(out, text);
    mt_bytes_text(out, "{\"index\":0,\"delta\":{\"role\":\"assistant\"");
    mt_bytes_text(out, text->dialect->role_content);
    mt_bytes_text(out, "},\"finish_reason\":null}]");
    put_no_usage(out, text, 0);
    mt_bytes_text(out, "}");
    if (text->dialect->role_end)
        mt_bytes_text(out, text->dialect->role_end);
    end_event(out, start);
}

/* Is the finish_reason in the chunk of the last tokens? */
static int finishes_with_text(const mt_answer_text *text) {
    int finish = text->dialect->finish;
    return finish == MT_FINISH_WITH_LAST || (finish == MT_FINISH_ALONE_IN_CHAT && !text->is_chat);
}

static int usage_is_beside_text(const mt_answer_text *text) {
    return text->dialect->usage_beside_text && !text->is_chat;
}

/* One choice: `count` tokens, and the end. */
static void put_choice(mt_bytes *out, const mt_answer_text *text, uint64_t count, int is_end) {
    const mt_dialect *dialect = text->dialect;
    if (!text->is_chat) {
        mt_bytes_text(out, "{\"index\":0,\"text\":\"");
        put_words(out, text, text->said, count);
        mt_bytes_text(out, "\",\"logprobs\":null");
    } else {
        int has_role = dialect->role == MT_ROLE_ALWAYS ||
                       (dialect->role == MT_ROLE_IN_FIRST && text->said == 0 && count > 0);
        mt_bytes_text(out, "{\"index\":0,\"delta\":{");
        if (has_role && count > 0)
            mt_bytes_text(out, "\"role\":\"assistant\",");
        if (count > 0) {
            mt_bytes_text(out, "\"content\":\"");
            put_words(out, text, text->said, count);
            mt_bytes_text(out, "\"");
        }
        mt_bytes_text(out, "}");
    }
    put_reason(out, text, is_end);
    mt_bytes_text(out, "}]");
}

void mt_say_tokens(mt_bytes *out, const mt_answer_text *text, uint64_t count, int is_last) {
    size_t start = begin_event(out);
    int is_end = is_last && finishes_with_text(text);
    put_chunk_beginning(out, text);
    put_choice(out, text, count, is_end);
    if (is_end && usage_is_beside_text(text) && text->wants_usage)
        put_usage(out, text, text->output_tokens);
    else
        put_no_usage(out, text, text->said + count);
    put_padding(out, text);
    mt_bytes_text(out, "}");
    end_event(out, start);
}

void mt_say_finish(mt_bytes *out, const mt_answer_text *text) {
    int usage_is_said = !text->wants_usage || usage_is_beside_text(text);
    if (!finishes_with_text(text)) {
        size_t start = begin_event(out);
        put_chunk_beginning(out, text);
        put_choice(out, text, 0, 1);
        if (usage_is_beside_text(text) && text->wants_usage)
            put_usage(out, text, text->output_tokens);
        else
            put_no_usage(out, text, text->output_tokens);
        if (usage_is_said)
            put_timings(out, text);
        mt_bytes_text(out, "}");
        end_event(out, start);
    }
    if (!usage_is_said) {
        size_t start = begin_event(out);
        put_chunk_beginning(out, text);
        mt_bytes_text(out, "]");
        put_usage(out, text, text->output_tokens);
        put_timings(out, text);
        mt_bytes_text(out, "}");
        end_event(out, start);
    }
}

/* --- whole answers and errors ------------------------------------------------------------------- */

void mt_say_answer(mt_bytes *out, const mt_answer_text *text) {
    put_beginning(out, text, text->is_chat ? "chat.completion" : "text_completion");
    mt_bytes_text(out, text->is_chat
                           ? "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
                           : "{\"index\":0,\"text\":\"");
    put_words(out, text, 0, text->output_tokens);
    mt_bytes_text(out, text->is_chat ? "\"},\"logprobs\":null" : "\",\"logprobs\":null");
    put_reason(out, text, 1);
    mt_bytes_text(out, "}]");
    put_usage(out, text, text->output_tokens);
    put_timings(out, text);
    mt_bytes_text(out, "}");
}

static const char *error_type(int status) {
    return status == 404                    ? "NotFoundError"
           : status == 429                  ? "RateLimitError"
           : status == 503 || status == 529 ? "ServiceUnavailableError"
           : status >= 400 && status < 500  ? "BadRequestError"
                                            : "InternalServerError";
}

void mt_say_error_body(mt_bytes *out, const mt_dialect *dialect, int status, const char *message) {
    char *quoted = mt_allocate(6 * strlen(message) + 3, 1);
    if (!quoted) {
        out->has_failed = 1;
        return;
    }
    quoted[mt_json_encode(message, strlen(message), quoted)] = '\0';
    const char *type = error_type(status);
    switch (dialect->errors) {
    case MT_ERRORS_TEXT:
        mt_bytes_format(out, "{\"error\":%s,\"error_type\":\"%s\"}", quoted,
                        status == 429 ? "overloaded" : "generation");
        break;
    case MT_ERRORS_FLAT:
        mt_bytes_format(out,
                        "{\"object\":\"error\",\"message\":%s,\"type\":\"%s\",\"param\":null,"
                        "\"code\":%d}",
                        quoted, type, status);
        break;
    default:
        mt_bytes_format(out,
                        "{\"error\":{\"message\":%s,\"type\":\"%s\",\"param\":null,\"code\":%d}}",
                        quoted, type, status);
    }
    mt_free(quoted);
}

void mt_say_error(mt_bytes *out, const mt_dialect *dialect, int status, const char *message) {
    /* In a stream all of them use an `error` member. */
    mt_dialect in_stream = *dialect;
    if (in_stream.errors == MT_ERRORS_FLAT)
        in_stream.errors = MT_ERRORS_NESTED;
    size_t start = begin_event(out);
    if (dialect->errors == MT_ERRORS_TEXT)
        mt_bytes_format(out, "{\"error\":{\"message\":\"%s\",\"http_status_code\":%d}}", message,
                        status);
    else
        mt_say_error_body(out, &in_stream, status, message);
    end_event(out, start);
    if (dialect->is_done_after_error)
        mt_say_done(out);
}
