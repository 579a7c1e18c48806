/* core.base: usage errors with the script's line, the interrupt flag, the clock, the terminal. */
#include "lua/binding.h"

#include "base/interrupt.h"
#include "base/file/output.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Is the function one of the library's own? They are in a chunk that is built in, or in a file of
 * the folder that the table at `own` holds (core.base.own). */
static int is_own(lua_State *L, lua_Debug *call, int own) {
    static const char built_in[] = "=moontide:";
    lua_getinfo(L, "S", call);
    if (strncmp(call->source, built_in, sizeof built_in - 1) == 0)
        return 1;
    lua_rawgeti(L, own, 1);
    const char *folder = lua_tostring(L, -1);
    int found = folder && strncmp(call->source, folder, strlen(folder)) == 0;
    lua_pop(L, 1);
    return found;
}

/* The level of the frame that called the function at level 0. For a string beside an operator
 * ("5"*curve) that is a metamethod of the string library, which is skipped. */
static int calling_level(lua_State *L) {
    lua_Debug caller;
    if (lua_getstack(L, 1, &caller) && lua_getinfo(L, "nS", &caller) && caller.what[0] == 'C' &&
        strcmp(caller.namewhat, "metamethod") == 0)
        return 2;
    return 1;
}

/* Pushes what is wrong with an argument after the first, which is at the top, with the function's name
 * where there is one. What stands before a colon is no argument to an author. */
static void say_later_argument(lua_State *L, const char *name, char number) {
    lua_Debug call;
    if (lua_getstack(L, 0, &call) && lua_getinfo(L, "n", &call) &&
        strcmp(call.namewhat, "method") == 0)
        number--;
    lua_pushfstring(L, "%s%sargument %c: %s", name ? name : "", name ? ": " : "", number,
                    lua_tostring(L, -1));
}

/* What Lua or a method says of an argument, the object before the dot first of all, becomes a usage
 * error, which gets the script's line: "bad argument #1 to '?' (moontide.hasher expected, got
 * number)". */
static void say_wrong_argument(lua_State *L, const char *name) {
    static const char bad[] = "bad argument #";
    const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    const char *call = "with a colon: object:method(...)";
    if (strncmp(message, bad, sizeof bad - 1) == 0) {
        const char *what = strchr(message, '(');
        size_t length = what ? strlen(what) : 0;
        if (length < 2)
            return;
        lua_pushlstring(L, what + 1, length - 2);
        if (message[sizeof bad - 1] == '1')
            lua_pushfstring(L, "argument 1: %s (methods are called %s)", lua_tostring(L, -1), call);
        else
            say_later_argument(L, name, message[sizeof bad - 1]);
    } else if (strstr(message, "(local 'self')")) {
        lua_pushfstring(L, "a method is called without its object: methods are called %s", call);
    } else {
        return;
    }
    lua_createtable(L, 0, 1);
    lua_insert(L, -2);
    lua_setfield(L, -2, "message");
    luaL_setmetatable(L, "moontide.usage");
}

/* What a located function holds: the function, the table of is_own, its name or nil, how many arguments it
 * takes (-1: any number), and what is called in its place with more, or nil. */
enum { INNER = 1, OWN, NAME, TAKES, REFUSE, LOCATED_UPVALUES = REFUSE };

/* Has a script written more arguments than the function takes? Lua would drop them. Where C calls (string.gsub
 * its replacement, pcall) or an operator or a loop does, nobody has written them. */
static int has_surplus(lua_State *L, int arguments) {
    lua_Integer takes = lua_tointeger(L, lua_upvalueindex(TAKES));
    lua_Debug call, caller;
    if (takes < 0 || arguments <= takes || !lua_toboolean(L, lua_upvalueindex(REFUSE)) ||
        !lua_getstack(L, 0, &call) || !lua_getinfo(L, "n", &call) ||
        strcmp(call.namewhat, "metamethod") == 0 || strcmp(call.namewhat, "for iterator") == 0 ||
        !lua_getstack(L, 1, &caller) || is_own(L, &caller, lua_upvalueindex(OWN)) ||
        caller.source[0] == '=' /* [C] */)
        return 0;
    for (int i = (int)takes + 1; i <= arguments; i++)
        if (!lua_isnil(L, i))
            return 1;
    return 0;
}

/* The body of a located function. A usage error
 * that leaves the function becomes a string that begins with the script's line. When a script ends
 * in `return mt.workload{...}`, a C closure still sees the calling frame; a Lua function would not,
 * because a tail call replaces it. When the library itself is the caller, the error goes on
 * unchanged to the public function outside. */
static int located_call(lua_State *L) {
    int arguments = lua_gettop(L), before = 0;
    if (has_surplus(L, arguments)) {
        lua_pushvalue(L, lua_upvalueindex(REFUSE));
        lua_pushvalue(L, lua_upvalueindex(NAME));
        lua_pushvalue(L, lua_upvalueindex(INNER));
        before = 2;
        lua_rotate(L, 1, 3);
    } else {
        lua_pushvalue(L, lua_upvalueindex(INNER));
        lua_insert(L, 1);
    }
    int status = lua_pcall(L, before + arguments, LUA_MULTRET, 0);
    if (status == LUA_OK)
        return lua_gettop(L);
    say_wrong_argument(L, lua_tostring(L, lua_upvalueindex(NAME)));
    lua_Debug caller;
    int level = calling_level(L);
    if (mt_lua_is(L, -1, "moontide.usage") && lua_getstack(L, level, &caller) &&
        !is_own(L, &caller, lua_upvalueindex(OWN))) {
        luaL_where(L, level);
        lua_getfield(L, -2, "message");
        lua_concat(L, 2);
    }
    return lua_error(L);
}

int mt_lua_is_located(lua_State *L, int index) {
    return lua_tocfunction(L, index) == located_call;
}

/* located(fn, name?, refuse?): fn as a public function. `name` is for messages; refuse(name, fn, ...) is called
 * in its place, to raise, where a script gives it more arguments than it takes. */
static int located(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 3);
    lua_Debug inner;
    lua_pushvalue(L, 1);
    lua_getinfo(L, ">u", &inner);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 2); /* the function, own, its name, refuse */
    lua_pushinteger(L, inner.isvararg ? -1 : inner.nparams);
    lua_insert(L, 4);
    lua_pushcclosure(L, located_call, LOCATED_UPVALUES);
    return 1;
}

/* own(): says that the calling file, "@.../FOLDER/ROOM/FILE.lua", belongs to the library, and with
 * it all files below FOLDER. */
static int own(lua_State *L) {
    lua_Debug caller;
    if (!lua_getstack(L, 1, &caller) || !lua_getinfo(L, "S", &caller) || caller.source[0] != '@')
        return 0;
    size_t length = strlen(caller.source);
    for (int slashes = 0; length > 0; length--)
        if (caller.source[length - 1] == '/' && ++slashes == 2)
            break;
    if (length == 0)
        return 0;
    lua_pushlstring(L, caller.source, length);
    lua_rawseti(L, lua_upvalueindex(1), 1);
    return 0;
}

/* where(): "SCRIPT:LINE: " of the nearest caller outside the library, or "". */
static int where(lua_State *L) {
    lua_Debug caller;
    for (int level = 1; lua_getstack(L, level, &caller); level++) {
        lua_getinfo(L, "Sl", &caller);
        if (caller.currentline > 0 && !is_own(L, &caller, lua_upvalueindex(1))) {
            luaL_where(L, level);
            return 1;
        }
    }
    lua_pushliteral(L, "");
    return 1;
}

/* raise(message): a usage error. */
static int raise_usage(lua_State *L) {
    return mt_lua_raise(L, "%s", luaL_checkstring(L, 1));
}

/* interrupted(): was Ctrl-C pressed? */
static int interrupted(lua_State *L) {
    lua_pushboolean(L, mt_interrupted());
    return 1;
}

/* seconds(): a monotonic clock, seconds as a float; only differences mean anything. */
static int seconds(lua_State *L) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(L, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    return 1;
}

/* is_terminal(descriptor): does standard input (0), output (1) or error (2) go to a terminal? */
static int is_terminal(lua_State *L) {
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

/* terminal_width() -> columns of the terminal that standard output goes to, nil when to none. */
static int terminal_width(lua_State *L) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 0;
    lua_pushinteger(L, size.ws_col);
    return 1;
}

/* flush_stdout() -> true, or nil, message, code when this or any earlier write has failed. C keeps
 * of an earlier failure only the fact, so a closed pipe is found out by asking for it. */
static int flush_stdout(lua_State *L) {
    mt_error error;
    if (fflush(stdout) != 0) {
        mt_fail_errno(&error, "standard output", "cannot write", errno);
        return mt_lua_failure(L, &error);
    }
    if (ferror(stdout)) {
        struct pollfd pipe = {STDOUT_FILENO, POLLOUT, 0};
        int is_closed = poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR) != 0;
        mt_fail_at(&error, is_closed ? MT_ERROR_CLOSED : MT_ERROR_IO, "standard output", 0, 0,
                   "a write failed");
        return mt_lua_failure(L, &error);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- folders ---- */

static const char folder_type[] = "moontide.open_folder";

static int folder_release(lua_State *L) {
    DIR **folder = lua_touserdata(L, 1);
    if (*folder)
        closedir(*folder);
    *folder = NULL;
    return 0;
}

/* folder(path) -> the names in a folder, in no order, without "." and ".." | nil, message, code */
static int folder(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    DIR **open = mt_lua_new_owner(L, sizeof(DIR *), folder_type);
    *open = opendir(path);
    if (!*open) {
        mt_error error;
        mt_fail_errno(&error, path, "cannot open the folder", errno);
        return mt_lua_failure(L, &error);
    }
    lua_newtable(L);
    lua_Integer count = 0;
    const struct dirent *entry;
    while ((entry = readdir(*open)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            lua_pushstring(L, entry->d_name);
            lua_rawseti(L, -2, ++count);
        }
    closedir(*open);
    *open = NULL;
    return 1;
}

/* type_of(value) -> the name of its type ("moontide.curve"), nil where its metatable says none */
static int type_of(lua_State *L) {
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushliteral(L, "__name");
    if (lua_rawget(L, -2) != LUA_TSTRING)
        lua_pushnil(L);
    return 1;
}

/* is_plain(value): is it a table without a metatable? */
static int is_plain(lua_State *L) {
    lua_pushboolean(L, lua_istable(L, 1) && !lua_getmetatable(L, 1));
    return 1;
}

/* is_usage(value): is it a usage error (core.base.raise) that no public function has located? */
static int is_usage(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, mt_lua_is(L, 1, "moontide.usage"));
    return 1;
}

/* last_failure() -> the message of the last failure of the world, or nil; forgets it */
static int last_failure(lua_State *L) {
    lua_getfield(L, LUA_REGISTRYINDEX, mt_lua_last_failure_key);
    lua_pushnil(L);
    lua_setfield(L, LUA_REGISTRYINDEX, mt_lua_last_failure_key);
    return 1;
}

/* bad_line() -> the message of the last failure about a line that a reader can pass over, or nil */
static int bad_line(lua_State *L) {
    lua_getfield(L, LUA_REGISTRYINDEX, mt_lua_bad_line_key);
    return 1;
}

int mt_lua_open_base(lua_State *L) {
    static const luaL_Reg plain[] = {{"raise", raise_usage},
                                     {"is_usage", is_usage},
                                     {"type_of", type_of},
                                     {"is_plain", is_plain},
                                     {"interrupted", interrupted},
                                     {"seconds", seconds},
                                     {"is_terminal", is_terminal},
                                     {"terminal_width", terminal_width},
                                     {"flush_stdout", flush_stdout},
                                     {"bad_line", bad_line},
                                     {"last_failure", last_failure},
                                     {"folder", folder},
                                     {NULL, NULL}};
    static const luaL_Reg sharing_own[] = {
        {"located", located}, {"own", own}, {"where", where}, {NULL, NULL}};
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    mt_lua_new_type(L, folder_type, no_methods, folder_release, NULL);
    lua_pop(L, 1);
    luaL_newlib(L, plain);
    lua_newtable(L);
    luaL_setfuncs(L, sharing_own, 1);
    return 1;
}
