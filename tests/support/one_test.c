/* Linked into every C test: MOONTIDE_TEST, when set, is a part of the names of the tests to run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void choose_tests(void) {
    static char pattern[256];
    const char *part = getenv("MOONTIDE_TEST");
    if (!part)
        return;
    snprintf(pattern, sizeof pattern, "*%s*", part);
    cmocka_set_test_filter(pattern);
}
