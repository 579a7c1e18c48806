/* core.service: how long a plan's answers take. */
#include "lua/load/load_binding.h"
#include "lua/script_function.h"

#include <math.h>

static void release(void *service) {
    mt_service_release(service);
}

static const mt_lua_type type = {"moontide.service", "the service is closed", release};

mt_session_service *mt_lua_check_service(lua_State *L, int arg) {
    return mt_lua_check_object(L, arg, &type);
}

static mt_code call(void *context, uint64_t in_flight, double *seconds, mt_error *error) {
    mt_script_function *self = context;
    lua_State *thread = self->thread;
    int handler = mt_lua_begin_callback(thread, "service", error);
    if (!handler)
        return MT_ERROR_MEMORY;
    mt_script_function_push(self);
    lua_pushinteger(thread, (lua_Integer)in_flight);
    mt_code code = mt_lua_callback(thread, handler, 1, "service", error);
    if (code != MT_OK)
        return code;
    *seconds = lua_tonumber(thread, -1);
    if (lua_type(thread, -1) != LUA_TNUMBER || !(*seconds >= 0) || isinf(*seconds)) {
        char value[60], place[MT_LUA_PLACE];
        mt_script_function_value(self, value, sizeof value);
        code = mt_fail(error, MT_ERROR_CALLBACK,
                       "%sservice: the function returned %s (with %llu tokens in flight); it must "
                       "return seconds, 0 or more",
                       mt_script_function_place(self, place, sizeof place), value,
                       (unsigned long long)in_flight);
    }
    lua_settop(thread, handler - 1);
    return code;
}

/* A part from a distribution or a function at `arg`; *script is to be released when it is there. */
static mt_service_part part_of(lua_State *L, int arg, mt_script_function **script,
                               mt_error *error) {
    const int none[2] = {LUA_NOREF, LUA_NOREF};
    *script = NULL;
    if (!lua_isfunction(L, arg))
        return (mt_service_part){.seconds = mt_lua_check_distribution(L, arg)};
    *script = mt_script_function_new(L, arg, none, error);
    return (mt_service_part){.function = {.context = *script,
                                          .retain = mt_script_function_retain,
                                          .release = mt_script_function_release,
                                          .call = call}};
}

/* new(ttft, per_token): distributions of seconds, or functions of the tokens in flight */
static int service_new(lua_State *L) {
    mt_error error;
    mt_script_function *scripts[2] = {NULL, NULL};
    mt_session_service *service = NULL;
    lua_settop(L, 2);
    for (int i = 1; i <= 2; i++) /* what may raise */
        if (!lua_isfunction(L, i))
            mt_lua_check_distribution(L, i);
    void **place = mt_lua_new_object(L, &type);
    mt_service_part first = part_of(L, 1, &scripts[0], &error);
    mt_service_part each = part_of(L, 2, &scripts[1], &error);
    if ((first.seconds || scripts[0]) && (each.seconds || scripts[1]))
        service = mt_service_new(&first, &each, &error);
    for (int i = 0; i < 2; i++)
        if (scripts[i])
            mt_script_function_release(scripts[i]);
    return mt_lua_keep(L, place, service, &error);
}

int mt_lua_open_service(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", service_new}, {NULL, NULL}};
    mt_lua_new_object_type(L, &type, NULL, NULL);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
