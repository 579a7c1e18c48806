#include "drive/answer.h"

#include "base/error.h"
#include "base/memory.h"
#include "drive/http/message.h"

#include <ctype.h>
#include <string.h>

/* Forms of a body; which one is seen at its first byte where the header leaves it open. */
enum { UNKNOWN, STREAM, JSON, LINES, FAILED }; /* lines of JSON: only for an adapter */

enum {
    FAILURE_BYTES = 4096, /* of a failure's body that are looked at */
    GAP_UNIT_NS = 100,
    FIRST_GAPS = 64,
    MOST_KEPT = 64 << 20 /* bytes of the events of one answer */
};

static int is_overload(int status) {
    return status == 429 || status == 503 || status == 529;
}

/* The first failure is the one that counts. */
static void fail(mt_incoming_answer *answer, mt_exchange *exchange, mt_failure failure,
                 mt_span text) {
    if (answer->failure)
        return;
    answer->failure = (uint8_t)failure;
    if (!text.text)
        return;
    while (text.length > 0 && isspace((unsigned char)text.text[text.length - 1]))
        text.length--;
    mt_quote(text.text, text.length, exchange->text, sizeof exchange->text);
}

void mt_answer_head(mt_incoming_answer *answer, mt_exchange *exchange, int status,
                    int content_type) {
    exchange->status = status;
    if (status < 200 || status > 299 || content_type == MT_HTTP_CONTENT_HTML)
        answer->form = FAILED;
    else if (content_type == MT_HTTP_CONTENT_EVENTS)
        answer->form = STREAM;
    else if (content_type == MT_HTTP_CONTENT_JSON)
        answer->form = JSON;
    if (answer->form == STREAM)
        exchange->noted |= MT_WAS_STREAM;
}

/* A server that says no type, or text/plain, is known by its first byte. */
static void guess_form(mt_incoming_answer *answer, mt_exchange *exchange, char first) {
    int is_line = first != '\0' && strchr("deir:\xef\r\n", first) != NULL; /* data:, event:, ... */
    int object = answer->keeps_events ? LINES : JSON;
    answer->form = (uint8_t)(first == '{' ? object : is_line ? STREAM : FAILED);
    if (answer->form == STREAM)
        exchange->noted |= MT_WAS_STREAM;
}

static int64_t merged(int64_t old, int64_t new) {
    return new == MT_COUNT_ABSENT ? old : new;
}

static void note_gap(mt_incoming_answer *answer, mt_exchange *exchange, int64_t gap_ns) {
    if (!answer->wants_gaps)
        return;
    if (exchange->gap_count == answer->gap_capacity) {
        size_t wanted = answer->gap_capacity ? answer->gap_capacity * 2 : FIRST_GAPS;
        uint32_t *larger = mt_reallocate(exchange->gaps, wanted, sizeof *larger);
        if (!larger) { /* better none than some */
            mt_free(exchange->gaps);
            exchange->gaps = NULL;
            exchange->gap_count = 0;
            answer->wants_gaps = 0;
            return;
        }
        exchange->gaps = larger;
        answer->gap_capacity = wanted;
    }
    int64_t units = (gap_ns + GAP_UNIT_NS / 2) / GAP_UNIT_NS;
    exchange->gaps[exchange->gap_count++] = units < 0            ? 0
                                            : units > UINT32_MAX ? UINT32_MAX
                                                                 : (uint32_t)units;
}

static void note_content(mt_incoming_answer *answer, mt_exchange *exchange, int64_t arrival_ns) {
    exchange->contents++;
    if (exchange->contents == 1)
        exchange->first_content_ns = arrival_ns;
    else {
        if (exchange->contents == 2)
            exchange->second_content_ns = arrival_ns;
        note_gap(answer, exchange, arrival_ns - exchange->last_content_ns);
        if (answer->read_contents)
            exchange->together++;
    }
    exchange->last_content_ns = arrival_ns;
    answer->read_contents = 1;
}

static void note_text(mt_incoming_answer *answer, mt_exchange *exchange, mt_span text) {
    if (!answer->wants_text || text.length == 0)
        return;
    if (MT_GROW(exchange->answer, answer->text_capacity, exchange->answer_length + text.length) !=
        0) { /* better none than a part */
        mt_free(exchange->answer);
        exchange->answer = NULL;
        exchange->answer_length = 0;
        answer->wants_text = 0;
        return;
    }
    memcpy(exchange->answer + exchange->answer_length, text.text, text.length);
    exchange->answer_length += text.length;
}

static void note_said(mt_incoming_answer *answer, mt_exchange *exchange, const mt_said *said,
                      mt_span data, int64_t arrival_ns) {
    if (said->says & MT_SAYS_ERROR || answer->sse.is_error)
        fail(answer, exchange,
             is_overload(said->error_status) ? MT_FAILURE_OVERLOAD : MT_FAILURE_ERROR_EVENT,
             said->error_message.length ? said->error_message : data);
    if (said->says & MT_SAYS_DONE)
        exchange->noted |= MT_SAW_DONE;
    if (said->says & MT_SAYS_FINISH)
        exchange->noted |= MT_SAW_FINISH;
    if (said->says & MT_SAYS_NO_END)
        answer->says_no_end = 1;
    if (said->says & MT_SAYS_REASONING)
        exchange->noted |= MT_SAW_REASONING;
    if (said->says & (MT_SAYS_CONTENT | MT_SAYS_LIVE))
        note_content(answer, exchange, arrival_ns);
    note_text(answer, exchange, said->text);
    exchange->prompt_tokens = merged(exchange->prompt_tokens, said->prompt_tokens);
    exchange->completion_tokens = merged(exchange->completion_tokens, said->completion_tokens);
    exchange->cached_tokens = merged(exchange->cached_tokens, said->cached_tokens);
    exchange->reasoning_tokens = merged(exchange->reasoning_tokens, said->reasoning_tokens);
}

/* An event among the kept ones: this, and then its bytes. */
typedef struct kept_event {
    int64_t arrival_ns;
    uint32_t length;
    uint32_t begins_read; /* the first of its read */
} kept_event;

static void keep_event(mt_incoming_answer *answer, mt_exchange *exchange, mt_span data,
                       int64_t arrival_ns) {
    kept_event event = {arrival_ns, (uint32_t)data.length, !answer->read_events};
    size_t wanted = exchange->kept_length + sizeof event + data.length;
    static const char too_long[] = "an answer of more than 64 MB", no_memory[] = "out of memory";
    answer->read_events = 1;
    if (wanted > MOST_KEPT || MT_GROW(exchange->kept, answer->kept_capacity, wanted) != 0) {
        fail(answer, exchange, MT_FAILURE_MALFORMED,
             wanted > MOST_KEPT ? (mt_span){too_long, sizeof too_long - 1}
                                : (mt_span){no_memory, sizeof no_memory - 1});
        return;
    }
    memcpy(exchange->kept + exchange->kept_length, &event, sizeof event);
    memcpy(exchange->kept + exchange->kept_length + sizeof event, data.text, data.length);
    exchange->kept_length = wanted;
}

/* An event of a stream, or a whole answer. */
static void note_event(mt_incoming_answer *answer, mt_exchange *exchange, mt_span data,
                       int64_t arrival_ns) {
    if (exchange->events++ == 0)
        exchange->first_event_ns = arrival_ns;
    mt_said said;
    if (answer->keeps_events && !answer->sse.is_error)
        keep_event(answer, exchange, data, arrival_ns);
    else if (mt_said_read(data.text, data.length, &said) != 0)
        fail(answer, exchange, answer->sse.is_error ? MT_FAILURE_ERROR_EVENT : MT_FAILURE_MALFORMED,
             data);
    else
        note_said(answer, exchange, &said, data, arrival_ns);
}

static void take_stream(mt_incoming_answer *answer, mt_exchange *exchange, mt_span piece,
                        int64_t arrival_ns) {
    mt_span data;
    int what;
    while ((what = mt_sse_next(&answer->sse, &piece, &data)) == MT_SSE_EVENT)
        note_event(answer, exchange, data, arrival_ns);
    if (what == MT_SSE_MORE)
        return;
    static const char too_long[] = "an event of more than 64 MB", no_memory[] = "out of memory";
    fail(answer, exchange, MT_FAILURE_MALFORMED,
         what == MT_SSE_TOO_LONG ? (mt_span){too_long, sizeof too_long - 1}
                                 : (mt_span){no_memory, sizeof no_memory - 1});
    answer->form = FAILED;
}

static void keep(mt_incoming_answer *answer, mt_exchange *exchange, mt_span piece) {
    size_t limit = answer->form == FAILED ? FAILURE_BYTES : MT_SSE_LIMIT;
    if (piece.length > limit - answer->length) {
        if (answer->form != FAILED) {
            static const char too_long[] = "an answer of more than 64 MB";
            fail(answer, exchange, MT_FAILURE_MALFORMED, (mt_span){too_long, sizeof too_long - 1});
        }
        piece.length = limit - answer->length;
    }
    if (piece.length == 0 ||
        MT_GROW(answer->body, answer->capacity, answer->length + piece.length) != 0)
        return; /* without memory its end is missed as a cut one's is */
    memcpy(answer->body + answer->length, piece.text, piece.length);
    answer->length += piece.length;
}

static void take_lines(mt_incoming_answer *answer, mt_exchange *exchange, mt_span piece,
                       int64_t arrival_ns) {
    const char *end;
    while ((end = memchr(piece.text, '\n', piece.length)) != NULL) {
        size_t length = (size_t)(end - piece.text);
        keep(answer, exchange, (mt_span){piece.text, length});
        if (answer->length > 0)
            note_event(answer, exchange, (mt_span){answer->body, answer->length}, arrival_ns);
        answer->length = 0;
        piece = (mt_span){end + 1, piece.length - length - 1};
        if (exchange->events > 1) /* one alone may be a whole answer */
            exchange->noted |= MT_WAS_STREAM;
    }
    keep(answer, exchange, piece);
}

void mt_answer_body(mt_incoming_answer *answer, mt_exchange *exchange, mt_span piece,
                    int64_t arrival_ns) {
    if (answer->form == UNKNOWN)
        guess_form(answer, exchange, piece.text[0]);
    if (answer->form == STREAM)
        take_stream(answer, exchange, piece, arrival_ns);
    else if (answer->form == LINES)
        take_lines(answer, exchange, piece, arrival_ns);
    else
        keep(answer, exchange, piece);
}

/* A body that is no good answer: what it says of itself. */
static void judge_failed(mt_incoming_answer *answer, mt_exchange *exchange) {
    int is_good = exchange->status >= 200 && exchange->status <= 299;
    mt_said said;
    mt_span text = {answer->body, answer->length};
    if (mt_said_read(answer->body ? answer->body : "", answer->length, &said) == 0 &&
        said.error_message.length)
        text = said.error_message;
    fail(answer, exchange,
         is_good                         ? MT_FAILURE_MALFORMED
         : is_overload(exchange->status) ? MT_FAILURE_OVERLOAD
                                         : MT_FAILURE_STATUS,
         text);
}

/* Some gateways fill usage with zeros where they know nothing: no prompt has 0 tokens, and none of the
 * answer came out of 0 either. */
static void doubt_zeros(mt_exchange *exchange) {
    if (exchange->prompt_tokens == 0)
        exchange->prompt_tokens = MT_COUNT_ABSENT;
    if (exchange->completion_tokens == 0 && exchange->contents > 0)
        exchange->completion_tokens = MT_COUNT_ABSENT;
}

mt_failure mt_answer_end(mt_incoming_answer *answer, mt_exchange *exchange, int how,
                         int64_t arrival_ns) {
    mt_span rest = {NULL, 0};
    int is_inside = 0;
    if (answer->form == STREAM)
        is_inside = mt_sse_end(&answer->sse, &rest);
    else if (answer->form == JSON && how == MT_ANSWER_WHOLE)
        note_event(answer, exchange, (mt_span){answer->body ? answer->body : "", answer->length},
                   arrival_ns);
    else if (answer->form == LINES && how == MT_ANSWER_WHOLE && answer->length > 0)
        note_event(answer, exchange, (mt_span){answer->body, answer->length}, arrival_ns);
    else if (answer->form == FAILED)
        judge_failed(answer, exchange);

    doubt_zeros(exchange);
    if (answer->failure)
        return answer->failure;
    if (exchange->noted & MT_SAW_DONE)
        how = MT_ANSWER_WHOLE; /* the stream's own end: nothing was lost */
    if (how == MT_ANSWER_RESET)
        return MT_FAILURE_RESET_MID_STREAM;
    if (how == MT_ANSWER_IN_CHUNK || is_inside || (how == MT_ANSWER_CUT && answer->form == JSON))
        return MT_FAILURE_CLOSED_MID_EVENT;
    if (answer->keeps_events) /* what was said is not known here */
        return how == MT_ANSWER_CUT    ? MT_FAILURE_TRUNCATED
               : exchange->events == 0 ? MT_FAILURE_NO_CONTENT
                                       : MT_FAILURE_NONE;
    if (answer->form == STREAM &&
        (how == MT_ANSWER_CUT || !(exchange->noted & (MT_SAW_DONE | MT_SAW_FINISH))))
        return exchange->events == 0 && how == MT_ANSWER_WHOLE ? MT_FAILURE_NO_CONTENT
                                                               : MT_FAILURE_TRUNCATED;
    if (exchange->contents == 0)
        return MT_FAILURE_NO_CONTENT;
    return answer->says_no_end && !(exchange->noted & (MT_SAW_DONE | MT_SAW_FINISH))
               ? MT_FAILURE_TRUNCATED
               : MT_FAILURE_NONE;
}

/* Ended by the transport, though the answer itself was whole. */
static int is_only_cut(int failure) {
    return failure == MT_FAILURE_TRUNCATED || failure == MT_FAILURE_CLOSED_MID_EVENT ||
           failure == MT_FAILURE_RESET_MID_STREAM;
}

mt_code mt_answer_read_kept(mt_exchange *exchange, mt_event_reader read, void *context,
                            mt_error *error) {
    mt_incoming_answer answer = {.wants_gaps = 1};
    int64_t tokens = 0;
    int has_tokens = 0; /* an event tells its tokens; those that do not are one */
    kept_event event;
    for (size_t at = 0; at < exchange->kept_length; at += sizeof event + event.length) {
        memcpy(&event, exchange->kept + at, sizeof event);
        mt_span text = {exchange->kept + at + sizeof event, event.length};
        mt_said said = {.prompt_tokens = MT_COUNT_ABSENT,
                        .completion_tokens = MT_COUNT_ABSENT,
                        .cached_tokens = MT_COUNT_ABSENT,
                        .reasoning_tokens = MT_COUNT_ABSENT};
        mt_code code = read(context, text, &said, error);
        if (code != MT_OK)
            return code;
        if (event.begins_read)
            mt_answer_read(&answer);
        note_said(&answer, exchange, &said, text, event.arrival_ns);
        if (said.says & MT_SAYS_WHOLE)
            exchange->noted |= MT_HAS_NO_TOKENS;
        tokens += said.tokens > 0 ? said.tokens : (said.says & MT_SAYS_CONTENT) != 0;
        has_tokens |= said.tokens > 0;
    }
    doubt_zeros(exchange);
    if (exchange->completion_tokens == MT_COUNT_ABSENT && has_tokens)
        exchange->completion_tokens = tokens;
    if (answer.failure)
        exchange->failure = answer.failure;
    else if (is_only_cut(exchange->failure) && exchange->noted & MT_SAW_DONE)
        exchange->failure = MT_FAILURE_NONE;
    if (exchange->failure == MT_FAILURE_NONE && answer.says_no_end &&
        !(exchange->noted & (MT_SAW_DONE | MT_SAW_FINISH)))
        exchange->failure = MT_FAILURE_TRUNCATED;
    if (exchange->failure == MT_FAILURE_NONE && exchange->contents == 0 &&
        !(exchange->noted & MT_HAS_NO_TOKENS))
        exchange->failure = MT_FAILURE_NO_CONTENT;
    return MT_OK;
}

void mt_answer_free(mt_incoming_answer *answer) {
    mt_sse_free(&answer->sse);
    mt_free(answer->body);
    *answer = (mt_incoming_answer){0};
}
