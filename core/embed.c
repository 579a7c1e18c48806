/* embed FILE|NAME=FILE ...: prints a C array of the files' names and contents, for the executable to
 * hold its own Lua. A NAME stands for a file of a package, whose place is not the same everywhere.
 * Runs at build time only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_bytes(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    int byte, column = 0;
    while ((byte = getc(file)) != EOF) {
        printf("%d,", byte);
        if (++column % 32 == 0)
            putchar('\n');
    }
    fclose(file);
}

/* The file of an argument. */
static const char *path_of(const char *argument) {
    const char *sign = strchr(argument, '=');
    return sign ? sign + 1 : argument;
}

int main(int count, char **paths) {
    printf("#include \"lua/embedded.h\"\n");
    for (int i = 1; i < count; i++) {
        printf("static const unsigned char file_%d[] = {\n", i);
        print_bytes(path_of(paths[i]));
        printf("0};\n");
    }
    printf("const mt_embedded_file mt_embedded_files[] = {\n");
    for (int i = 1; i < count; i++)
        printf("{\"%.*s\", (const char *)file_%d, sizeof file_%d - 1},\n",
               (int)strcspn(paths[i], "="), paths[i], i, i);
    printf("{0, 0, 0}};\n");
    return 0;
}
