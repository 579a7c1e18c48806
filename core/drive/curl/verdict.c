#include "base/error.h"
#include "drive/curl/state.h"
#include "drive/endpoint.h"
#include "drive/http/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The errno behind a failure: what libcurl wrote into its message, as it does under TLS, or noted. No
 * reading fails with EPIPE: that is of TLS's goodbye, to a connection that was reset. */
static int errno_of(const mt_curl_request *request, CURLcode code) {
    long noted = 0;
    const char *written = strstr(request->error, ", errno ");
    if (written)
        return atoi(written + strlen(", errno "));
    curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &noted);
    return noted == EPIPE && code == CURLE_RECV_ERROR ? ECONNRESET : (int)noted;
}

static int is_tls(CURLcode code) {
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CLIENTCERT:
        return 1;
    default:
        return 0;
    }
}

mt_failure mt_curl_connect_verdict(const mt_curl_request *request, CURLcode code, int *os_error) {
    *os_error = 0;
    if (is_tls(code))
        return MT_FAILURE_TLS;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return MT_FAILURE_CONNECT_TIMEOUT;
    *os_error = request->os_error;
    if (request->os_error == EMFILE || request->os_error == ENFILE)
        return MT_FAILURE_NO_DESCRIPTOR;
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY)
        return MT_FAILURE_NAME_UNKNOWN;
    if (code == CURLE_OUT_OF_MEMORY)
        *os_error = ENOMEM;
    if (!*os_error)
        *os_error = errno_of(request, code);
    return *os_error ? mt_connect_failure(*os_error) : MT_FAILURE_UNREACHABLE;
}

/* Of an answer whose header came: how its bytes ended. */
static int end_of(const mt_curl_request *request, CURLcode code, int os_error) {
    curl_off_t length = -1;
    if (code == CURLE_OK)
        return MT_ANSWER_WHOLE;
    if (os_error || (code != CURLE_PARTIAL_FILE && code != CURLE_RECV_ERROR))
        return MT_ANSWER_RESET;
    curl_easy_getinfo(request->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length >= 0 ? MT_ANSWER_IN_CHUNK : MT_ANSWER_CUT;
}

/* Of one whose header did not. */
static mt_failure headless(const mt_curl_request *request, CURLcode code, int os_error) {
    const mt_exchange *exchange = &request->flight->exchange;
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
        return MT_FAILURE_NOT_HTTP;
    if (exchange->first_byte_ns == MT_NEVER)
        return os_error || code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM
                   ? MT_FAILURE_RESET_BEFORE_BYTE
                   : MT_FAILURE_CLOSED_BEFORE_BYTE;
    return request->status || os_error ? MT_FAILURE_RESET_IN_HEADER : MT_FAILURE_CLOSED_BEFORE_BYTE;
}

/* In our words where there are some, else in libcurl's. */
static void explain(mt_curl_request *request, mt_failure failure) {
    mt_exchange *exchange = &request->flight->exchange;
    const char *text = request->error;
    if (request->header_bytes > MT_HTTP_HEADER_LIMIT)
        text = mt_http_problem_text(MT_HTTP_HEADER_TOO_LONG);
    else if (failure == MT_FAILURE_BAD_CHUNK)
        text = mt_http_problem_text(MT_HTTP_BAD_CHUNK);
    else if (exchange->os_error || exchange->first_byte_ns == MT_NEVER)
        text = request->is_connecting ? text : "";
    else if (failure == MT_FAILURE_RESET_IN_HEADER)
        text = mt_http_problem_text(MT_HTTP_CLOSED_IN_HEADER);
    else if (failure == MT_FAILURE_CLOSED_BEFORE_BYTE)
        text = mt_http_problem_text(MT_HTTP_CLOSED_BEFORE_BYTE);
    mt_quote(text, strlen(text), exchange->text, sizeof exchange->text);
}

mt_failure mt_curl_verdict(mt_curl_request *request, CURLcode code, int64_t end_ns) {
    mt_flight *flight = request->flight;
    mt_exchange *exchange = &flight->exchange;
    mt_failure failure;
    if (request->is_connecting) {
        failure = mt_curl_connect_verdict(request, code, &exchange->os_error);
        explain(request, failure);
        return failure;
    }
    exchange->os_error =
        code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ? errno_of(request, code) : 0;
    if (request->header_bytes > MT_HTTP_HEADER_LIMIT)
        failure = MT_FAILURE_NOT_HTTP;
    else if (strstr(request->error, "in chunked-encoding"))
        failure = MT_FAILURE_BAD_CHUNK;
    else if (request->has_head)
        return mt_answer_end(&flight->answer, exchange, end_of(request, code, exchange->os_error),
                             end_ns);
    else
        failure = headless(request, code, exchange->os_error);
    if (failure == MT_FAILURE_NOT_HTTP && exchange->first_byte_ns == MT_NEVER)
        exchange->first_byte_ns = end_ns; /* libcurl showed none of what it refused */
    explain(request, failure);
    return failure;
}
