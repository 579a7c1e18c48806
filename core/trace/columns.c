#include "trace/columns.h"

#include <string.h>

static int grow(mt_column *column, size_t index, size_t size) {
    int was_absent = !column->data;
    int status = mt_reserve(&column->data, &column->capacity, index + 1, size);
    if (status == 0 && was_absent)
        memset(column->data, 0, (index + 1) * size);
    return status;
}

/* Makes room for element `index`, zero where the column was absent or shorter before. A column that
 * is absent stays so as long as its values are 0 (`wanted` 0). */
static int make_room(mt_column *column, size_t index, size_t size, int wanted) {
    if (index < column->capacity || (!column->data && !wanted))
        return 0;
    return grow(column, index, size);
}

static void set_u64(mt_column *column, size_t index, uint64_t value) {
    if (column->data)
        ((uint64_t *)column->data)[index] = value;
}

static void set_i64(mt_column *column, size_t index, int64_t value) {
    if (column->data)
        ((int64_t *)column->data)[index] = value;
}

static void set_u32(mt_column *column, size_t index, uint32_t value) {
    if (column->data)
        ((uint32_t *)column->data)[index] = value;
}

static int64_t get_i64(const mt_column *column, size_t index) {
    return column->data ? ((const int64_t *)column->data)[index] : 0;
}

static uint32_t get_u32(const mt_column *column, size_t index) {
    return column->data ? ((const uint32_t *)column->data)[index] : 0;
}

/* The columns that the request has a value for: MT_HAS_... of members, and bits behind those. */
enum { HAS_LINE = 1 << 8, HAS_PLACE = 1 << 9, HAS_EXTRA = 1 << 10, HAS_ANY = 1 << 11 };

static inline unsigned columns_of(const mt_request *request) {
    unsigned ids = request->hash_count > 0 ? MT_HAS_HASH_IDS : 0;
    return HAS_ANY | (request->has & ~(unsigned)MT_HAS_HASH_IDS) | ids |
           (request->line != 0 ? HAS_LINE : 0u) | (request->place != 0 ? HAS_PLACE : 0u) |
           (request->extra.length > 0 ? HAS_EXTRA : 0u);
}

static size_t extra_before(const mt_columns *columns, size_t i) {
    return i == 0 ? 0 : (size_t)mt_column_u64(&columns->extra_ends, i - 1);
}

/* Room for request i in the columns that are there or wanted; notes it for the requests to come. */
static int make_columns(mt_columns *columns, size_t i, unsigned wanted) {
    const struct {
        mt_column *column;
        size_t size;
        unsigned has;
    } all[] = {{&columns->has, sizeof(uint8_t), HAS_ANY},
               {&columns->time_ns, sizeof(int64_t), MT_HAS_TIME},
               {&columns->delay_ns, sizeof(int64_t), MT_HAS_DELAY},
               {&columns->input_length, sizeof(uint64_t), MT_HAS_INPUT_LENGTH},
               {&columns->output_length, sizeof(uint64_t), MT_HAS_OUTPUT_LENGTH},
               {&columns->turn, sizeof(uint64_t), MT_HAS_TURN},
               {&columns->line, sizeof(uint64_t), HAS_LINE},
               {&columns->place, sizeof(uint64_t), HAS_PLACE},
               {&columns->session, sizeof(uint32_t), MT_HAS_SESSION},
               {&columns->stream, sizeof(uint32_t), MT_HAS_STREAM},
               {&columns->hash_ends, sizeof(uint64_t), MT_HAS_HASH_IDS},
               {&columns->extra_ends, sizeof(uint64_t), HAS_EXTRA}};
    size_t room = SIZE_MAX;
    unsigned held = 0;
    columns->room = 0; /* where one fails, those before it are there already */
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        mt_column *column = all[k].column;
        if (make_room(column, i, all[k].size, (wanted & all[k].has) != 0) != 0)
            return -1;
        if (!column->data)
            continue;
        held |= all[k].has;
        room = column->capacity < room ? column->capacity : room;
    }
    columns->room = room;
    columns->held = held;
    return 0;
}

/* All allocations of one append; those that succeed before another fails do no harm. */
static int make_all_room(mt_columns *columns, const mt_request *request) {
    size_t i = columns->count;
    unsigned wanted = columns_of(request);
    size_t ids = (size_t)columns->hash_total + request->hash_count;
    if (ids * sizeof(uint64_t) > columns->hash_ids.bytes) {
        size_t bytes = 2 * columns->hash_ids.bytes;
        if (bytes < ids * sizeof(uint64_t))
            bytes = ids * sizeof(uint64_t);
        if (mt_big_reserve(&columns->hash_ids, bytes) != 0)
            return -1;
    }
    if (wanted & HAS_EXTRA && mt_reserve(&columns->extra_bytes.data, &columns->extra_bytes.capacity,
                                         extra_before(columns, i) + request->extra.length, 1) != 0)
        return -1;
    int is_there = i < columns->room && (wanted & ~columns->held) == 0; /* nearly always */
    return is_there ? 0 : make_columns(columns, i, wanted);
}

/* Numbers of the request's texts; on failure none of them was added. */
static int intern(mt_columns *columns, const mt_request *request, uint32_t *session,
                  uint32_t *stream) {
    size_t known = columns->sessions.count;
    if (request->has & MT_HAS_SESSION && mt_texts_intern(&columns->sessions, request->session.text,
                                                         request->session.length, session) != 0)
        return -1;
    if (request->has & MT_HAS_STREAM && mt_texts_intern(&columns->streams, request->stream.text,
                                                        request->stream.length, stream) != 0) {
        mt_texts_truncate(&columns->sessions, known);
        return -1;
    }
    return 0;
}

mt_code mt_columns_append(mt_columns *columns, const mt_request *request, mt_error *error) {
    size_t i = columns->count;
    unsigned has = request->has;
    uint32_t session = 0, stream = 0;
    if (make_all_room(columns, request) != 0 || (has & (MT_HAS_SESSION | MT_HAS_STREAM) &&
                                                 intern(columns, request, &session, &stream) != 0))
        return mt_fail_memory(error, "columns of requests");
    ((uint8_t *)columns->has.data)[i] = (uint8_t)has;
    set_i64(&columns->time_ns, i, has & MT_HAS_TIME ? request->time_ns : 0);
    set_i64(&columns->delay_ns, i, has & MT_HAS_DELAY ? request->delay_ns : 0);
    set_u64(&columns->input_length, i, has & MT_HAS_INPUT_LENGTH ? request->input_length : 0);
    set_u64(&columns->output_length, i, has & MT_HAS_OUTPUT_LENGTH ? request->output_length : 0);
    set_u64(&columns->turn, i, has & MT_HAS_TURN ? request->turn : 0);
    set_u64(&columns->line, i, request->line);
    set_u64(&columns->place, i, request->place);
    set_u32(&columns->session, i, session);
    set_u32(&columns->stream, i, stream);
    if (has & MT_HAS_HASH_IDS && request->hash_count > 0) {
        uint64_t *ids = (uint64_t *)columns->hash_ids.data + columns->hash_total;
        if (request->hash_count == 1) /* a call costs more */
            *ids = *request->hash_ids;
        else
            memcpy(ids, request->hash_ids, request->hash_count * sizeof *ids);
        columns->hash_total += request->hash_count;
    }
    set_u64(&columns->hash_ends, i, columns->hash_total);
    if (columns->extra_ends.data) {
        size_t before = extra_before(columns, i);
        if (request->extra.length > 0)
            memcpy((char *)columns->extra_bytes.data + before, request->extra.text,
                   request->extra.length);
        set_u64(&columns->extra_ends, i, before + request->extra.length);
    }
    columns->count++;
    return MT_OK;
}

/* Where the part of request i begins and ends in what `ends` divides. */
static void part(const mt_column *ends, size_t i, size_t *begin, size_t *length) {
    *begin = i == 0 ? 0 : (size_t)mt_column_u64(ends, i - 1);
    *length = (size_t)mt_column_u64(ends, i) - *begin;
}

void mt_columns_prefetch(const mt_columns *columns, size_t i) {
    enum { NAME = 8 }; /* a name is asked for so many requests after the place where it stands */
    const uint32_t *session = columns->session.data;
    if (!session || i >= columns->count)
        return;
    __builtin_prefetch(&columns->sessions.ends[session[i]]);
    if (i >= NAME && mt_columns_has(columns, i - NAME) & MT_HAS_SESSION)
        __builtin_prefetch(mt_texts_get(&columns->sessions, session[i - NAME]).text);
}

static inline mt_span text_of(const mt_texts *texts, unsigned is_there, const mt_column *numbers,
                              size_t i) {
    return is_there ? mt_texts_get(texts, get_u32(numbers, i)) : (mt_span){NULL, 0};
}

/* All members are set at once: the compiler clears what is left out with an instruction that is slow to
 * start. */
void mt_columns_get(const mt_columns *columns, size_t i, mt_request *request) {
    unsigned has = mt_columns_has(columns, i);
    size_t ids, id_count, extra, extra_length;
    part(&columns->hash_ends, i, &ids, &id_count);
    part(&columns->extra_ends, i, &extra, &extra_length);
    *request = (mt_request){
        .has = has,
        .time_ns = get_i64(&columns->time_ns, i),
        .delay_ns = get_i64(&columns->delay_ns, i),
        .input_length = mt_column_u64(&columns->input_length, i),
        .output_length = mt_column_u64(&columns->output_length, i),
        .hash_ids = id_count ? (const uint64_t *)columns->hash_ids.data + ids : NULL,
        .hash_count = id_count,
        .session = text_of(&columns->sessions, has & MT_HAS_SESSION, &columns->session, i),
        .turn = mt_column_u64(&columns->turn, i),
        .stream = text_of(&columns->streams, has & MT_HAS_STREAM, &columns->stream, i),
        .extra = {extra_length ? (const char *)columns->extra_bytes.data + extra : NULL,
                  extra_length},
        .line = mt_column_u64(&columns->line, i),
        .place = mt_column_u64(&columns->place, i),
    };
}

int mt_columns_time_range(const mt_columns *columns, int64_t *first_ns, int64_t *last_ns) {
    const int64_t *times = columns->time_ns.data;
    int is_found = 0;
    for (size_t i = 0; times && i < columns->count; i++) {
        if (!(mt_columns_has(columns, i) & MT_HAS_TIME))
            continue;
        if (!is_found || times[i] < *first_ns)
            *first_ns = times[i];
        if (!is_found || times[i] > *last_ns)
            *last_ns = times[i];
        is_found = 1;
    }
    return is_found ? 0 : -1;
}

mt_code mt_columns_grid(const mt_columns *columns, mt_grid *grid, mt_error *error) {
    size_t found = 0;
    int64_t *times = mt_allocate(columns->count, sizeof *times);
    if (!times)
        return mt_fail_memory(error, "times of a grid");
    for (size_t i = 0; i < columns->count; i++)
        if (mt_columns_has(columns, i) & MT_HAS_TIME)
            times[found++] = get_i64(&columns->time_ns, i);
    mt_code code = mt_grid_detect(times, found, grid, error);
    mt_free(times);
    return code;
}

mt_code mt_columns_set_origin(mt_columns *columns, const char *name, mt_error *error) {
    size_t size = strlen(name) + 1;
    char *copy = mt_allocate(size, 1);
    if (!copy)
        return mt_fail_memory(error, "the name of columns");
    memcpy(copy, name, size);
    mt_free(columns->origin);
    columns->origin = copy;
    return MT_OK;
}

void mt_columns_free(mt_columns *columns) {
    const mt_column all[] = {columns->has,           columns->time_ns,    columns->delay_ns,
                             columns->input_length,  columns->turn,       columns->line,
                             columns->output_length, columns->session,    columns->stream,
                             columns->hash_ends,     columns->extra_ends, columns->extra_bytes,
                             columns->place};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        mt_free(all[i].data);
    mt_texts_free(&columns->sessions);
    mt_texts_free(&columns->streams);
    mt_big_free(&columns->hash_ids);
    mt_free(columns->origin);
    *columns = (mt_columns){0};
}
