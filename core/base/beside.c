#include "base/beside.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/thread.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { MOST_THREADS = 4 }; /* of a purpose */

static atomic_int threads[MT_BESIDE_OUTPUT + 1];

struct mt_beside {
    pthread_t thread;
    sem_t begin, done;
    mt_beside_purpose purpose;
    void (*work)(void *context);
    void *context;
    int is_working; /* the caller's: it has not seen the end of what it began */
    int is_over;    /* the thread is to end; read after `begin` */
};

static void *run(void *given) {
    mt_beside *self = given;
    for (;;) {
        while (sem_wait(&self->begin) != 0) {
        }
        if (self->is_over)
            return NULL;
        self->work(self->context);
        sem_post(&self->done);
    }
}

/* 0, or the errno of mt_thread_start. */
static int start(mt_beside *self) {
    sem_init(&self->begin, 0, 0);
    sem_init(&self->done, 0, 0);
    return mt_thread_start(&self->thread, run, self);
}

mt_beside *mt_beside_new(mt_beside_purpose purpose, void (*work)(void *context), void *context) {
    if (mt_processors() < 2)
        return NULL;
    mt_beside *self = NULL;
    if (atomic_fetch_add(&threads[purpose], 1) < MOST_THREADS)
        self = mt_allocate_zero(1, sizeof *self);
    if (self) {
        self->purpose = purpose;
        self->work = work;
        self->context = context;
        if (start(self) == 0)
            return self;
        sem_destroy(&self->begin);
        sem_destroy(&self->done);
        mt_free(self);
    }
    atomic_fetch_sub(&threads[purpose], 1);
    return NULL;
}

void mt_beside_begin(mt_beside *self) {
    self->is_working = 1;
    sem_post(&self->begin);
}

mt_code mt_beside_wait(mt_beside *self, mt_error *error) {
    if (!self->is_working)
        return MT_OK;
    while (sem_wait(&self->done) != 0)
        if (errno == EINTR && mt_interrupted())
            return mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted");
    self->is_working = 0;
    return MT_OK;
}

void mt_beside_free(mt_beside *self) {
    if (!self)
        return;
    while (self->is_working && sem_wait(&self->done) != 0) {
    }
    self->is_over = 1;
    sem_post(&self->begin);
    pthread_join(self->thread, NULL);
    sem_destroy(&self->begin);
    sem_destroy(&self->done);
    atomic_fetch_sub(&threads[self->purpose], 1);
    mt_free(self);
}
