/* embed FILE|NAME=FILE ...: prints a C array of the files' names and contents, for the executable
 * to hold its own Lua. A NAME stands for a file of a package, whose place is not the same
 * everywhere. embed --compiled FILE ...: the same of the modules among the files ("lua/...lua"),
 * compiled, so that no start compiles them again. Runs at build time only. */
#include <lauxlib.h>
#include <lua.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_IN_LINE = 32, READ_BLOCK = 1 << 13 };

static int column;

static void print_byte(int byte) {
    printf("%d,", byte);
    if (++column % NUMBERS_IN_LINE == 0)
        putchar('\n');
}

static void print_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    int byte;
    column = 0;
    while ((byte = getc(file)) != EOF)
        print_byte(byte);
    fclose(file);
}

/* The file of an argument. */
static const char *path_of(const char *argument) {
    const char *sign = strchr(argument, '=');
    return sign ? sign + 1 : argument;
}

static int print_files(int count, char **paths) {
    printf("#include \"lua/embedded.h\"\n");
    for (int i = 0; i < count; i++) {
        printf("static const unsigned char file_%d[] = {\n", i);
        print_file(path_of(paths[i]));
        printf("0};\n");
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
    for (size_t i = 0; i < count; i++)
        print_byte(((const unsigned char *)bytes)[i]);
    return 0;
}

/* The text as luaL_loadfile would read it, but under the name that the executable gives a
 * module. */
static int load_module(lua_State *L, const char *path, const char *name) {
    FILE *file = fopen(path, "rb");
    luaL_Buffer text;
    size_t got;
    if (!file) {
        perror(path);
        return -1;
    }
    luaL_buffinit(L, &text);
    do {
        char *room = luaL_prepbuffsize(&text, READ_BLOCK);
        got = fread(room, 1, READ_BLOCK, file);
        luaL_addsize(&text, got);
    } while (got > 0);
    fclose(file);
    luaL_pushresult(&text);
    size_t length;
    const char *source = lua_tolstring(L, -1, &length);
    if (luaL_loadbuffer(L, source, length, lua_pushfstring(L, "=moontide:%s", name)) == LUA_OK)
        return 0;
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return -1;
}

static int print_modules(int count, char **paths) {
    enum { LONGEST_NAME = 256 };
    char name[LONGEST_NAME];
    lua_State *L = luaL_newstate();
    if (!L)
        return 1;
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
    lua_close(L);
    return 0;
}

int main(int count, char **words) {
    if (count > 1 && strcmp(words[1], "--compiled") == 0)
        return print_modules(count - 2, words + 2);
    return print_files(count - 1, words + 1);
}
