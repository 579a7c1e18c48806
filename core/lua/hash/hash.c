/* core.hash: the hasher, which hands ids to Lua as plain arrays of integers. */
#include "lua/binding.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "hash/ids.h"

#include <string.h>

static const char hasher_type[] = "moontide.hasher";

typedef struct hasher {
    mt_ids *ids; /* NULL once closed */
    uint64_t block_size;
    /* Of the call in progress; kept from one to the next. */
    mt_key *keys;
    uint64_t *out;
    char *bytes; /* a block's content */
    size_t key_capacity, out_capacity, byte_capacity;
    size_t byte_count;
} hasher;

static int hasher_release(lua_State *L) {
    hasher *self = luaL_checkudata(L, 1, hasher_type);
    mt_ids_free(self->ids);
    mt_free(self->keys);
    mt_free(self->out);
    mt_free(self->bytes);
    memset(self, 0, sizeof *self);
    return 0;
}

static hasher *check_hasher(lua_State *L) {
    hasher *self = luaL_checkudata(L, 1, hasher_type);
    if (!self->ids)
        mt_lua_raise(L, "hasher: it is closed");
    return self;
}

/* new(block_size, expected) */
static int hasher_new(lua_State *L) {
    uint64_t block_size = mt_lua_check_count(L, 1, "hasher: block_size");
    uint64_t expected = mt_lua_check_count(L, 2, "hasher: expected");
    if (block_size == 0)
        return mt_lua_raise(L, "hasher: block_size must be at least 1");
    hasher *self = mt_lua_new_owner(L, sizeof *self, hasher_type);
    self->block_size = block_size;
    mt_error error;
    self->ids = mt_ids_new(expected, &error);
    return self->ids ? 1 : mt_lua_raise_error(L, &error);
}

static void raise_memory(lua_State *L) {
    mt_error error;
    mt_fail_memory(&error, "hasher");
    mt_lua_raise_error(L, &error);
}

static void add_bytes(lua_State *L, hasher *self, const void *bytes, size_t count) {
    if (MT_GROW(self->bytes, self->byte_capacity, self->byte_count + count))
        raise_memory(L);
    if (count)
        memcpy(self->bytes + self->byte_count, bytes, count);
    self->byte_count += count;
}

/* A content is a sequence of tokens. Whole numbers are eight bytes each. As soon as one token is a
 * text, each token is preceded by its type and its length, so that no two sequences have the same
 * bytes. Such contents are children of a block of their own after the parent, whose content is
 * "text". Numbers cannot make that content: its length is no multiple of eight. */
static const char text_mark[] = "text";

static void add_marked_token(lua_State *L, hasher *self, int index) {
    if (lua_type(L, index) == LUA_TSTRING) {
        size_t length;
        const char *text = lua_tolstring(L, index, &length);
        uint64_t count = length;
        add_bytes(L, self, "s", 1);
        add_bytes(L, self, &count, sizeof count);
        add_bytes(L, self, text, length);
    } else {
        lua_Integer number = lua_tointeger(L, index);
        add_bytes(L, self, "i", 1);
        add_bytes(L, self, &number, sizeof number);
    }
}

/* Is the value on top a whole number (1), a string (0)? Else raises "WHERE must be ALLOWED, not
 * ...", `where` being a format with one or two places. */
static int check_token(lua_State *L, const char *allowed, const char *where, lua_Integer first,
                       lua_Integer second) {
    int is_whole = 0;
    if (lua_type(L, -1) == LUA_TSTRING)
        return 0;
    if (lua_type(L, -1) == LUA_TNUMBER)
        lua_tointegerx(L, -1, &is_whole);
    if (is_whole)
        return 1;
    const char *shown = luaL_tolstring(L, -1, NULL);
    return mt_lua_raise(L, "%s must be %s, not %s", lua_pushfstring(L, where, first, second),
                        allowed, shown);
}

static const char token_kinds[] = "a whole number or a string";

/* The key, after parent, of tokens from..to of the list on top. `place` is for messages: the
 * block's number, or 0 where tokens are counted through the whole list. */
static mt_key key_of_tokens(lua_State *L, hasher *self, mt_key parent, lua_Integer from,
                            lua_Integer to, lua_Integer place) {
    int all_whole = 1;
    self->byte_count = 0;
    for (lua_Integer i = from; i <= to; i++) {
        lua_rawgeti(L, -1, i);
        if (place == 0)
            all_whole &= check_token(L, token_kinds, "hasher:tokens: token %I", i, 0);
        else
            all_whole &= check_token(L, token_kinds, "hasher:blocks: block %I: token %I", place, i);
        lua_Integer number = lua_tointeger(L, -1);
        if (all_whole)
            add_bytes(L, self, &number, sizeof number);
        lua_pop(L, 1);
    }
    if (!all_whole) {
        parent = mt_key_child(parent, text_mark, sizeof text_mark - 1);
        self->byte_count = 0;
        for (lua_Integer i = from; i <= to; i++) {
            lua_rawgeti(L, -1, i);
            add_marked_token(L, self, -1);
            lua_pop(L, 1);
        }
    }
    return mt_key_child(parent, self->bytes, self->byte_count);
}

/* The key, after parent, of the block on top: a list of tokens, or one token. */
static mt_key key_of_block(lua_State *L, hasher *self, mt_key parent, lua_Integer place) {
    if (lua_istable(L, -1)) {
        lua_Integer tokens = (lua_Integer)lua_rawlen(L, -1);
        if (tokens == 0)
            mt_lua_raise(L, "hasher:blocks: block %I is an empty list", place);
        return key_of_tokens(L, self, parent, 1, tokens, place);
    }
    if (check_token(L, "a whole number, a string or a list of them", "hasher:blocks: block %I",
                    place, 0))
        return mt_key_number(parent, (uint64_t)lua_tointeger(L, -1));
    self->byte_count = 0;
    add_marked_token(L, self, -1);
    parent = mt_key_child(parent, text_mark, sizeof text_mark - 1);
    return mt_key_child(parent, self->bytes, self->byte_count);
}

/* Argument 3: the id that the first block comes after, or nil. */
static mt_key check_parent(lua_State *L, const hasher *self, const char *what) {
    mt_key key = {0, 0};
    if (lua_isnoneornil(L, 3))
        return key;
    uint64_t parent = mt_lua_check_count(L, 3, what);
    if (mt_ids_key(self->ids, parent, &key)) {
        lua_Integer given = (lua_Integer)mt_ids_count(self->ids);
        mt_lua_raise(L, "%s %I is no id of this hasher (it has given %I id%s)", what,
                     (lua_Integer)parent, given, given == 1 ? "" : "s");
    }
    return key;
}

static lua_Integer check_list(lua_State *L, const char *what) {
    if (!lua_istable(L, 2))
        mt_lua_raise(L, "%s must be a list, not %s", what, luaL_typename(L, 2));
    return (lua_Integer)lua_rawlen(L, 2);
}

static void reserve_keys(lua_State *L, hasher *self, size_t count) {
    if (MT_GROW(self->keys, self->key_capacity, count) ||
        MT_GROW(self->out, self->out_capacity, count))
        raise_memory(L);
}

static void stop_when_interrupted(lua_State *L) {
    if (mt_interrupted())
        luaL_error(L, "interrupted");
}

/* Pushes the ids of the first `count` keys as an array. */
static int push_ids(lua_State *L, hasher *self, size_t count) {
    mt_error error;
    if (mt_ids_of(self->ids, self->keys, count, self->out, &error))
        return mt_lua_raise_error(L, &error);
    mt_lua_push_counts(L, self->out, count, sizeof *self->out);
    return 1;
}

/* hasher:blocks(list [, parent]) -> ids */
static int hasher_blocks(lua_State *L) {
    hasher *self = check_hasher(L);
    lua_Integer count = check_list(L, "hasher:blocks: the first argument");
    mt_key key = check_parent(L, self, "hasher:blocks: parent");
    reserve_keys(L, self, (size_t)count);
    for (lua_Integer i = 1; i <= count; i++) {
        stop_when_interrupted(L);
        lua_rawgeti(L, 2, i);
        key = key_of_block(L, self, key, i);
        lua_pop(L, 1);
        self->keys[i - 1] = key;
    }
    return push_ids(L, self, (size_t)count);
}

/* hasher:tokens(list [, parent]) -> ids */
static int hasher_tokens(lua_State *L) {
    hasher *self = check_hasher(L);
    lua_Integer tokens = check_list(L, "hasher:tokens: the first argument");
    mt_key key = check_parent(L, self, "hasher:tokens: parent");
    lua_Integer block_size = (lua_Integer)self->block_size;
    lua_Integer count = tokens / block_size + (tokens % block_size != 0);
    reserve_keys(L, self, (size_t)count);
    lua_pushvalue(L, 2);
    for (lua_Integer i = 0; i < count; i++) {
        stop_when_interrupted(L);
        lua_Integer from = i * block_size, left = tokens - from;
        key = key_of_tokens(L, self, key, from + 1, from + (left < block_size ? left : block_size),
                            0);
        self->keys[i] = key;
    }
    return push_ids(L, self, (size_t)count);
}

/* hasher:fresh(n) -> first, last */
static int hasher_fresh(lua_State *L) {
    hasher *self = check_hasher(L);
    uint64_t count = mt_lua_check_count(L, 2, "hasher:fresh: the number of ids");
    uint64_t first = mt_ids_fresh(self->ids, count);
    if (first == UINT64_MAX)
        return mt_lua_raise(L, "hasher:fresh: %I more ids would pass 2^40", (lua_Integer)count);
    lua_pushinteger(L, (lua_Integer)first);
    lua_pushinteger(L, (lua_Integer)(first + count) - 1);
    return 2;
}

static int hasher_memory(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)mt_ids_memory(check_hasher(L)->ids));
    return 1;
}

static int hasher_length(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)mt_ids_count(check_hasher(L)->ids));
    return 1;
}

static int hasher_text(lua_State *L) {
    hasher *self = luaL_checkudata(L, 1, hasher_type);
    if (!self->ids)
        lua_pushliteral(L, "hasher (closed)");
    else
        lua_pushfstring(L, "hasher: %I ids, block size %I", (lua_Integer)mt_ids_count(self->ids),
                        (lua_Integer)self->block_size);
    return 1;
}

int mt_lua_open_hash(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", hasher_new}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"blocks", hasher_blocks}, {"tokens", hasher_tokens},
                                       {"fresh", hasher_fresh},   {"memory", hasher_memory},
                                       {"close", hasher_release}, {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__len", hasher_length}, {"__tostring", hasher_text}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, hasher_type, methods, hasher_release, meta);
    mt_lua_share_methods(L, "methods");
    return 1;
}
