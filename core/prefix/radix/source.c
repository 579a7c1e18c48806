#include "prefix/radix/source.h"

#include "base/memory.h"
#include "prefix/block/check.h"

mt_radix_source *mt_radix_source_new(uint64_t block_size, mt_error *error) {
    if (block_size == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "block size must be at least 1"));
    mt_radix_source *source = mt_new(sizeof *source, "radix tree", error);
    if (!source)
        return NULL;
    source->references = 1;
    source->block_size = block_size;
    source->tree = mt_radix_new(block_size, 0, error);
    if (source->tree)
        return source;
    mt_radix_source_release(source);
    return NULL;
}

mt_radix_source *mt_radix_source_retain(mt_radix_source *source) {
    source->references++;
    return source;
}

void mt_radix_source_release(mt_radix_source *source) {
    if (!source || --source->references > 0)
        return;
    mt_radix_free(source->tree);
    mt_free(source->gaps_ns);
    mt_free(source);
}

mt_code mt_radix_source_add(mt_radix_source *source, const mt_request *request, mt_error *error) {
    int64_t last_ns = source->count > 0 ? source->last_time_ns : INT64_MIN;
    mt_code code = mt_check_time(request, last_ns, "synthesis", error);
    if (code)
        return code;
    if (MT_GROW(source->gaps_ns, source->capacity, source->count + 1))
        return mt_fail_memory(error, "radix tree");
    if ((code = mt_radix_add(source->tree, request, error)))
        return code;
    source->gaps_ns[source->count] =
        source->count > 0 ? request->time_ns - source->last_time_ns : 0;
    source->last_time_ns = request->time_ns;
    source->count++;
    return MT_OK;
}
