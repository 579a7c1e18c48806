/* Tests that need what is not everywhere: they say why they are skipped, and tests/run counts it. */
#ifndef SKIP_SUPPORT_H
#define SKIP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Ends the test as skipped. */
#define skip_because(...) (print_message("# skipped: " __VA_ARGS__), print_message("\n"), skip())

/* Skips what takes long or much memory, unless MOONTIDE_SLOW_TESTS=1. */
static inline void only_when_slow_is_wanted(void) {
    const char *slow = getenv("MOONTIDE_SLOW_TESTS");
    if (!slow || strcmp(slow, "1") != 0)
        skip_because("slow, and MOONTIDE_SLOW_TESTS=1 is not set");
}

/* The path of a file of real data, valid until the next call; skips the test where there is none. */
static inline const char *real_data(const char *name) {
    static char path[512];
    const char *folder = getenv("MOONTIDE_DATA");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : ".", name);
    if (access(path, R_OK) != 0)
        skip_because("no %s in MOONTIDE_DATA", name);
    return path;
}

#endif
