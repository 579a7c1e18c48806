#include "base/file/unpacking.h"

#include "base/file/compression.h"
#include "base/file/descriptors.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/thread.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fewer packed bytes than SMALL are unpacked in less time than a thread is worth. */
enum { PACKED_BLOCK = 1 << 18, BLOCK = 1 << 18, BLOCKS = 3, SMALL = 1 << 18, MOST_THREADS = 4 };

/* What the thread has unpacked; when `status` is not 1, the end (0) or *error (-1) comes behind
 * it. */
typedef struct block {
    int status;
    size_t length;
    mt_error error;
    char bytes[BLOCK];
} block;

/* The blocks go round: `empty` counts those that the thread may fill, `full` those that it has. */
typedef struct ring {
    pthread_t thread;
    sem_t empty, full;
    atomic_int is_over; /* the thread is to end */
    size_t taken;       /* blocks by the caller, who is at `at` of the last of them */
    size_t at;
    int has_block;
    block blocks[BLOCKS];
} ring;

struct mt_unpacking {
    int fd;
    const char *name;
    mt_decompressor *decompressor;
    mt_span packed; /* what is left of `bytes` */
    char *bytes;    /* PACKED_BLOCK of them */
    int has_begun;
    ring *ahead; /* NULL: the caller unpacks */
};

/* Threads of the process: many inputs that are merged do not need one each. */
static atomic_int threads;

mt_unpacking *mt_unpacking_new(int fd, const char *name, const char *method, mt_error *error) {
    mt_unpacking *self = mt_new(sizeof *self, "decompression", error);
    if (!self)
        return NULL;
    self->fd = fd;
    self->name = name;
    mt_error problem;
    self->decompressor = mt_decompressor_new(method, &problem);
    self->bytes = self->decompressor ? mt_allocate(PACKED_BLOCK, 1) : NULL;
    if (self->bytes)
        return self;
    if (self->decompressor)
        mt_fail_memory(error, "input buffer");
    else
        mt_fail_at(error, problem.code, name, 0, 0, "%s", problem.message);
    mt_unpacking_free(self);
    return NULL;
}

/* As mt_unpacking_read, by whoever calls. */
static ptrdiff_t unpack(mt_unpacking *self, char *to, size_t room, mt_error *error) {
    mt_error problem;
    for (;;) {
        ptrdiff_t got = mt_decompress(self->decompressor, &self->packed, to, room, &problem);
        if (got > 0)
            return got;
        if (got == 0) {
            got = mt_descriptor_read(self->fd, self->name, self->bytes, PACKED_BLOCK, error);
            self->packed = (mt_span){self->bytes, got > 0 ? (size_t)got : 0};
            if (got > 0)
                continue;
            if (got < 0 || mt_decompress_end(self->decompressor, &problem) == MT_OK)
                return got;
        }
        return mt_failed(mt_fail_at(error, problem.code, self->name, 0, 0, "%s", problem.message));
    }
}

/* ---- the thread ---- */

static void fill(mt_unpacking *self, block *to) {
    ptrdiff_t got = 1;
    to->length = 0;
    while (got > 0 && to->length < BLOCK) {
        got = unpack(self, to->bytes + to->length, BLOCK - to->length, &to->error);
        to->length += got > 0 ? (size_t)got : 0;
    }
    to->status = got > 0 ? 1 : (int)got;
}

static void *work(void *given) {
    mt_unpacking *self = given;
    ring *ahead = self->ahead;
    int status = 1;
    for (size_t i = 0; status > 0; i++) {
        while (sem_wait(&ahead->empty) != 0) {
        }
        if (atomic_load(&ahead->is_over))
            break;
        fill(self, &ahead->blocks[i % BLOCKS]);
        status = ahead->blocks[i % BLOCKS].status;
        sem_post(&ahead->full);
    }
    return NULL;
}

static int is_worth_a_thread(const mt_unpacking *self) {
    struct stat info;
    return mt_processors() > 1 && fstat(self->fd, &info) == 0 && S_ISREG(info.st_mode) &&
           info.st_size >= SMALL;
}

/* Where it cannot be had there is none. */
static void start(mt_unpacking *self) {
    if (!is_worth_a_thread(self))
        return;
    if (atomic_fetch_add(&threads, 1) >= MOST_THREADS ||
        !(self->ahead = mt_allocate(1, sizeof *self->ahead))) {
        atomic_fetch_sub(&threads, 1);
        return;
    }
    ring *ahead = self->ahead;
    ahead->taken = ahead->at = 0;
    ahead->has_block = 0;
    atomic_init(&ahead->is_over, 0);
    sem_init(&ahead->empty, 0, BLOCKS);
    sem_init(&ahead->full, 0, 0);
    if (mt_thread_start(&ahead->thread, work, self) == 0)
        return;
    self->ahead = NULL;
    mt_free(ahead);
    atomic_fetch_sub(&threads, 1);
}

static void stop(mt_unpacking *self) {
    ring *ahead = self->ahead;
    atomic_store(&ahead->is_over, 1);
    sem_post(&ahead->empty);
    pthread_join(ahead->thread, NULL);
    sem_destroy(&ahead->empty);
    sem_destroy(&ahead->full);
    mt_free(ahead);
    self->ahead = NULL;
    atomic_fetch_sub(&threads, 1);
}

/* ---- the caller ---- */

/* The next block that the thread has filled: 0, or -1 when Ctrl-C came first. */
static int take_block(ring *ahead, mt_error *error) {
    while (sem_wait(&ahead->full) != 0)
        if (errno == EINTR && mt_interrupted())
            return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    ahead->has_block = 1;
    ahead->at = 0;
    ahead->taken++;
    return 0;
}

static ptrdiff_t read_ahead(ring *ahead, char *to, size_t room, mt_error *error) {
    for (;;) {
        if (!ahead->has_block && take_block(ahead, error) != 0)
            return -1;
        const block *last = &ahead->blocks[(ahead->taken - 1) % BLOCKS];
        size_t left = last->length - ahead->at, step = left < room ? left : room;
        if (step > 0) {
            memcpy(to, last->bytes + ahead->at, step);
            ahead->at += step;
            return (ptrdiff_t)step;
        }
        if (last->status <= 0) { /* it stays the last */
            if (last->status < 0 && error)
                *error = last->error;
            return last->status;
        }
        ahead->has_block = 0;
        sem_post(&ahead->empty);
    }
}

ptrdiff_t mt_unpacking_read(mt_unpacking *self, char *to, size_t room, mt_error *error) {
    if (!self->has_begun) {
        self->has_begun = 1;
        start(self);
    }
    return self->ahead ? read_ahead(self->ahead, to, room, error) : unpack(self, to, room, error);
}

void mt_unpacking_free(mt_unpacking *self) {
    if (!self)
        return;
    if (self->ahead)
        stop(self);
    mt_decompressor_free(self->decompressor);
    mt_free(self->bytes);
    mt_free(self);
}
