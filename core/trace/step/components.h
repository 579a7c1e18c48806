/* Components: sessions and requests that wait for one another, by request_id, wait_for and
 * branches, directly or by others: what is connected in the graph of who waits for whom. What is
 * divided into parts keeps a component together. Private to this folder.
 *
 * They grow while requests are added. A component has an ordinal from its first request on; two
 * that turn out to be one when both have theirs are a matter for the caller. Memory: a text and 12
 * bytes a session and a request id, 12 for each of these. */
#ifndef MT_TRACE_STEP_COMPONENTS_H
#define MT_TRACE_STEP_COMPONENTS_H

#include "base/error.h"
#include "text/texts.h"
#include "trace/record.h"

#define MT_NO_COMPONENT UINT64_MAX

/* Zero it, add requests, free it. */
typedef struct mt_components {
    mt_texts sessions, names;
    uint32_t *session_members, *name_members; /* which member each is */
    size_t session_capacity, name_capacity;
    uint32_t *above;    /* of each member: one of its component nearer to its head, or itself */
    uint64_t *ordinals; /* of heads; MT_NO_COMPONENT: it has none yet */
    size_t count, above_capacity, ordinal_capacity;
} mt_components;

typedef struct mt_component {
    uint64_t head;    /* MT_NO_COMPONENT: it belongs to nobody, and nobody to it */
    uint64_t session; /* number of its session by first appearance, from 1; 0: it has none */
    uint64_t lost;    /* an ordinal that it had too, before it became one; MT_NO_COMPONENT */
} mt_component;

/* The component of the request, together with all that it names. MT_ERROR_MEMORY. */
mt_code mt_components_add(mt_components *components, const mt_request *request,
                          mt_component *component, mt_error *error);

void mt_components_free(mt_components *components);

#endif
