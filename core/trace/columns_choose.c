/* Some requests of columns as columns of their own: column by column, after a count of what they take,
 * so that nothing grows and no loop branches. */
#include "trace/columns.h"

#include <string.h>

typedef struct choice {
    const mt_columns *from;
    mt_columns *kept;
    const unsigned char *wanted;
    size_t count; /* of requests wanted */
    unsigned has; /* what any of them has */
} choice;

static void count_wanted(choice *self) {
    const uint8_t *has = self->from->has.data;
    for (size_t i = 0; i < self->from->count; i++) {
        self->count += self->wanted[i];
        self->has |= has[i] & (0u - self->wanted[i]);
    }
}

/* Each element is written where the next one wanted goes, and stays if it is: one place more than there
 * are. */
#define CHOOSE(type)                                                                               \
    for (size_t i = 0, k = 0; i < count; k += wanted[i++])                                         \
    ((type *)to->data)[k] = ((const type *)from->data)[i]

/* A column of those elements; none where it has none or no request chosen `has` one. 0, or -1. */
static int choose(const choice *self, const mt_column *from, size_t size, int has, mt_column *to) {
    const unsigned char *wanted = self->wanted;
    size_t count = self->from->count;
    if (!from->data || !has)
        return 0;
    if (mt_reserve(&to->data, &to->capacity, self->count + 1, size) != 0)
        return -1;
    if (size == sizeof(uint8_t))
        CHOOSE(uint8_t);
    else if (size == sizeof(uint32_t))
        CHOOSE(uint32_t);
    else
        CHOOSE(uint64_t);
    return 0;
}

static int choose_numbers(const choice *self) {
    const mt_columns *from = self->from;
    mt_columns *kept = self->kept;
    const struct {
        const mt_column *from;
        mt_column *to;
        unsigned has; /* 0: no member */
    } columns[] = {{&from->time_ns, &kept->time_ns, MT_HAS_TIME},
                   {&from->delay_ns, &kept->delay_ns, MT_HAS_DELAY},
                   {&from->input_length, &kept->input_length, MT_HAS_INPUT_LENGTH},
                   {&from->output_length, &kept->output_length, MT_HAS_OUTPUT_LENGTH},
                   {&from->turn, &kept->turn, MT_HAS_TURN},
                   {&from->line, &kept->line, 0},
                   {&from->place, &kept->place, 0}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (choose(self, columns[i].from, sizeof(uint64_t),
                   columns[i].has == 0 || (columns[i].has & self->has), columns[i].to) != 0)
            return -1;
    return choose(self, &from->has, sizeof(uint8_t), 1, &kept->has);
}

/* Names are numbered anew, in the order in which the chosen requests have them first. */
static int choose_texts(const choice *self, unsigned member, const mt_texts *texts,
                        const mt_column *from, mt_texts *kept, mt_column *to) {
    if (choose(self, from, sizeof(uint32_t), (self->has & member) != 0, to) != 0)
        return -1;
    if (!to->data)
        return 0;
    uint32_t *numbers = to->data, *renamed = mt_allocate_zero(texts->count + 1, sizeof *renamed);
    int failed = !renamed;
    for (size_t i = 0; i < self->count && !failed; i++) {
        if (!(((const uint8_t *)self->kept->has.data)[i] & member)) {
            numbers[i] = 0;
            continue;
        }
        uint32_t *known = &renamed[numbers[i]]; /* its new number + 1 */
        mt_span text = mt_texts_get(texts, numbers[i]);
        if (*known == 0)
            failed = mt_texts_intern(kept, text.text, text.length, known) != 0 || ++*known == 0;
        numbers[i] = *known - 1;
    }
    mt_free(renamed);
    return failed ? -1 : 0;
}

/* The ends of the chosen requests' parts of an array, into to->data; gives the whole length. */
static uint64_t choose_ends(const choice *self, const mt_column *from, mt_column *to) {
    const uint64_t *ends = from->data;
    uint64_t *made = to->data, total = 0;
    for (size_t i = 0, k = 0; i < self->from->count; k += self->wanted[i++]) {
        uint64_t length = ends[i] - (i > 0 ? ends[i - 1] : 0);
        total += length & (0 - (uint64_t)self->wanted[i]);
        made[k] = total;
    }
    return total;
}

/* The parts themselves, of elements of `size` bytes: those of neighbours at once. */
static void copy_parts(const choice *self, const mt_column *from_ends, const char *from,
                       size_t size, char *to) {
    const uint64_t *ends = from_ends->data;
    for (size_t i = 0, next; i < self->from->count; i = next) {
        for (next = i + 1; next < self->from->count && self->wanted[next] == self->wanted[i];)
            next++;
        uint64_t begin = i > 0 ? ends[i - 1] : 0, bytes = (ends[next - 1] - begin) * size;
        if (!self->wanted[i] || bytes == 0)
            continue;
        memcpy(to, from + begin * size, bytes);
        to += bytes;
    }
}

static int choose_ids(const choice *self) {
    const mt_columns *from = self->from;
    mt_columns *kept = self->kept;
    if (!from->hash_ends.data)
        return 0;
    if (mt_reserve(&kept->hash_ends.data, &kept->hash_ends.capacity, self->count + 1,
                   sizeof(uint64_t)) != 0)
        return -1;
    kept->hash_total = choose_ends(self, &from->hash_ends, &kept->hash_ends);
    if (kept->hash_total == 0)
        return 0;
    if (mt_big_reserve(&kept->hash_ids, kept->hash_total * sizeof(uint64_t)) != 0)
        return -1;
    copy_parts(self, &from->hash_ends, from->hash_ids.data, sizeof(uint64_t), kept->hash_ids.data);
    return 0;
}

static int choose_extras(const choice *self) {
    const mt_columns *from = self->from;
    mt_columns *kept = self->kept;
    if (!from->extra_ends.data)
        return 0;
    if (mt_reserve(&kept->extra_ends.data, &kept->extra_ends.capacity, self->count + 1,
                   sizeof(uint64_t)) != 0)
        return -1;
    uint64_t total = choose_ends(self, &from->extra_ends, &kept->extra_ends);
    if (total == 0)
        return 0;
    if (mt_reserve(&kept->extra_bytes.data, &kept->extra_bytes.capacity, total, 1) != 0)
        return -1;
    copy_parts(self, &from->extra_ends, from->extra_bytes.data, 1, kept->extra_bytes.data);
    return 0;
}

mt_code mt_columns_choose(const mt_columns *columns, const unsigned char *wanted, mt_columns *kept,
                          mt_error *error) {
    choice self = {.from = columns, .kept = kept, .wanted = wanted};
    count_wanted(&self);
    if (self.count == 0)
        return MT_OK;
    if (choose_numbers(&self) != 0 || choose_ids(&self) != 0 || choose_extras(&self) != 0 ||
        choose_texts(&self, MT_HAS_SESSION, &columns->sessions, &columns->session, &kept->sessions,
                     &kept->session) != 0 ||
        choose_texts(&self, MT_HAS_STREAM, &columns->streams, &columns->stream, &kept->streams,
                     &kept->stream) != 0) {
        mt_columns_free(kept);
        return mt_fail_memory(error, "columns of requests");
    }
    kept->count = self.count;
    return MT_OK;
}
