/* libcurl's multis on the driver's loop (libcurl's curl_multi_socket_action(3)). */
#include "base/memory.h"
#include "drive/curl/state.h"

enum { CALLS_AT_ONCE = 8 };

/* --- sockets ------------------------------------------------------------------------------------ */

mt_curl_socket *mt_curl_socket_at(mt_curl *transport, curl_socket_t fd) {
    size_t place = (size_t)fd;
    if (mt_reserve(&transport->sockets, &transport->socket_capacity, place + 1, sizeof(void *)) !=
        0)
        return NULL;
    while (transport->socket_count <= place)
        transport->sockets[transport->socket_count++] = NULL;
    if (!transport->sockets[place])
        transport->sockets[place] = mt_allocate_zero(1, sizeof(mt_curl_socket));
    return transport->sockets[place];
}

static void on_ready(evutil_socket_t fd, short what, void *context) {
    mt_curl_multi *multi = ((mt_curl_socket *)context)->multi;
    const mt_transport_host *host = multi->transport->host;
    mt_curl_multi_pump(multi, fd,
                       (what & EV_READ ? CURL_CSELECT_IN : 0) |
                           (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
    host->turn(host->context);
}

/* libcurl's wish. */
static int watch(CURL *easy, curl_socket_t fd, int what, void *context, void *unused) {
    (void)easy;
    (void)unused;
    mt_curl_multi *multi = context;
    mt_curl_socket *place = mt_curl_socket_at(multi->transport, fd);
    if (!place)
        return -1;
    short wanted = what == CURL_POLL_IN      ? EV_READ
                   : what == CURL_POLL_OUT   ? EV_WRITE
                   : what == CURL_POLL_INOUT ? EV_READ | EV_WRITE
                                             : 0;
    if (place->watched == wanted && place->multi == multi)
        return 0;
    if (place->watched)
        event_del(&place->event);
    place->watched = wanted;
    place->multi = multi;
    if (wanted) {
        event_assign(&place->event, multi->transport->base, fd, (short)(wanted | EV_PERSIST),
                     on_ready, place);
        event_add(&place->event, NULL);
    }
    return 0;
}

/* --- the timer ---------------------------------------------------------------------------------- */

static void on_time(evutil_socket_t fd, short what, void *context) {
    (void)fd;
    (void)what;
    mt_curl_multi *multi = context;
    mt_curl_multi_pump(multi, CURL_SOCKET_TIMEOUT, 0);
    multi->transport->host->turn(multi->transport->host->context);
}

static void arm(mt_curl_multi *multi, long rest_ms) {
    struct timeval rest = {rest_ms / 1000, rest_ms % 1000 * 1000};
    evtimer_add(&multi->timer, &rest);
}

static int set_time(CURLM *handle, long rest_ms, void *context) {
    (void)handle;
    mt_curl_multi *multi = context;
    multi->wants_now = rest_ms == 0 && multi->is_pumping;
    if (rest_ms < 0 || multi->wants_now)
        evtimer_del(&multi->timer);
    else
        arm(multi, rest_ms);
    return 0;
}

/* --- the work ----------------------------------------------------------------------------------- */

static void reap(mt_curl_multi *multi) {
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(multi->handle, &left));) {
        mt_curl_request *request;
        CURLcode code = message->data.result; /* the message goes with the request */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
        mt_curl_finish(request, code);
    }
}

void mt_curl_multi_pump(mt_curl_multi *multi, curl_socket_t fd, int events) {
    int running;
    multi->transport->turn++;
    multi->is_pumping = 1;
    multi->wants_now = 0;
    curl_multi_socket_action(multi->handle, fd, events, &running);
    reap(multi);
    for (int calls = 1; multi->wants_now && calls < CALLS_AT_ONCE; calls++) {
        multi->wants_now = 0;
        curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &running);
        reap(multi);
    }
    multi->is_pumping = 0;
    if (multi->wants_now)
        arm(multi, 0);
}

/* --- multis ------------------------------------------------------------------------------------- */

mt_curl_multi *mt_curl_multi_new(mt_curl *transport) {
    mt_curl_multi *multi = mt_allocate_zero(1, sizeof *multi);
    if (!multi)
        return NULL;
    multi->handle = curl_multi_init();
    if (!multi->handle) {
        mt_free(multi);
        return NULL;
    }
    multi->transport = transport;
    evtimer_assign(&multi->timer, transport->base, on_time, multi);
    /* All that may be in flight, and as many that a moment of more has left. */
    curl_multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, 2L * MT_CURL_FLIGHTS_A_MULTI);
    multi->next = transport->multis;
    transport->multis = multi;
    return multi;
}

void mt_curl_multi_watch(mt_curl_multi *multi) {
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, set_time);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
}

void mt_curl_multi_free(mt_curl_multi *multi) {
    curl_multi_cleanup(multi->handle);
    evtimer_del(&multi->timer);
    mt_free(multi);
}

mt_curl_multi *mt_curl_multi_for_next(mt_curl *transport) {
    mt_curl_multi *best = NULL;
    for (mt_curl_multi *multi = transport->multis; multi; multi = multi->next)
        if (!best || multi->live < best->live)
            best = multi;
    if (best && best->live < MT_CURL_FLIGHTS_A_MULTI)
        return best;
    mt_curl_multi *another = mt_curl_multi_new(transport);
    if (!another)
        return best;
    mt_curl_multi_watch(another);
    return another;
}
