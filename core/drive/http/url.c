#include "drive/http/url.h"

#include <string.h>
#include <strings.h>

static mt_code fail(const char *text, mt_error *error, const char *what) {
    char quoted[160];
    mt_quote(text, strlen(text), quoted, sizeof quoted);
    return mt_fail(error, MT_ERROR_VALUE, "'%s' is no address to send to: %s", quoted, what);
}

/* The port's digits, up to the path. */
static int read_port(const char *text, size_t length, uint16_t *port) {
    unsigned number = 0;
    if (length == 0 || length > 5)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    if (number == 0 || number > 65535)
        return -1;
    *port = (uint16_t)number;
    return 0;
}

/* Is every byte one that a host may have? */
static int is_host(const char *host, size_t length, int is_ipv6) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
        ":%";
    size_t count = sizeof allowed - (is_ipv6 ? 1 : 3);
    for (size_t i = 0; i < length; i++)
        if (!memchr(allowed, host[i], count))
            return 0;
    return 1;
}

static mt_code read_authority(const char *text, mt_url *url, mt_error *error) {
    const char *at = url->authority.text, *end = at + url->authority.length;
    if (memchr(at, '@', url->authority.length))
        return fail(text, error, "a user or password does not belong there");
    const char *host = at, *host_end;
    url->is_ipv6 = at < end && *at == '[';
    if (url->is_ipv6) {
        host = at + 1;
        host_end = memchr(host, ']', (size_t)(end - host));
        if (!host_end)
            return fail(text, error, "the ']' after the IPv6 address is missing");
        at = host_end + 1;
    } else {
        host_end = memchr(at, ':', (size_t)(end - at));
        host_end = host_end ? host_end : end;
        at = host_end;
        if (at < end && memchr(at + 1, ':', (size_t)(end - at - 1)))
            return fail(text, error, "an IPv6 address stands in brackets: http://[::1]:8000");
    }
    size_t length = (size_t)(host_end - host);
    if (length == 0)
        return fail(text, error, "it names no host");
    if (length >= MT_URL_HOST || !is_host(host, length, url->is_ipv6))
        return fail(text, error, "the host is not well-formed");
    memcpy(url->host, host, length);
    url->host[length] = '\0';
    url->port = url->is_secure ? 443 : 80;
    if (at == end)
        return MT_OK;
    if (*at != ':' || read_port(at + 1, (size_t)(end - at - 1), &url->port) != 0)
        return fail(text, error, "the port must be a number from 1 to 65535");
    return MT_OK;
}

mt_code mt_url_read(const char *text, mt_url *url, mt_error *error) {
    *url = (mt_url){0};
    if (strncasecmp(text, "https://", 8) == 0)
        url->is_secure = 1;
    else if (strncasecmp(text, "http://", 7) != 0)
        return fail(text, error, "it must begin with http:// or https://");
    const char *at = text + 7 + url->is_secure;
    size_t length = strcspn(at, "/?#");
    url->authority = (mt_span){at, length};
    const char *path = at + length;
    size_t path_length = strlen(path);
    for (size_t i = 0; i < path_length; i++) {
        if (path[i] == '?' || path[i] == '#')
            return fail(text, error, "a query or fragment does not belong there");
        if ((unsigned char)path[i] <= ' ' || path[i] == 127)
            return fail(text, error, "the path has a space or a control character");
    }
    while (path_length > 0 && path[path_length - 1] == '/')
        path_length--;
    url->path = (mt_span){path, path_length};
    return read_authority(text, url, error);
}
