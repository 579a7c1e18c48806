#include "lua/binding.h"

#include "base/interrupt.h"
#include "base/memory.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char mt_lua_bad_line_key[] = "moontide.bad_line";
const char mt_lua_last_failure_key[] = "moontide.last_failure";

static const char *code_name(mt_code code) {
    static const char *const names[] = {"ok",    "memory",      "io",     "input",
                                        "value", "interrupted", "closed", "callback"};
    return names[code];
}

void mt_lua_push_error(lua_State *L, const mt_error *error) {
    char text[MT_ERROR_SOURCE_SIZE + MT_ERROR_MESSAGE_SIZE + 64];
    lua_pushstring(L, mt_error_text(error, text, sizeof text));
}

int mt_lua_push_skipped(lua_State *L, uint64_t count, const mt_error *first) {
    lua_pushinteger(L, (lua_Integer)count);
    if (count == 0)
        return 1;
    mt_lua_push_error(L, first);
    return 2;
}

int mt_lua_done(lua_State *L, mt_code code, const mt_error *error) {
    if (code != MT_OK)
        return mt_lua_failure(L, error);
    lua_pushboolean(L, 1);
    return 1;
}

int mt_lua_failure(lua_State *L, const mt_error *error) {
    lua_pushnil(L);
    mt_lua_push_error(L, error);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, mt_lua_last_failure_key);
    if (error->can_be_skipped) {
        lua_pushvalue(L, -1);
        lua_setfield(L, LUA_REGISTRYINDEX, mt_lua_bad_line_key);
    }
    lua_pushstring(L, code_name(error->code));
    return 3;
}

int mt_lua_throw_failure(lua_State *L, const mt_error *error) {
    mt_lua_push_error(L, error);
    return lua_error(L);
}

/* A usage error is a table {message = text} with the metatable "moontide.usage". */
static void __attribute__((noreturn)) throw_usage(lua_State *L) {
    lua_createtable(L, 0, 1);
    lua_insert(L, -2);
    lua_setfield(L, -2, "message");
    luaL_setmetatable(L, "moontide.usage");
    lua_error(L);
    abort(); /* lua_error does not return, but is not declared so */
}

int mt_lua_raise_error(lua_State *L, const mt_error *error) {
    mt_lua_push_error(L, error);
    throw_usage(L);
}

int mt_lua_raise(lua_State *L, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    throw_usage(L);
}

/* Lua's collector takes an owner of columns of a gigabyte for one of a few bytes, and would leave it
 * for long. So it collects all when what core holds is twice what was left the last time: which
 * costs a full cycle for as much made as is alive. Less than LITTLE_HELD is not worth a look. */
enum { LITTLE_HELD = 32 << 20 };

static void collect_what_is_held(lua_State *L) {
    static const char key; /* its address: in the registry, the bytes at which to collect */
    size_t held = mt_memory_held();
    if (held < LITTLE_HELD || !lua_gc(L, LUA_GCISRUNNING))
        return;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
    lua_Integer limit = lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (held < (size_t)limit)
        return;
    lua_gc(L, LUA_GCCOLLECT);
    lua_pushinteger(L, 2 * (lua_Integer)mt_memory_held());
    lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}

const char mt_lua_open_all_key[] = "moontide.open_all";

/* Pushes the metatable of a type; where nobody has asked for it yet, all types are made first. */
static void push_type(lua_State *L, const char *name) {
    if (luaL_getmetatable(L, name) != LUA_TNIL)
        return;
    lua_getfield(L, LUA_REGISTRYINDEX, mt_lua_open_all_key);
    lua_call(L, 0, 0);
    lua_pop(L, 1);
    luaL_getmetatable(L, name);
}

void *mt_lua_new_owner(lua_State *L, size_t size, const char *type) {
    collect_what_is_held(L);
    push_type(L, type);
    void *owner = lua_newuserdatauv(L, size, 1);
    memset(owner, 0, size);
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
    return owner;
}

void mt_lua_new_type(lua_State *L, const char *type, const luaL_Reg *methods, lua_CFunction release,
                     const luaL_Reg *meta) {
    luaL_newmetatable(L, type);
    if (methods) {
        lua_newtable(L);
        luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
    }
    if (release) {
        lua_pushcfunction(L, release);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, release);
        lua_setfield(L, -2, "__close");
    }
    if (meta)
        luaL_setfuncs(L, meta, 0);
}

int mt_lua_is(lua_State *L, int index, const char *type) {
    if (!lua_getmetatable(L, index))
        return 0;
    luaL_getmetatable(L, type);
    int is_same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_same;
}

void mt_lua_share_methods(lua_State *L, const char *field) {
    lua_getfield(L, -1, "__index");
    lua_setfield(L, -3, field);
    lua_pop(L, 1);
}

void mt_lua_new_object_type(lua_State *L, const mt_lua_type *type, const luaL_Reg *methods,
                            const luaL_Reg *meta) {
    const luaL_Reg ends[] = {{"__gc", mt_lua_close}, {"__close", mt_lua_close}, {NULL, NULL}};
    mt_lua_new_type(L, type->name, NULL, NULL, meta);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, type);
    lua_pushlightuserdata(L, (void *)type);
    luaL_setfuncs(L, ends, 1);
    if (methods) {
        lua_newtable(L);
        lua_pushlightuserdata(L, (void *)type);
        luaL_setfuncs(L, methods, 1);
        lua_setfield(L, -2, "__index");
    }
}

/* The userdata of an object. Its type stands in it, so that to check one of an argument, which a plan
 * of thousands of streams does hundreds of thousands of times, looks for no name. */
typedef struct place_of_object {
    void *object; /* NULL: closed */
    const mt_lua_type *type;
} place_of_object;

void **mt_lua_test_object(lua_State *L, int arg, const mt_lua_type *type) {
    place_of_object *place = lua_type(L, arg) == LUA_TUSERDATA ? lua_touserdata(L, arg) : NULL;
    if (place && lua_rawlen(L, arg) == sizeof *place && place->type == type)
        return &place->object;
    return luaL_testudata(L, arg,
                          type->name); /* it may be at the head of an owner with more in it */
}

static void **check_place(lua_State *L, int arg, const mt_lua_type *type) {
    void **place = mt_lua_test_object(L, arg, type);
    return place ? place : luaL_checkudata(L, arg, type->name); /* which says what it is */
}

int mt_lua_close(lua_State *L) {
    const mt_lua_type *type = lua_touserdata(L, lua_upvalueindex(1));
    void **place = check_place(L, 1, type), *object = *place;
    *place = NULL;
    if (object)
        type->release(object);
    return 0;
}

void **mt_lua_new_object(lua_State *L, const mt_lua_type *type) {
    collect_what_is_held(L);
    place_of_object *place = lua_newuserdatauv(L, sizeof *place, 1);
    *place = (place_of_object){NULL, type};
    /* By name where another module made it, or nobody yet. */
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, type) == LUA_TNIL) {
        lua_pop(L, 1);
        push_type(L, type->name);
    }
    lua_setmetatable(L, -2);
    return &place->object;
}

void *mt_lua_check_object(lua_State *L, int arg, const mt_lua_type *type) {
    void **place = check_place(L, arg, type);
    if (!*place)
        mt_lua_raise(L, "%s", type->closed);
    return *place;
}

int mt_lua_keep(lua_State *L, void **place, void *object, const mt_error *error) {
    *place = object;
    return object ? 1 : mt_lua_raise_error(L, error);
}

double mt_lua_check_finite(lua_State *L, int arg, const char *what) {
    int is_number;
    double value = lua_tonumberx(L, arg, &is_number);
    if (!is_number || lua_type(L, arg) != LUA_TNUMBER)
        mt_lua_raise(L, "%s must be a number, not %s", what, luaL_typename(L, arg));
    if (!isfinite(value))
        mt_lua_raise(L, "%s must be finite, not %f", what, value);
    return value;
}

double mt_lua_check_not_negative(lua_State *L, int arg, const char *what) {
    double value = mt_lua_check_finite(L, arg, what);
    if (value < 0)
        mt_lua_raise(L, "%s must not be negative (it is %f)", what, value);
    return value;
}

uint64_t mt_lua_check_count(lua_State *L, int arg, const char *what) {
    int is_integer;
    lua_Integer value = lua_tointegerx(L, arg, &is_integer);
    if (!is_integer || lua_type(L, arg) != LUA_TNUMBER)
        mt_lua_raise(L, "%s must be a whole number, not %s", what, luaL_tolstring(L, arg, NULL));
    if (value < 0)
        mt_lua_raise(L, "%s must not be negative (it is %I)", what, value);
    return (uint64_t)value;
}

double *mt_lua_check_numbers(lua_State *L, int arg, const char *what, size_t *count) {
    luaL_checktype(L, arg, LUA_TTABLE);
    *count = lua_rawlen(L, arg);
    double *numbers = lua_newuserdatauv(L, *count * sizeof *numbers + 1, 0);
    for (size_t i = 0; i < *count; i++) {
        if (lua_rawgeti(L, arg, (lua_Integer)i + 1) != LUA_TNUMBER)
            mt_lua_raise(L, "%s %I must be a number, not %s", what, (lua_Integer)i + 1,
                         luaL_typename(L, -1));
        numbers[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return numbers;
}

/* Stopping and restarting would make the collector forget how long it wanted to wait: it would work
 * at every call. A loan of 1 TiB (in KiB) that is paid back leaves it where it was. */
enum { COLLECTOR_LOAN = 1 << 30 };

int mt_lua_pause_collector(lua_State *L) {
    int was_running = lua_gc(L, LUA_GCISRUNNING);
    if (was_running)
        lua_gc(L, LUA_GCSTEP, -COLLECTOR_LOAN);
    return was_running;
}

void mt_lua_resume_collector(lua_State *L, int was_running) {
    if (was_running)
        lua_gc(L, LUA_GCSTEP, COLLECTOR_LOAN);
}

void mt_lua_push_whole(lua_State *L, uint64_t value) {
    if (value <= INT64_MAX)
        lua_pushinteger(L, (lua_Integer)value);
    else
        lua_pushfstring(L, "%I%d", (lua_Integer)(value / 10), (int)(value % 10));
}

void mt_lua_push_counts(lua_State *L, const uint64_t *first, size_t count, size_t step) {
    int was_running = mt_lua_pause_collector(L);
    lua_createtable(L, count < INT_MAX ? (int)count : INT_MAX, 0);
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)first + i * step, sizeof value);
        mt_lua_push_whole(L, value);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    mt_lua_resume_collector(L, was_running);
}

void mt_lua_push_number(lua_State *L, double value) {
    if (isnan(value))
        lua_pushnil(L);
    else
        lua_pushnumber(L, value);
}

void mt_lua_set_count(lua_State *L, const char *name, uint64_t value) {
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

void mt_lua_set_number(lua_State *L, const char *name, double value) {
    lua_Integer whole;
    if (isnan(value))
        return;
    if (lua_numbertointeger(value, &whole) && (double)whole == value)
        lua_pushinteger(L, whole);
    else
        lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

/* ---- calls from inside core ---- */

enum {
    INSTRUCTIONS_BETWEEN_LOOKS = 10000,
    CALL_SLOTS = 4 /* of the thread's stack: message handler, function, two arguments */
};

/* Ctrl-C sets its hook on the main thread only; a function that never returns runs on ours. */
static void look_for_interrupt(lua_State *L, lua_Debug *call) {
    (void)call;
    if (mt_interrupted())
        luaL_error(L, "interrupted");
}

/* Makes a text of any error while the call is still protected: a usage error is a table when the
 * failing function was called by nobody who could be named. */
static int to_message(lua_State *L) {
    if (lua_istable(L, 1) && lua_getfield(L, 1, "message") == LUA_TSTRING)
        return 1;
    const char *text = luaL_tolstring(L, 1, NULL);
    if (strcmp(text, "attempt to yield across a C-call boundary") == 0 ||
        strcmp(text, "attempt to yield from outside a coroutine") == 0) {
        luaL_where(L, 2); /* Lua says no place: coroutine.yield failed, this is who called it */
        lua_pushliteral(L, "a function that is called back cannot yield");
        lua_concat(L, 2);
    }
    return 1;
}

lua_State *mt_lua_new_callback_thread(lua_State *L) {
    lua_State *thread = lua_newthread(L);
    lua_sethook(thread, look_for_interrupt, LUA_MASKCOUNT, INSTRUCTIONS_BETWEEN_LOOKS);
    return thread;
}

int mt_lua_begin_callback(lua_State *thread, const char *what, mt_error *error) {
    if (!lua_checkstack(thread, CALL_SLOTS)) {
        mt_fail_memory(error, what);
        return 0;
    }
    lua_pushcfunction(thread, to_message);
    return lua_gettop(thread);
}

mt_code mt_lua_callback(lua_State *thread, int handler, int arguments, const char *what,
                        mt_error *error) {
    if (lua_pcall(thread, arguments, 1, handler) == LUA_OK)
        return MT_OK;
    if (mt_interrupted())
        mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
    else if (lua_type(thread, -1) == LUA_TSTRING)
        mt_fail(error, MT_ERROR_CALLBACK, "%s", lua_tostring(thread, -1));
    else
        mt_fail(error, MT_ERROR_CALLBACK, "%s: the function failed", what);
    lua_settop(thread, handler - 1);
    return mt_code_of(error);
}
