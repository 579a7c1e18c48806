/* An endpoint's address: http(s)://host[:port][/path]. A host is a name, an IPv4 address or an IPv6
 * address in brackets. */
#ifndef MT_DRIVE_HTTP_URL_H
#define MT_DRIVE_HTTP_URL_H

#include "base/error.h"
#include "base/span.h"

enum { MT_URL_HOST = 256 };

typedef struct mt_url {
    int is_secure;          /* https */
    int is_ipv6;            /* the host was in brackets, which `host` is without */
    uint16_t port;          /* 80 or 443 when none is given */
    char host[MT_URL_HOST]; /* terminated */
    mt_span authority;      /* "host:port" as it was given, for a Host header; inside the text */
    mt_span path;           /* "" or "/v1": without a slash at its end; inside the text */
} mt_url;

/* MT_OK, or MT_ERROR_VALUE with a message that quotes the text and says what is wrong. */
mt_code mt_url_read(const char *text, mt_url *url, mt_error *error);

#endif
