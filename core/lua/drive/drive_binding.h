/* What the binding files of moontide.drive share. */
#ifndef MT_LUA_DRIVE_DRIVE_BINDING_H
#define MT_LUA_DRIVE_DRIVE_BINDING_H

#include "lua/binding.h"

#include "drive/driver.h"

/* One opener a file: mock pushes a table of functions, the others add theirs to the table on the stack.
 * module.c lists them. */
int mt_lua_open_mock(lua_State *L);
void mt_lua_add_child(lua_State *L); /* to the mock's table */
void mt_lua_add_clock(lua_State *L);
void mt_lua_add_driver(lua_State *L);
void mt_lua_add_replay(lua_State *L);
void mt_lua_add_contrast(lua_State *L);
void mt_lua_add_requests(lua_State *L);
void mt_lua_add_scraper(lua_State *L);
void mt_lua_add_page(lua_State *L);
void mt_lua_add_texts(lua_State *L);

/* The open driver at `arg`; raises when it is none or is closed. */
mt_driver *mt_lua_check_driver(lua_State *L, int arg);

/* Field `name` of the table at `arg`: a text (NULL when nil; kept alive by the table), a truth, a whole
 * number or seconds as nanoseconds (`absent` when nil). Raise when they are of another kind. */
const char *mt_lua_text_field(lua_State *L, int arg, const char *name);
int mt_lua_truth_field(lua_State *L, int arg, const char *name);
uint64_t mt_lua_count_field(lua_State *L, int arg, const char *name, uint64_t absent);
int64_t mt_lua_seconds_field(lua_State *L, int arg, const char *name, int64_t absent);

/* The list of texts in field `name` of the table at `arg`, as a C array in a userdata that is left on
 * the stack; *count becomes their number. */
const char *const *mt_lua_texts_field(lua_State *L, int arg, const char *name, size_t *count);

/* Sets field `name` of the table on top. */
void mt_lua_set_text(lua_State *L, const char *name, const char *value);

#endif
