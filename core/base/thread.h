/* Threads of our own. */
#ifndef MT_BASE_THREAD_H
#define MT_BASE_THREAD_H

#include <pthread.h>

/* A thread for run(context), which takes no signals: those are for the thread that asked for it. 0, or
 * the errno of pthread_create. */
int mt_thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

/* How many processors this process may run on: of those of the machine those that it was given (taskset,
 * a container). 1 at least. */
int mt_processors(void);

#endif
