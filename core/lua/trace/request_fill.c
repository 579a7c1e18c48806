/* A Lua table as a request. The other way: request.c. */
#include "lua/trace/request_fields.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_SIZE = 32, SLACK = 64 };

void mt_lua_request_buffer_free(mt_lua_request_buffer *buffer) {
    mt_scan_buffer_free(&buffer->scan);
    mt_free(buffer->text);
    buffer->text = NULL;
    buffer->text_capacity = 0;
}

typedef struct fill {
    lua_State *L;
    int table;
    const char *what;
    mt_lua_request_buffer *buffer;
    mt_request *request;
    size_t text_used;
} fill;

static void __attribute__((noreturn)) wrong(const fill *f, const char *field, const char *want) {
    const char *shown = luaL_tolstring(f->L, -1, NULL);
    mt_lua_raise(f->L, "%s: %s must be %s, not %s", f->what, field, want, shown);
}

/* The whole number at the top of the stack. */
static uint64_t whole_number(const fill *f, const char *field) {
    static const char want[] = "a whole number of at least 0";
    int is_integer;
    lua_Integer value = lua_tointegerx(f->L, -1, &is_integer);
    if (lua_type(f->L, -1) == LUA_TSTRING) {
        size_t length;
        const char *text = lua_tolstring(f->L, -1, &length);
        mt_decimal decimal;
        if (mt_decimal_scan(text, length, 0, &decimal) != 0 || !decimal.exact || decimal.negative)
            wrong(f, field, want);
        return decimal.magnitude;
    }
    if (!is_integer || lua_type(f->L, -1) != LUA_TNUMBER || value < 0)
        wrong(f, field, want);
    return (uint64_t)value;
}

/* The milliseconds at the top of the stack as nanoseconds. */
static int64_t milliseconds(const fill *f, const char *field) {
    static const char want[] = "a number of milliseconds of at least 0 (and less than 292 years)";
    int64_t nanoseconds = 0;
    if (lua_isinteger(f->L, -1)) {
        if (__builtin_mul_overflow(lua_tointeger(f->L, -1), MT_LUA_MILLISECOND, &nanoseconds) ||
            nanoseconds < 0)
            wrong(f, field, want);
        return nanoseconds;
    }
    long double exact = (long double)lua_tonumber(f->L, -1) * (long double)MT_LUA_MILLISECOND;
    if (lua_type(f->L, -1) != LUA_TNUMBER || !(exact >= 0 && exact < 9223372036854775807.0L))
        wrong(f, field, want);
    return (int64_t)roundl(exact);
}

/* Room for `bytes` more in the buffer's text. Spans made earlier are kept as offsets. */
static char *text_room(fill *f, size_t bytes) {
    if (MT_GROW(f->buffer->text, f->buffer->text_capacity, f->text_used + bytes) != 0)
        luaL_error(f->L, "out of memory (request)");
    return f->buffer->text + f->text_used;
}

/* The string at the top as a JSON token; its place in the text. */
static mt_span string_token(fill *f, const char *field) {
    size_t length;
    const char *text = lua_tolstring(f->L, -1, &length);
    for (size_t i = 0; i < length;) {
        size_t step = mt_utf8_sequence(text + i, length - i);
        if (step == 0)
            mt_lua_raise(f->L, "%s: %s is not UTF-8 (byte %d)", f->what, field, (int)i + 1);
        i += step;
    }
    if (length > SIZE_MAX / 8)
        luaL_error(f->L, "out of memory (request)");
    char *to = text_room(f, 6 * length + 2);
    mt_span token = {NULL, mt_json_encode(text, length, to)};
    f->text_used += token.length;
    return token;
}

/* The number at the top, as a JSON token that reads back the same. */
static mt_span number_token(fill *f, const char *field) {
    mt_span token = {NULL, 0};
    char *to = text_room(f, NUMBER_SIZE);
    int length;
    if (lua_isinteger(f->L, -1)) {
        length = snprintf(to, NUMBER_SIZE, "%" PRId64, (int64_t)lua_tointeger(f->L, -1));
    } else {
        double value = lua_tonumber(f->L, -1);
        if (!isfinite(value))
            wrong(f, field, "finite");
        length = snprintf(to, NUMBER_SIZE, "%.17g", value);
    }
    token.length = (size_t)length;
    f->text_used += token.length;
    return token;
}

/* The list of ids at the top. */
static void fill_ids(fill *f) {
    lua_State *L = f->L;
    mt_scan_buffer *scan = &f->buffer->scan;
    if (!lua_istable(L, -1))
        wrong(f, "hash_ids", "a list of whole numbers");
    lua_Unsigned count = lua_rawlen(L, -1);
    if (MT_GROW(scan->ids, scan->id_capacity, (size_t)count) != 0)
        luaL_error(L, "out of memory (request)");
    for (lua_Unsigned i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        scan->ids[i] = whole_number(f, "an id of hash_ids");
        lua_pop(L, 1);
    }
    f->request->hash_ids = scan->ids;
    f->request->hash_count = (size_t)count;
}

/* The text of a JSON object at the top. It is scanned as a request, which tells whether it is an
 * object, and whether it holds members that have a field of their own. */
static mt_span extra_members(fill *f) {
    static const char want[] = "the text of a JSON object ('{\"priority\": 1}')";
    size_t length;
    if (lua_type(f->L, -1) != LUA_TSTRING)
        wrong(f, "extra", want);
    const char *text = lua_tolstring(f->L, -1, &length);
    char *copy = text_room(f, length + SLACK);
    mt_scan_buffer unused = {0};
    mt_request scanned = {0};
    mt_error error;
    memcpy(copy, text, length);
    memset(copy + length, '\n', SLACK);
    mt_code code = mt_scan_request(copy, length, &unused, &scanned, &error);
    size_t offset = scanned.extra.length > 0 ? (size_t)(scanned.extra.text - copy) : 0;
    mt_scan_buffer_free(&unused);
    if (code == MT_ERROR_MEMORY)
        luaL_error(f->L, "out of memory (request)");
    if (code != MT_OK)
        mt_lua_raise(f->L, "%s: extra must be %s: column %d: %s", f->what, want, (int)error.column,
                     error.message);
    if (scanned.has != 0)
        mt_lua_raise(f->L, "%s: extra must hold only what has no field of its own, not %s", f->what,
                     text);
    /* Line ends become spaces, for a trace has a request a line. Outside strings they are white
     * space; inside they are errors, and were found before. */
    for (size_t i = 0; i < length; i++)
        if (copy[i] == '\n' || copy[i] == '\r')
            copy[i] = ' ';
    memmove(copy, copy + offset, scanned.extra.length);
    f->text_used += scanned.extra.length;
    return (mt_span){NULL, scanned.extra.length};
}

/* Reads the field's value, which is on top. */
static void fill_field(fill *f, const mt_lua_field *field) {
    char *place = (char *)f->request + field->place;
    int type = lua_type(f->L, -1);
    uint64_t bits;
    mt_span token;
    switch (field->kind) {
    case MT_LUA_WHOLE:
        bits = whole_number(f, field->name);
        memcpy(place, &bits, sizeof bits);
        return;
    case MT_LUA_MILLISECONDS:
        bits = (uint64_t)milliseconds(f, field->name);
        memcpy(place, &bits, sizeof bits);
        return;
    case MT_LUA_IDS:
        fill_ids(f);
        return;
    case MT_LUA_EXTRA:
        token = extra_members(f);
        break;
    default:
        if (type == LUA_TSTRING)
            token = string_token(f, field->name);
        else if (type == LUA_TNUMBER && field->kind == MT_LUA_TOKEN)
            token = number_token(f, field->name);
        else
            wrong(f, field->name,
                  field->kind == MT_LUA_TOKEN ? "a string or a number" : "a string");
    }
    memcpy(place, &token, sizeof token);
}

/* The spans are placed at the end: the text may move while it grows. They follow one another in
 * the order of the fields. */
static void fill_fields(fill *f) {
    mt_request *request = f->request;
    for (const mt_lua_field *field = mt_lua_fields; field < mt_lua_fields + MT_LUA_READ_MEMBERS;
         field++) {
        /* Raw access: no code of the script's runs while the buffer is being filled. */
        lua_pushstring(f->L, field->name);
        if (lua_rawget(f->L, f->table) != LUA_TNIL) {
            request->has |= field->has;
            fill_field(f, field);
        }
        lua_pop(f->L, 1);
    }
    const char *text = f->buffer->text;
    request->session.text = text;
    request->stream.text = text ? text + request->session.length : NULL;
    request->extra.text = text ? request->stream.text + request->stream.length : NULL;
}

static void refuse_unknown(const fill *f) {
    lua_State *L = f->L;
    lua_pushnil(L);
    while (lua_next(L, f->table)) {
        int found = 0;
        lua_pop(L, 1);
        for (size_t i = 0; i < MT_LUA_MEMBERS && !found; i++)
            found = lua_type(L, -1) == LUA_TSTRING &&
                    strcmp(lua_tostring(L, -1), mt_lua_fields[i].name) == 0;
        if (!found)
            mt_lua_raise(L,
                         "%s: a request has no field '%s' (it has timestamp, input_length, "
                         "output_length, hash_ids, session_id, delay, stream, turn; other "
                         "members are in extra)",
                         f->what, luaL_tolstring(L, -1, NULL));
    }
}

void mt_lua_fill_request(lua_State *L, int arg, const char *what, mt_lua_request_buffer *buffer,
                         mt_request *request) {
    fill f = {L, lua_absindex(L, arg), what, buffer, request, 0};
    if (!lua_istable(L, arg))
        mt_lua_raise(L, "%s: a request must be a table, not %s", what,
                     luaL_tolstring(L, arg, NULL));
    luaL_checkstack(L, 8, what);
    *request = (mt_request){0};
    refuse_unknown(&f);
    fill_fields(&f);
}
