/* core.interrupt: Ctrl-C in the console, which stops what runs and lives on.
 *
 * The signal handler only raises the flag of base/interrupt.h. Our C loops poll it; Lua looks at it
 * in a count hook that every coroutine inherits, and whatever runs gets an error. From then on the
 * hook runs at every instruction. So code that swallows errors (pcall in a loop) gets the next one
 * at once, until the console's own protected call is reached. Only the console pays for the hook: a
 * command has none (main.c). */
#include "lua/binding.h"

#include "base/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <sys/select.h>
#include <unistd.h>

enum { INSTRUCTIONS_BETWEEN_LOOKS = 1000 };

/* Registry: how many protected calls are running. Outside of them nobody would catch the error. */
static const char depth_key[] = "moontide.interrupt.depth";

static lua_Integer change_depth(lua_State *L, lua_Integer by) {
    lua_getfield(L, LUA_REGISTRYINDEX, depth_key);
    lua_Integer depth = lua_tointeger(L, -1) + by;
    lua_pop(L, 1);
    if (by != 0) {
        lua_pushinteger(L, depth);
        lua_setfield(L, LUA_REGISTRYINDEX, depth_key);
    }
    return depth;
}

static void look_every(lua_State *L, int instructions) {
    if (lua_gethook(L) == mt_lua_look_for_interrupt && lua_gethookcount(L) == instructions)
        return;
    lua_sethook(L, mt_lua_look_for_interrupt, LUA_MASKCOUNT, instructions);
}

static lua_State *main_thread(lua_State *L) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_State *main_state = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main_state;
}

void mt_lua_look_for_interrupt(lua_State *L, lua_Debug *call) {
    (void)call;
    /* With more patience than the console's somebody else heeds Ctrl-C now: a run that is being driven. */
    if (!mt_interrupted() || mt_interrupt_patience > MT_PATIENCE_OF_CONSOLE) {
        look_every(L, INSTRUCTIONS_BETWEEN_LOOKS);
        return;
    }
    if (change_depth(L, 0) == 0)
        return;
    look_every(L, 1);
    look_every(main_thread(L), 1);
    luaL_error(L, "interrupted");
}

/* watch(): from now on Ctrl-C is the console's, in this coroutine and in those still to be made. */
static int watch(lua_State *L) {
    mt_interrupt_patience = MT_PATIENCE_OF_CONSOLE;
    look_every(L, INSTRUCTIONS_BETWEEN_LOOKS);
    look_every(main_thread(L), INSTRUCTIONS_BETWEEN_LOOKS);
    return 0;
}

/* The message handler; upvalue 1 is the caller's. After Ctrl-C it is left out: it is Lua code,
 * which the hook would stop, and there is nothing to add to the message. */
static int handle(lua_State *L) {
    if (mt_interrupted())
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* call(handler, fn, ...) -> true, results of fn(...) | false, what handler(error) gave, or the
 * error itself after Ctrl-C */
static int call(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 1);
    change_depth(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1);
    change_depth(L, -1);
    lua_pushboolean(L, status == LUA_OK);
    lua_replace(L, 1);
    return lua_gettop(L);
}

/* clear() -> was Ctrl-C pressed since the last time, was the process asked to end? The next Ctrl-C
 * is a new one. */
static int clear(lua_State *L) {
    int was_pressed = mt_interrupted();
    mt_interrupt_flag = 0;
    look_every(L, INSTRUCTIONS_BETWEEN_LOOKS);
    look_every(main_thread(L), INSTRUCTIONS_BETWEEN_LOOKS);
    lua_pushboolean(L, was_pressed);
    lua_pushboolean(L, mt_interrupt_is_final != 0);
    return 2;
}

/* wait_for_line(): returns when standard input, a terminal, has a line, or after Ctrl-C. A Ctrl-C
 * from before the call counts: a plain read would miss it and wait for another. */
static int wait_for_line(lua_State *L) {
    (void)L;
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    fd_set input;
    FD_ZERO(&input);
    FD_SET(STDIN_FILENO, &input);
    while (!mt_interrupted() && pselect(STDIN_FILENO + 1, &input, NULL, NULL, NULL, &before) < 0 &&
           errno == EINTR)
        FD_SET(STDIN_FILENO, &input);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return 0;
}

int mt_lua_open_interrupt(lua_State *L) {
    static const luaL_Reg functions[] = {{"watch", watch},
                                         {"call", call},
                                         {"clear", clear},
                                         {"wait_for_line", wait_for_line},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
