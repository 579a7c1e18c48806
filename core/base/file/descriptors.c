#include "base/file/descriptors.h"

#include "base/interrupt.h"

#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

int mt_descriptors_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return INT32_MAX;
    rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (soft < limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) != 0)
        limit.rlim_cur = soft;
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur; /* RLIM_INFINITY too */
}

ptrdiff_t mt_descriptor_read(int fd, const char *name, char *to, size_t room, mt_error *error) {
    for (;;) {
        ssize_t got = read(fd, to, room);
        if (got >= 0)
            return got;
        if (errno != EINTR)
            return mt_failed(mt_fail_errno(error, name, "cannot read", errno));
        if (mt_interrupted())
            return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    }
}
