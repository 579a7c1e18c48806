/* moontide.edit: the line editor as a Lua module of its own, beside moontide.core. It links libedit
 * and only the console loads it; without it the console reads standard input as it is. For the
 * executable alone, whose Ctrl-C flag it uses. */
#include "edit/line_editor.h"

#include "base/module_file.h"

#include <lauxlib.h>
#include <lua.h>

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const char editor_type[] = "moontide.editor";
static const char folder_type[] = "moontide.editor.folder";

/* User values: the function that completes, and the texts it gave last. */
enum { COMPLETE = 1, INSERT, LIST, USER_VALUES = LIST };

typedef struct editor_box {
    mt_line_editor *editor; /* NULL: closed */
    lua_State *thread;      /* the one that reads, its stack beginning with the editor */
} editor_box;

typedef struct question {
    const char *before;
    size_t length;
    mt_completion *answer;
} question;

static editor_box *check_editor(lua_State *L) {
    editor_box *box = luaL_checkudata(L, 1, editor_type);
    if (!box->editor)
        luaL_error(L, "the editor is closed");
    return box;
}

/* ask(editor, question), protected: calls complete(before) -> insert, list. */
static int ask(lua_State *L) {
    question *asked = lua_touserdata(L, 2);
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, COMPLETE);
    lua_pushlstring(L, asked->before, asked->length);
    lua_call(L, 1, 2);
    asked->answer->insert = lua_tostring(L, 2);
    asked->answer->list = lua_tostring(L, 3);
    lua_setiuservalue(L, 1, LIST);
    lua_setiuservalue(L, 1, INSERT);
    return 0;
}

/* Nothing may jump through libedit: when the completion function fails, there is no completion. */
static void complete(void *context, const char *before, size_t length, mt_completion *completion) {
    const editor_box *box = context;
    lua_State *L = box->thread;
    question asked = {before, length, completion};
    if (!lua_checkstack(L, 4))
        return;
    lua_pushcfunction(L, ask);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, &asked);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
        completion->insert = completion->list = NULL;
        lua_pop(L, 1);
    }
}

/* new(complete) -> editor | nil, message. complete(before) returns the text to insert at the cursor
 * and the lines to show, or nil, nil when it knows nothing. */
static int new_editor(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    editor_box *box = lua_newuserdatauv(L, sizeof *box, USER_VALUES);
    memset(box, 0, sizeof *box);
    luaL_setmetatable(L, editor_type);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, COMPLETE);
    box->editor = mt_line_editor_new(complete, box);
    if (box->editor)
        return 1;
    lua_pushnil(L);
    lua_pushliteral(L, "the terminal cannot be used for editing");
    return 2;
}

/* editor:read(prompt) -> line | nil, "interrupted" | nil, "end" */
static int editor_read(lua_State *L) {
    editor_box *box = check_editor(L);
    const char *prompt = luaL_checkstring(L, 2), *text = NULL;
    size_t length = 0;
    box->thread = L;
    mt_line_end end = mt_line_editor_read(box->editor, prompt, &text, &length);
    if (end == MT_LINE_READ) {
        lua_pushlstring(L, text, length);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, end == MT_LINE_INTERRUPTED ? "interrupted" : "end");
    return 2;
}

/* editor:remember(line): adds it to the history. */
static int editor_remember(lua_State *L) {
    const editor_box *box = check_editor(L);
    if (mt_line_editor_remember(box->editor, luaL_checkstring(L, 2)) != 0)
        return luaL_error(L, "out of memory");
    return 0;
}

static int editor_close(lua_State *L) {
    editor_box *box = luaL_checkudata(L, 1, editor_type);
    mt_line_editor *editor = box->editor;
    box->editor = NULL;
    mt_line_editor_free(editor);
    return 0;
}

/* make_folder(path) -> true | nil, message. Makes the folder and those above it, for its owner
 * alone. */
static int make_folder(lua_State *L) {
    size_t length;
    const char *path = luaL_checklstring(L, 1, &length);
    luaL_Buffer copy;
    char *whole = luaL_buffinitsize(L, &copy, length + 1);
    memcpy(whole, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (whole[i] != '/' && whole[i] != '\0')
            continue;
        char end = whole[i];
        whole[i] = '\0';
        if (mkdir(whole, S_IRWXU) != 0 && errno != EEXIST)
            return luaL_fileresult(L, 0, path);
        whole[i] = end;
    }
    lua_pushboolean(L, 1);
    return 1;
}

enum { MOST_FILES = 5000 };

typedef struct folder_box {
    DIR *folder; /* NULL: closed */
} folder_box;

/* Closes list's folder, also when memory runs out halfway. */
static int folder_close(lua_State *L) {
    folder_box *box = lua_touserdata(L, 1);
    if (box->folder)
        closedir(box->folder);
    box->folder = NULL;
    return 0;
}

static int is_folder(DIR *folder, const struct dirent *entry) {
    struct stat info;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type == DT_DIR;
    return fstatat(dirfd(folder), entry->d_name, &info, 0) == 0 && S_ISDIR(info.st_mode);
}

/* list(folder) -> names in no order; those of folders end in "/". Empty when the folder cannot be
 * read. */
static int list_folder(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    folder_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    box->folder = NULL;
    luaL_setmetatable(L, folder_type);
    box->folder = opendir(path);
    lua_newtable(L);
    const struct dirent *entry;
    for (lua_Integer i = 1; box->folder && i <= MOST_FILES && (entry = readdir(box->folder)); i++) {
        lua_pushfstring(L, is_folder(box->folder, entry) ? "%s/" : "%s", entry->d_name);
        lua_rawseti(L, -2, i);
    }
    lua_pushcfunction(L, folder_close);
    lua_pushvalue(L, -3);
    lua_call(L, 1, 0);
    return 1;
}

MT_MODULE_OF_THIS_VERSION;

__attribute__((visibility("default"))) int luaopen_moontide_edit(lua_State *L);

int luaopen_moontide_edit(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"new", new_editor}, {"make_folder", make_folder}, {"list", list_folder}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"read", editor_read},     {"remember", editor_remember},
                                       {"close", editor_close},   {"__gc", editor_close},
                                       {"__close", editor_close}, {NULL, NULL}};
    luaL_newmetatable(L, folder_type);
    lua_pushcfunction(L, folder_close);
    lua_setfield(L, -2, "__gc");
    luaL_newmetatable(L, editor_type);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    return 1;
}
