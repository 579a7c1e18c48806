/* The transport that goes through libcurl (7.85 or later): https://, HTTP/2 (where the server of an
 * https:// URL offers it), and the proxies that the environment names (http_proxy, HTTPS_PROXY,
 * ALL_PROXY, NO_PROXY), which the direct transport takes no notice of. It is linked into a library of
 * its own, since libcurl costs each start some milliseconds.
 *
 * Where it differs from the direct transport:
 * - Arrivals are stamped when they are read: MT_HAS_KERNEL_STAMPS is never noted.
 * - No connection is open from the start but those that were asked for, each of which costs the server
 *   an OPTIONS request: libcurl keeps none that was not used.
 * - bytes_sent is what was prepared, once it is sent, and until then what is through of the body;
 *   bytes_received counts the header's lines and the decoded body, not the framing.
 * - Whether an answer in chunks was cut inside of one is told by its events alone.
 * - An answer that says neither its length nor comes in chunks ends where the connection does, though
 *   TLS did not announce that end.
 * - Of a server that answers before it has all of a request, and closes, it may see the end alone.
 * - Many connections make it slower: libcurl looks through them for an idle one. So each 128 requests
 *   in flight have a pool of connections of their own. */
#ifndef MT_DRIVE_CURL_CURL_H
#define MT_DRIVE_CURL_CURL_H

#include "drive/transport.h"

extern const mt_transport_kind mt_transport_curl;

#endif
