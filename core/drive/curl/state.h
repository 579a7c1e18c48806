/* What the files of this folder share. Private to it. */
#ifndef MT_DRIVE_CURL_STATE_H
#define MT_DRIVE_CURL_STATE_H

#include "drive/curl/curl.h"
#include "drive/http/message.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/x509_vfy.h>

typedef struct mt_curl mt_curl;

enum { MT_CURL_FLIGHTS_A_MULTI = 128 };

/* A pool of connections with the requests that use it. */
typedef struct mt_curl_multi {
    struct mt_curl_multi *next;
    CURLM *handle;
    mt_curl *transport;
    struct event timer;
    size_t live; /* requests in flight */
    uint8_t is_pumping;
    uint8_t wants_now; /* it asked to be called again at once */
} mt_curl_multi;

/* What a descriptor is watched for; kept for the next socket of that number. */
typedef struct mt_curl_socket {
    struct event event;
    mt_curl_multi *multi;
    short watched; /* EV_READ | EV_WRITE; 0: the event is not added */
} mt_curl_socket;

/* A request as libcurl knows it; kept for the next one. */
typedef struct mt_curl_request {
    struct mt_curl_request *next; /* among those not in use */
    CURL *easy;
    mt_curl *transport;
    mt_curl_multi *multi;
    mt_flight *flight; /* NULL: it only opens a connection */
    char *text;        /* the URL; the header's lines */
    struct curl_slist *lines;
    size_t text_capacity, line_capacity, length, body_length;
    size_t
        header_bytes; /* of its answer, trailers too: beyond MT_HTTP_HEADER_LIMIT it is given up */
    uint64_t turn;    /* in which arrival_ns was taken */
    int64_t arrival_ns;
    int os_error; /* of the last socket that could not be made */
    int status;   /* of the header that is being read; 0: none, or one of 1xx that ended */
    mt_http_content content; /* likewise */
    uint8_t has_head;        /* a whole header, not of 1xx */
    uint8_t is_connecting;   /* no connection has been had for it */
    uint8_t has_opened;      /* a socket was made since the last connection */
    uint8_t has_begun;       /* it was on a connection once */
    uint8_t must_restart;    /* stopped here, to be sent once more on a fresh connection */
    char error[CURL_ERROR_SIZE];
} mt_curl_request;

/* What `open` gives: to the driver a mt_transport. */
struct mt_curl {
    const mt_driver_options *options;
    const mt_transport_host *host;
    struct event_base *base;
    char **origins; /* of each URL: "https://host:port" */
    CURLSH *share;
    X509_STORE *store; /* who may sign certificates; NULL: no https:// or any certificate */
    mt_curl_multi *multis;
    mt_curl_socket **sockets; /* by descriptor; NULL: never seen */
    size_t socket_count, socket_capacity;
    mt_curl_request *idle; /* requests not in use */
    uint64_t turn;         /* counts the looks at sockets: what came in one came together */
    int descriptor_limit;
    mt_counter open, opened, handshakes_failed, resent;
};

/* --- multi.c ------------------------------------------------------------------------------------ */

/* A further multi, which nothing calls before mt_curl_multi_watch; NULL without memory. */
mt_curl_multi *mt_curl_multi_new(mt_curl *transport);
void mt_curl_multi_watch(mt_curl_multi *multi);
void mt_curl_multi_free(mt_curl_multi *multi);

/* The one with the fewest in flight, a new one where all have enough; NULL without memory. */
mt_curl_multi *mt_curl_multi_for_next(mt_curl *transport);

/* Lets libcurl work: on that descriptor (CURL_CSELECT_...), or on what is to be done now
 * (CURL_SOCKET_TIMEOUT, 0); requests that have ended go to mt_curl_finish. */
void mt_curl_multi_pump(mt_curl_multi *multi, curl_socket_t fd, int events);

/* The place of that descriptor, made if need be; NULL without memory. */
mt_curl_socket *mt_curl_socket_at(mt_curl *transport, curl_socket_t fd);

/* --- request.c ---------------------------------------------------------------------------------- */

/* With all that is the same for each request set; NULL without memory. */
mt_curl_request *mt_curl_request_new(mt_curl *transport);
void mt_curl_request_free(mt_curl_request *request);

/* Ready to send what its flight holds; 0, or -1 without memory. */
int mt_curl_request_prepare(mt_curl_request *request);

/* It is about to be sent once more. */
void mt_curl_request_note_resent(mt_curl_request *request);

/* --- verdict.c ---------------------------------------------------------------------------------- */

/* What came of the flight, of which libcurl said `code` then; fills the exchange's os_error and text. */
mt_failure mt_curl_verdict(mt_curl_request *request, CURLcode code, int64_t end_ns);

/* The failure of a request that never was on a connection. */
mt_failure mt_curl_connect_verdict(const mt_curl_request *request, CURLcode code, int *os_error);

/* --- transport.c -------------------------------------------------------------------------------- */

/* libcurl is through with it. */
void mt_curl_finish(mt_curl_request *request, CURLcode code);

#endif
