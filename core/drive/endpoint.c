#include "drive/endpoint.h"

#include "base/file/descriptors.h"
#include "base/memory.h"
#include "drive/driver.h"
#include "drive/http/url.h"
#include "drive/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SPARE_DESCRIPTORS = 64, MOST_RESERVED = 65536, NS_A_MS = 1000000 };

int mt_descriptor_limit(void) {
    int all = mt_descriptors_raise();
    if (all == INT32_MAX)
        return all;
    return all - (all >= 4 * SPARE_DESCRIPTORS ? SPARE_DESCRIPTORS : all / 4);
}

void mt_descriptors_reserve(int fd, int limit) {
    int last = fcntl(fd, F_DUPFD_CLOEXEC, (limit < MOST_RESERVED ? limit : MOST_RESERVED) - 1);
    if (last >= 0)
        close(last);
}

mt_failure mt_connect_failure(int errno_value) {
    switch (errno_value) {
    case ECONNREFUSED:
        return MT_FAILURE_REFUSED;
    case EMFILE:
    case ENFILE:
        return MT_FAILURE_NO_DESCRIPTOR;
    case EADDRNOTAVAIL:
        return MT_FAILURE_PORTS_USED_UP;
    case ETIMEDOUT:
        return MT_FAILURE_CONNECT_TIMEOUT;
    case ECONNRESET:
    case EPIPE:
        return MT_FAILURE_RESET_BEFORE_BYTE;
    default:
        return MT_FAILURE_UNREACHABLE;
    }
}

/* --- addresses ---------------------------------------------------------------------------------- */

mt_code mt_endpoint_open(mt_endpoint *endpoint, const char *url, mt_error *error) {
    mt_url parts;
    if (mt_url_read(url, &parts, error) != MT_OK)
        return MT_ERROR_VALUE;
    if (parts.is_secure)
        return mt_fail(error, MT_ERROR_VALUE, "%s: https:// needs the transport curl", url);
    char port[16];
    snprintf(port, sizeof port, "%u", (unsigned)parts.port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
    int failure = getaddrinfo(parts.host, port, &hints, &found);
    if (failure)
        return mt_fail(error, MT_ERROR_IO, "%s: the name '%s' has no address: %s", url, parts.host,
                       failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure));
    mt_code code = MT_OK;
    size_t capacity = 0;
    for (struct addrinfo *at = found; at && code == MT_OK; at = at->ai_next) {
        if (endpoint->count == MT_HANDSHAKES_AT_ONCE)
            break;
        if (MT_GROW(endpoint->addresses, capacity, endpoint->count + 1) != 0) {
            code = mt_fail_memory(error, "addresses");
            break;
        }
        mt_address *address = &endpoint->addresses[endpoint->count++];
        memcpy(&address->at, at->ai_addr, at->ai_addrlen);
        address->length = at->ai_addrlen;
    }
    freeaddrinfo(found);
    return code;
}

void mt_endpoint_close(mt_endpoint *endpoint) {
    mt_free(endpoint->addresses);
    *endpoint = (mt_endpoint){0};
}

/* --- connections -------------------------------------------------------------------------------- */

static int fail_with(int fd, int errno_value) {
    close(fd);
    errno = errno_value;
    return -1;
}

int mt_endpoint_connect(mt_endpoint *endpoint, int limit) {
    const mt_address *address = &endpoint->addresses[endpoint->next++ % endpoint->count];
    int fd = socket(address->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (fd >= limit)
        return fail_with(fd, EMFILE);
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    mt_stamp_socket(fd);
    if (connect(fd, (const struct sockaddr *)&address->at, address->length) != 0 &&
        errno != EINPROGRESS)
        return fail_with(fd, errno);
    return fd;
}

/* Has it come to an end? Then *fd is -errno, or stays as it is. */
static int has_shaken(int *fd, short revents) {
    if (!(revents & (POLLOUT | POLLERR | POLLHUP)))
        return 0;
    int failure = 0;
    socklen_t length = sizeof failure;
    getsockopt(*fd, SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure) {
        close(*fd);
        *fd = -failure;
    }
    return 1;
}

void mt_endpoint_shake(mt_endpoint *endpoint, int limit, size_t count, int64_t timeout_ns,
                       int *fds) {
    struct pollfd waits[MT_HANDSHAKES_AT_ONCE];
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        fds[i] = mt_endpoint_connect(endpoint, limit);
        if (fds[i] < 0)
            fds[i] = -errno;
        waits[i] = (struct pollfd){.fd = fds[i], .events = POLLOUT}; /* poll passes over < 0 */
        left += fds[i] >= 0;
    }
    int64_t end_ns = mt_now_ns() + timeout_ns, rest_ns;
    while (left > 0 && (rest_ns = end_ns - mt_now_ns()) > 0) {
        if (poll(waits, count, (int)(rest_ns / NS_A_MS) + 1) <= 0)
            continue;
        for (size_t i = 0; i < count; i++)
            if (waits[i].fd >= 0 && has_shaken(&fds[i], waits[i].revents)) {
                waits[i].fd = -1;
                left--;
            }
    }
    for (size_t i = 0; i < count; i++)
        if (waits[i].fd >= 0) {
            close(fds[i]);
            fds[i] = -ETIMEDOUT;
        }
}

mt_code mt_endpoint_probe(mt_endpoint *endpoint, int limit, const char *url, int64_t timeout_ns,
                          int *fds, mt_error *error) {
    size_t tried = endpoint->count, kept = 0;
    mt_endpoint_shake(endpoint, limit, tried, timeout_ns, fds);
    int last = 0;
    for (size_t i = 0; i < tried; i++) {
        if (fds[i] >= 0)
            endpoint->addresses[kept++] = endpoint->addresses[i];
        else
            last = -fds[i];
    }
    endpoint->count = kept;
    endpoint->next = 0;
    if (kept == 0)
        return mt_fail(error, MT_ERROR_IO, "%s: no connection: %s", url, strerror(last));
    return MT_OK;
}
