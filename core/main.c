/* The executable: a Lua state that carries lua/ and scripts/, and runs
 * lua/moontide/command/cli.lua.
 *
 * MOONTIDE_HOME=dir reads both folders from dir instead. The main(arguments) of cli.lua returns the
 * exit status. Nothing else here knows what a command is. */
#include "lua/binding.h"
#include "lua/embedded.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/module_file.h"
#include "base/file/output.h"
#include "base/slab.h"

#include <lualib.h>

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_INTERRUPTED = 130 };

/* Percent of what is alive at which the collector begins anew. Lua's own is 200. What our modules
 * and a plan need stays alive and is marked each time, while garbage costs only its sweeping: a loop
 * over requests waits 4 times as seldom for marking. What is big is in columns, not in tables. */
enum { COLLECTOR_PAUSE = 400 };

static lua_State *main_state; /* for the signal handler; NULL while the state is closed */

/* Runs at the next Lua instruction after Ctrl-C, once. */
static void stop(lua_State *L, lua_Debug *call) {
    (void)call;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "interrupted");
}

/* The first Ctrl-C asks everything to stop. C loops see the flag; Lua gets a hook (lua_sethook may
 * be called from a signal handler). The console has a hook of its own, core/lua/interrupt.c. The
 * second Ctrl-C leaves at once; in the console the third does. One that comes when all is written
 * is passed over. */
static void on_interrupt(int signal_number) {
    if (mt_interrupt_is_late == 1) {
        mt_interrupt_is_late = 2;
        return;
    }
    if (mt_interrupt_is_late || mt_interrupt_flag >= mt_interrupt_patience) {
        mt_output_remove_temporaries();
        mt_output_remove_untold();
        _exit(STATUS_INTERRUPTED);
    }
    mt_interrupt_flag++;
    if (signal_number != SIGINT)
        mt_interrupt_is_final = 1;
    static const char warning[] = "\nCtrl-C once more ends the process\n";
    int before = errno;
    if (mt_interrupt_flag == MT_PATIENCE_OF_CONSOLE)
        (void)!write(STDERR_FILENO, warning, sizeof warning - 1);
    errno = before;
    if (main_state && mt_interrupt_patience == MT_PATIENCE_OF_COMMAND)
        lua_sethook(main_state, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
    else if (main_state)
        lua_sethook(main_state, mt_lua_look_for_interrupt, LUA_MASKCOUNT, 1);
}

/* A signal that the process was started to ignore stays ignored: the background jobs of a script
 * are started so. */
static void catch_signal(int number) {
    struct sigaction action, old;
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
        return;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* A package searcher for modules in C that only some commands need ("moontide.drive"): see
 * base/module_file.h. It looks at no other file of that name: one might lie in the working folder. */
static int search_beside(lua_State *L) {
    static const char ours[] = "moontide.";
    const char *name = luaL_checkstring(L, 1);
    char file[PATH_MAX];
    if (strncmp(name, ours, sizeof ours - 1) != 0)
        return 0;
    if (!mt_module_file(name + sizeof ours - 1, file, sizeof file))
        return luaL_error(L, "there is no module '%s' where this program's modules are", name);
    mt_error error;
    void *module = mt_module_open(file, &error);
    if (!module) /* a library that it needs is missing, or it is another program's */
        return luaL_error(L, "cannot load the module '%s': %s", name, error.message);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "loadlib");
    lua_pushstring(L, file);
    lua_pushfstring(L, "luaopen_%s", luaL_gsub(L, name, ".", "_"));
    lua_remove(L, -2);
    lua_call(L, 2, 2);
    dlclose(module);            /* loadlib has opened it too */
    if (!lua_isfunction(L, -2)) /* another of ours has that name */
        return luaL_error(L, "cannot load the module '%s': %s", name, lua_tostring(L, -1));
    lua_pop(L, 1);
    lua_pushstring(L, file);
    return 2;
}

/* Pushes the loader of a module that is built in compiled, and its file's path: 2; 0: there is
 * none. */
static int load_compiled(lua_State *L, const char *name) {
    const mt_compiled_module *module = mt_embedded_find(mt_compiled_modules, mt_compiled_count,
                                                        sizeof *module, mt_compiled_text, name);
    if (!module)
        return 0;
    const char *text = (const char *)mt_compiled_text;
    if (luaL_loadbufferx(L, text + module->chunk, module->length, name, "b") != LUA_OK)
        return lua_error(L);
    lua_pushstring(L, text + module->path);
    return 2;
}

/* A package searcher: "moontide.x" is lua/moontide/x.lua (or init.lua) of the built-in files, which
 * are compiled already, or below MOONTIDE_HOME. */
static int search(lua_State *L) {
    const char *name = luaL_checkstring(L, 1), *home = getenv("MOONTIDE_HOME");
    int pushed = home && *home ? 0 : load_compiled(L, name);
    if (pushed > 0)
        return pushed;
    static const char *const shapes[] = {"lua/%s.lua", "lua/%s/init.lua"};
    const char *slashed = luaL_gsub(L, name, ".", "/");
    for (size_t i = 0; i < 2; i++) {
        lua_pushcfunction(L, mt_lua_embedded);
        lua_pushfstring(L, shapes[i], slashed);
        lua_call(L, 1, 1);
        if (lua_isstring(L, -1)) {
            size_t length;
            const char *text = lua_tolstring(L, -1, &length);
            lua_pushfstring(L, "=moontide:%s", name);
            if (luaL_loadbuffer(L, text, length, lua_tostring(L, -1)) != LUA_OK)
                return lua_error(L);
            lua_pushfstring(L, shapes[i], slashed);
            return 2;
        }
        lua_pop(L, 1);
    }
    lua_pushfstring(L, "no built-in module '%s'", name);
    return 1;
}

/* Makes our searchers the second and third of package.searchers: after package.preload, before the
 * path. */
static void install_searchers(lua_State *L) {
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    lua_Integer count = luaL_len(L, -1);
    for (lua_Integer i = count; i >= 2; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 2);
    }
    lua_pushcfunction(L, search);
    lua_rawseti(L, -2, 2);
    lua_pushcfunction(L, search_beside);
    lua_rawseti(L, -2, 3);
    lua_getfield(L, -2, "preload");
    lua_pushcfunction(L, luaopen_moontide_core);
    lua_setfield(L, -2, "moontide.core");
    lua_pop(L, 3);
}

static int add_traceback(lua_State *L) {
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

/* main(argc, argv) under lua_pcall: returns the exit status. */
static int run(lua_State *L) {
    int count = (int)lua_tointeger(L, 1);
    char **words = lua_touserdata(L, 2);
    luaL_openlibs(L);
    install_searchers(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "moontide.command.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushstring(L, words[i]);
        lua_rawseti(L, -2, i); /* 0: the program's own name */
    }
    lua_call(L, 1, 1);
    return 1;
}

/* lua_Alloc; of a new block Lua says what it is for in place of its size. */
static void *allocate(void *slab, void *block, size_t had, size_t wanted) {
    return mt_slab_resize(slab, block, had, wanted);
}

/* What the stock interpreter does with warn(...): nothing before warn("@on"). A message comes in
 * pieces. */
typedef struct warnings {
    int are_on, is_going_on;
} warnings;

static void on_warning(void *state, const char *text, int goes_on) {
    warnings *self = state;
    int is_first = !self->is_going_on;
    self->is_going_on = goes_on;
    if (is_first && !goes_on && text[0] == '@')
        self->are_on = strcmp(text, "@on") == 0 || (self->are_on && strcmp(text, "@off") != 0);
    else if (self->are_on)
        fprintf(stderr, "%s%s%s", is_first ? "Lua warning: " : "", text, goes_on ? "" : "\n");
}

/* An error that nobody caught is a fault of ours: said, before Lua ends the process. */
static int on_panic(lua_State *L) {
    const char *text = lua_tostring(L, -1);
    fprintf(stderr, "moontide: an error that nobody caught: %s\n",
            text ? text : luaL_typename(L, -1));
    return 0;
}

/* The first file opened would get the number of a closed standard descriptor, and messages would go
 * into a trace. So something takes its place that fails when used the wrong way, as the closed one
 * would. */
static void fill_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}

int main(int argc, char **argv) {
    mt_memory_prepare();
    fill_descriptors();
    mt_slab slab = {0};
    warnings warned = {0, 0};
    lua_State *L = lua_newstate(allocate, &slab);
    if (!L) {
        fputs("moontide: out of memory\n", stderr);
        return 1;
    }
    lua_atpanic(L, on_panic);
    lua_setwarnf(L, on_warning, &warned);
    lua_gc(L, LUA_GCINC, COLLECTOR_PAUSE, 0, 0);
    main_state = L;
    catch_signal(SIGINT);
    catch_signal(SIGTERM);
    catch_signal(SIGHUP);
    signal(SIGXFSZ, SIG_IGN);             /* then a file size limit is a failed write */
    atexit(mt_output_remove_temporaries); /* a script may call os.exit */
    signal(SIGPIPE, SIG_IGN);
    lua_pushcfunction(L, add_traceback);
    lua_pushcfunction(L, run);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    int status = 1;
    if (lua_pcall(L, 2, 1, 1) == LUA_OK)
        status = (int)lua_tointeger(L, -1);
    else if (mt_interrupted())
        status = STATUS_INTERRUPTED;
    else
        fprintf(stderr, "moontide: %s\n", lua_tostring(L, -1));
    lua_sethook(L, NULL, 0, 0);
    main_state = NULL;
    lua_close(L);
    mt_slab_free(&slab);
    return status;
}
