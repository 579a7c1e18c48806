#include "base/memory.h"
#include "drive/curl/state.h"
#include "drive/endpoint.h"
#include "drive/http/url.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const int64_t handshake_most_ns = 5000000000, ms_ns = 1000000;

/* --- an exchange -------------------------------------------------------------------------------- */

static void end_flight(mt_curl *transport, mt_flight *flight, mt_failure failure, int64_t end_ns) {
    flight->exchange.failure = (int)failure;
    flight->exchange.end_ns = end_ns;
    flight->connection = NULL;
    transport->host->ended(transport->host->context, flight);
}

static void put_back(mt_curl_request *request) {
    request->flight = NULL;
    request->next = request->transport->idle;
    request->transport->idle = request;
}

static void leave_multi(mt_curl_request *request) {
    curl_multi_remove_handle(request->multi->handle, request->easy);
    request->multi->live--;
}

/* Within a pump, or just before one. */
static void join_multi(mt_curl_request *request) {
    request->multi->is_pumping = 1;
    curl_multi_add_handle(request->multi->handle, request->easy);
    request->multi->live++;
}

/* The connection ended before a byte of the answer. One that was open before the request may have
 * been closed by the server while the request was on its way: then it is sent once more. */
static int is_stale(const mt_curl_request *request, mt_failure failure) {
    unsigned noted = request->flight->exchange.noted;
    return noted & MT_WAS_REUSED && !(noted & MT_WAS_RESENT) &&
           request->flight->exchange.first_byte_ns == MT_NEVER &&
           (failure == MT_FAILURE_CLOSED_BEFORE_BYTE || failure == MT_FAILURE_RESET_BEFORE_BYTE);
}

static void send_once_more(mt_curl_request *request) {
    if (!(request->flight->exchange.noted & MT_WAS_RESENT))
        mt_curl_request_note_resent(request);
    request->has_begun = request->has_opened = request->must_restart = 0;
    request->flight->exchange.os_error = 0;
    request->error[0] = '\0';
    curl_easy_setopt(request->easy, CURLOPT_FRESH_CONNECT, 1L);
    join_multi(request);
}

void mt_curl_finish(mt_curl_request *request, CURLcode code) {
    mt_curl *transport = request->transport;
    mt_flight *flight = request->flight;
    int64_t end_ns = request->turn == transport->turn ? request->arrival_ns : mt_now_ns();
    int must_restart = request->must_restart;
    mt_failure failure = must_restart ? MT_FAILURE_NONE : mt_curl_verdict(request, code, end_ns);
    leave_multi(request);
    if (must_restart || is_stale(request, failure)) {
        send_once_more(request);
        return;
    }
    if (request->is_connecting)
        mt_count(&transport->handshakes_failed, 1);
    put_back(request);
    end_flight(transport, flight, failure, end_ns);
}

static mt_curl_request *take_request(mt_curl *transport) {
    mt_curl_request *request = transport->idle;
    if (!request)
        return mt_curl_request_new(transport);
    transport->idle = request->next;
    return request;
}

static void curl_send(void *self, mt_flight *flight) {
    mt_curl *transport = (mt_curl *)self;
    mt_curl_multi *multi = mt_curl_multi_for_next(transport);
    mt_curl_request *request = multi ? take_request(transport) : NULL;
    if (request) {
        request->flight = flight;
        request->multi = multi;
        flight->connection = request;
    }
    if (!request || mt_curl_request_prepare(request) != 0) {
        if (request)
            put_back(request);
        flight->exchange.os_error = ENOMEM;
        end_flight(transport, flight, mt_connect_failure(ENOMEM), mt_now_ns());
        return;
    }
    join_multi(request);
    mt_curl_multi_pump(multi, CURL_SOCKET_TIMEOUT, 0);
}

static void curl_cancel(void *self, mt_flight *flight, mt_failure failure) {
    mt_curl_request *request = flight->connection;
    leave_multi(request);
    put_back(request);
    end_flight((mt_curl *)self, flight, failure, mt_now_ns());
}

/* --- before the start --------------------------------------------------------------------------- */

/* TLS may write to a connection that is closed: in a thread of the caller's, who has not said what is
 * to come of a SIGPIPE. (The driver's thread takes no signals.) */
static void hold_back_pipe_signal(sigset_t *before) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, before);
}

static void forget_pipe_signal(const sigset_t *before) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!sigismember(before, SIGPIPE))
        (void)sigtimedwait(&pipe, NULL, &(struct timespec){0, 0});
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static long handshake_ms(const mt_curl *transport) {
    int64_t wanted = transport->options->connect_timeout_ns;
    return (long)((wanted > 0 && wanted < handshake_most_ns ? wanted : handshake_most_ns) / ms_ns);
}

/* Does somebody accept connections there, with a certificate that we take? Names are known from then
 * on. The connection is of no further use: libcurl keeps none that was not used. */
static mt_code probe(mt_curl *transport, size_t i, const char *host, mt_error *error) {
    const char *url = transport->options->urls[i];
    mt_curl_request *request = mt_curl_request_new(transport);
    if (!request)
        return mt_fail_memory(error, "a connection");
    curl_easy_setopt(request->easy, CURLOPT_URL, transport->origins[i]);
    curl_easy_setopt(request->easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(request->easy, CURLOPT_CONNECTTIMEOUT_MS, handshake_ms(transport));
    CURLcode said = curl_easy_perform(request->easy);
    mt_code code = MT_OK;
    if (said != CURLE_OK) {
        int os_error;
        mt_failure failure = mt_curl_connect_verdict(request, said, &os_error);
        code = os_error == ENOMEM ? mt_fail_memory(error, "a connection")
               : failure == MT_FAILURE_NAME_UNKNOWN && said == CURLE_COULDNT_RESOLVE_HOST
                   ? mt_fail(error, MT_ERROR_IO, "%s: the name '%s' has no address", url, host)
                   : mt_fail(error, MT_ERROR_IO, "%s: no connection: %s%s", url,
                             os_error            ? strerror(os_error)
                             : request->error[0] ? request->error
                                                 : curl_easy_strerror(said),
                             said == CURLE_PEER_FAILED_VERIFICATION
                                 ? " (--ca FILE names who may sign it, --insecure takes any)"
                                 : "");
    }
    mt_curl_request_free(request);
    return code;
}

static mt_code open_origin(mt_curl *transport, size_t i, int *needs_store, mt_error *error) {
    mt_url parts;
    if (mt_url_read(transport->options->urls[i], &parts, error) != MT_OK)
        return MT_ERROR_VALUE;
    size_t size = parts.authority.length + sizeof "https://";
    transport->origins[i] = mt_allocate(size, 1);
    if (!transport->origins[i])
        return mt_fail_memory(error, "addresses");
    snprintf(transport->origins[i], size, "%s%.*s", parts.is_secure ? "https://" : "http://",
             (int)parts.authority.length, parts.authority.text);
    *needs_store |= parts.is_secure && !transport->options->is_insecure;
    return MT_OK;
}

static mt_code open_store(mt_curl *transport, mt_error *error) {
    const char *file = transport->options->ca_file;
    if (!file)
        file = curl_version_info(CURLVERSION_NOW)->cainfo;
    transport->store = X509_STORE_new();
    if (!transport->store)
        return mt_fail_memory(error, "certificates");
    if (!file || X509_STORE_load_locations(transport->store, file, NULL) != 1)
        return mt_fail(error, MT_ERROR_IO, "%s: no certificates can be read from there",
                       file ? file : "the system's certificates");
    return MT_OK;
}

static mt_code open_share(mt_curl *transport, mt_error *error) {
    transport->share = curl_share_init();
    if (!transport->share ||
        curl_share_setopt(transport->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK ||
        curl_share_setopt(transport->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) !=
            CURLSHE_OK)
        return mt_fail_memory(error, "a transport");
    return MT_OK;
}

static mt_code open_all(mt_curl *transport, mt_error *error) {
    size_t count = transport->options->url_count;
    int needs_store = 0;
    transport->origins = mt_allocate_zero(count, sizeof *transport->origins);
    if (!transport->origins)
        return mt_fail_memory(error, "addresses");
    mt_code code = open_share(transport, error);
    for (size_t i = 0; i < count && code == MT_OK; i++)
        code = open_origin(transport, i, &needs_store, error);
    if (code == MT_OK && needs_store)
        code = open_store(transport, error);
    for (size_t i = 0; i < count && code == MT_OK; i++) {
        mt_url parts;
        (void)mt_url_read(transport->options->urls[i], &parts, error);
        code = probe(transport, i, parts.host, error);
    }
    return code;
}

/* --- connections opened ahead ------------------------------------------------------------------- */

static mt_curl_request *opener(mt_curl_multi *multi, size_t i) {
    mt_curl *transport = multi->transport;
    mt_curl_request *request = mt_curl_request_new(transport);
    if (!request)
        return NULL;
    request->multi = multi;
    request->is_connecting = 1;
    curl_easy_setopt(request->easy, CURLOPT_URL, transport->origins[i]);
    curl_easy_setopt(request->easy, CURLOPT_CUSTOMREQUEST, "OPTIONS");
    curl_easy_setopt(request->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(request->easy, CURLOPT_TIMEOUT_MS, handshake_ms(transport));
    return request;
}

/* So many of that URL, all at once. */
static mt_code open_ahead(mt_curl_multi *multi, size_t i, size_t count, mt_error *error) {
    mt_curl *transport = multi->transport;
    mt_curl_request *requests[MT_CURL_FLIGHTS_A_MULTI] = {NULL};
    mt_code code = MT_OK;
    for (size_t made = 0; made < count; made++) {
        requests[made] = opener(multi, i);
        if (requests[made])
            join_multi(requests[made]);
        else
            code = mt_fail_memory(error, "connections");
    }
    for (int running = 1; running > 0;) {
        if (curl_multi_perform(multi->handle, &running) != CURLM_OK)
            break;
        if (running > 0)
            curl_multi_poll(multi->handle, NULL, 0, (int)handshake_ms(transport), NULL);
    }
    for (size_t made = 0; made < count; made++) {
        if (!requests[made])
            continue;
        if (requests[made]->os_error == ENOMEM)
            code = mt_fail_memory(error, "connections");
        if (requests[made]->is_connecting)
            mt_count(&transport->handshakes_failed, 1);
        leave_multi(requests[made]);
        mt_curl_request_free(requests[made]);
    }
    multi->is_pumping = 0;
    return code;
}

/* As evenly among multis as requests will be. */
static mt_code curl_warm(void *self, size_t count, mt_error *error) {
    mt_curl *transport = (mt_curl *)self;
    size_t urls = transport->options->url_count;
    size_t multis = (count * urls + MT_CURL_FLIGHTS_A_MULTI - 1) / MT_CURL_FLIGHTS_A_MULTI;
    mt_code code = MT_OK;
    sigset_t before;
    hold_back_pipe_signal(&before);
    for (size_t at = 0; at < multis && code == MT_OK; at++) {
        mt_curl_multi *multi = mt_curl_multi_new(transport);
        if (!multi) {
            code = mt_fail_memory(error, "connections");
            break;
        }
        for (size_t i = 0; i < urls && code == MT_OK; i++)
            code = open_ahead(multi, i, count * (at + 1) / multis - count * at / multis, error);
        mt_curl_multi_watch(multi);
    }
    forget_pipe_signal(&before);
    return code;
}

/* --- start and end ------------------------------------------------------------------------------ */

static void curl_close(void *self) {
    mt_curl *transport = (mt_curl *)self;
    sigset_t before;
    hold_back_pipe_signal(&before);
    for (mt_curl_request *request; (request = transport->idle);) {
        transport->idle = request->next;
        mt_curl_request_free(request);
    }
    for (mt_curl_multi *multi; (multi = transport->multis);) {
        transport->multis = multi->next;
        mt_curl_multi_free(multi);
    }
    for (size_t i = 0; i < transport->socket_count; i++)
        mt_free(transport->sockets[i]);
    mt_free(transport->sockets);
    if (transport->share)
        curl_share_cleanup(transport->share);
    X509_STORE_free(transport->store);
    for (size_t i = 0; transport->origins && i < transport->options->url_count; i++)
        mt_free(transport->origins[i]);
    mt_free(transport->origins);
    mt_free(transport);
    curl_global_cleanup();
    forget_pipe_signal(&before);
}

static void *curl_open(struct event_base *base, const mt_driver_options *options,
                       const mt_transport_host *host, mt_error *error) {
    mt_curl *transport = mt_allocate_zero(1, sizeof *transport);
    if (!transport || curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) {
        mt_free(transport);
        mt_fail_memory(error, "a transport");
        return NULL;
    }
    transport->base = base;
    transport->options = options;
    transport->host = host;
    transport->descriptor_limit = mt_descriptor_limit();
    sigset_t before;
    hold_back_pipe_signal(&before);
    mt_code code = open_all(transport, error);
    forget_pipe_signal(&before);
    if (code == MT_OK)
        return transport;
    curl_close(transport);
    return NULL;
}

static void curl_look(const void *self, mt_driver_load *load) {
    const mt_curl *transport = (const mt_curl *)self;
    load->connections = mt_counted(&transport->open);
    load->connections_opened = mt_counted(&transport->opened);
    load->handshakes_failed = mt_counted(&transport->handshakes_failed);
    load->resent = mt_counted(&transport->resent);
    load->has_kernel_stamps = 0;
}

const mt_transport_kind mt_transport_curl = {
    .name = "curl",
    .open = curl_open,
    .send = curl_send,
    .cancel = curl_cancel,
    .warm = curl_warm,
    .look = curl_look,
    .close = curl_close,
};
