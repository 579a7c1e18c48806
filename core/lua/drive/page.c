/* drive.page: a page about work that goes on, served while it does. */
#include "lua/drive/drive_binding.h"

#include "drive/page/page.h"

static const char page_type[] = "moontide.live_page";

typedef struct page_owner {
    mt_page *page; /* NULL: closed */
} page_owner;

static mt_page *check_page(lua_State *L) {
    page_owner *owner = luaL_checkudata(L, 1, page_type);
    if (!owner->page)
        mt_lua_raise(L, "the page is closed");
    return owner->page;
}

static mt_span check_text(lua_State *L, int arg) {
    mt_span text;
    text.text = luaL_checklstring(L, arg, &text.length);
    return text;
}

static int done(lua_State *L, mt_code code, const mt_error *error) {
    if (code != MT_OK)
        return mt_lua_failure(L, error);
    lua_pushboolean(L, 1);
    return 1;
}

/* page({host =, port =, token =, guards_all =, html =}) -> page, or nil, message, code */
static int page_open(lua_State *L) {
    mt_error error;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    mt_page_options options = {.host = mt_lua_text_field(L, 1, "host"),
                               .token = mt_lua_text_field(L, 1, "token"),
                               .port = (uint16_t)mt_lua_count_field(L, 1, "port", 0),
                               .guards_all = mt_lua_truth_field(L, 1, "guards_all")};
    luaL_argcheck(L, options.host && options.token, 1, "host and token are needed");
    page_owner *owner = mt_lua_new_owner(L, sizeof *owner, page_type);
    lua_getfield(L, 1, "html");
    options.html = check_text(L, -1);
    lua_pop(L, 1);
    owner->page = mt_page_open(&options, &error);
    return owner->page ? 1 : mt_lua_failure(L, &error);
}

/* page_token() -> a token that nobody can guess, or nil, message, code */
static int page_token(lua_State *L) {
    mt_error error;
    char token[MT_PAGE_DRAWN + 1];
    if (mt_page_draw_token(token, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushstring(L, token);
    return 1;
}

/* page:port() */
static int page_port(lua_State *L) {
    lua_pushinteger(L, mt_page_port(check_page(L)));
    return 1;
}

/* page:say(name or nil, JSON) -> true, or nil, message, code */
static int page_say(lua_State *L) {
    mt_error error;
    mt_page *page = check_page(L);
    return done(L, mt_page_say(page, luaL_optstring(L, 2, NULL), check_text(L, 3), &error), &error);
}

/* page:show(metrics) -> true, or nil, message, code */
static int page_show(lua_State *L) {
    mt_error error;
    mt_page *page = check_page(L);
    return done(L, mt_page_show(page, check_text(L, 2), &error), &error);
}

/* page:close(): readers have a moment for what was said last */
static int page_release(lua_State *L) {
    static const int64_t patience_ns = 500000000;
    page_owner *owner = luaL_checkudata(L, 1, page_type);
    mt_page_free(owner->page, patience_ns);
    owner->page = NULL;
    return 0;
}

void mt_lua_add_page(lua_State *L) {
    static const luaL_Reg methods[] = {{"port", page_port},
                                       {"say", page_say},
                                       {"show", page_show},
                                       {"close", page_release},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"page", page_open}, {"page_token", page_token}, {NULL, NULL}};
    mt_lua_new_type(L, page_type, methods, page_release, NULL);
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
