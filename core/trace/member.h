/* A member of a request by its name, whatever it is. */
#ifndef MT_TRACE_MEMBER_H
#define MT_TRACE_MEMBER_H

#include "trace/record.h"

/* The request's member `name` as raw JSON: session_id, stream, or one of those that are not ours.
 * Length 0 where it has none. Names are compared as they are written. */
mt_span mt_request_member(const mt_request *request, const char *name);

/* The same of a name that is not terminated. */
mt_span mt_request_member_of(const mt_request *request, const char *name, size_t length);

#endif
