/* Servers that never stop talking: the driver's own clock and limits end what they say. */
#include "drive/curl/curl.h"
#include "drive/driver.h"
#include "drive_support.h"

#include <string.h>

enum { REQUESTS = 6, MUCH = 1 << 18 };

static const mt_transport_kind *transport = &mt_transport_direct;
static const char *first; /* said once, before what has no end */

/* Says the text again and again, much of it at once, until nobody listens, or for half a minute: as good as for
 * ever. */
static int say_without_end(server *s, int fd, int number) {
    (void)number;
    server_say(fd, HEAD "Transfer-Encoding: chunked\r\n\r\n");
    server_say(fd, first);
    size_t length = strlen(s->text), count = MUCH / length;
    char *much = malloc(count * length + 1);
    for (size_t i = 0; i < count; i++)
        memcpy(much + i * length, s->text, length);
    for (int64_t end = mt_now_ns() + 30000 * ms; mt_now_ns() < end;)
        if (send(fd, much, count * length, MSG_NOSIGNAL) != (ssize_t)(count * length))
            break;
    free(much);
    return 0;
}

static drive *drive_all(const char *once, const char *text) {
    drive *d = drive_over(transport);
    first = once;
    begin(d, say_without_end);
    d->server.text = text;
    d->options.total_timeout_ns = 200 * ms;
    start(d);
    int64_t now = mt_now_ns();
    for (int i = 0; i < REQUESTS; i++)
        offer(d, request(d, now, 10));
    collect(d);
    return d;
}

/* More comes at every look, of one connection or another: timeouts are looked at all the same. */
static void test_events_without_end(void **state) {
    (void)state;
    drive *d = drive_all("", "2f\r\n" EVENT("a") "\r\n");
    for (int i = 0; i < REQUESTS; i++)
        assert_string_equal("total_timeout", mt_failure_name((mt_failure)d->exchanges[i].failure));
    end(d);
}

static void test_trailers_without_end(void **state) {
    (void)state;
    drive *d = drive_all("0\r\n", "X-More: 0123456789012345678901234567890123456789\r\n");
    for (int i = 0; i < REQUESTS; i++)
        assert_string_equal("not_http", mt_failure_name((mt_failure)d->exchanges[i].failure));
    end(d);
}

static int use_curl(void **state) {
    (void)state;
    transport = &mt_transport_curl;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_without_end),
        cmocka_unit_test(test_trailers_without_end),
    };
    int failed = cmocka_run_group_tests_name("direct", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("curl", tests, use_curl, NULL);
}
