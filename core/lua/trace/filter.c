/* Filters of requests that are Lua functions. */
#include "base/interrupt.h"
#include "lua/trace/source_binding.h"

static const char filter_type[] = "moontide.filter";

enum { FUNCTION = 1 };

/* Calls run on a Lua thread of its own, its user value: a source does not know which thread asks it
 * for its next request. At the bottom of the thread's stack lies the function. */
typedef struct filter {
    lua_State *thread; /* NULL: it has no function yet */
    int self_ref;      /* keeps it alive as long as a source uses it */
    int as_table;
    const mt_request *current; /* NULL outside a call */
    uint64_t seen, kept;
} filter;

static filter *check_filter(lua_State *L, int arg) {
    return luaL_checkudata(L, arg, filter_type);
}

/* filter() -> filter */
static int new_filter(lua_State *L) {
    filter *self = mt_lua_new_owner(L, sizeof *self, filter_type);
    self->self_ref = LUA_NOREF;
    return 1;
}

/* filter:get(name) -> the field of the request that is being looked at (or nil), true |
 * nil, false when a request has no field of that name */
static int filter_get(lua_State *L) {
    const filter *self = check_filter(L, 1);
    const char *name = luaL_checkstring(L, 2);
    if (!self->current)
        return mt_lua_raise(L, "where: there is no request to look at");
    int is_field = mt_lua_push_field(L, self->current, name);
    if (!is_field)
        lua_pushnil(L);
    lua_pushboolean(L, is_field);
    return 2;
}

/* filter:counts() -> requests looked at, requests kept */
static int filter_counts(lua_State *L) {
    const filter *self = check_filter(L, 1);
    lua_pushinteger(L, (lua_Integer)self->seen);
    lua_pushinteger(L, (lua_Integer)self->kept);
    return 2;
}

/* Under lua_pcall: (function, filter) -> is the current request kept? */
static int ask(lua_State *L) {
    const filter *self = lua_touserdata(L, 2);
    lua_settop(L, 1);
    if (self->as_table)
        mt_lua_push_request(L, self->current);
    lua_call(L, lua_gettop(L) - 1, 1);
    lua_pushboolean(L, lua_toboolean(L, -1));
    return 1;
}

static int keep(void *context, const mt_request *request, mt_error *error) {
    filter *self = context;
    lua_State *thread = self->thread;
    if (mt_interrupted()) /* one question may take long, and a source looks only once a batch */
        return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    int handler = mt_lua_begin_callback(thread, "where", error);
    if (!handler)
        return -1;
    lua_pushcfunction(thread, ask);
    lua_pushvalue(thread, FUNCTION);
    lua_pushlightuserdata(thread, self);
    self->current = request;
    self->seen++;
    mt_code code = mt_lua_callback(thread, handler, 2, "where", error);
    self->current = NULL;
    if (code != MT_OK)
        return -1;
    int kept = lua_toboolean(thread, -1);
    lua_settop(thread, handler - 1);
    self->kept += kept > 0;
    return kept;
}

static void release(void *context) {
    filter *self = context;
    int self_ref = self->self_ref;
    self->self_ref = LUA_NOREF;
    luaL_unref(self->thread, LUA_REGISTRYINDEX, self_ref);
}

mt_filter mt_lua_to_filter(lua_State *L, int arg, int function, int as_table) {
    filter *self = check_filter(L, arg);
    luaL_checktype(L, function, LUA_TFUNCTION);
    if (self->thread)
        mt_lua_raise(L, "where: the filter is in use");
    lua_State *thread = mt_lua_new_callback_thread(L);
    lua_setiuservalue(L, arg, 1);
    lua_pushvalue(L, function);
    lua_xmove(L, thread, 1);
    lua_pushvalue(L, arg);
    self->self_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    self->thread = thread;
    self->as_table = as_table;
    return (mt_filter){keep, release, self};
}

void mt_lua_push_filter_maker(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"get", filter_get}, {"counts", filter_counts}, {NULL, NULL}};
    mt_lua_new_type(L, filter_type, methods, NULL, NULL);
    lua_pop(L, 1);
    lua_pushcfunction(L, new_filter);
}
