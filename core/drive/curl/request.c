/* One request: libcurl's handle for it, what it is told, and what it tells. */
#include "base/memory.h"
#include "drive/curl/state.h"
#include "drive/http/message.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 2048, WRITE_BYTES = 16384, IDLE_MOST_S = 3 };

/* --- connections -------------------------------------------------------------------------------- */

void mt_curl_request_note_resent(mt_curl_request *request) {
    mt_exchange *exchange = &request->flight->exchange;
    exchange->noted |= MT_WAS_RESENT;
    exchange->noted &= ~(unsigned)MT_WAS_REUSED;
    request->is_connecting = 1;
    request->flight->phase = MT_PHASE_CONNECTING;
    request->flight->progress_ns = mt_now_ns();
    mt_count(&request->transport->resent, 1);
}

static int keep_errno(mt_curl_request *request, int fd) {
    request->os_error = errno;
    if (fd >= 0)
        close(fd);
    return CURL_SOCKET_BAD;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to) {
    (void)purpose;
    mt_curl_request *request = context;
    mt_curl *transport = request->transport;
    if (request->flight && request->has_begun && !request->is_connecting)
        mt_curl_request_note_resent(request); /* libcurl does so by itself, without a word */
    int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    if (fd >= transport->descriptor_limit)
        errno = EMFILE;
    if (fd < 0 || fd >= transport->descriptor_limit)
        return keep_errno(request, fd);
    if (!mt_curl_socket_at(transport, fd)) {
        errno = ENOMEM;
        return keep_errno(request, fd);
    }
    request->has_opened = 1;
    mt_count(&transport->open, 1);
    return fd;
}

static int close_socket(void *context, curl_socket_t fd) {
    mt_curl *transport = context;
    mt_count(&transport->open, -1);
    return close(fd);
}

/* It has a connection; the next thing is that it is sent. A second time is libcurl's own resending,
 * which may only go on over a connection that is fresh. */
static int on_connection(void *context, char *remote, char *local, int remote_port,
                         int local_port) {
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    mt_curl_request *request = context;
    if (request->has_begun && !request->has_opened) {
        request->must_restart = 1;
        return CURL_PREREQFUNC_ABORT;
    }
    if (request->has_opened)
        mt_count(&request->transport->opened, 1);
    request->is_connecting = 0;
    request->has_begun = 1;
    if (request->flight) {
        if (!request->has_opened)
            request->flight->exchange.noted |= MT_WAS_REUSED;
        request->flight->phase = MT_PHASE_WAITING;
        request->flight->progress_ns = mt_now_ns();
    }
    request->has_opened = 0;
    return CURL_PREREQFUNC_OK;
}

/* One store for all: libcurl would read the file once a connection or pool. */
static CURLcode share_store(CURL *easy, void *context, void *store) {
    (void)easy;
    SSL_CTX_set1_cert_store(context, store);
    return CURLE_OK;
}

/* --- what it tells ------------------------------------------------------------------------------ */

static void note_sent(mt_curl_request *request, curl_off_t body_bytes) {
    mt_exchange *exchange = &request->flight->exchange;
    long head_bytes = 0;
    if (request->is_connecting || exchange->sent_ns != MT_NEVER ||
        (uint64_t)body_bytes < request->body_length)
        return;
    if (request->body_length == 0) {
        curl_easy_getinfo(request->easy, CURLINFO_REQUEST_SIZE, &head_bytes);
        if (head_bytes == 0)
            return;
    }
    exchange->bytes_sent = request->length;
    exchange->sent_ns = request->flight->progress_ns = mt_now_ns();
}

static int on_progress(void *context, curl_off_t all_in, curl_off_t in, curl_off_t all_out,
                       curl_off_t out) {
    (void)all_in, (void)in, (void)all_out;
    mt_curl_request *request = context;
    if (!request->flight)
        return 0;
    if (request->flight->phase == MT_PHASE_WAITING &&
        (uint64_t)out > request->flight->exchange.bytes_sent) {
        request->flight->exchange.bytes_sent = (uint64_t)out;
        request->flight->progress_ns = mt_now_ns();
    }
    note_sent(request, out);
    return 0;
}

/* Bytes of the answer. Those that one look at the sockets brought came together. */
static void note_arrival(mt_curl_request *request, size_t length) {
    mt_curl *transport = request->transport;
    mt_flight *flight = request->flight;
    mt_exchange *exchange = &flight->exchange;
    if (exchange->sent_ns == MT_NEVER) {
        curl_off_t out = 0;
        curl_easy_getinfo(request->easy, CURLINFO_SIZE_UPLOAD_T, &out);
        note_sent(request, out);
    }
    if (request->turn != transport->turn) {
        request->turn = transport->turn;
        request->arrival_ns = mt_now_ns();
        mt_answer_read(&flight->answer);
    }
    if (exchange->first_byte_ns == MT_NEVER)
        exchange->first_byte_ns = request->arrival_ns;
    exchange->bytes_received += length;
    flight->progress_ns = request->arrival_ns;
    flight->phase = MT_PHASE_ANSWERING;
    if (flight->prepared && exchange->sent_ns != MT_NEVER) {
        transport->host->spent(transport->host->context, flight->prepared);
        flight->prepared = NULL;
    }
}

static int begins_with(mt_span line, const char *word) {
    size_t length = strlen(word);
    return line.length >= length && strncasecmp(line.text, word, length) == 0;
}

static int status_of(mt_span line) {
    const char *space = memchr(line.text, ' ', line.length);
    int status = 0;
    for (const char *at = space ? space + 1 : line.text + line.length;
         at < line.text + line.length && *at >= '0' && *at <= '9' && status < 1000; at++)
        status = status * 10 + (*at - '0');
    return status;
}

/* A line of a header, its end too; of trailers, after the body. */
static size_t on_header(char *bytes, size_t size, size_t count, void *context) {
    static const char type[] = "content-type:";
    mt_curl_request *request = context;
    mt_span line = {bytes, size * count};
    if (!request->flight)
        return line.length;
    note_arrival(request, line.length);
    request->header_bytes += line.length;
    if (request->header_bytes > MT_HTTP_HEADER_LIMIT)
        return 0;
    if (request->has_head)
        return line.length;
    if (begins_with(line, "HTTP/")) {
        request->status = status_of(line);
        request->content = MT_HTTP_CONTENT_OTHER;
    } else if (begins_with(line, type)) {
        mt_span value = {line.text + sizeof type - 1, line.length - sizeof type + 1};
        request->content = mt_http_content_of(value);
    } else if (line.text[0] == '\r' || line.text[0] == '\n') {
        request->has_head = request->status >= 200 || request->status == 101;
        if (request->has_head)
            mt_answer_head(&request->flight->answer, &request->flight->exchange, request->status,
                           request->content);
        else
            request->status = 0;
    }
    return line.length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    mt_curl_request *request = context;
    mt_span piece = {bytes, size * count};
    if (!request->flight || piece.length == 0)
        return piece.length;
    note_arrival(request, piece.length);
    mt_answer_body(&request->flight->answer, &request->flight->exchange, piece,
                   request->arrival_ns);
    return piece.length;
}

/* --- what it is told ---------------------------------------------------------------------------- */

#define SET(option, value) (curl_easy_setopt(request->easy, CURLOPT_##option, value) != CURLE_OK)

static int set_callbacks(mt_curl_request *request) {
    return SET(PRIVATE, request) | SET(ERRORBUFFER, request->error) |
           SET(OPENSOCKETFUNCTION, open_socket) | SET(OPENSOCKETDATA, request) |
           SET(CLOSESOCKETFUNCTION, close_socket) | SET(CLOSESOCKETDATA, request->transport) |
           SET(PREREQFUNCTION, on_connection) | SET(PREREQDATA, request) | SET(NOPROGRESS, 0L) |
           SET(XFERINFOFUNCTION, on_progress) | SET(XFERINFODATA, request) |
           SET(HEADERFUNCTION, on_header) | SET(HEADERDATA, request) | SET(WRITEFUNCTION, on_body) |
           SET(WRITEDATA, request);
}

static int set_tls(mt_curl_request *request) {
    long checks = request->transport->options->is_insecure ? 0 : 1;
    X509_STORE *store = request->transport->store;
    return SET(CAINFO, NULL) | SET(CAPATH, NULL) | SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) |
           SET(SSL_VERIFYPEER, checks) | SET(SSL_VERIFYHOST, 2 * checks) |
           (store && (SET(SSL_CTX_FUNCTION, share_store) | SET(SSL_CTX_DATA, store)));
}

/* Timeouts are the driver's. */
static int set_manners(mt_curl_request *request) {
    return SET(SHARE, request->transport->share) | SET(NOSIGNAL, 1L) |
           SET(PROTOCOLS_STR, "http,https") | SET(PATH_AS_IS, 1L) | SET(HTTP09_ALLOWED, 0L) |
           SET(SUPPRESS_CONNECT_HEADERS, 1L) | SET(CONNECTTIMEOUT_MS, 600000L) |
           SET(DNS_CACHE_TIMEOUT, -1L) | SET(BUFFERSIZE, (long)READ_BYTES) |
           SET(UPLOAD_BUFFERSIZE, (long)WRITE_BYTES) | SET(MAXAGE_CONN, (long)IDLE_MOST_S);
}

mt_curl_request *mt_curl_request_new(mt_curl *transport) {
    mt_curl_request *request = mt_allocate_zero(1, sizeof *request);
    if (!request)
        return NULL;
    request->transport = transport;
    request->easy = curl_easy_init();
    if (request->easy && !set_callbacks(request) && !set_tls(request) && !set_manners(request))
        return request;
    mt_curl_request_free(request);
    return NULL;
}

void mt_curl_request_free(mt_curl_request *request) {
    curl_easy_cleanup(request->easy);
    mt_free(request->text);
    mt_free(request->lines);
    mt_free(request);
}

/* The lines of a prepared head as libcurl wants them, in a list and each with a zero at its end. Its
 * own headers that no line replaces are left out: what was prepared is what is sent. The length is
 * libcurl's to say. Returns how many nodes were used. */
static size_t list_lines(mt_curl_request *request, char *at, char *end) {
    const char *unwanted[] = {"Expect:", "Accept:", "Content-Type:"};
    size_t count = 0;
    for (char *stop; at < end && (stop = memchr(at, '\r', (size_t)(end - at))); at = stop + 2) {
        if (stop == at)
            break;
        *stop = '\0';
        if (begins_with((mt_span){at, (size_t)(stop - at)}, "Content-Length:"))
            continue;
        for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
            if (unwanted[i] && begins_with((mt_span){at, (size_t)(stop - at)}, unwanted[i]))
                unwanted[i] = NULL;
        char *colon = strchr(at, ':');
        if (colon && colon[1 + strspn(colon + 1, " ")] == '\0')
            memcpy(colon, ";", 2); /* "Name:" would take the header away */
        request->lines[count++].data = at;
    }
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        if (unwanted[i])
            request->lines[count++].data = (char *)unwanted[i];
    for (size_t i = 0; i < count; i++)
        request->lines[i].next = i + 1 < count ? &request->lines[i + 1] : NULL;
    return count;
}

static size_t count_lines(const char *text, size_t length) {
    size_t count = 0;
    for (const char *at = text, *end = text + length;
         (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        count++;
    return count;
}

static void forget(mt_curl_request *request) {
    request->turn = 0;
    request->os_error = request->status = 0;
    request->header_bytes = 0;
    request->has_head = request->has_opened = request->has_begun = request->must_restart = 0;
    request->is_connecting = 1;
    request->error[0] = '\0';
}

int mt_curl_request_prepare(mt_curl_request *request) {
    const mt_outgoing *prepared = request->flight->prepared;
    const char *origin = request->transport->origins[prepared->endpoint], *head = prepared->bytes;
    size_t origin_length = strlen(origin), head_length = prepared->head_length;
    const char *end = memchr(head, '\n', head_length);
    const char *target = memchr(head, ' ', head_length);
    const char *target_end = target ? memchr(target + 1, ' ', (size_t)(end - target - 1)) : NULL;
    if (!target_end ||
        MT_GROW(request->text, request->text_capacity, origin_length + head_length + 1) != 0 ||
        MT_GROW(request->lines, request->line_capacity, count_lines(head, head_length) + 3) != 0)
        return -1;
    forget(request);

    size_t target_length = (size_t)(target_end - target) - 1;
    memcpy(request->text, origin, origin_length);
    memcpy(request->text + origin_length, target + 1, target_length);
    request->text[origin_length + target_length] = '\0';
    int failed = SET(URL, request->text); /* which copies it */

    size_t rest = head_length - (size_t)(end + 1 - head);
    memcpy(request->text, end + 1, rest);
    list_lines(request, request->text, request->text + rest);
    request->length = prepared->length;
    request->body_length = prepared->length - head_length;
    failed |= SET(HTTPHEADER, request->lines) | SET(FRESH_CONNECT, 0L);
    if (strncmp(head, "GET ", 4) == 0)
        return -(failed | SET(HTTPGET, 1L));
    return -(failed | SET(POST, 1L) | SET(POSTFIELDS, head + head_length) |
             SET(POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length));
}
