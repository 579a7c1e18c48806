#include "trace/step/prefix_ids.h"

#include "base/memory.h"

#include <string.h>

mt_code mt_prefix_ids_start(mt_prefix_ids *numbering, mt_error *error) {
    numbering->ids = mt_ids_new(0, error);
    return numbering->ids ? MT_OK : mt_code_of(error);
}

static mt_code make_room(mt_prefix_ids *numbering, size_t count, mt_error *error) {
    if (MT_GROW(numbering->keys, numbering->key_capacity, count) ||
        MT_GROW(numbering->numbers, numbering->number_capacity, count))
        return mt_fail_memory(error, "hash ids");
    return MT_OK;
}

mt_code mt_number_prompt(mt_prefix_ids *numbering, mt_request *request, mt_error *error) {
    size_t count = request->hash_count;
    mt_code code = count > 0 ? make_room(numbering, count, error) : MT_OK;
    if (count == 0 || code != MT_OK)
        return code;
    mt_key key = {0, 0};
    for (size_t i = 0; i < count; i++)
        numbering->keys[i] = key = mt_key_number(key, request->hash_ids[i]);
    request->hash_ids = numbering->numbers;
    return mt_ids_of(numbering->ids, numbering->keys, count, numbering->numbers, error);
}

mt_code mt_number_turn(mt_prefix_ids *numbering, const uint64_t *known, size_t known_count,
                       size_t count, mt_request *request, mt_error *error) {
    mt_code code = make_room(numbering, count, error);
    if (code != MT_OK)
        return code;
    if (known_count > 0)
        memcpy(numbering->numbers, known, known_count * sizeof *known);
    uint64_t id = mt_ids_fresh(numbering->ids, count - known_count);
    if (id == UINT64_MAX)
        return mt_fail(error, MT_ERROR_VALUE, "too many hash ids");
    for (size_t i = known_count; i < count; i++)
        numbering->numbers[i] = id++;
    request->hash_ids = numbering->numbers;
    request->hash_count = count;
    return MT_OK;
}

void mt_prefix_ids_free(mt_prefix_ids *numbering) {
    mt_ids_free(numbering->ids);
    mt_free(numbering->keys);
    mt_free(numbering->numbers);
    *numbering = (mt_prefix_ids){0};
}
