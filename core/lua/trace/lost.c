/* core.lost: names of requests that were left out (trace/step/lost.h). */
#include "lua/trace/source_binding.h"

#include "trace/step/lost.h"

static void release(void *lost) {
    mt_lost_release(lost);
}

static const mt_lua_type type = {"moontide.lost", "lost: it is closed", release};

/* new(ttft, per_token): seconds */
static int lost_new(lua_State *L) {
    mt_service service = {mt_lua_nanoseconds(L, 1, 0, "lost: ttft"),
                          mt_lua_nanoseconds(L, 2, 0, "lost: per_token")};
    mt_error error;
    void **place = mt_lua_new_object(L, &type);
    return mt_lua_keep(L, place, mt_lost_new(&service, &error), &error);
}

typedef mt_code look(mt_lost *lost, mt_source *source, mt_error *error);

static int looked(lua_State *L, look *at) {
    mt_lost *self = mt_lua_check_object(L, 1, &type);
    void **place = mt_lua_source_place(L, 2);
    mt_source *source = *place;
    mt_error error;
    *place = NULL;
    if (at(self, source, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushboolean(L, 1);
    return 1;
}

/* lost:look_at_kept(source), lost:look_at_whole(source) -> true | nil, message, code. The source is
 * read to its end and closed. */
static int lost_look_at_kept(lua_State *L) {
    return looked(L, mt_lost_look_at_kept);
}

static int lost_look_at_whole(lua_State *L) {
    return looked(L, mt_lost_look_at_whole);
}

/* lost:names_any() -> does one name another that is not kept, may requests get a time */
static int lost_names_any(lua_State *L) {
    const mt_lost *self = mt_lua_check_object(L, 1, &type);
    lua_pushboolean(L, mt_lost_names_any(self));
    lua_pushboolean(L, mt_lost_may_time(self));
    return 2;
}

/* lost:step(source) -> source | nil, message, code */
static int lost_step(lua_State *L) {
    mt_lost *self = mt_lua_check_object(L, 1, &type);
    void **place = mt_lua_source_place(L, 2);
    mt_error error;
    *place = mt_step_lost(*place, self, &error);
    if (!*place)
        return mt_lua_failure(L, &error);
    lua_settop(L, 2);
    return 1;
}

/* lost:counts() -> requests, names, times, delays: mt_lost_counts */
static int lost_counts(lua_State *L) {
    mt_lost_counts counts = mt_lost_count(mt_lua_check_object(L, 1, &type));
    lua_pushinteger(L, (lua_Integer)counts.requests);
    lua_pushinteger(L, (lua_Integer)counts.names);
    lua_pushinteger(L, (lua_Integer)counts.times);
    lua_pushinteger(L, (lua_Integer)counts.delays);
    return 4;
}

int mt_lua_open_lost(lua_State *L) {
    static const luaL_Reg functions[] = {{"new", lost_new}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"look_at_kept", lost_look_at_kept},
                                       {"look_at_whole", lost_look_at_whole},
                                       {"names_any", lost_names_any},
                                       {"step", lost_step},
                                       {"counts", lost_counts},
                                       {"close", mt_lua_close},
                                       {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_object_type(L, &type, methods, NULL);
    lua_pop(L, 1);
    return 1;
}
