/* The floors that whole processes are held against:
 *
 *   floor empty               starts and ends
 *   floor read FILE           read(2) of all of it, 1 MiB at a time
 *   floor write FILE BYTES    write(2) of so many, 1 MiB at a time
 *   floor arrivals COUNT      Poisson arrivals with two lengths into growing arrays, the plain way
 */
#include "bench.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 20 };

static char buffer[BUFFER_SIZE];

static void read_all(const char *path) {
    int file = open(path, O_RDONLY);
    bench_require(file >= 0, "floor: cannot open the file");
    ssize_t got;
    while ((got = read(file, buffer, sizeof buffer)) > 0)
        bench_keep_bytes(buffer);
    bench_require(got == 0, "floor: cannot read the file");
    close(file);
}

static void write_all(const char *path, size_t bytes) {
    memset(buffer, '7', sizeof buffer);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    bench_require(file >= 0, "floor: cannot create the file");
    while (bytes > 0) {
        ssize_t put = write(file, buffer, bytes < sizeof buffer ? bytes : sizeof buffer);
        bench_require(put > 0, "floor: cannot write the file");
        bytes -= (size_t)put;
    }
    bench_require(close(file) == 0, "floor: cannot write the file");
}

typedef struct arrival {
    double time;
    uint64_t input_length, output_length;
} arrival;

static void arrivals(size_t count) {
    arrival *list = NULL;
    size_t capacity = 0;
    double time = 0;
    srand48(1);
    for (size_t i = 0; i < count; i++) {
        if (i == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            list = realloc(list, capacity * sizeof *list);
            bench_require(list != NULL, "floor: out of memory");
        }
        time -= log(1 - drand48()) / 1000;
        list[i] = (arrival){time, 500, 100};
    }
    bench_keep_bytes(list);
    free(list);
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "";
    if (count == 2 && strcmp(what, "empty") == 0)
        return 0;
    if (count == 3 && strcmp(what, "read") == 0)
        read_all(arguments[2]);
    else if (count == 4 && strcmp(what, "write") == 0)
        write_all(arguments[2], (size_t)strtoull(arguments[3], NULL, 10));
    else if (count == 3 && strcmp(what, "arrivals") == 0)
        arrivals((size_t)strtoull(arguments[2], NULL, 10));
    else
        bench_require(0, "usage: floor empty | read FILE | write FILE BYTES | arrivals COUNT");
    return 0;
}
