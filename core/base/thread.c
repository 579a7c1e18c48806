#define _GNU_SOURCE /* CPU_COUNT */
#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

int mt_thread_start(pthread_t *thread, void *(*run)(void *context), void *context) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

int mt_processors(void) {
#ifdef __linux__
    cpu_set_t given;
    if (sched_getaffinity(0, sizeof given, &given) == 0)
        return CPU_COUNT(&given);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}
