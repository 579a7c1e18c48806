/* What every binding file shares: how errors travel and how userdata is made.
 *
 * Two kinds of failure. A caller's mistake raises: mt_lua_raise throws a *usage error*, a value
 * that the nearest public function (core.located) turns into "SCRIPT:LINE: message". The world's
 * failure returns nil, message, code (mt_lua_failure); code is the name after MT_ERROR_ in lower
 * case: "io", "input", "memory", "interrupted", "closed", "value", "callback".
 *
 * How a binding function reads: check all arguments; push the owner (mt_lua_new_owner), then
 * allocate into it; call core; map the result. While a raw resource is in a C local, call nothing
 * that can raise. */
#ifndef MT_LUA_BINDING_H
#define MT_LUA_BINDING_H

#include <lauxlib.h>
#include <lua.h>

#include "base/error.h"
#include "random/distribution.h"

/* Pushes the error's text. */
void mt_lua_push_error(lua_State *L, const mt_error *error);

/* Pushes how many were passed over and, when any were, the first one's text; returns how many values
 * that is. */
int mt_lua_push_skipped(lua_State *L, uint64_t count, const mt_error *first);

/* Returns `true`, or the failure where the code is one. */
int mt_lua_done(lua_State *L, mt_code code, const mt_error *error);

/* The console's hook (interrupt.c), for the signal handler: what runs stops at its next instruction,
 * not when it next looks, or a read that the signal ended would begin anew. */
void mt_lua_look_for_interrupt(lua_State *L, lua_Debug *call);

/* Is the value at `index` a public function (core.base.located)? */
int mt_lua_is_located(lua_State *L, int index);

/* Pushes nil, the error's text, the code's name; returns 3, to be returned by the function. */
int mt_lua_failure(lua_State *L, const mt_error *error);

/* Registry: the last text of an error with can_be_skipped that mt_lua_failure pushed. */
extern const char mt_lua_bad_line_key[];

/* Registry: the text of the last failure that mt_lua_failure pushed. */
extern const char mt_lua_last_failure_key[];

/* Raises the error's text as it is. For a failure of the world in a generic `for`, where nobody
 * looks at a second result. */
int mt_lua_throw_failure(lua_State *L, const mt_error *error);

/* Raises the error's text as a usage error, for mistakes of the caller that core found
 * (MT_ERROR_VALUE), and for memory that runs out in constructors. */
int mt_lua_raise_error(lua_State *L, const mt_error *error) __attribute__((noreturn));

/* Raises a usage error with a printf-like message (luaL formats). */
int mt_lua_raise(lua_State *L, const char *format, ...) __attribute__((noreturn));

/* Where the registry has the function that makes all tables of core (core/lua/module.c) and so registers all
 * types. */
extern const char mt_lua_open_all_key[];

/* Pushes a full userdata of `size` zero bytes with metatable `type` (registered with mt_lua_new_type, if
 * need be by that function). Before that it collects all garbage where core holds much memory: what earlier
 * owners have allocated since. */
void *mt_lua_new_owner(lua_State *L, size_t size, const char *type);

/* Registers the metatable `type` ("moontide.hasher"): `methods` become its __index table,
 * `release` its __gc and __close (both may be NULL), `meta` further metamethods (may be NULL).
 * Leaves the metatable on the stack. */
void mt_lua_new_type(lua_State *L, const char *type, const luaL_Reg *methods, lua_CFunction release,
                     const luaL_Reg *meta);

/* Does the value at `index` have that metatable? */
int mt_lua_is(lua_State *L, int index, const char *type);

/* Pops the metatable on top; its table of methods becomes a field of the table below it. */
void mt_lua_share_methods(lua_State *L, const char *field);

/* A type of userdata that owns one object of core: its first member is the object's address, a
 * void *, NULL once closed. */
typedef struct mt_lua_type {
    const char *name;   /* "moontide.plan" */
    const char *closed; /* the message where a closed one is used */
    void (*release)(void *object);
} mt_lua_type;

/* Registers it, as mt_lua_new_type does; `type` stays where it is. */
void mt_lua_new_object_type(lua_State *L, const mt_lua_type *type, const luaL_Reg *methods,
                            const luaL_Reg *meta);

/* A method "close" of such a type: what its __gc and __close do. */
int mt_lua_close(lua_State *L);

/* Pushes a closed one that is nothing but the address, and gives its place. */
void **mt_lua_new_object(lua_State *L, const mt_lua_type *type);

/* The place of the object at `arg`, which may be closed (NULL is in it); NULL when it is of another
 * type. */
void **mt_lua_test_object(lua_State *L, int arg, const mt_lua_type *type);

/* The object at `arg`; raises when it is of another type or closed. */
void *mt_lua_check_object(lua_State *L, int arg, const mt_lua_type *type);

/* Gives the object to the userdata on top; raises `error` where it is NULL. Returns 1. */
int mt_lua_keep(lua_State *L, void **place, void *object, const mt_error *error);

/* Argument `arg` as a finite number / a number >= 0 / a whole number in 0..INT64_MAX; raises with
 * `what` in the message. */
double mt_lua_check_finite(lua_State *L, int arg, const char *what);
double mt_lua_check_not_negative(lua_State *L, int arg, const char *what);
uint64_t mt_lua_check_count(lua_State *L, int arg, const char *what);

/* The list of *count numbers at `arg`, in a userdata that is pushed; raises "WHAT 3 must be ...". */
double *mt_lua_check_numbers(lua_State *L, int arg, const char *what, size_t *count);

/* Between the two no finaliser of a script runs: it could close the object whose memory is being
 * handed over. Only running out of memory may raise there. pause returns what resume takes. */
int mt_lua_pause_collector(lua_State *L);
void mt_lua_resume_collector(lua_State *L, int was_running);

/* Pushes the field of the table at `arg`; is it there? */
static inline int mt_lua_has_field(lua_State *L, int arg, const char *name) {
    return lua_getfield(L, arg, name) != LUA_TNIL;
}

/* Pushes a whole number: an integer, or its digits from 2^63 on, which no integer holds. */
void mt_lua_push_whole(lua_State *L, uint64_t value);

/* Pushes the list of `count` whole numbers, one every `step` bytes. */
void mt_lua_push_counts(lua_State *L, const uint64_t *first, size_t count, size_t step);

/* Pushes a number, nil for NaN. */
void mt_lua_push_number(lua_State *L, double value);

/* Sets a field of the table on top: a whole number / a number, an integer where it is whole and no
 * field where it is NaN. */
void mt_lua_set_count(lua_State *L, const char *name, uint64_t value);
void mt_lua_set_number(lua_State *L, const char *name, double value);

/* A script's function called from deep inside core. It runs on a Lua thread made for that, since
 * core does not know which thread asked it for more; the function may itself use the same thread
 * again. new_callback_thread pushes the thread on L, whose functions Ctrl-C stops. */
lua_State *mt_lua_new_callback_thread(lua_State *L);

/* Makes room for a call and pushes its message handler: then push the function and at most two
 * arguments, and call. The handler's index, or 0 when memory is out. */
int mt_lua_begin_callback(lua_State *thread, const char *what, mt_error *error);

/* Calls for one result, which is on top then: lua_settop(thread, handler - 1) ends it. On failure,
 * MT_ERROR_CALLBACK or MT_ERROR_INTERRUPTED, it has ended. */
mt_code mt_lua_callback(lua_State *thread, int handler, int arguments, const char *what,
                        mt_error *error);

/* Argument `arg` as a "moontide.distribution" (numbers are not coerced) or a "moontide.random"; the
 * userdata keeps ownership. Raises when it is neither, or closed. */
mt_distribution *mt_lua_check_distribution(lua_State *L, int arg);
mt_random *mt_lua_check_random(lua_State *L, int arg);

/* Pushes a new "moontide.random" of that key, at item 0. */
void mt_lua_push_random(lua_State *L, uint64_t seed, const char *name, const char *purpose);

/* The number or rate curve at `index` as a parameter of a distribution, without a reference of its
 * own. Returns 0 when it is neither. */
int mt_lua_to_parameter(lua_State *L, int index, mt_parameter *parameter);

/* One opener a file of this folder: each pushes a table of functions. module.c lists them. */
int mt_lua_open_base(lua_State *L);
int mt_lua_open_json(lua_State *L);
int mt_lua_open_hash(lua_State *L);
int mt_lua_open_columns(lua_State *L);
int mt_lua_open_trace(lua_State *L);
int mt_lua_open_csv(lua_State *L);
int mt_lua_open_source(lua_State *L);
int mt_lua_open_lint(lua_State *L);
int mt_lua_open_lost(lua_State *L);
int mt_lua_open_series(lua_State *L);
int mt_lua_open_profile(lua_State *L);
int mt_lua_open_analysis(lua_State *L);
int mt_lua_open_cache(lua_State *L);
int mt_lua_open_log(lua_State *L);
int mt_lua_open_radix(lua_State *L);
int mt_lua_open_model(lua_State *L);
int mt_lua_open_radix_source(lua_State *L);
int mt_lua_open_synthesis(lua_State *L);
int mt_lua_open_random(lua_State *L);
int mt_lua_open_distribution(lua_State *L);
int mt_lua_open_curve(lua_State *L);
int mt_lua_open_process(lua_State *L);
int mt_lua_open_lengths(lua_State *L);
int mt_lua_open_service(lua_State *L);
int mt_lua_open_length_rule(lua_State *L);
int mt_lua_open_prompt(lua_State *L);
int mt_lua_open_plan(lua_State *L);
int mt_lua_open_interrupt(lua_State *L);

/* Argument `arg` as a rate curve, which the userdata goes on owning (mt_curve_retain to keep it);
 * raises when it is anything else. */
struct mt_curve *mt_lua_check_curve(lua_State *L, int arg);

/* package.loaded["moontide.core"] for both the executable and the shared object. */
int luaopen_moontide_core(lua_State *L);

#endif
