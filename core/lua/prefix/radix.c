/* core.radix: the radix tree of a trace's prefixes. Building it are functions, what is known of the
 * finished tree are methods. */
#include "lua/trace/intake.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "prefix/radix/radix.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char radix_type[] = "moontide.radix";

typedef struct radix_box {
    mt_radix *radix; /* NULL once closed */
    int is_finished;
    mt_lua_intake intake;
    uint64_t *ids; /* of the list being added */
    size_t id_capacity;
} radix_box;

static int radix_release(lua_State *L) {
    radix_box *self = luaL_checkudata(L, 1, radix_type);
    mt_radix_free(self->radix);
    mt_free(self->ids);
    memset(self, 0, sizeof *self);
    return 0;
}

static radix_box *check_building(lua_State *L) {
    radix_box *self = luaL_checkudata(L, 1, radix_type);
    if (!self->radix || self->is_finished)
        mt_lua_raise(L, "radix: nothing can be added any more");
    return self;
}

static const mt_radix *check_finished(lua_State *L) {
    radix_box *self = luaL_checkudata(L, 1, radix_type);
    if (!self->is_finished)
        mt_lua_raise(L, "radix: it is closed");
    return self->radix;
}

/* ---- ids ---- */

static void push_id(lua_State *L, uint64_t id) {
    if (id == MT_RADIX_ROOT_ID)
        lua_pushinteger(L, -1);
    else
        mt_lua_push_whole(L, id);
}

/* The string of digits at `index` as a number below 2^64 - 1; 0 when it is none. */
static int read_digits(lua_State *L, int index, uint64_t *id) {
    size_t length;
    const char *text = lua_tolstring(L, index, &length);
    *id = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*id, 10, id) ||
            __builtin_add_overflow(*id, (uint64_t)(text[i] - '0'), id))
            return 0;
    }
    return length > 0 && *id != MT_RADIX_ROOT_ID;
}

/* 1 and *id, or 0 when the value at `index` is no id. */
static int to_id(lua_State *L, int index, uint64_t *id) {
    int is_whole = 0;
    if (lua_type(L, index) == LUA_TSTRING)
        return read_digits(L, index, id);
    lua_Integer number =
        lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &is_whole) : 0;
    *id = (uint64_t)number;
    return is_whole && number >= 0;
}

/* Argument 2, a node's id or -1 for the root, as a node. */
static uint32_t check_node(lua_State *L, const mt_radix *radix, const char *method) {
    int is_whole = 0;
    uint64_t id;
    lua_settop(L, 2);
    lua_Integer number = lua_type(L, 2) == LUA_TNUMBER ? lua_tointegerx(L, 2, &is_whole) : 0;
    if (is_whole && number == -1)
        return 0;
    if (!to_id(L, 2, &id))
        mt_lua_raise(L, "radix:%s: the node must be an id, or -1 for the root, not %s", method,
                     luaL_tolstring(L, 2, NULL));
    uint32_t node = mt_radix_find(radix, id);
    if (node == MT_RADIX_NO_NODE)
        mt_lua_raise(L, "radix:%s: the core has no node %s", method, luaL_tolstring(L, 2, NULL));
    return node;
}

/* ---- building ---- */

/* new(raw) -> radix */
static int radix_new(lua_State *L) {
    mt_error error;
    int raw = lua_toboolean(L, 1);
    radix_box *self = mt_lua_new_owner(L, sizeof *self, radix_type);
    self->radix = mt_radix_new(0, raw, &error);
    return self->radix ? 1 : mt_lua_raise_error(L, &error);
}

static mt_code take(void *owner, const mt_request *request, mt_error *error) {
    return mt_radix_add(((radix_box *)owner)->radix, request, error);
}

static int radix_read(lua_State *L) {
    radix_box *self = check_building(L);
    return mt_lua_intake_read(L, &self->intake, take, self, "radix");
}

/* The list on top, number `place`, as a request whose ids are the box's. */
static mt_request request_of(lua_State *L, radix_box *self, lua_Integer place) {
    if (!lua_istable(L, -1))
        mt_lua_raise(L, "radix: list %I must be a list of ids, not %s", place,
                     luaL_tolstring(L, -1, NULL));
    size_t count = lua_rawlen(L, -1);
    if (MT_GROW(self->ids, self->id_capacity, count)) {
        mt_error error;
        mt_fail_memory(&error, "radix tree");
        mt_lua_raise_error(L, &error);
    }
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        if (!to_id(L, -1, &self->ids[i]))
            mt_lua_raise(L, "radix: list %I: id %I must be a whole number, 0 or more, not %s",
                         place, (lua_Integer)i + 1, luaL_tolstring(L, -1, NULL));
        lua_pop(L, 1);
    }
    return (mt_request){.has = MT_HAS_HASH_IDS, .hash_ids = self->ids, .hash_count = count};
}

/* add_lists(radix, {{id, ...}, ...}) -> true | nil, message, code */
static int radix_add_lists(lua_State *L) {
    radix_box *self = check_building(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 2);
    for (lua_Integer i = 1; i <= count; i++) {
        mt_error error;
        lua_rawgeti(L, 2, i);
        mt_request request = request_of(L, self, i);
        mt_code code = mt_interrupted() ? mt_fail(&error, MT_ERROR_INTERRUPTED, "interrupted")
                                        : mt_radix_add(self->radix, &request, &error);
        if (code == MT_ERROR_INPUT)
            snprintf(error.source, sizeof error.source, "list %lld", (long long)i);
        if (code != MT_OK)
            return mt_lua_failure(L, &error);
        lua_pop(L, 1);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* finish(radix) -> radix | nil, message, code */
static int radix_finish(lua_State *L) {
    radix_box *self = check_building(L);
    mt_error error;
    if (mt_radix_finish(self->radix, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    self->is_finished = 1;
    lua_settop(L, 1);
    return 1;
}

/* ---- the finished tree ---- */

static int radix_root(lua_State *L) {
    check_finished(L);
    lua_pushinteger(L, -1);
    return 1;
}

static int radix_children(lua_State *L) {
    const mt_radix *radix = check_finished(L);
    size_t count;
    const uint32_t *children = mt_radix_children(radix, check_node(L, radix, "children"), &count);
    int was_running = mt_lua_pause_collector(L);
    lua_createtable(L, count < INT_MAX ? (int)count : INT_MAX, 0);
    for (size_t i = 0; i < count; i++) {
        push_id(L, mt_radix_id(radix, children[i]));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    mt_lua_resume_collector(L, was_running);
    return 1;
}

static const mt_radix_node *node_of(lua_State *L, const char *method) {
    const mt_radix *radix = check_finished(L);
    size_t count;
    return mt_radix_nodes(radix, &count) + check_node(L, radix, method);
}

static int radix_visited(lua_State *L) {
    lua_pushinteger(L, node_of(L, "visited")->visited);
    return 1;
}

static int radix_node_length(lua_State *L) {
    lua_pushinteger(L, node_of(L, "length")->length);
    return 1;
}

static int radix_to_leaf(lua_State *L) {
    lua_pushinteger(L, node_of(L, "to_leaf")->to_leaf);
    return 1;
}

static int radix_ends(lua_State *L) {
    lua_pushinteger(L, node_of(L, "ends")->end);
    return 1;
}

static int radix_size(lua_State *L) {
    size_t count;
    mt_radix_nodes(check_finished(L), &count);
    lua_pushinteger(L, (lua_Integer)count - 1); /* without the root */
    return 1;
}

static int radix_depth(lua_State *L) {
    lua_pushinteger(L, mt_radix_depth(check_finished(L)));
    return 1;
}

static int radix_leaf_lengths(lua_State *L) {
    size_t count;
    const uint32_t *lengths = mt_radix_leaf_lengths(check_finished(L), &count);
    int was_running = mt_lua_pause_collector(L);
    lua_createtable(L, count < INT_MAX ? (int)count : INT_MAX, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushinteger(L, lengths[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    mt_lua_resume_collector(L, was_running);
    return 1;
}

/* radix:check() -> true | nil, message, code */
static int radix_check(lua_State *L) {
    mt_error error;
    return mt_lua_done(L, mt_radix_check(check_finished(L), &error), &error);
}

static int radix_text(lua_State *L) {
    const radix_box *self = luaL_checkudata(L, 1, radix_type);
    size_t count, tails;
    if (!self->is_finished) {
        lua_pushliteral(L, "radix tree (closed)");
        return 1;
    }
    mt_radix_nodes(self->radix, &count);
    count--; /* the root */
    mt_radix_leaf_lengths(self->radix, &tails);
    lua_pushfstring(L, "radix tree: %I core node%s, depth %I, %I unique tail%s", (lua_Integer)count,
                    count == 1 ? "" : "s", (lua_Integer)mt_radix_depth(self->radix),
                    (lua_Integer)tails, tails == 1 ? "" : "s");
    return 1;
}

int mt_lua_open_radix(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", radix_new},
                                         {"read", radix_read},
                                         {"add_lists", radix_add_lists},
                                         {"finish", radix_finish},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"root", radix_root},
                                       {"children", radix_children},
                                       {"visited", radix_visited},
                                       {"length", radix_node_length},
                                       {"to_leaf", radix_to_leaf},
                                       {"ends", radix_ends},
                                       {"size", radix_size},
                                       {"depth", radix_depth},
                                       {"leaf_lengths", radix_leaf_lengths},
                                       {"check", radix_check},
                                       {"close", radix_release},
                                       {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__tostring", radix_text}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, radix_type, methods, radix_release, meta);
    mt_lua_share_methods(L, "methods");
    return 1;
}
