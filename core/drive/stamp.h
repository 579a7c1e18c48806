/* Reading from a socket with the time at which the bytes came: the kernel's receive stamp
 * (Documentation/networking/timestamping.rst of Linux), which a busy reader does not delay.
 * Private to this room. */
#ifndef MT_DRIVE_STAMP_H
#define MT_DRIVE_STAMP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct mt_stamp {
    int64_t arrival_ns; /* when the last byte that was read came, on the monotonic clock */
    int64_t lag_ns;     /* how much later it was read; -1: the kernel gave no stamp, and arrival_ns
                           is from before the read */
} mt_stamp;

/* Asks for stamps on this socket. */
void mt_stamp_socket(int fd);

/* Like recv(2); *stamp is filled when it returns more than 0. */
ssize_t mt_stamp_receive(int fd, void *buffer, size_t size, mt_stamp *stamp);

#endif
