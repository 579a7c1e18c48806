/* drive.mock: a server to try a driver on, as userdata "moontide.mock". */
#include "lua/drive/drive_binding.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "drive/mock/mock.h"

#include <math.h>

static const char *const type_name = "moontide.mock";

typedef struct owner {
    mt_mock *mock;
    mt_mock_fault *faults;
    lua_State *L; /* while it runs */
} owner;

static mt_mock *check_mock(lua_State *L) {
    owner *self = luaL_checkudata(L, 1, type_name);
    if (!self->mock)
        mt_lua_raise(L, "the mock is closed");
    return self->mock;
}

static int release(lua_State *L) {
    owner *self = luaL_checkudata(L, 1, type_name);
    mt_mock *mock = self->mock;
    self->mock = NULL;
    mt_mock_free(mock);
    mt_free(self->faults);
    self->faults = NULL;
    return 0;
}

/* --- the script that times requests -------------------------------------------------------------- */

static void push_timing(lua_State *L, const mt_mock_timing *timing) {
    struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"number", timing->number},
                  {"prompt_tokens", timing->prompt_tokens},
                  {"cached_tokens", timing->cached_tokens},
                  {"output_tokens", timing->output_tokens},
                  {"running", timing->running},
                  {"waiting", timing->waiting}};
    lua_createtable(L, 0, 8);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        lua_pushinteger(L, (lua_Integer)counts[i].value);
        lua_setfield(L, -2, counts[i].name);
    }
    lua_pushnumber(L, timing->time);
    lua_setfield(L, -2, "time");
    lua_pushnumber(L, timing->ttft_ms);
    lua_setfield(L, -2, "ttft");
}

/* A result on the stack: nil leaves *ms. 0, or -1 when it is no time. */
static int take_ms(lua_State *L, int index, double *ms) {
    if (lua_isnil(L, index))
        return 0;
    double given = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : NAN;
    if (!isfinite(given) || given < 0)
        return -1;
    *ms = given;
    return 0;
}

/* Calls the function that `run` left below its own values: index 2. It gives a list of the two. */
static mt_code ask_script(void *context, mt_mock_timing *timing, mt_error *error) {
    static const char what[] = "the timing script";
    lua_State *L = ((owner *)context)->L;
    int handler = mt_lua_begin_callback(L, what, error);
    if (handler == 0)
        return MT_ERROR_MEMORY;
    lua_pushvalue(L, 2);
    push_timing(L, timing);
    mt_code code = mt_lua_callback(L, handler, 1, what, error);
    if (code != MT_OK)
        return code;
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    int is_bad = take_ms(L, -2, &timing->ttft_ms) != 0 || take_ms(L, -1, &timing->itl_ms) != 0;
    lua_settop(L, handler - 1);
    return is_bad ? mt_fail(error, MT_ERROR_CALLBACK,
                            "the timing function must return two numbers of milliseconds, TTFT and "
                            "ITL, or nil for what stays as it is")
                  : MT_OK;
}

/* --- options ------------------------------------------------------------------------------------ */

static const char *text_field(lua_State *L, const char *name, const char *usual) {
    lua_getfield(L, 1, name);
    const char *text = lua_tostring(L, -1); /* the table keeps it */
    lua_pop(L, 1);
    return text ? text : usual;
}

static double number_field(lua_State *L, const char *name, double usual) {
    lua_getfield(L, 1, name);
    double number = luaL_optnumber(L, -1, usual);
    lua_pop(L, 1);
    return number;
}

static uint64_t count_field(lua_State *L, const char *name, uint64_t usual) {
    lua_getfield(L, 1, name);
    uint64_t count = lua_isnil(L, -1) ? usual : mt_lua_check_count(L, -1, name);
    lua_pop(L, 1);
    return count;
}

/* The distribution in the userdata that core.distribution made: its first member. That module is
 * the executable's, not this library's. */
static const mt_distribution *distribution_field(lua_State *L, const char *name) {
    lua_getfield(L, 1, name);
    mt_distribution **made = luaL_testudata(L, -1, "moontide.distribution");
    lua_pop(L, 1);
    return made ? *made : NULL;
}

/* The list `faults` of {name, share}. */
static void read_faults(lua_State *L, owner *self, mt_mock_options *options) {
    lua_getfield(L, 1, "faults");
    size_t count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
    self->faults = mt_allocate_zero(count + 1, sizeof *self->faults);
    if (!self->faults)
        mt_lua_raise(L, "mock: out of memory");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        if (mt_mock_fault_by_name(luaL_checkstring(L, -2), &self->faults[i]) != 0)
            mt_lua_raise(L, "there is no failure '%s'", lua_tostring(L, -2));
        self->faults[i].share = luaL_checknumber(L, -1);
        lua_pop(L, 3);
    }
    lua_pop(L, 1);
    options->faults = self->faults;
    options->fault_count = count;
}

static void read_options(lua_State *L, mt_mock_options *options) {
    options->host = text_field(L, "host", options->host);
    options->dialect = text_field(L, "dialect", options->dialect);
    options->model = text_field(L, "model", NULL);
    options->log = text_field(L, "log", NULL);
    options->port = (uint16_t)count_field(L, "port", 0);
    lua_getfield(L, 1, "seed");
    options->seed = (uint64_t)luaL_optinteger(L, -1, 0);
    lua_pop(L, 1);
    options->prefill_per_token_ms = number_field(L, "prefill_per_token", 0);
    options->load_factor = number_field(L, "load_factor", 1);
    options->rate_limit = number_field(L, "rate_limit", 0);
    options->idle_s = number_field(L, "idle", -1);
    options->ping_s = number_field(L, "ping", -1);
    options->slots = count_field(L, "slots", 0);
    options->queue = count_field(L, "queue", UINT64_MAX);
    options->most_tokens = count_field(L, "most_tokens", 0);
    options->kv_blocks = count_field(L, "kv_blocks", 0);
    options->block_size = count_field(L, "block_size", options->block_size);
    options->requests_per_connection = count_field(L, "requests_per_connection", 0);
    options->ttft = distribution_field(L, "ttft");
    options->itl = distribution_field(L, "itl");
    options->tokens_per_chunk = distribution_field(L, "tokens_per_chunk");
    options->output_tokens = distribution_field(L, "output_tokens");
    lua_getfield(L, 1, "hits_all");
    options->hits_all = lua_toboolean(L, -1);
    lua_getfield(L, 1, "timing");
    if (!lua_isnil(L, -1))
        options->timing = ask_script;
    lua_pop(L, 2);
    if (!options->ttft || !options->itl || !options->tokens_per_chunk)
        mt_lua_raise(L, "mock: ttft, itl and tokens_per_chunk must be distributions");
}

/* open(options): the server, listening, or nil, message, code */
static int open_mock(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    mt_mock_options options = mt_mock_defaults();
    owner *self = mt_lua_new_owner(L, sizeof *self, type_name);
    lua_pushvalue(L, 1); /* keeps texts, distributions and the function */
    lua_setiuservalue(L, 2, 1);
    read_options(L, &options);
    read_faults(L, self, &options);
    options.timing_context = self;
    mt_error error = {0};
    self->mock = mt_mock_open(&options, &error);
    if (!self->mock && error.code == MT_ERROR_VALUE)
        return mt_lua_raise_error(L, &error);
    return self->mock ? 1 : mt_lua_failure(L, &error);
}

/* --- methods ------------------------------------------------------------------------------------ */

static int port(lua_State *L) {
    lua_pushinteger(L, mt_mock_port(check_mock(L)));
    return 1;
}

/* Ctrl-C is how a server is ended: the command goes on. The prompt, whose hook is another one, is
 * told as ever. */
static void go_on_after_interrupt(lua_State *L) {
    if (!(lua_gethookmask(L) & LUA_MASKLINE))
        return;
    lua_sethook(L, NULL, 0, 0);
    mt_interrupt_flag = 0;
}

/* run(): serves until Ctrl-C; true, or nil, message, code */
static int run(lua_State *L) {
    mt_mock *mock = check_mock(L);
    owner *self = lua_touserdata(L, 1);
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, 1);
    lua_getfield(L, -1, "timing");
    lua_remove(L, 2);
    self->L = L;
    mt_error error = {0};
    mt_code code = mt_mock_run(mock, &error);
    self->L = NULL;
    /* A log that could not be written is told, not that the run was ended. */
    if (code != MT_ERROR_INTERRUPTED)
        go_on_after_interrupt(L);
    if (code != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* counts(): a table of numbers by name */
static int counts(lua_State *L) {
    mt_mock_counts seen;
    mt_mock_look(check_mock(L), &seen);
    struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"connections", seen.connections},
                {"requests", seen.requests},
                {"answered", seen.answered},
                {"refused", seen.refused},
                {"failed", seen.failed},
                {"aborted", seen.aborted},
                {"prompt_tokens", seen.prompt_tokens},
                {"cached_tokens", seen.cached_tokens},
                {"generated_tokens", seen.generated_tokens}};
    lua_createtable(L, 0, 9);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        lua_pushinteger(L, (lua_Integer)rows[i].value);
        lua_setfield(L, -2, rows[i].name);
    }
    return 1;
}

/* is_fault(name) */
static int is_fault(lua_State *L) {
    mt_mock_fault fault;
    lua_pushboolean(L, mt_mock_fault_by_name(luaL_checkstring(L, 1), &fault) == 0);
    return 1;
}

int mt_lua_open_mock(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"port", port}, {"run", run}, {"counts", counts}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"open", open_mock}, {"is_fault", is_fault}, {NULL, NULL}};
    mt_lua_new_type(L, type_name, methods, release, NULL);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
