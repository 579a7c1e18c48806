/* The floors of compressed files: zlib and nothing else.
 *
 *   floor_gzip deflate FILE TO   packs it, as the gzip program does
 *   floor_gzip inflate FILE      unpacks it
 */
#include "bench.h"

#include <string.h>
#include <zlib.h>

enum { BUFFER_SIZE = 1 << 18 };

static char buffer[BUFFER_SIZE];

static void deflate_all(const char *path, const char *target) {
    FILE *file = fopen(path, "rb");
    gzFile packed = gzopen(target, "wb6");
    size_t got;
    bench_require(file && packed, "floor_gzip: cannot open the files");
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        bench_require(gzwrite(packed, buffer, (unsigned)got) == (int)got,
                      "floor_gzip: cannot write");
    bench_require(gzclose(packed) == Z_OK, "floor_gzip: cannot write");
    fclose(file);
}

static void inflate_all(const char *path) {
    gzFile packed = gzopen(path, "rb");
    int got;
    bench_require(packed != NULL, "floor_gzip: cannot open the file");
    gzbuffer(packed, BUFFER_SIZE);
    while ((got = gzread(packed, buffer, sizeof buffer)) > 0)
        bench_keep_bytes(buffer);
    bench_require(got == 0, "floor_gzip: cannot read the file");
    gzclose(packed);
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "";
    if (count == 4 && strcmp(what, "deflate") == 0)
        deflate_all(arguments[2], arguments[3]);
    else if (count == 3 && strcmp(what, "inflate") == 0)
        inflate_all(arguments[2]);
    else
        bench_require(0, "usage: floor_gzip deflate FILE TO | inflate FILE");
    return 0;
}
