/* embed FILE|NAME=FILE ...: prints, as C, the files' names and contents and a table of where each is, for
 * the executable to hold its own Lua. A NAME stands for a file of a package, whose place is not the same
 * everywhere. embed --compiled FILE ...: the same of the modules among the files ("lua/...lua"),
 * compiled, so that no start compiles them again. Contents stand in the order of the arguments: what is used
 * together is best named together. Runs at build time only. */
#include "lua/file_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_IN_LINE = 32, MOST_FILES = 4096 };

/* Everything that is embedded, one after another, each followed by a 0. */
static unsigned char *text;
static size_t length, capacity;

/* What the tables hold: where in the text a name is, its path (of a module), its content. */
typedef struct entry {
    size_t name, path, content, length;
} entry;

static entry entries[MOST_FILES];
static int entry_count;

static void add(const void *bytes, size_t count) {
    if (length + count > capacity) {
        capacity = 2 * (length + count);
        if (!(text = realloc(text, capacity)))
            abort();
    }
    if (count > 0)
        memcpy(text + length, bytes, count);
    length += count;
}

/* Adds a name and gives its place. */
static size_t add_name(const char *name, size_t size) {
    size_t place = length;
    add(name, size);
    add("", 1);
    return place;
}

/* Pushes the text of a file, which has to be there. */
static const char *text_of(lua_State *L, const char *path, size_t *size) {
    if (!mt_lua_push_file(L, path)) {
        perror(path);
        exit(1);
    }
    return lua_tolstring(L, -1, size);
}

static int by_name(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return strcmp((const char *)text + x->name, (const char *)text + y->name);
}

/* The text as C, and the table, in the order of the names. */
static void print_all(const char *prefix, const char *table, int has_paths) {
    printf("#include \"lua/embedded.h\"\n");
    printf("const unsigned char %s_text[] = {\n", prefix);
    for (size_t i = 0; i < length; i++)
        printf("%d,%s", text[i], (i + 1) % NUMBERS_IN_LINE == 0 ? "\n" : "");
    printf("0};\n");
    qsort(entries, (size_t)entry_count, sizeof *entries, by_name);
    printf("const %s[] = {\n", table);
    for (int i = 0; i < entry_count; i++) {
        const entry *one = &entries[i];
        printf("{%zu, ", one->name);
        if (has_paths)
            printf("%zu, ", one->path);
        printf("%zu, %zu},\n", one->content, one->length);
    }
    printf("};\nconst size_t %s_count = %d;\n", prefix, entry_count);
}

/* The file of an argument. */
static const char *path_of(const char *argument) {
    const char *sign = strchr(argument, '=');
    return sign ? sign + 1 : argument;
}

static int print_files(lua_State *L, int count, char **paths) {
    for (int i = 0; i < count; i++)
        entries[entry_count++].name = add_name(paths[i], strcspn(paths[i], "="));
    for (int i = 0; i < count; i++) {
        size_t size;
        const char *content = text_of(L, path_of(paths[i]), &size);
        entries[i].content = length;
        entries[i].length = size;
        add(content, size);
        add("", 1);
        lua_settop(L, 0);
    }
    print_all("mt_embedded", "mt_embedded_file mt_embedded_files", 0);
    return 0;
}

/* ---- modules, compiled ---- */

/* "lua/moontide/a/b.lua" and "lua/moontide/a/b/init.lua" are the module "moontide.a.b", which is
 * left in name. Returns 0 where the file is no module. */
static int module_of(const char *path, char *name, size_t room) {
    static const char folder[] = "lua/", ending[] = ".lua", initial[] = "/init";
    const size_t before = sizeof folder - 1;
    size_t size = strlen(path);
    if (strncmp(path, folder, before) != 0 || size >= room || size < before + sizeof ending ||
        strcmp(path + size - (sizeof ending - 1), ending) != 0)
        return 0;
    size -= before + sizeof ending - 1;
    memcpy(name, path + before, size);
    name[size] = '\0';
    if (size > sizeof initial - 1 && strcmp(name + size - (sizeof initial - 1), initial) == 0)
        name[size - (sizeof initial - 1)] = '\0';
    for (char *at = name; *at; at++)
        if (*at == '/')
            *at = '.';
    return 1;
}

static int add_chunk(lua_State *L, const void *bytes, size_t count, void *context) {
    (void)L;
    (void)context;
    add(bytes, count);
    return 0;
}

/* The text as luaL_loadfile would read it, but under the name that the executable gives a
 * module. */
static int load_module(lua_State *L, const char *path, const char *name) {
    size_t size;
    const char *source = text_of(L, path, &size);
    if (luaL_loadbuffer(L, source, size, lua_pushfstring(L, "=moontide:%s", name)) == LUA_OK)
        return 0;
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return -1;
}

static int print_modules(lua_State *L, int count, char **paths) {
    enum { LONGEST_NAME = 256 };
    char name[LONGEST_NAME];
    for (int i = 0; i < count; i++)
        if (module_of(paths[i], name, sizeof name)) {
            entries[entry_count].name = add_name(name, strlen(name));
            entries[entry_count++].path = add_name(paths[i], strlen(paths[i]));
        }
    for (int i = 0; i < entry_count; i++) {
        entry *one = &entries[i];
        /* Copies: what is added moves the text. */
        lua_pushstring(L, (const char *)text + one->path);
        lua_pushstring(L, (const char *)text + one->name);
        if (load_module(L, lua_tostring(L, 1), lua_tostring(L, 2)) != 0)
            return 1;
        one->content = length;
        lua_dump(L, add_chunk, NULL, 0);
        one->length = length - one->content;
        add("", 1);
        lua_settop(L, 0);
    }
    print_all("mt_compiled", "mt_compiled_module mt_compiled_modules", 1);
    return 0;
}

int main(int count, char **words) {
    lua_State *L = count > MOST_FILES ? NULL : luaL_newstate();
    if (!L) {
        fprintf(stderr, "embed: more than %d files, or out of memory\n", MOST_FILES);
        return 1;
    }
    int are_modules = count > 1 && strcmp(words[1], "--compiled") == 0;
    int status =
        are_modules ? print_modules(L, count - 2, words + 2) : print_files(L, count - 1, words + 1);
    lua_close(L);
    return status;
}
