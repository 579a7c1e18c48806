/* drive.scraper: a server's own figures while it is driven. */
#include "lua/drive/drive_binding.h"

#include "drive/scrape.h"

#include <math.h>

static const char scraper_type[] = "moontide.scraper";

typedef struct scraper_owner {
    mt_scraper *scraper; /* NULL: closed */
} scraper_owner;

/* scraper(url, seconds) -> scraper, which has looked once, or nil, message, code */
static int scraper_start(lua_State *L) {
    mt_error error;
    const char *url = luaL_checkstring(L, 1);
    double every = luaL_checknumber(L, 2);
    scraper_owner *owner = mt_lua_new_owner(L, sizeof *owner, scraper_type);
    owner->scraper = mt_scraper_start(url, (int64_t)(every * 1e9), &error);
    return owner->scraper ? 1 : mt_lua_failure(L, &error);
}

/* Pushes {at = (monotonic ns), running =, ...}: what the server said. */
static void push_look(lua_State *L, const mt_scrape *look) {
    lua_createtable(L, 0, 1 + MT_SERVER_METRICS);
    lua_pushinteger(L, look->at_ns);
    lua_setfield(L, -2, "at");
    for (int i = 0; i < MT_SERVER_METRICS; i++)
        if (!isnan(look->values[i]))
            mt_lua_set_number(L, mt_server_metric_names[i], look->values[i]);
}

static mt_scraper *check_scraper(lua_State *L) {
    scraper_owner *owner = luaL_checkudata(L, 1, scraper_type);
    if (!owner->scraper)
        mt_lua_raise(L, "the scraper is closed");
    return owner->scraper;
}

/* scraper:last() -> the latest look, while it goes on */
static int scraper_last(lua_State *L) {
    mt_scrape last = mt_scraper_last(check_scraper(L));
    push_look(L, &last);
    return 1;
}

/* scraper:stop() -> list of looks in order of time, how many failed, why the first of them did */
static int scraper_stop(lua_State *L) {
    const mt_scrape *looks;
    const char *why;
    mt_scraper *scraper = check_scraper(L);
    mt_scraper_stop(scraper);
    size_t count = mt_scraper_looks(scraper, &looks);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_look(L, &looks[i]);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    lua_pushinteger(L, (lua_Integer)mt_scraper_failures(scraper, &why));
    lua_pushstring(L, why);
    return 3;
}

static int scraper_release(lua_State *L) {
    scraper_owner *owner = luaL_checkudata(L, 1, scraper_type);
    mt_scraper_free(owner->scraper);
    owner->scraper = NULL;
    return 0;
}

/* server_metrics() -> {{name, is it a counter}, ...} */
static int server_metrics(lua_State *L) {
    lua_newtable(L);
    for (int i = 0; i < MT_SERVER_METRICS; i++) {
        lua_createtable(L, 2, 0);
        lua_pushstring(L, mt_server_metric_names[i]);
        lua_seti(L, -2, 1);
        lua_pushboolean(L, mt_server_metric_is_counter((mt_server_metric)i));
        lua_seti(L, -2, 2);
        lua_seti(L, -2, i + 1);
    }
    return 1;
}

void mt_lua_add_scraper(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"last", scraper_last}, {"stop", scraper_stop}, {"close", scraper_release}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"scraper", scraper_start}, {"server_metrics", server_metrics}, {NULL, NULL}};
    mt_lua_new_type(L, scraper_type, methods, scraper_release, NULL);
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
