/* An exchange: one request that was sent to an endpoint, and what came of it.
 *
 * Times are nanoseconds on the monotonic clock (CLOCK_MONOTONIC), MT_NEVER where the moment never
 * came. Stamps of arrival are the kernel's receive stamps where the transport has them. */
#ifndef MT_DRIVE_EXCHANGE_H
#define MT_DRIVE_EXCHANGE_H

#include "base/span.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MT_NEVER INT64_MIN

/* What a server may say of a count, or not: absent and null are not 0. */
enum { MT_COUNT_ABSENT = -1, MT_COUNT_NULL = -2 };

/* How an exchange ended. The names (mt_failure_name) stand in results, in the report and in the
 * mock's --fail; a new one is one entry in exchange.c. */
typedef enum mt_failure {
    MT_FAILURE_NONE = 0, /* "ok": a whole answer */
    /* before a connection: */
    MT_FAILURE_ADAPTER, /* "adapter_error": no request could be made of the row, and none was sent */
    MT_FAILURE_REFUSED,         /* "refused" */
    MT_FAILURE_NO_DESCRIPTOR,   /* "no_descriptor": the process may open no more files */
    MT_FAILURE_PORTS_USED_UP,   /* "ports_used_up": no local port towards this address is free */
    MT_FAILURE_UNREACHABLE,     /* "unreachable" */
    MT_FAILURE_NAME_UNKNOWN,    /* "name_unknown" */
    MT_FAILURE_TLS,             /* "tls" */
    MT_FAILURE_CONNECT_TIMEOUT, /* "connect_timeout" */
    /* on a connection: */
    MT_FAILURE_FIRST_TIMEOUT,      /* "first_byte_timeout" */
    MT_FAILURE_GAP_TIMEOUT,        /* "gap_timeout": nothing came for so long */
    MT_FAILURE_TOTAL_TIMEOUT,      /* "total_timeout" */
    MT_FAILURE_RESET_BEFORE_BYTE,  /* "reset_before_byte" */
    MT_FAILURE_RESET_IN_HEADER,    /* "reset_in_header": or closed there (os_error 0) */
    MT_FAILURE_RESET_MID_STREAM,   /* "reset_mid_stream" */
    MT_FAILURE_CLOSED_MID_EVENT,   /* "closed_mid_event": inside an event or a chunk */
    MT_FAILURE_CLOSED_BEFORE_BYTE, /* "closed_before_byte": of the answer; 1xx is none */
    MT_FAILURE_NOT_HTTP,           /* "not_http" */
    MT_FAILURE_BAD_CHUNK,          /* "bad_chunk_size" */
    /* a whole HTTP answer that is no good answer: */
    MT_FAILURE_STATUS,      /* "status_4xx" ... the report writes the number: "status_404" */
    MT_FAILURE_OVERLOAD,    /* "overload": 429, 503, 529, as status or in the stream */
    MT_FAILURE_ERROR_EVENT, /* "error_event": an event with `error` inside a 200 */
    MT_FAILURE_MALFORMED,   /* "malformed": HTML or no JSON in a 200 */
    MT_FAILURE_TRUNCATED, /* "truncated": ended with neither [DONE] nor a finish_reason, or with one of null */
    MT_FAILURE_NO_CONTENT, /* "no_content": a whole stream without a token */
    MT_FAILURE_OTHER,      /* "other": of another tool's results, by a name that is not ours */
    /* given up here: */
    MT_FAILURE_CANCELLED_AFTER,     /* "cancelled_after": by --cancel-after */
    MT_FAILURE_CANCELLED_RUN_END,   /* "cancelled_run_end": in flight when the run's grace ended */
    MT_FAILURE_CANCELLED_INTERRUPT, /* "cancelled_interrupt": by Ctrl-C */
    MT_FAILURE_NOT_SENT,            /* "not_sent": due, and the run ended before it was sent */
    MT_FAILURES
} mt_failure;

/* "ok", "refused", ...; never NULL. */
const char *mt_failure_name(mt_failure failure);

/* The failure of that name; -1 when there is none. */
int mt_failure_by_name(const char *name);

/* What is noted beside success or failure. */
enum {
    MT_SAW_DONE = 1 << 0,   /* the stream said [DONE] */
    MT_SAW_FINISH = 1 << 1, /* a choice had a finish_reason */
    MT_WAS_RESENT = 1 << 2, /* died on a re-used connection before a byte; sent once more, on its
                                   first clock */
    MT_WAS_STREAM = 1 << 3, /* the answer was an event stream */
    MT_HAS_KERNEL_STAMPS = 1 << 4, /* arrivals are stamped by the kernel */
    MT_WAS_REUSED = 1 << 5,        /* it went out on a connection that was open already */
    MT_WAS_STARVED = 1 << 6,       /* it was offered to the driver after it was due */
    MT_SAW_REASONING = 1 << 7,     /* some of what came was reasoning */
    MT_HAS_NO_TOKENS = 1 << 8      /* its answer is whole without any: an embedding, a score */
};

enum { MT_EXCHANGE_TEXT = 120 };

typedef struct mt_exchange {
    uint64_t ticket;  /* whoever offered the request knows it by this */
    int64_t due_ns;   /* of one that left when a slot was free: begun_ns */
    int64_t begun_ns; /* the driver took it up */
    int64_t sent_ns;  /* the kernel had taken the last byte */
    int64_t first_byte_ns, first_event_ns;
    int64_t first_content_ns, second_content_ns, last_content_ns; /* token-bearing events */
    int64_t end_ns;
    int64_t read_lag_ns; /* the largest of (stamp taken after the read - arrival); 0 without kernel
                              stamps */
    int64_t prompt_tokens, completion_tokens, cached_tokens,
        reasoning_tokens; /* the server's usage;
                              or MT_COUNT_... (a count of 0 tokens that came is absent) */
    uint64_t bytes_sent, bytes_received;
    uint32_t events, contents; /* events; token-bearing ones among them */
    uint32_t together; /* token-bearing events that came in one read with another before them */
    uint32_t gap_count;
    /* gap_count = contents - 1 times between token-bearing events, in units of 100 ns (at most 429 s:
     * longer ones are cut); owned by who holds the exchange: free with mt_free; NULL when there are
     * none or they were not wanted. */
    uint32_t *gaps;
    char *answer; /* its text as JSON has it between quotes; owned as gaps are; NULL likewise */
    size_t answer_length;
    int failure;                 /* mt_failure */
    int status;                  /* HTTP's; 0: none came */
    int os_error;                /* errno of a failure, or 0 */
    unsigned noted;              /* MT_SAW_... */
    uint16_t endpoint;           /* which URL */
    char text[MT_EXCHANGE_TEXT]; /* what the server said of the failure, cut; "" */
    char *kept; /* the events as they came, for an adapter (mt_answer_read_kept); kept_length bytes,
                   owned as the gaps are; NULL when they were not wanted */
    size_t kept_length;
} mt_exchange;

/* Results by this are by the URL that requests went to: its number from 0, as a text. A row's own member of that
 * name is not looked at. */
#define MT_BY_ENDPOINT "endpoint"
enum { MT_ENDPOINT_ROOM = 8 };

static inline int mt_is_by_endpoint(const char *by) {
    return strcmp(by, MT_BY_ENDPOINT) == 0;
}

static inline mt_span mt_endpoint_text(uint16_t endpoint, char text[MT_ENDPOINT_ROOM]) {
    return (mt_span){text, (size_t)snprintf(text, MT_ENDPOINT_ROOM, "%u", endpoint)};
}

/* Zero but for the times (MT_NEVER) and the counts (MT_COUNT_ABSENT). */
void mt_exchange_begin(mt_exchange *exchange, uint64_t ticket, int64_t due_ns);

#endif
