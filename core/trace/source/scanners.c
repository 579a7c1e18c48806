#include "trace/source/scanners.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/thread.h"
#include "trace/source/scanned.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

/* HANDS: the threads, at most, and the reader. Each has chunks of its own, OWN of them: what it has written
 * stays in its cache. As many blocks may be claimed, and as many more be left out between them. */
enum { HANDS = 4, OWN = 2, ORDER = 2 * HANDS * OWN };

/* A block, for one who scans it. */
typedef struct chunk {
    int is_free;    /* to be claimed */
    uint64_t block; /* of the file, from 0 */
    sem_t done;     /* posted when it is scanned */
    mt_scanned of;
} chunk;

typedef struct hand {
    mt_scanners *scanners;
    pthread_t thread;
    pthread_cond_t changed; /* there may be a chunk to claim, or nothing more to do */
    int is_waiting;         /* for that */
    mt_scan_buffer buffer;
    chunk chunks[OWN];
} hand;

struct mt_scanners {
    const mt_input *input;
    mt_scanners_options options;
    uint64_t wanted;        /* hands */
    uint64_t begin, blocks; /* place of the first block in the file, and how many there are */
    hand hands[HANDS];      /* the first is the reader */
    int count;              /* of them */

    pthread_mutex_t lock; /* of what follows, and of whose chunks are free */
    uint64_t claimed;     /* blocks, in the file's order */
    chunk *order[ORDER];  /* block n in place n % ORDER; NULL: it is left to the reader */
    uint64_t left;        /* which was the last that was left, if any */
    int is_hungry;        /* the reader had to wait */
    int is_resting, is_over;

    /* the reader's */
    chunk *current;   /* NULL: none */
    size_t at;        /* requests of it that were given */
    uint64_t taken;   /* blocks that were current */
    uint64_t lines;   /* before the current one */
    uint64_t place;   /* in the file, behind the lines before the current one */
    int64_t since_ns; /* when it became current */
};

/* Threads of the process: many files that are merged do not need some each. */
static atomic_int all_threads;

int mt_scanners_worth(void) {
    int spare = mt_processors() - 1;
    return spare < HANDS - 1 ? spare : HANDS - 1;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- who takes which block ---- */

/* To scan ahead with. */
static chunk *free_chunk(hand *own) {
    int count = own == own->scanners->hands ? OWN - 1 : OWN;
    for (int i = 0; i < count; i++)
        if (own->chunks[i].is_free)
            return &own->chunks[i];
    return NULL;
}

/* Enough to be woken for: it is dear, also for the one who wakes. */
static int has_free_chunks(const hand *own) {
    int count = 0;
    for (int i = 0; i < OWN; i++)
        count += own->chunks[i].is_free;
    return count >= OWN - 1;
}

/* For those who have something to do now. The lock is held. */
static void wake(mt_scanners *self) {
    for (int i = 1; i < self->count; i++) {
        hand *other = &self->hands[i];
        if (other->is_waiting && (self->is_over || has_free_chunks(other)))
            pthread_cond_signal(&other->changed);
    }
}

/* The next block to scan ahead of its turn, in a chunk of the one who asks; NULL: there is none to be had
 * now. The lock is held. To a reader who would wait for them the threads leave one in so many: he scans it
 * when its turn comes, line by line, which is the least work. */
static chunk *claim(mt_scanners *self, hand *own) {
    int is_left = own != self->hands && self->is_hungry &&
                  self->claimed >= self->left + self->wanted && self->claimed + 1 < self->blocks;
    uint64_t n = self->claimed + (uint64_t)is_left;
    chunk *c = self->is_over || self->is_resting || n >= self->blocks ? NULL : free_chunk(own);
    if (!c)
        return NULL;
    if (is_left) {
        self->left = n - 1;
        self->order[self->left % ORDER] = NULL;
    }
    self->order[n % ORDER] = c;
    self->claimed = n + 1;
    c->is_free = 0;
    c->block = n;
    return c;
}

/* The block whose turn it is, in the reader's last chunk, which is for nothing else. The lock is held. */
static chunk *claim_turn(mt_scanners *self) {
    chunk *c = &self->hands->chunks[OWN - 1];
    if (self->claimed == self->taken)
        self->claimed++;
    c->is_free = 0;
    c->block = self->taken;
    return c;
}

/* What one does with what he has claimed, first of all. */
static void read_lines(const mt_scanners *self, chunk *c) {
    mt_scanned_read(&c->of, self->input, self->begin + c->block * MT_LINE_BLOCK);
}

/* Claims a block and scans it, for when its turn comes. Not 0: there was none. */
static int work_ahead(mt_scanners *self, hand *own) {
    pthread_mutex_lock(&self->lock);
    chunk *c = claim(self, own);
    pthread_mutex_unlock(&self->lock);
    if (!c)
        return -1;
    read_lines(self, c);
    mt_scanned_scan(&c->of, &own->buffer);
    sem_post(&c->done);
    return 0;
}

/* Until there is something to claim. Not 0: it is over. */
static int wait_for_work(mt_scanners *self, hand *own) {
    pthread_mutex_lock(&self->lock);
    while (!self->is_over && (self->is_resting || !has_free_chunks(own))) {
        own->is_waiting = 1;
        pthread_cond_wait(&own->changed, &self->lock);
        own->is_waiting = 0;
    }
    int is_over = self->is_over || self->claimed == self->blocks;
    pthread_mutex_unlock(&self->lock);
    return is_over;
}

static void *work(void *given) {
    hand *own = given;
    mt_scanners *self = own->scanners;
    do {
        while (work_ahead(self, own) == 0) {
        }
    } while (!wait_for_work(self, own));
    return NULL;
}

/* ---- the reader ---- */

/* The current chunk was given: back with it. */
static void release(mt_scanners *self) {
    chunk *c = self->current;
    self->current = NULL;
    self->lines += c->of.lines.count;
    if (c->of.lines.place > 0)
        self->place = c->of.lines.place;
    mt_scanned_make_room(&c->of);
    int is_slow = now_ns() - self->since_ns > self->options.patience_ns;
    pthread_mutex_lock(&self->lock);
    c->is_free = 1;
    self->is_resting = is_slow;
    if (!is_slow)
        wake(self);
    pthread_mutex_unlock(&self->lock);
}

/* The reader has waited, or some thread waits for him. */
static void note_who_waits(mt_scanners *self, int is_reader) {
    pthread_mutex_lock(&self->lock);
    self->is_hungry |= is_reader;
    for (int i = 1; i < self->count && !is_reader; i++)
        self->is_hungry &= !self->hands[i].is_waiting;
    pthread_mutex_unlock(&self->lock);
}

/* Waits until the block whose turn it is has been scanned, and scans others meanwhile. 0, or -1 when Ctrl-C
 * came first. */
static int wait_for(mt_scanners *self, chunk *turn, mt_error *error) {
    if (sem_trywait(&turn->done) == 0) {
        note_who_waits(self, 0);
        return 0;
    }
    note_who_waits(self, 1);
    while (work_ahead(self, self->hands) == 0)
        if (sem_trywait(&turn->done) == 0)
            return 0;
    while (sem_wait(&turn->done) != 0)
        if (errno == EINTR && mt_interrupted())
            return mt_failed(mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted"));
    return 0;
}

/* Makes the next block the current one: 1, 0 when there is none, -1 when Ctrl-C came first. One that nobody has
 * claimed is read line by line. */
static int take(mt_scanners *self, mt_error *error) {
    if (self->taken == self->blocks)
        return 0;
    pthread_mutex_lock(&self->lock);
    chunk *turn = self->claimed > self->taken ? self->order[self->taken % ORDER] : NULL;
    int is_ahead = turn != NULL;
    if (!is_ahead)
        turn = claim_turn(self);
    pthread_mutex_unlock(&self->lock);
    if (!is_ahead)
        read_lines(self, turn);
    else if (wait_for(self, turn, error) != 0)
        return -1;
    if (!turn->of.is_there)
        return 0;
    self->current = turn;
    self->taken++;
    self->at = 0;
    self->since_ns = now_ns();
    return 1;
}

int mt_scanners_next(mt_scanners *self, mt_line *line, mt_request *request, mt_error *error) {
    for (;;) {
        if (self->current && self->at < self->current->of.count) {
            *request = self->current->of.requests[self->at++];
            request->line += self->lines;
            return MT_SCANNED;
        }
        if (self->current && mt_line_block_next(&self->current->of.lines, line)) {
            line->number += self->lines;
            return 1;
        }
        if (self->current)
            release(self);
        int status = take(self, error);
        if (status != 1)
            return status;
    }
}

int mt_scanners_end(mt_scanners *self, mt_input *input, mt_error *error) {
    uint64_t place = self->place, lines = self->lines;
    mt_scanners_free(self);
    return mt_input_go_to(input, place, lines, error);
}

/* ---- the whole ---- */

/* One of the threads that the process may have. */
static int reserve(void) {
    if (atomic_fetch_add(&all_threads, 1) < HANDS - 1)
        return 1;
    atomic_fetch_sub(&all_threads, 1);
    return 0;
}

/* The last one. */
static void end_hand(mt_scanners *self, int is_running) {
    hand *own = &self->hands[--self->count];
    if (is_running)
        pthread_join(own->thread, NULL);
    if (self->count > 0)
        atomic_fetch_sub(&all_threads, 1);
    for (int i = 0; i < OWN; i++) {
        sem_destroy(&own->chunks[i].done);
        mt_scanned_free(&own->chunks[i].of);
    }
    mt_scan_buffer_free(&own->buffer);
    pthread_cond_destroy(&own->changed);
}

/* 0, or -1 when it cannot be had. The first needs no thread. */
static int begin_hand(mt_scanners *self) {
    hand *own = &self->hands[self->count];
    int is_thread = self->count > 0, status = 0;
    if (is_thread && !reserve())
        return -1;
    self->count++;
    own->scanners = self;
    own->buffer = (mt_scan_buffer){
        .unit = self->options.unit, .is_fixed = 1, .leaves_ids = self->options.leaves_ids};
    pthread_cond_init(&own->changed, NULL);
    for (int i = 0; i < OWN; i++) {
        own->chunks[i].is_free = 1;
        sem_init(&own->chunks[i].done, 0, 0);
        status |= mt_scanned_new(&own->chunks[i].of);
    }
    if (status == 0 && (!is_thread || mt_thread_start(&own->thread, work, own) == 0))
        return 0;
    end_hand(self, 0);
    return -1;
}

mt_scanners *mt_scanners_new(const mt_input *input, const mt_scanners_options *options) {
    uint64_t place = mt_input_place(input), size = mt_input_size(input);
    if (place == 0 || size <= place)
        return NULL;
    mt_scanners *self = mt_allocate_zero(1, sizeof *self);
    if (!self)
        return NULL;
    self->input = input;
    self->options = *options;
    self->lines = options->lines;
    self->begin = self->place = place;
    self->blocks = (size - place) / MT_LINE_BLOCK;
    pthread_mutex_init(&self->lock, NULL);
    int wanted = options->threads < HANDS - 1 ? options->threads : HANDS - 1;
    self->wanted = (uint64_t)wanted + 1;
    while (self->count <= wanted && begin_hand(self) == 0) {
    }
    if (self->count > 1)
        return self;
    mt_scanners_free(self);
    return NULL;
}

void mt_scanners_free(mt_scanners *self) {
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->is_over = 1;
    wake(self);
    pthread_mutex_unlock(&self->lock);
    while (self->count > 0)
        end_hand(self, self->count > 1);
    pthread_mutex_destroy(&self->lock);
    mt_free(self);
}
