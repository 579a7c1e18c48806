/* The head of a request, and the whole message as the driver sends it. */
#ifndef MT_DRIVE_PROMPT_HEAD_H
#define MT_DRIVE_PROMPT_HEAD_H

#include "drive/driver.h"
#include "base/text.h"
#include "trace/member.h"

typedef struct mt_head_options {
    const char *host; /* "127.0.0.1:8000" */
    const char *path; /* "/v1/chat/completions" */
    const char *const
        *headers; /* further ones, "Name: value"; {member} in a value becomes the row's
                                   member of that name, a string without its quotes; nothing where
                                   the row has none */
    size_t header_count;
    uint64_t seed; /* of X-Request-ID and X-Correlation-ID */
} mt_head_options;

enum { MT_REQUEST_ID_ROOM = 37 };

/* The X-Request-ID of a ticket, and the X-Correlation-ID of its session (or of the ticket, where it
 * has none): 36 characters and the end, in the form of a UUID. */
void mt_request_id(uint64_t seed, uint64_t ticket, char *id);
void mt_correlation_id(uint64_t seed, const mt_request *request, uint64_t ticket, char *id);

/* POST with the body; `scratch` is storage of the caller's. The ticket is filled, the times are
 * MT_NEVER and the endpoint is 0. NULL: MT_ERROR_MEMORY, or MT_ERROR_INPUT when a member makes no
 * header (a control character). */
mt_outgoing *mt_head_prepare(const mt_head_options *options, const mt_request *request,
                             uint64_t ticket, const mt_text *body, mt_text *scratch,
                             mt_error *error);

#endif
