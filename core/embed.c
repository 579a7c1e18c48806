/* embed FILE|NAME=FILE ...: prints a C array of the files' names and contents, for the executable
 * to hold its own Lua. A NAME stands for a file of a package, whose place is not the same
 * everywhere. embed --compiled FILE ...: the same of the modules among the files ("lua/...lua"),
 * compiled, so that no start compiles them again. Runs at build time only. */
#include "lua/file_text.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBERS_IN_LINE = 32 };

static int column;

static void print_byte(int byte) {
    printf("%d,", byte);
    if (++column % NUMBERS_IN_LINE == 0)
        putchar('\n');
}

static void print_bytes(const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        print_byte((unsigned char)bytes[i]);
}

/* Pushes the text of a file, which has to be there. */
static const char *text_of(lua_State *L, const char *path, size_t *length) {
    if (!mt_lua_push_file(L, path)) {
        perror(path);
        exit(1);
    }
    return lua_tolstring(L, -1, length);
}

/* The file of an argument. */
static const char *path_of(const char *argument) {
    const char *sign = strchr(argument, '=');
    return sign ? sign + 1 : argument;
}

static int print_files(lua_State *L, int count, char **paths) {
    printf("#include \"lua/embedded.h\"\n");
    for (int i = 0; i < count; i++) {
        printf("static const unsigned char file_%d[] = {\n", i);
        size_t length;
        const char *text = text_of(L, path_of(paths[i]), &length);
        column = 0;
        print_bytes(text, length);
        printf("0};\n");
        lua_settop(L, 0);
    }
    printf("const mt_embedded_file mt_embedded_files[] = {\n");
    for (int i = 0; i < count; i++)
        printf("{\"%.*s\", (const char *)file_%d, sizeof file_%d - 1},\n",
               (int)strcspn(paths[i], "="), paths[i], i, i);
    printf("{0, 0, 0}};\n");
    return 0;
}

/* ---- modules, compiled ---- */

/* "lua/moontide/a/b.lua" and "lua/moontide/a/b/init.lua" are the module "moontide.a.b", which is
 * left in name. Returns 0 where the file is no module. */
static int module_of(const char *path, char *name, size_t room) {
    static const char folder[] = "lua/", ending[] = ".lua", initial[] = "/init";
    const size_t before = sizeof folder - 1;
    size_t length = strlen(path);
    if (strncmp(path, folder, before) != 0 || length >= room || length < before + sizeof ending ||
        strcmp(path + length - (sizeof ending - 1), ending) != 0)
        return 0;
    length -= before + sizeof ending - 1;
    memcpy(name, path + before, length);
    name[length] = '\0';
    if (length > sizeof initial - 1 && strcmp(name + length - (sizeof initial - 1), initial) == 0)
        name[length - (sizeof initial - 1)] = '\0';
    for (char *at = name; *at; at++)
        if (*at == '/')
            *at = '.';
    return 1;
}

static int print_chunk(lua_State *L, const void *bytes, size_t count, void *context) {
    (void)L;
    (void)context;
    print_bytes(bytes, count);
    return 0;
}

/* The text as luaL_loadfile would read it, but under the name that the executable gives a
 * module. */
static int load_module(lua_State *L, const char *path, const char *name) {
    size_t length;
    const char *source = text_of(L, path, &length);
    if (luaL_loadbuffer(L, source, length, lua_pushfstring(L, "=moontide:%s", name)) == LUA_OK)
        return 0;
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return -1;
}

static int print_modules(lua_State *L, int count, char **paths) {
    enum { LONGEST_NAME = 256 };
    char name[LONGEST_NAME];
    printf("#include \"lua/embedded.h\"\n");
    for (int i = 0; i < count; i++) {
        if (!module_of(paths[i], name, sizeof name))
            continue;
        if (load_module(L, paths[i], name) != 0)
            return 1;
        printf("static const unsigned char module_%d[] = {\n", i);
        column = 0;
        lua_dump(L, print_chunk, NULL, 0);
        printf("0};\n");
        lua_settop(L, 0);
    }
    printf("const mt_compiled_module mt_compiled_modules[] = {\n");
    for (int i = 0; i < count; i++)
        if (module_of(paths[i], name, sizeof name))
            printf("{\"%s\", \"%s\", (const char *)module_%d, sizeof module_%d - 1},\n", name,
                   paths[i], i, i);
    printf("{0, 0, 0, 0}};\n");
    return 0;
}

int main(int count, char **words) {
    lua_State *L = luaL_newstate();
    if (!L)
        return 1;
    int are_modules = count > 1 && strcmp(words[1], "--compiled") == 0;
    int status =
        are_modules ? print_modules(L, count - 2, words + 2) : print_files(L, count - 1, words + 1);
    lua_close(L);
    return status;
}
