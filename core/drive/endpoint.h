/* Where an endpoint is: its addresses, and sockets towards them. Private to this room. */
#ifndef MT_DRIVE_ENDPOINT_H
#define MT_DRIVE_ENDPOINT_H

#include "base/error.h"
#include "drive/exchange.h"

#include <stddef.h>
#include <sys/socket.h>

typedef struct mt_address {
    struct sockaddr_storage at;
    socklen_t length;
} mt_address;

typedef struct mt_endpoint {
    mt_address *addresses;
    size_t count, next; /* connections go round them */
} mt_endpoint;

enum { MT_HANDSHAKES_AT_ONCE = 256 };

/* Descriptors the process may open: the soft limit raised to the hard one, less some kept spare for
 * whatever else is to be opened (64, or a quarter where there are few). */
int mt_descriptor_limit(void);

/* Makes room for so many in the kernel's table of the process's descriptors (at most 65 536, with half a
 * megabyte): `fd` is any that is open. Else the kernel enlarges the table when it is full, and a thread of
 * several that opens a descriptor then waits for all processors: milliseconds, on a loaded machine seconds. */
void mt_descriptors_reserve(int fd, int limit);

/* Finds out the host's addresses, once. Fails with MT_ERROR_VALUE (the URL) or MT_ERROR_IO (the name).
 * Free it in either case; it is zero before. */
mt_code mt_endpoint_open(mt_endpoint *endpoint, const char *url, mt_error *error);
void mt_endpoint_close(mt_endpoint *endpoint);

/* A non-blocking socket with its connection begun towards the next address, TCP_NODELAY, receive
 * stamps on; -1 with errno, which is EMFILE beyond descriptor number `limit` - 1. */
int mt_endpoint_connect(mt_endpoint *endpoint, int limit);

/* `count` <= MT_HANDSHAKES_AT_ONCE connections, one to each of the next addresses: waits until all
 * stand or have failed, at most timeout_ns. fds[i] is a socket, or -errno. */
void mt_endpoint_shake(mt_endpoint *endpoint, int limit, size_t count, int64_t timeout_ns,
                       int *fds);

/* Tries each address and keeps those that accept a connection; fds (`count` of before; -errno where
 * there is none) are the connections. MT_ERROR_IO when there are none. */
mt_code mt_endpoint_probe(mt_endpoint *endpoint, int limit, const char *url, int64_t timeout_ns,
                          int *fds, mt_error *error);

/* The failure that an errno of socket(2) or connect(2) is. */
mt_failure mt_connect_failure(int errno_value);

#endif
