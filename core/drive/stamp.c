#include "drive/stamp.h"

#include "drive/driver.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static const int64_t second_ns = 1000000000;

int64_t mt_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

void mt_stamp_socket(int fd) {
    int what = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &what, sizeof what);
}

/* Nanoseconds since the stamp in the message; -1: there is none. The stamp is of the wall clock, which
 * may be set at any time: only its distance from now is used. */
static int64_t age_of(struct msghdr *message) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPING)
            continue;
        struct scm_timestamping stamps;
        struct timespec now;
        memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
        clock_gettime(CLOCK_REALTIME, &now);
        if (stamps.ts[0].tv_sec == 0)
            return -1;
        int64_t age =
            (now.tv_sec - stamps.ts[0].tv_sec) * second_ns + now.tv_nsec - stamps.ts[0].tv_nsec;
        return age > 0 ? age : 0;
    }
    return -1;
}

ssize_t mt_stamp_receive(int fd, void *buffer, size_t size, mt_stamp *stamp) {
    union {
        char bytes[CMSG_SPACE(sizeof(struct scm_timestamping))];
        struct cmsghdr aligned;
    } control;
    struct iovec into = {buffer, size};
    struct msghdr message = {.msg_iov = &into,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    int64_t before_ns = mt_now_ns();
    ssize_t length = recvmsg(fd, &message, 0);
    if (length <= 0)
        return length;
    stamp->lag_ns = age_of(&message);
    stamp->arrival_ns = stamp->lag_ns < 0 ? before_ns : mt_now_ns() - stamp->lag_ns;
    return length;
}
