/* Keeping apart what several inputs, or the laps of one, call by equal names. Private to this
 * folder. */
#ifndef MT_TRACE_STEP_APART_H
#define MT_TRACE_STEP_APART_H

#include "base/error.h"
#include "base/text.h"
#include "trace/record.h"

/* What changed requests point into: zero it, free it. */
typedef struct mt_apart {
    uint64_t *ids;
    size_t id_capacity;
    char *text;
    size_t text_capacity;
    mt_text extra;
} mt_apart;

/* Makes every hash id but the first `kept` id * factor + offset. MT_ERROR_VALUE when one does not
 * fit 64 bits, with a message that begins "hash id ..." and no source. */
mt_code mt_apart_ids(mt_apart *apart, mt_request *request, size_t kept, uint64_t factor,
                     uint64_t offset, mt_error *error);

/* Makes the session NAME, if there is one, the string "NAME/number". */
mt_code mt_apart_session(mt_apart *apart, mt_request *request, uint64_t number, mt_error *error);

/* Makes the NAMEs of request_id, wait_for and branches, where there are some, "NAME/number", too. */
mt_code mt_apart_names(mt_apart *apart, mt_request *request, uint64_t number, mt_error *error);

void mt_apart_free(mt_apart *apart);

#endif
