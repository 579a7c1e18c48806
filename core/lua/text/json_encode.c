/* core.json.encode: a Lua value as JSON text. */
#include "lua/text/json_binding.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "text/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stack indices: the encoder, and a table that keeps the names in hand alive. */
enum { ENCODER = 4, NAMES_KEPT = 5 };

static const char encoder_type[] = "moontide.json.encoder";

/* A step from a value to one inside it, for messages: a member's name, or an item's place. */
typedef struct step {
    const char *name; /* NULL: an item */
    lua_Integer place;
} step;

/* A member's name while an object's names are sorted; the text belongs to the table. */
typedef struct name {
    const char *text;
    size_t length;
} name;

typedef struct encoder {
    char *text;
    size_t length, capacity;
    name *names; /* of all objects around the present place, the innermost last */
    size_t name_count, name_capacity;
    int indent; /* spaces a level; -1: all on one line */
    const char *comma, *colon;
    int depth;
    step *path; /* MT_JSON_DEPTH of them; they belong to the call, the encoder outlives it */
} encoder;

static int release(lua_State *L) {
    encoder *self = luaL_checkudata(L, 1, encoder_type);
    mt_free(self->text);
    mt_free(self->names);
    self->text = NULL;
    self->names = NULL;
    return 0;
}

/* Raises "json.encode: " and the message, and where in the value that is. */
static void refuse(lua_State *L, const encoder *self, const char *message) {
    luaL_Buffer where;
    luaL_buffinit(L, &where);
    for (int i = 0; i < self->depth && i < 8; i++) {
        char piece[64];
        if (self->path[i].name)
            snprintf(piece, sizeof piece, ".%.50s", self->path[i].name);
        else
            snprintf(piece, sizeof piece, "[%lld]", (long long)self->path[i].place);
        luaL_addstring(&where, piece);
    }
    if (self->depth > 8)
        luaL_addstring(&where, "...");
    luaL_pushresult(&where);
    const char *place = lua_tostring(L, -1);
    mt_lua_raise(L, "json.encode: %s%s%s%s", message, *place ? " (at " : "", place,
                 *place ? ")" : "");
}

static char *room(lua_State *L, encoder *self, size_t bytes) {
    if (MT_GROW(self->text, self->capacity, self->length + bytes))
        luaL_error(L, "out of memory (JSON text)");
    return self->text + self->length;
}

static void add(lua_State *L, encoder *self, const char *text) {
    size_t length = strlen(text);
    memcpy(room(L, self, length), text, length);
    self->length += length;
}

/* Raises where the string cannot be written. */
static void check_string(lua_State *L, const encoder *self, const char *text, size_t length) {
    for (size_t i = 0; i < length;) {
        size_t sequence = mt_utf8_sequence(text + i, length - i);
        if (sequence == 0)
            refuse(L, self, "a string is not valid UTF-8");
        i += sequence;
    }
    if (length > (SIZE_MAX - 2) / 6)
        luaL_error(L, "out of memory (JSON text)");
}

static void add_string(lua_State *L, encoder *self, const char *text, size_t length) {
    check_string(L, self, text, length);
    self->length += mt_json_encode(text, length, room(L, self, 6 * length + 2));
}

/* Writes a number as mt_number_text does, with ".0" where it would read back as an integer. One that
 * JSON does not have becomes null. */
static void add_float(lua_State *L, encoder *self, double value) {
    char digits[MT_NUMBER_ROOM + 2];
    if (!isfinite(value)) {
        add(L, self, "null");
        return;
    }
    mt_number_text(value, digits);
    if (!strpbrk(digits, ".e"))
        memcpy(digits + strlen(digits), ".0", 3);
    add(L, self, digits);
}

static void add_line(lua_State *L, encoder *self) {
    if (self->indent < 0)
        return;
    size_t spaces = (size_t)self->indent * (size_t)self->depth;
    char *to = room(L, self, spaces + 1);
    *to = '\n';
    memset(to + 1, ' ', spaces);
    self->length += spaces + 1;
}

static void add_value(lua_State *L, encoder *self);

/* Enters an array or object, at whose first member the depth is one more. */
static void begin(lua_State *L, encoder *self, const char *bracket) {
    if (self->depth == MT_JSON_DEPTH)
        refuse(L, self, "nested more than 512 deep: does a table contain itself?");
    luaL_checkstack(L, 6, "JSON value");
    add(L, self, bracket);
    self->path[self->depth++] = (step){NULL, 0};
}

static void begin_member(lua_State *L, encoder *self, int is_first) {
    if (!is_first)
        add(L, self, self->indent < 0 ? self->comma : ",");
    add_line(L, self);
}

static void finish(lua_State *L, encoder *self, const char *bracket, int is_empty) {
    self->depth--;
    if (!is_empty)
        add_line(L, self);
    add(L, self, bracket);
}

static void add_name(lua_State *L, encoder *self, const char *text, size_t length) {
    self->path[self->depth - 1].name = text;
    add_string(L, self, text, length);
    add(L, self, self->colon);
}

/* The list part of the table on top. */
static void add_array(lua_State *L, encoder *self) {
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    begin(L, self, "[");
    for (lua_Integer i = 1; i <= count; i++) {
        self->path[self->depth - 1].place = i;
        begin_member(L, self, i == 1);
        lua_rawgeti(L, -1, i);
        add_value(L, self);
        lua_pop(L, 1);
    }
    finish(L, self, "]", count == 0);
}

/* The table on top, made by mt.json.object: a list of {name, value}. */
static void add_declared(lua_State *L, encoder *self) {
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    begin(L, self, "{");
    for (lua_Integer i = 1; i <= count; i++) {
        begin_member(L, self, i == 1);
        size_t length;
        if (lua_rawgeti(L, -1, i) != LUA_TTABLE || lua_rawgeti(L, -1, 1) != LUA_TSTRING)
            refuse(L, self, "a member of an object is no { name, value }");
        const char *text = lua_tolstring(L, -1, &length);
        add_name(L, self, text, length);
        lua_rawgeti(L, -2, 2);
        add_value(L, self);
        lua_pop(L, 3);
    }
    finish(L, self, "}", count == 0);
}

static int by_bytes(const void *a, const void *b) {
    const name *first = a, *second = b;
    size_t common = first->length < second->length ? first->length : second->length;
    int order = memcmp(first->text, second->text, common);
    return order ? order : (first->length > second->length) - (first->length < second->length);
}

/* Gathers the names of the table on top behind those of the objects around it; sorted. */
static void gather_names(lua_State *L, encoder *self, size_t from) {
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            refuse(L, self, "a table has keys that are no strings and is no list either");
        if (MT_GROW(self->names, self->name_capacity, self->name_count + 1))
            luaL_error(L, "out of memory (JSON text)");
        name *key = &self->names[self->name_count++];
        key->text = lua_tolstring(L, -1, &key->length);
        lua_pushvalue(L, -1); /* kept: a member's __json may change this table */
        lua_pushboolean(L, 1);
        lua_rawset(L, NAMES_KEPT);
    }
    if (self->name_count > from)
        qsort(self->names + from, self->name_count - from, sizeof(name), by_bytes);
}

static void add_object(lua_State *L, encoder *self) {
    size_t from = self->name_count;
    gather_names(L, self, from);
    size_t to = self->name_count;
    begin(L, self, "{");
    for (size_t i = from; i < to; i++) {
        begin_member(L, self, i == from);
        name key = self->names[i]; /* the array moves when inner objects make it grow */
        add_name(L, self, key.text, key.length);
        lua_pushlstring(L, key.text, key.length);
        lua_rawget(L, -2);
        add_value(L, self);
        lua_pop(L, 1);
    }
    self->name_count = from;
    finish(L, self, "}", to == from);
}

/* Is the table on top a list: are its keys 1..n, n > 0? Raises when it is one only in part. */
static int is_list(lua_State *L, const encoder *self) {
    size_t count = lua_rawlen(L, -1), keys = 0;
    if (count == 0)
        return 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        keys++;
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key < 1 || (size_t)key > count)
            refuse(L, self, "a table is neither a list nor an object, it has items and other keys");
    }
    if (keys != count)
        refuse(L, self, "a list has holes; mt.json.null stands for null");
    return 1;
}

static void add_table(lua_State *L, encoder *self) {
    if (mt_interrupted() && !mt_interrupt_is_borne)
        luaL_error(L, "interrupted");
    if (luaL_getmetafield(L, -1, "__json") != LUA_TNIL) {
        /* What __json gives is written in the value's place. It may be a table again, without that
         * metamethod, or anything else. */
        if (!lua_isfunction(L, -1))
            refuse(L, self, "a metatable's __json is not a function");
        if (self->depth == MT_JSON_DEPTH)
            refuse(L, self, "nested more than 512 deep: does __json return its own table?");
        luaL_checkstack(L, 6, "JSON value");
        self->path[self->depth++] = (step){NULL, 0};
        lua_pushvalue(L, -2);
        lua_call(L, 1, 1);
        add_value(L, self);
        lua_pop(L, 1);
        self->depth--;
        return;
    }
    if (mt_lua_is(L, -1, MT_JSON_ARRAY))
        add_array(L, self);
    else if (mt_lua_is(L, -1, MT_JSON_OBJECT))
        add_declared(L, self);
    else if (is_list(L, self))
        add_array(L, self);
    else
        add_object(L, self);
}

/* The value on top. */
static void add_value(lua_State *L, encoder *self) {
    char digits[32];
    size_t length;
    const char *text;
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        add(L, self, "null");
        return;
    case LUA_TBOOLEAN:
        add(L, self, lua_toboolean(L, -1) ? "true" : "false");
        return;
    case LUA_TNUMBER:
        if (!lua_isinteger(L, -1)) {
            add_float(L, self, lua_tonumber(L, -1));
            return;
        }
        snprintf(digits, sizeof digits, "%lld", (long long)lua_tointeger(L, -1));
        add(L, self, digits);
        return;
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &length);
        add_string(L, self, text, length);
        return;
    case LUA_TTABLE:
        add_table(L, self);
        return;
    default:
        if (mt_lua_is(L, -1, MT_JSON_NULL)) {
            add(L, self, "null");
            return;
        }
        lua_pushfstring(L, "cannot encode a %s", luaL_typename(L, -1));
        refuse(L, self, lua_tostring(L, -1));
    }
}

/* A string alone needs no encoder. */
static int encode_string(lua_State *L) {
    static const encoder outermost = {0};
    luaL_Buffer buffer;
    size_t length;
    const char *text = lua_tolstring(L, 1, &length);
    check_string(L, &outermost, text, length);
    char *to = luaL_buffinitsize(L, &buffer, 6 * length + 2);
    luaL_pushresultsize(&buffer, mt_json_encode(text, length, to));
    return 1;
}

int mt_lua_json_encode(lua_State *L) {
    luaL_checkany(L, 1);
    lua_Integer indent = luaL_checkinteger(L, 2);
    int compact = lua_toboolean(L, 3);
    if (lua_type(L, 1) == LUA_TSTRING)
        return encode_string(L);
    lua_settop(L, 3);
    step path[MT_JSON_DEPTH] = {{NULL, 0}};
    encoder *self = mt_lua_new_owner(L, sizeof *self, encoder_type);
    lua_newtable(L); /* at NAMES_KEPT */
    self->path = path;
    self->indent = (int)indent;
    self->comma = compact ? "," : ", ";
    self->colon = compact ? ":" : ": ";
    lua_pushvalue(L, 1);
    add_value(L, self);
    lua_pushlstring(L, self->text, self->length);
    lua_pushcfunction(L, release); /* here, not when the collector comes by */
    lua_pushvalue(L, ENCODER);
    lua_call(L, 1, 0);
    return 1;
}

void mt_lua_json_new_encoder_type(lua_State *L) {
    mt_lua_new_type(L, encoder_type, NULL, release, NULL);
    lua_pop(L, 1);
}
