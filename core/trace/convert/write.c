/* A conversion's rows as a trace. */
#include "base/interrupt.h"
#include "base/memory.h"
#include "trace/convert/state.h"

/* Requests and blocks whose ids are looked up together. */
enum { BATCH_ROWS = 256, BATCH_BLOCKS = 2048 };

typedef struct batch {
    mt_conversion_row rows[BATCH_ROWS];
    size_t count, blocks;
} batch;

/* The next rows, as many as make a batch and no more than `most`. */
static void take_batch(const mt_conversion *conversion, uint64_t most, batch *taken) {
    taken->count = taken->blocks = 0;
    while (taken->count < BATCH_ROWS && taken->count < most && taken->blocks < BATCH_BLOCKS &&
           conversion->next + taken->count < conversion->rows.count) {
        mt_conversion_row *row = &taken->rows[taken->count];
        size_t place = conversion->next + taken->count++;
        mt_conversion_get(conversion, conversion->order ? conversion->order[place] : place, row);
        taken->blocks += row->blocks;
    }
}

/* Makes room for so many blocks. 0 or -1. */
static int reserve_blocks(mt_conversion *conversion, size_t count) {
    void *keys = conversion->keys, *ids = conversion->batch_ids;
    int status = mt_reserve(&keys, &conversion->key_capacity, count, sizeof(mt_key));
    conversion->keys = keys;
    if (status != 0)
        return -1;
    status = mt_reserve(&ids, &conversion->id_capacity, count, sizeof(uint64_t));
    conversion->batch_ids = ids;
    return status;
}

static mt_code write_batch(mt_conversion *conversion, mt_output *output,
                           const mt_trace_format *format, batch *taken, mt_error *error) {
    size_t used = 0;
    if (reserve_blocks(conversion, taken->blocks) != 0)
        return mt_fail_memory(error, "blocks of a batch");
    for (size_t i = 0; i < taken->count; i++)
        used += mt_conversion_keys(conversion, &taken->rows[i], conversion->keys + used);
    mt_code code = mt_ids_of(conversion->ids, conversion->keys, used, conversion->batch_ids, error);
    const uint64_t *ids = conversion->batch_ids;
    for (size_t i = 0; i < taken->count && code == MT_OK; i++) {
        mt_conversion_row *row = &taken->rows[i];
        ids += mt_conversion_ids(conversion, row, ids);
        code = mt_trace_write(output, &row->request, format, error);
        mt_conversion_written(conversion, row);
    }
    conversion->next += taken->count;
    conversion->blocks += taken->blocks;
    return code;
}

mt_code mt_conversion_write(mt_conversion *conversion, mt_output *output,
                            const mt_trace_format *format, uint64_t most, uint64_t *written,
                            mt_error *error) {
    mt_error problem, *report = error ? error : &problem;
    batch taken;
    *written = 0;
    mt_code code = mt_conversion_prepare(conversion, report);
    while (code == MT_OK && *written < most && conversion->next < conversion->rows.count) {
        if (mt_interrupted())
            return mt_fail(report, MT_ERROR_INTERRUPTED, "interrupted");
        take_batch(conversion, most - *written, &taken);
        code = write_batch(conversion, output, format, &taken, report);
        *written += taken.count;
    }
    return code;
}
