/* TLS before a plain server, for tests: takes TLS connections and passes their bytes to and from a port
 * of this machine. An end of the plain side comes out as TLS's end, a reset as a reset. */
#ifndef TLS_FRONT_H
#define TLS_FRONT_H

#include "drive_server.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

enum { TLS_FRONT_CONNECTIONS = 512 };

typedef struct tls_front {
    SSL_CTX *context;
    int listener, port, to_port;
    _Atomic int accepted, resumed, ends_rudely; /* rudely: without TLS's own end */
    pthread_t acceptor, threads[TLS_FRONT_CONNECTIONS];
    _Atomic int fds[TLS_FRONT_CONNECTIONS]; /* -1: closed */
} tls_front;

/* A certificate for `name` ("DNS:localhost,IP:127.0.0.1"), signed by itself, and its key. */
static inline void tls_front_certify(SSL_CTX *context, const char *name) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509V3_CTX by;
    assert(key && certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)time(NULL));
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
                               0);
    X509_set_issuer_name(certificate, subject);
    X509V3_set_ctx(&by, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, &by, NID_subject_alt_name, name);
    assert(names && X509_add_ext(certificate, names, -1) == 1);
    X509_EXTENSION_free(names);
    assert(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert(SSL_CTX_use_certificate(context, certificate) == 1);
    assert(SSL_CTX_use_PrivateKey(context, key) == 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* For who is to trust it. */
static inline void tls_front_write_certificate(const tls_front *front, const char *path) {
    FILE *file = fopen(path, "w");
    assert(file && PEM_write_X509(file, SSL_CTX_get0_certificate(front->context)) == 1);
    fclose(file);
}

static inline int tls_front_connect(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Bytes both ways until one side ends. */
static inline void tls_front_pass(tls_front *front, SSL *tls, int fd, int plain) {
    char bytes[16384];
    for (;;) {
        struct pollfd sides[] = {{.fd = fd, .events = POLLIN}, {.fd = plain, .events = POLLIN}};
        if (SSL_pending(tls) == 0 && poll(sides, 2, -1) < 0)
            return;
        if (SSL_pending(tls) > 0 || sides[0].revents) {
            int length = SSL_read(tls, bytes, sizeof bytes);
            if (length <= 0)
                return;
            server_write(plain, bytes, (size_t)length);
        }
        if (sides[1].revents) {
            ssize_t length = recv(plain, bytes, sizeof bytes, 0);
            if (length < 0)
                server_will_reset(fd);
            else if (length == 0 && !atomic_load(&front->ends_rudely))
                SSL_shutdown(tls);
            if (length <= 0 || SSL_write(tls, bytes, (int)length) <= 0)
                return;
        }
    }
}

typedef struct tls_front_connection {
    tls_front *front;
    int place;
} tls_front_connection;

static inline void *tls_front_serve(void *context) {
    tls_front_connection c = *(tls_front_connection *)context;
    free(context);
    int fd = atomic_load(&c.front->fds[c.place]);
    SSL *tls = SSL_new(c.front->context);
    SSL_set_fd(tls, fd);
    if (SSL_accept(tls) == 1) {
        atomic_fetch_add(&c.front->resumed, SSL_session_reused(tls));
        int plain = tls_front_connect(c.front->to_port);
        if (plain >= 0) {
            tls_front_pass(c.front, tls, fd, plain);
            close(plain);
        }
    }
    SSL_free(tls);
    atomic_store(&c.front->fds[c.place], -1);
    close(fd);
    return NULL;
}

static inline void *tls_front_accept(void *context) {
    tls_front *front = context;
    for (int fd; (fd = accept(front->listener, NULL, NULL)) >= 0;) {
        int on = 1, place = atomic_load(&front->accepted);
        assert(place < TLS_FRONT_CONNECTIONS);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        tls_front_connection *c = malloc(sizeof *c);
        *c = (tls_front_connection){front, place};
        atomic_store(&front->fds[place], fd);
        pthread_create(&front->threads[place], NULL, tls_front_serve, c);
        atomic_store(&front->accepted, place + 1);
    }
    return NULL;
}

/* On a free port, or on `port`; passes on to `to_port`. The caller ignores SIGPIPE. */
static inline void tls_front_start(tls_front *front, int port, int to_port, const char *name) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof address;
    int on = 1;
    *front = (tls_front){.context = SSL_CTX_new(TLS_server_method()), .to_port = to_port};
    tls_front_certify(front->context, name);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    front->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(front->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert(bind(front->listener, (struct sockaddr *)&address, sizeof address) == 0);
    assert(listen(front->listener, 512) == 0);
    assert(getsockname(front->listener, (struct sockaddr *)&address, &length) == 0);
    front->port = ntohs(address.sin_port);
    pthread_create(&front->acceptor, NULL, tls_front_accept, front);
}

static inline void tls_front_end(tls_front *front) {
    shutdown(front->listener, SHUT_RDWR);
    pthread_join(front->acceptor, NULL);
    close(front->listener);
    for (int i = 0; i < atomic_load(&front->accepted); i++) {
        int fd = atomic_load(&front->fds[i]);
        if (fd >= 0)
            shutdown(fd, SHUT_RDWR);
        pthread_join(front->threads[i], NULL);
    }
    SSL_CTX_free(front->context);
}

#endif
