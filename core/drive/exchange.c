#include "drive/exchange.h"

#include <string.h>

static const char *const names[MT_FAILURES] = {
    [MT_FAILURE_NONE] = "ok",
    [MT_FAILURE_ADAPTER] = "adapter_error",
    [MT_FAILURE_REFUSED] = "refused",
    [MT_FAILURE_NO_DESCRIPTOR] = "no_descriptor",
    [MT_FAILURE_PORTS_USED_UP] = "ports_used_up",
    [MT_FAILURE_UNREACHABLE] = "unreachable",
    [MT_FAILURE_NAME_UNKNOWN] = "name_unknown",
    [MT_FAILURE_TLS] = "tls",
    [MT_FAILURE_CONNECT_TIMEOUT] = "connect_timeout",
    [MT_FAILURE_FIRST_TIMEOUT] = "first_byte_timeout",
    [MT_FAILURE_GAP_TIMEOUT] = "gap_timeout",
    [MT_FAILURE_TOTAL_TIMEOUT] = "total_timeout",
    [MT_FAILURE_RESET_BEFORE_BYTE] = "reset_before_byte",
    [MT_FAILURE_RESET_IN_HEADER] = "reset_in_header",
    [MT_FAILURE_RESET_MID_STREAM] = "reset_mid_stream",
    [MT_FAILURE_CLOSED_MID_EVENT] = "closed_mid_event",
    [MT_FAILURE_CLOSED_BEFORE_BYTE] = "closed_before_byte",
    [MT_FAILURE_NOT_HTTP] = "not_http",
    [MT_FAILURE_BAD_CHUNK] = "bad_chunk_size",
    [MT_FAILURE_STATUS] = "status",
    [MT_FAILURE_OVERLOAD] = "overload",
    [MT_FAILURE_ERROR_EVENT] = "error_event",
    [MT_FAILURE_MALFORMED] = "malformed",
    [MT_FAILURE_TRUNCATED] = "truncated",
    [MT_FAILURE_NO_CONTENT] = "no_content",
    [MT_FAILURE_OTHER] = "other",
    [MT_FAILURE_CANCELLED_AFTER] = "cancelled_after",
    [MT_FAILURE_CANCELLED_RUN_END] = "cancelled_run_end",
    [MT_FAILURE_CANCELLED_INTERRUPT] = "cancelled_interrupt",
    [MT_FAILURE_NOT_SENT] = "not_sent",
};

const char *mt_failure_name(mt_failure failure) {
    return names[failure];
}

int mt_failure_by_name(const char *name) {
    for (int i = 0; i < MT_FAILURES; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

void mt_exchange_begin(mt_exchange *exchange, uint64_t ticket, int64_t due_ns) {
    *exchange = (mt_exchange){
        .ticket = ticket,
        .due_ns = due_ns,
        .begun_ns = MT_NEVER,
        .sent_ns = MT_NEVER,
        .first_byte_ns = MT_NEVER,
        .first_event_ns = MT_NEVER,
        .first_content_ns = MT_NEVER,
        .second_content_ns = MT_NEVER,
        .last_content_ns = MT_NEVER,
        .end_ns = MT_NEVER,
        .prompt_tokens = MT_COUNT_ABSENT,
        .completion_tokens = MT_COUNT_ABSENT,
        .cached_tokens = MT_COUNT_ABSENT,
        .reasoning_tokens = MT_COUNT_ABSENT,
    };
}
