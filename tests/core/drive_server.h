/* A server for tests of the driver: it does exactly what a script says, to each request of each
 * connection, in a thread of its own a connection. */
#ifndef DRIVE_SERVER_H
#define DRIVE_SERVER_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SERVER_CONNECTIONS = 2048 };

typedef struct server server;

/* Answers one request, the `number`-th of its connection (from 1), by server_write and the like; 0:
 * the connection is closed afterwards. */
typedef int server_answer(server *s, int fd, int number);

struct server {
    server_answer *answer;
    const char *text;                    /* for the answer function */
    size_t cut, pause;                   /* likewise */
    void (*sees_head)(const char *head); /* of each request; NULL: nobody */
    int reads_heads_only;                /* answers before it has read the body */
    int listener, port;
    _Atomic int accepted, requests, busy, busiest, is_ending;
    pthread_t acceptor, threads[SERVER_CONNECTIONS];
    _Atomic int fds[SERVER_CONNECTIONS]; /* -1: closed */
};

static inline void sleep_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static inline void server_write(int fd, const char *text, size_t length) {
    while (length > 0) {
        ssize_t written = send(fd, text, length, MSG_NOSIGNAL);
        if (written <= 0)
            return;
        text += written;
        length -= (size_t)written;
    }
}

static inline void server_say(int fd, const char *text) {
    server_write(fd, text, strlen(text));
}

/* Makes close(2) a reset. */
static inline void server_will_reset(int fd) {
    struct linger linger = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* Waits until the other side closes: a server that says no more. */
static inline void server_stall(int fd) {
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) {
    }
}

enum { SERVER_HEAD = 4096 };

/* One request: its head, then as much body as it says. 0 at the connection's end. */
static inline int server_read_request(int fd, char *head, int head_only) {
    size_t length = 0;
    while (length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4) != 0)
        if (length == SERVER_HEAD - 1 || recv(fd, head + length, 1, 0) != 1)
            return 0;
        else
            length++;
    head[length] = '\0';
    const char *said = strstr(head, "Content-Length: ");
    for (long left = said && !head_only ? atol(said + 16) : 0; left > 0;) {
        char body[4096];
        ssize_t got = recv(fd, body, left < 4096 ? (size_t)left : sizeof body, 0);
        if (got <= 0)
            return 0;
        left -= got;
    }
    return 1;
}

typedef struct server_connection {
    server *s;
    int place;
} server_connection;

static inline void *server_serve(void *context) {
    server_connection c = *(server_connection *)context;
    free(context);
    int fd = atomic_load(&c.s->fds[c.place]), number = 0;
    char head[SERVER_HEAD];
    while (server_read_request(fd, head, c.s->reads_heads_only)) {
        if (c.s->sees_head)
            c.s->sees_head(head);
        atomic_fetch_add(&c.s->requests, 1);
        if (!c.s->answer(c.s, fd, ++number))
            break;
    }
    atomic_store(&c.s->fds[c.place], -1);
    close(fd);
    return NULL;
}

static inline void *server_accept(void *context) {
    server *s = context;
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0 || atomic_load(&s->is_ending))
            return fd < 0 ? NULL : (close(fd), NULL);
        int on = 1, place = atomic_load(&s->accepted);
        assert(place < SERVER_CONNECTIONS);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        server_connection *c = malloc(sizeof *c);
        *c = (server_connection){s, place};
        atomic_store(&s->fds[place], fd);
        atomic_store(&s->accepted, place + 1);
        pthread_create(&s->threads[place], NULL, server_serve, c);
    }
}

static inline void server_start(server *s, server_answer *answer) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->answer = answer;
    s->accepted = s->requests = s->is_ending = 0;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(bind(s->listener, (struct sockaddr *)&address, sizeof address) == 0);
    assert(listen(s->listener, 512) == 0);
    assert(getsockname(s->listener, (struct sockaddr *)&address, &length) == 0);
    s->port = ntohs(address.sin_port);
    pthread_create(&s->acceptor, NULL, server_accept, s);
}

/* After the driver has gone, so that nobody is read from any more. */
static inline void server_end(server *s) {
    atomic_store(&s->is_ending, 1);
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->acceptor, NULL);
    close(s->listener);
    for (int i = 0; i < atomic_load(&s->accepted); i++) {
        int fd = atomic_load(&s->fds[i]);
        if (fd >= 0)
            shutdown(fd, SHUT_RDWR);
        pthread_join(s->threads[i], NULL);
    }
}

#endif
