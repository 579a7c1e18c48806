/* Linked into every C test: MOONTIDE_TEST, when set, is a part of the names of the tests to run, and
 * MOONTIDE_WITHOUT_TEST one of those that are left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void choose_tests(void) {
    static char wanted[256], unwanted[256];
    const char *part = getenv("MOONTIDE_TEST"), *without = getenv("MOONTIDE_WITHOUT_TEST");
    if (part) {
        snprintf(wanted, sizeof wanted, "*%s*", part);
        cmocka_set_test_filter(wanted);
    }
    if (without) {
        snprintf(unwanted, sizeof unwanted, "*%s*", without);
        cmocka_set_skip_filter(unwanted);
    }
}
