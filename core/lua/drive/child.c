/* drive.mock.spawn: a mock in a process of its own, which ends with this one at the latest. */
#include "lua/drive/drive_binding.h"

#include "base/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char child_type[] = "moontide.mock_process";

typedef struct child {
    pid_t pid; /* 0: it has ended */
    int port;
} child;

/* ---- in the new process ------------------------------------------------------------------------- */

static void end_loop(int number) {
    (void)number;
    mt_interrupt_flag = 1;
}

/* Says in the pipe what the call on top of the stack could not do. */
static void tell_failure(lua_State *L, int report, int status) {
    const char *text = luaL_tolstring(L, status == LUA_OK ? -2 : -1, NULL);
    if (dprintf(report, "%s\n", text) < 0)
        _exit(1); /* the parent then reads nothing, which says it too */
}

/* Opens the mock with the options at 1 (`open` is an upvalue), says its port in the pipe, and serves until
 * it is told to end. */
static void serve(lua_State *L, int report) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    int status = lua_pcall(L, 1, 3, 0);
    if (status != LUA_OK || lua_isnil(L, -3)) {
        tell_failure(L, report, status);
        return;
    }
    lua_pop(L, 2);
    int mock = lua_gettop(L);
    lua_getfield(L, mock, "port");
    lua_pushvalue(L, mock);
    lua_call(L, 1, 1);
    if (dprintf(report, "%d\n", (int)lua_tointeger(L, -1)) < 0)
        return;
    close(report);
    lua_getfield(L, mock, "run");
    lua_pushvalue(L, mock);
    (void)lua_pcall(L, 1, 0, 0);    /* its clients see how it ended */
    luaL_callmeta(L, mock, "__gc"); /* the log is whole */
}

/* Ctrl-C at the terminal is for the parent: this process has a group of its own. No signal of the parent's
 * means anything here but to end. */
_Noreturn static void become_server(lua_State *L, int report, pid_t parent) {
    struct sigaction end = {.sa_handler = end_loop};
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0);
    mt_interrupt_flag = 0;
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    lua_sethook(L, NULL, 0, 0);
    if (getppid() == parent)
        serve(L, report);
    _exit(0);
}

/* ---- in this one -------------------------------------------------------------------------------- */

/* The line that the child says, without its end; "" when it ended without one. */
static void read_line(int pipe, char *line, size_t size) {
    size_t length = 0;
    while (length + 1 < size) {
        ssize_t count = read(pipe, line + length, 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0 || line[length] == '\n')
            break;
        length++;
    }
    line[length] = '\0';
}

static void end_child(child *self) {
    if (!self->pid)
        return;
    kill(self->pid, SIGTERM);
    while (waitpid(self->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    self->pid = 0;
}

/* spawn(what open takes): the process, or nil, message, code */
static int spawn(lua_State *L) {
    mt_error error;
    char line[MT_ERROR_SOURCE_SIZE + MT_ERROR_MESSAGE_SIZE];
    int ends[2];
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    child *self = mt_lua_new_owner(L, sizeof *self, child_type);
    if (pipe(ends) != 0) {
        mt_fail_errno(&error, "mock", "cannot make a pipe", errno);
        return mt_lua_failure(L, &error);
    }
    pid_t parent = getpid();
    self->pid = fork();
    if (self->pid == 0) {
        close(ends[0]);
        become_server(L, ends[1], parent);
    }
    int reason = errno;
    close(ends[1]);
    if (self->pid < 0) {
        self->pid = 0;
        close(ends[0]);
        mt_fail_errno(&error, "mock", "cannot make a process", reason);
        return mt_lua_failure(L, &error);
    }
    read_line(ends[0], line, sizeof line);
    close(ends[0]);
    if (sscanf(line, "%d", &self->port) == 1 && strspn(line, "0123456789") == strlen(line))
        return 1;
    end_child(self);
    mt_fail(&error, MT_ERROR_IO, "%s", line[0] ? line : "mock: its process ended at once");
    return mt_lua_failure(L, &error);
}

static child *check_child(lua_State *L) {
    return luaL_checkudata(L, 1, child_type);
}

static int port(lua_State *L) {
    lua_pushinteger(L, check_child(L)->port);
    return 1;
}

static int release(lua_State *L) {
    end_child(check_child(L));
    return 0;
}

void mt_lua_add_child(lua_State *L) {
    static const luaL_Reg methods[] = {{"port", port}, {"close", release}, {NULL, NULL}};
    mt_lua_new_type(L, child_type, methods, release, NULL);
    lua_pop(L, 1);
    lua_getfield(L, -1, "open");
    lua_pushcclosure(L, spawn, 1);
    lua_setfield(L, -2, "spawn");
}
