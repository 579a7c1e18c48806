/* drive.driver: a driver as userdata; addresses; clocks. */
#include "lua/drive/drive_binding.h"

#include "drive/http/url.h"
#include "drive/transport.h"

#include "base/interrupt.h"
#include "base/file/output.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

static const char driver_type[] = "moontide.driver";

typedef struct driver_owner {
    mt_driver *driver; /* NULL: closed */
} driver_owner;

mt_driver *mt_lua_check_driver(lua_State *L, int arg) {
    driver_owner *owner = luaL_checkudata(L, arg, driver_type);
    if (!owner->driver)
        mt_lua_raise(L, "the driver is closed");
    return owner->driver;
}

/* Field `transport` of the table at 1. Auto: direct, unless a URL is https://. The one through libcurl
 * is what its module, which is loaded by that, has for a value. */
static const mt_transport_kind *transport_field(lua_State *L, const mt_driver_options *options) {
    enum { AUTO, DIRECT, THROUGH_CURL };
    static const char *const names[] = {"auto", "direct", "curl", NULL};
    lua_getfield(L, 1, "transport");
    int which = luaL_checkoption(L, -1, "auto", names);
    lua_pop(L, 1);
    for (size_t i = 0; which == AUTO && i < options->url_count; i++)
        if (strncasecmp(options->urls[i], "https://", 8) == 0)
            which = THROUGH_CURL;
    if (which != THROUGH_CURL)
        return &mt_transport_direct;
    lua_getglobal(L, "require");
    lua_pushliteral(L, "moontide.curl");
    lua_call(L, 1, 1);
    const mt_transport_kind *kind = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return kind;
}

/* driver{urls = {text, ...}, transport = "auto" | "direct" | "curl", ca = path, insecure =, slots =,
 * connections =, connect_timeout =, first_timeout =, gap_timeout =, total_timeout = (seconds),
 * realtime =, gaps =, texts =, keep_events =} -> driver,
 * or nil, message, code */
static int driver_start(lua_State *L) {
    mt_error error;
    mt_driver_options options = mt_driver_defaults();
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    options.urls = mt_lua_texts_field(L, 1, "urls", &options.url_count);
    options.transport = transport_field(L, &options);
    options.ca_file = mt_lua_text_field(L, 1, "ca");
    options.is_insecure = mt_lua_truth_field(L, 1, "insecure");
    options.slots = mt_lua_count_field(L, 1, "slots", 0);
    options.connections = mt_lua_count_field(L, 1, "connections", 0);
    options.connect_timeout_ns = mt_lua_seconds_field(L, 1, "connect_timeout", 0);
    options.first_timeout_ns = mt_lua_seconds_field(L, 1, "first_timeout", 0);
    options.gap_timeout_ns = mt_lua_seconds_field(L, 1, "gap_timeout", 0);
    options.total_timeout_ns = mt_lua_seconds_field(L, 1, "total_timeout", 0);
    options.realtime = mt_lua_truth_field(L, 1, "realtime");
    options.keep_events = mt_lua_truth_field(L, 1, "keep_events"); /* for an adapter */
    options.want_gaps = mt_lua_truth_field(L, 1, "gaps");
    options.want_texts = mt_lua_truth_field(L, 1, "texts");
    driver_owner *owner = mt_lua_new_owner(L, sizeof *owner, driver_type);
    owner->driver = mt_driver_start(&options, &error);
    return owner->driver ? 1 : mt_lua_failure(L, &error);
}

/* driver:look() -> {offered =, begun =, ended =, waiting =, ...}; times in seconds */
static int driver_look(lua_State *L) {
    mt_driver_load load;
    mt_driver_look(mt_lua_check_driver(L, 1), &load);
    lua_newtable(L);
    mt_lua_set_count(L, "offered", load.offered);
    mt_lua_set_count(L, "begun", load.begun);
    mt_lua_set_count(L, "ended", load.ended);
    mt_lua_set_count(L, "waiting", load.waiting);
    mt_lua_set_count(L, "connections", load.connections);
    mt_lua_set_count(L, "connections_opened", load.connections_opened);
    mt_lua_set_count(L, "handshakes_failed", load.handshakes_failed);
    mt_lua_set_count(L, "resent", load.resent);
    mt_lua_set_number(L, "stalled", (double)load.stalled_ns * 1e-9);
    mt_lua_set_number(L, "longest_turn", (double)load.longest_turn_ns * 1e-9);
    if (load.run_queue_ns >= 0)
        mt_lua_set_number(L, "run_queue", (double)load.run_queue_ns * 1e-9);
    mt_lua_set_number(L, "cpu", (double)load.cpu_ns * 1e-9);
    lua_pushboolean(L, load.has_realtime);
    lua_setfield(L, -2, "has_realtime");
    lua_pushboolean(L, load.has_kernel_stamps);
    lua_setfield(L, -2, "has_kernel_stamps");
    return 1;
}

/* driver:watch(): longest_turn is that from now on */
static int driver_watch(lua_State *L) {
    mt_driver_watch(mt_lua_check_driver(L, 1));
    return 0;
}

static int driver_release(lua_State *L) {
    driver_owner *owner = luaL_checkudata(L, 1, driver_type);
    mt_driver_free(owner->driver);
    owner->driver = NULL;
    return 0;
}

/* url(text) -> {host = "name:port" as given, path =, secure =}, or nil, message, code */
static int url_read(lua_State *L) {
    mt_error error;
    mt_url url;
    if (mt_url_read(luaL_checkstring(L, 1), &url, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_newtable(L);
    lua_pushlstring(L, url.authority.text, url.authority.length);
    lua_setfield(L, -2, "host");
    lua_pushlstring(L, url.path.text, url.path.length);
    lua_setfield(L, -2, "path");
    lua_pushboolean(L, url.is_secure);
    lua_setfield(L, -2, "secure");
    return 1;
}

/* write_file(path, text) -> true | nil, message, code: the file is there whole, or as it was */
static int write_file(lua_State *L) {
    mt_error error;
    size_t length;
    const char *path = luaL_checkstring(L, 1);
    const char *text = luaL_checklstring(L, 2, &length);
    mt_output *output = mt_output_open(path, &error);
    if (!output)
        return mt_lua_failure(L, &error);
    if (mt_output_write(output, text, length, &error) != MT_OK) {
        mt_output_abandon(output);
        return mt_lua_failure(L, &error);
    }
    if (mt_output_finish(output, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* can_write(path) -> true | nil, message, code: the file can be opened; it stays as it is */
static int can_write(lua_State *L) {
    mt_error error;
    mt_output *output = mt_output_open(luaL_checkstring(L, 1), &error);
    if (!output)
        return mt_lua_failure(L, &error);
    mt_output_abandon(output);
    lua_pushboolean(L, 1);
    return 1;
}

/* file_size(path) -> bytes | nil: it is no regular file, and reading of it may take what is there */
static int file_size(lua_State *L) {
    struct stat found;
    if (stat(luaL_checkstring(L, 1), &found) != 0 || !S_ISREG(found.st_mode))
        return 0;
    lua_pushinteger(L, (lua_Integer)found.st_size);
    return 1;
}

/* is_same_place(path, path) -> boolean: both are there, and are one file or folder, however named */
static int is_same_place(lua_State *L) {
    struct stat one, other;
    int are_there =
        stat(luaL_checkstring(L, 1), &one) == 0 && stat(luaL_checkstring(L, 2), &other) == 0;
    lua_pushboolean(L, are_there && one.st_dev == other.st_dev && one.st_ino == other.st_ino);
    return 1;
}

/* make_folder(path) -> true | nil, message, code: the folder is there, and those above it */
static int make_folder(lua_State *L) {
    mt_error error;
    char path[PATH_MAX];
    const char *name = luaL_checkstring(L, 1);
    if (snprintf(path, sizeof path, "%s", name) >= (int)sizeof path) {
        mt_fail_errno(&error, name, "cannot make the folder", ENAMETOOLONG);
        return mt_lua_failure(L, &error);
    }
    int first = 0; /* what kept one above it from being made */
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST && first == 0)
            first = errno;
        *at = '/';
    }
    struct stat found;
    if (mkdir(path, 0777) != 0 &&
        !(errno == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode))) {
        int why = errno == ENOENT && first != 0 ? first : errno;
        mt_fail_errno(&error, name, "cannot make the folder", why);
        return mt_lua_failure(L, &error);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* interrupts() -> how often Ctrl-C was pressed */
static int interrupts(lua_State *L) {
    lua_pushinteger(L, mt_interrupt_flag);
    return 1;
}

/* bear_interrupts(yes) -> has Ctrl-C been pressed? Between bear_interrupts(true) and
 * bear_interrupts(false) a first and a second Ctrl-C are only counted; the latter forgets them. */
static int bear_interrupts(lua_State *L) {
    int does_bear = lua_toboolean(L, 1);
    lua_pushboolean(L, mt_interrupted());
    if (!does_bear)
        mt_interrupt_flag = 0;
    int by = does_bear ? 1 : -1;
    mt_interrupt_patience += by;
    mt_interrupt_is_borne += by;
    return 1;
}

/* sleep(seconds) -> true, or false when Ctrl-C was pressed before or during it */
static int sleep_for(lua_State *L) {
    int64_t end_ns = mt_now_ns() + (int64_t)(luaL_checknumber(L, 1) * 1e9);
    for (int64_t left_ns; !mt_interrupted() && (left_ns = end_ns - mt_now_ns()) > 0;) {
        /* In pieces: a signal that comes just before the call does not end it. */
        int64_t piece_ns = left_ns < 100000000 ? left_ns : 100000000;
        nanosleep(&(struct timespec){.tv_nsec = (long)piece_ns}, NULL);
    }
    lua_pushboolean(L, !mt_interrupted());
    return 1;
}

void mt_lua_add_driver(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"look", driver_look}, {"watch", driver_watch}, {"close", driver_release}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"driver", driver_start},
                                         {"url", url_read},
                                         {"interrupts", interrupts},
                                         {"bear_interrupts", bear_interrupts},
                                         {"sleep", sleep_for},
                                         {"write_file", write_file},
                                         {"can_write", can_write},
                                         {"file_size", file_size},
                                         {"make_folder", make_folder},
                                         {"is_same_place", is_same_place},
                                         {NULL, NULL}};
    mt_lua_new_type(L, driver_type, methods, driver_release, NULL);
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
