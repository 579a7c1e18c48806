#include "prefix/model/reader.h"

#include "base/memory.h"

/* The descriptions being read. */
typedef struct reader {
    mt_model_scan *scan;
    mt_model *model;
    mt_model_reader *whole;
    uint32_t shared, returning, unique; /* what the lines have in common */
    /* For what must hold of all of them; in blocks, which 2^32 descriptions cannot make more than
     * 2^64 of. */
    uint64_t sum_shared, sum_returning, sum_unique, sum_first_return;
    uint64_t farthest; /* distance */
    uint64_t longest;  /* elapsed */
    int begins;        /* is there a request that shares nothing? */
} reader;

static mt_code read_count(reader *r, const char *name, int is_first, uint32_t *count) {
    uint64_t value;
    mt_code code = is_first ? mt_model_number(r->scan, name, 0, UINT32_MAX, &value)
                            : mt_model_next_number(r->scan, name, 0, UINT32_MAX, &value);
    if (code == MT_OK)
        *count = (uint32_t)value;
    return code;
}

/* Is it a line of blocks? These end in a colon. */
static int is_blocks_line(const mt_model_scan *scan) {
    return scan->end > scan->at && scan->end[-1] == ':';
}

static mt_code read_blocks(reader *r) {
    mt_model_scan *scan = r->scan;
    mt_code code;
    if ((code = read_count(r, "shared", 1, &r->shared)) ||
        (code = read_count(r, "returning", 0, &r->returning)) ||
        (code = read_count(r, "unique", 0, &r->unique)))
        return code;
    if ((uint64_t)r->shared + r->returning + r->unique > UINT32_MAX)
        return mt_model_fail_line(scan, "a prompt of 2^32 blocks or more");
    mt_model_take(scan, ":");
    return mt_model_line_end(scan);
}

static mt_code add_run(reader *r, uint64_t begin, uint64_t end, uint64_t distance,
                       uint64_t distance_before) {
    mt_model *model = r->model;
    if (end <= begin || end > r->shared)
        return mt_model_fail_line(r->scan, "a run ends at block %llu, not between %llu and %u",
                                  (unsigned long long)end, (unsigned long long)begin + 1,
                                  r->shared);
    if (distance <= distance_before || distance < end)
        return mt_model_fail_line(
            r->scan, "a distance of %llu after one of %llu, %llu blocks deep: they rise",
            (unsigned long long)distance, (unsigned long long)distance_before,
            (unsigned long long)end);
    if (MT_GROW(model->runs, r->whole->run_capacity, model->run_count + 1))
        return mt_fail_memory(r->scan->error, "model");
    model->runs[model->run_count++] =
        (mt_model_run){.end = (uint32_t)end, .distance = (uint32_t)distance};
    return MT_OK;
}

/* " END:DISTANCE ..." up to the line's end, then the deepest run, whose distance is known. */
static mt_code read_runs(reader *r, uint64_t deepest, mt_description *description) {
    mt_model_scan *scan = r->scan;
    uint64_t begin = 0, before = 0, end, distance;
    mt_code code;
    description->run_begin = r->model->run_count;
    while (!mt_model_at_end(scan)) {
        if ((code = mt_model_next_number(scan, "a run's end", 1, UINT32_MAX, &end)))
            return code;
        if (!mt_model_take(scan, ":"))
            return mt_model_fail(scan, "':' and a distance should follow a run's end");
        if ((code = mt_model_number(scan, "a distance", 1, UINT32_MAX, &distance)) ||
            (code = add_run(r, begin, end, distance, before)))
            return code;
        begin = end;
        before = distance;
    }
    if ((code = add_run(r, begin, r->shared, deepest, before)))
        return code;
    description->run_count = (uint32_t)(r->model->run_count - description->run_begin);
    return MT_OK;
}

static mt_code read_return(reader *r, mt_description *description) {
    mt_code code =
        read_count(r, "return", 0,
                   description->visits == 1 ? &description->first_return : &description->previous);
    if (code)
        return code;
    if (description->visits == 1 &&
        (description->first_return == 0 || description->first_return > description->shared))
        return mt_model_fail_line(r->scan, "%u of %u shared blocks come back for the first time",
                                  description->first_return, description->shared);
    if (description->visits > 1 && description->previous == 0)
        return mt_model_fail_line(r->scan, "the block was visited before, at a distance of 0");
    r->sum_first_return += description->first_return;
    r->farthest = description->previous > r->farthest ? description->previous : r->farthest;
    return MT_OK;
}

/* What is known of the shared part. */
static mt_code read_shared(reader *r, mt_description *description) {
    mt_model_scan *scan = r->scan;
    uint64_t visits, distance;
    uint64_t most = r->whole->requests < UINT32_MAX ? r->whole->requests : UINT32_MAX;
    mt_code code;
    if ((code = mt_model_next_number(scan, "visits", 1, most, &visits)) ||
        (code = mt_model_next_number(scan, "distance", 1, UINT32_MAX, &distance)) ||
        (code = mt_model_next_number(scan, "elapsed", 1, UINT64_MAX, &description->elapsed)) ||
        (code = read_count(r, "beyond", 0, &description->beyond)))
        return code;
    description->visits = (uint32_t)visits;
    r->farthest = distance > r->farthest ? distance : r->farthest;
    r->longest = description->elapsed > r->longest ? description->elapsed : r->longest;
    if (description->elapsed < distance)
        return mt_model_fail_line(scan, "%llu blocks touched, %llu of them different",
                                  (unsigned long long)description->elapsed,
                                  (unsigned long long)distance);
    if ((code = read_return(r, description)))
        return code;
    return read_runs(r, distance, description);
}

static mt_code read_output(reader *r, uint64_t *output) {
    if (mt_model_take(r->scan, " -")) {
        *output = MT_MODEL_NO_OUTPUT;
        return MT_OK;
    }
    return mt_model_next_number(r->scan, "output", 0, MT_MODEL_NO_OUTPUT - 1, output);
}

/* Its input length is a number of 64 bits. */
static int fits(const reader *r, uint64_t tokens) {
    uint64_t blocks = (uint64_t)r->shared + r->returning + r->unique, sum;
    return blocks == 0 || (!__builtin_mul_overflow(blocks - 1, r->model->block_size, &sum) &&
                           !__builtin_add_overflow(sum, tokens, &sum));
}

static mt_code read_description(reader *r) {
    mt_model *model = r->model;
    int has_blocks = r->shared > 0 || r->returning > 0 || r->unique > 0;
    mt_description description = {
        .shared = r->shared, .returning = r->returning, .unique = r->unique};
    mt_code code;
    if ((code =
             mt_model_number(r->scan, "tokens", has_blocks ? 1 : 0,
                             has_blocks ? model->block_size : UINT64_MAX, &description.tokens)) ||
        (code = read_output(r, &description.output)) ||
        (r->shared > 0 && (code = read_shared(r, &description))) ||
        (code = mt_model_line_end(r->scan)))
        return code;
    if (!fits(r, description.tokens))
        return mt_model_fail_line(r->scan, "a prompt of 2^64 tokens or more");
    if (MT_GROW(model->descriptions, r->whole->description_capacity, model->count + 1))
        return mt_fail_memory(r->scan->error, "model");
    r->sum_shared += r->shared;
    r->sum_returning += r->returning;
    r->sum_unique += r->unique;
    r->begins |= r->shared == 0;
    model->descriptions[model->count++] = description;
    return MT_OK;
}

/* What holds of all descriptions of a trace together. */
static mt_code check_sums(const reader *r) {
    uint64_t distinct = r->sum_returning + r->sum_unique, touched = distinct + r->sum_shared;
    if (r->model->run_count != r->whole->runs)
        return mt_model_fail_line(r->scan, "the descriptions have %zu runs, not %llu",
                                  r->model->run_count, (unsigned long long)r->whole->runs);
    if (!r->begins)
        return mt_model_fail_line(r->scan, "every request shares something: none can be the first");
    if (r->sum_returning != r->sum_first_return)
        return mt_model_fail_line(
            r->scan, "%llu blocks come back for the first time, but %llu are new and come back",
            (unsigned long long)r->sum_first_return, (unsigned long long)r->sum_returning);
    if (r->farthest > distinct)
        return mt_model_fail_line(r->scan, "a distance of %llu, but there are %llu blocks",
                                  (unsigned long long)r->farthest, (unsigned long long)distinct);
    if (r->longest > touched)
        return mt_model_fail_line(r->scan, "%llu blocks elapsed, but only %llu are touched",
                                  (unsigned long long)r->longest, (unsigned long long)touched);
    return MT_OK;
}

mt_code mt_model_read_descriptions(mt_model_reader *whole) {
    reader state = {.scan = &whole->scan, .model = whole->model, .whole = whole}, *r = &state;
    mt_model *model = r->model;
    int knows_blocks = 0;
    mt_code code = mt_model_word_line(r->scan, "descriptions");
    while (!code && model->count < r->whole->requests) {
        if ((code = mt_model_next_line(r->scan, "a description")))
            break;
        if (is_blocks_line(r->scan)) {
            code = read_blocks(r);
            knows_blocks = 1;
        } else if (knows_blocks) {
            code = read_description(r);
        } else {
            code = mt_model_fail(r->scan, "a line 'shared returning unique:' should stand here");
        }
    }
    if (code)
        return code;
    return check_sums(r);
}
