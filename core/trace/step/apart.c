#include "trace/step/apart.h"

#include "base/memory.h"
#include "trace/writer.h"

#include <string.h>

mt_code mt_apart_ids(mt_apart *apart, mt_request *request, size_t kept, uint64_t factor,
                     uint64_t offset, mt_error *error) {
    size_t count = request->hash_count;
    if (count == 0)
        return MT_OK;
    if (MT_GROW(apart->ids, apart->id_capacity, count) != 0)
        return mt_fail_memory(error, "hash ids");
    for (size_t i = 0; i < count; i++) {
        uint64_t id = request->hash_ids[i];
        if (i >= kept &&
            (__builtin_mul_overflow(id, factor, &id) || __builtin_add_overflow(id, offset, &id)))
            return mt_fail(error, MT_ERROR_VALUE,
                           "hash id %llu is too large to be kept apart from others: moontide cat "
                           "--renumber numbers them from 0",
                           (unsigned long long)request->hash_ids[i]);
        apart->ids[i] = id;
    }
    request->hash_ids = apart->ids;
    return MT_OK;
}

mt_code mt_apart_session(mt_apart *apart, mt_request *request, uint64_t number, mt_error *error) {
    enum { ADDED = 32 }; /* quotes, the slash, a number */
    if (!(request->has & MT_HAS_SESSION))
        return MT_OK;
    mt_span name = request->session;
    if (MT_GROW(apart->text, apart->text_capacity, name.length + ADDED) != 0)
        return mt_fail_memory(error, "session ids");
    if (name.text[0] == '"') {
        name.text++;
        name.length -= 2;
    }
    char *to = apart->text;
    *to++ = '"';
    memcpy(to, name.text, name.length);
    to += name.length;
    *to++ = '/';
    to = mt_write_u64(number, to);
    *to++ = '"';
    request->session = (mt_span){apart->text, (size_t)(to - apart->text)};
    return MT_OK;
}

void mt_apart_free(mt_apart *apart) {
    mt_free(apart->ids);
    mt_free(apart->text);
    *apart = (mt_apart){0};
}
