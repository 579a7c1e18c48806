/* What a transport is: how bytes get to an endpoint and back. Two are built: direct.c (HTTP/1.1 on raw
 * sockets, kernel stamps) and curl.c (TLS, HTTP/2, proxies). Private to core/drive. */
#ifndef MT_DRIVE_TRANSPORT_H
#define MT_DRIVE_TRANSPORT_H

#include "drive/driver.h"

struct event_base;

typedef struct mt_transport mt_transport;

/* What a transport tells the driver; the exchange and the prepared request belong to the driver. */
typedef struct mt_transport_events {
    void (*ended)(void *context, mt_exchange *exchange, mt_prepared *prepared);
} mt_transport_events;

typedef struct mt_transport_kind {
    const char *name;
    mt_transport *(*open)(struct event_base *base, const mt_driver_options *options,
                          const mt_transport_events *events, void *context, mt_error *error);
    /* Begins to send now; `ended` follows exactly once, perhaps from inside. */
    void (*send)(mt_transport *transport, mt_exchange *exchange, mt_prepared *prepared);
    /* Gives the exchange up; `ended` follows with that failure. */
    void (*cancel)(mt_transport *transport, mt_exchange *exchange, mt_failure failure);
    /* Opens up to `count` connections ahead to each endpoint; blocking until they are open or have
     * failed. */
    mt_code (*warm)(mt_transport *transport, size_t count, mt_error *error);
    void (*look)(const mt_transport *transport, mt_driver_load *load);
    void (*close)(mt_transport *transport);
} mt_transport_kind;

extern const mt_transport_kind mt_transport_direct; /* direct.c */
extern const mt_transport_kind mt_transport_curl;   /* curl.c */

#endif
