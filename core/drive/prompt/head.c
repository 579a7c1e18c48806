#include "drive/prompt/head.h"

#include "base/memory.h"
#include "drive/prompt/words.h"
#include "text/json_items.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdio.h>
#include <string.h>

/* Two 64-bit numbers in the form of a random UUID (RFC 4122, version 4). */
static void write_id(uint64_t high, uint64_t low, char *id) {
    snprintf(id, MT_REQUEST_ID_ROOM, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32),
             (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
             (unsigned)(low >> 48 & 0x3fff) | 0x8000u, (unsigned long long)(low & 0xffffffffffffu));
}

void mt_request_id(uint64_t seed, uint64_t ticket, char *id) {
    write_id(mt_block_key(seed, 2 * ticket), mt_block_key(seed, 2 * ticket + 1), id);
}

void mt_correlation_id(uint64_t seed, const mt_request *request, uint64_t ticket, char *id) {
    uint64_t of = ticket;
    if (request->has & MT_HAS_SESSION)
        of = XXH3_64bits(request->session.text, request->session.length);
    write_id(mt_block_key(~seed, of), mt_block_key(~seed, ~of), id);
}

static int add(mt_text *text, const char *bytes) {
    return mt_text_add(text, bytes, strlen(bytes));
}

static mt_code add_value(const mt_request *request, const char *name, size_t length, mt_text *text,
                         mt_error *error) {
    mt_span value = mt_request_member_of(request, name, length);
    if (mt_text_add(text, value.text, value.length) != 0)
        return mt_fail_memory(error, "header");
    if (value.length == 0 || value.text[0] != '"')
        return MT_OK;
    char *at = text->bytes + text->length - value.length;
    size_t decoded = mt_json_decode(at, value.length, at);
    for (size_t i = 0; i < decoded; i++)
        if ((unsigned char)at[i] < ' ' || at[i] == 127)
            return mt_fail(error, MT_ERROR_INPUT,
                           "%.*s has a control character, which a header cannot have", (int)length,
                           name);
    text->length = (size_t)(at - text->bytes) + decoded;
    return MT_OK;
}

static mt_code add_header(const char *header, const mt_request *request, mt_text *text,
                          mt_error *error) {
    const char *at = header;
    for (const char *open; (open = strchr(at, '{')) != NULL;) {
        const char *close = strchr(open, '}');
        if (!close)
            break;
        if (mt_text_add(text, at, (size_t)(open - at)) != 0)
            return mt_fail_memory(error, "header");
        mt_code code = add_value(request, open + 1, (size_t)(close - open) - 1, text, error);
        if (code != MT_OK)
            return code;
        at = close + 1;
    }
    return add(text, at) == 0 && add(text, "\r\n") == 0 ? MT_OK : mt_fail_memory(error, "header");
}

mt_outgoing *mt_head_prepare(const mt_head_options *options, const mt_request *request,
                             uint64_t ticket, const mt_text *body, mt_text *scratch,
                             mt_error *error) {
    char ids[2][MT_REQUEST_ID_ROOM], lines[256];
    mt_request_id(options->seed, ticket, ids[0]);
    mt_correlation_id(options->seed, request, ticket, ids[1]);
    snprintf(lines, sizeof lines,
             "X-Request-ID: %s\r\nX-Correlation-ID: %s\r\nContent-Length: %zu\r\n\r\n", ids[0],
             ids[1], body->length);
    scratch->length = 0;
    if (add(scratch, "POST ") != 0 || add(scratch, options->path) != 0 ||
        add(scratch, " HTTP/1.1\r\nHost: ") != 0 || add(scratch, options->host) != 0 ||
        add(scratch, "\r\nContent-Type: application/json\r\nAccept: text/event-stream, "
                     "application/json\r\nUser-Agent: moontide/" MT_VERSION "\r\n") != 0) {
        mt_fail_memory(error, "header");
        return NULL;
    }
    for (size_t i = 0; i < options->header_count; i++)
        if (add_header(options->headers[i], request, scratch, error) != MT_OK)
            return NULL;
    if (add(scratch, lines) != 0) {
        mt_fail_memory(error, "header");
        return NULL;
    }
    mt_outgoing *prepared = mt_outgoing_new(scratch->length + body->length);
    if (!prepared) {
        mt_fail_memory(error, "request");
        return NULL;
    }
    prepared->ticket = ticket;
    prepared->head_length = scratch->length;
    memcpy(prepared->bytes, scratch->bytes, scratch->length);
    memcpy(prepared->bytes + scratch->length, body->bytes, body->length);
    return prepared;
}
