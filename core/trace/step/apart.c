#include "trace/step/apart.h"

#include "base/memory.h"
#include "text/json_items.h"
#include "trace/member.h"
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

/* Appends what stands from `from` to the name, and the name with the number. 0 or -1 (memory). */
static int add_name(mt_text *text, const char *from, mt_span name, uint64_t number) {
    char digits[MT_NUMBER_ROOM];
    int is_text = name.text[0] == '"';
    digits[0] = '/';
    size_t count = (size_t)(mt_write_u64(number, digits + 1) - digits);
    if (mt_text_add(text, from, (size_t)(name.text - from)) != 0)
        return -1;
    if (mt_json_is_null(name))
        return mt_text_add(text, name.text, name.length);
    return mt_text_add(text, "\"", is_text ? 0 : 1) != 0 ||
                   mt_text_add(text, name.text, name.length - (is_text ? 1 : 0)) != 0 ||
                   mt_text_add(text, digits, count) != 0 || mt_text_add(text, "\"", 1) != 0
               ? -1
               : 0;
}

static const char *end_of(mt_span span) {
    return span.text + span.length;
}

/* The same of all names in a list; what is no list stays as it is. */
static int add_names(mt_text *text, const char *from, mt_span list, uint64_t number) {
    mt_json json = {list.text, end_of(list), NULL};
    mt_json_items items;
    mt_json_item item;
    if (mt_json_items_begin(&items, &json, list.text, '[', "a list") == 0)
        while (mt_json_items_next(&items, &item) > 0) {
            if (add_name(text, from, item.value, number) != 0)
                return -1;
            from = end_of(item.value);
        }
    return mt_text_add(text, from, (size_t)(end_of(list) - from));
}

static int has_names(const mt_request *request) {
    return request->extra.length > 0 && (mt_request_member(request, "request_id").length > 0 ||
                                         mt_request_member(request, "wait_for").length > 0 ||
                                         mt_request_member(request, "branches").length > 0);
}

mt_code mt_apart_names(mt_apart *apart, mt_request *request, uint64_t number, mt_error *error) {
    if (!has_names(request))
        return MT_OK;
    mt_span extra = request->extra;
    mt_json json = {extra.text, end_of(extra), NULL};
    mt_json_items items;
    mt_json_item item;
    const char *from = extra.text;
    int failed = 0;
    apart->extra.length = 0;
    mt_json_items_bare(&items, &json);
    while (!failed && mt_json_items_next(&items, &item) > 0) {
        if (mt_json_named(&item, "request_id"))
            failed = add_name(&apart->extra, from, item.value, number);
        else if (mt_json_named(&item, "wait_for") || mt_json_named(&item, "branches"))
            failed = add_names(&apart->extra, from, item.value, number);
        else
            continue;
        from = end_of(item.value);
    }
    if (failed || mt_text_add(&apart->extra, from, (size_t)(end_of(extra) - from)) != 0)
        return mt_fail_memory(error, "request ids");
    request->extra = (mt_span){apart->extra.bytes, apart->extra.length};
    return MT_OK;
}

void mt_apart_free(mt_apart *apart) {
    mt_free(apart->ids);
    mt_free(apart->text);
    mt_free(apart->extra.bytes);
    *apart = (mt_apart){0};
}
