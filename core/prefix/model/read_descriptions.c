#include "prefix/model/reader.h"

#include "base/memory.h"

static uint32_t next_count(mt_model_scan *scan, const char *name) {
    return (uint32_t)mt_model_next_number(scan, name, 0, UINT32_MAX);
}

/* Is it a line of blocks? These end in a colon. */
static int is_blocks_line(const mt_model_scan *scan) {
    return scan->end > scan->at && scan->end[-1] == ':';
}

static mt_code read_blocks(mt_model_reader *r) {
    mt_model_scan *scan = &r->scan;
    r->shared = (uint32_t)mt_model_number(scan, "shared", 0, UINT32_MAX);
    r->returning = next_count(scan, "returning");
    r->unique = next_count(scan, "unique");
    uint64_t blocks = (uint64_t)r->shared + r->returning + r->unique;
    if (!scan->code && blocks > MT_MODEL_MOST_BLOCKS)
        return mt_model_fail_line(
            scan, "shared + returning + unique must be at most %llu blocks, not %llu",
            (unsigned long long)MT_MODEL_MOST_BLOCKS, (unsigned long long)blocks);
    mt_model_take(scan, ":");
    return mt_model_line_end(scan);
}

static mt_code add_run(mt_model_reader *r, uint64_t begin, uint64_t end, uint64_t distance,
                       uint64_t distance_before) {
    mt_model *model = r->model;
    if (r->scan.code)
        return r->scan.code;
    if (end <= begin || end > r->shared)
        return mt_model_fail_line(&r->scan, "a run ends at block %llu, not between %llu and %u",
                                  (unsigned long long)end, (unsigned long long)begin + 1,
                                  r->shared);
    if (distance <= distance_before || distance < end)
        return mt_model_fail_line(
            &r->scan, "a distance of %llu after one of %llu, %llu blocks deep: they rise",
            (unsigned long long)distance, (unsigned long long)distance_before,
            (unsigned long long)end);
    if (MT_GROW(model->runs, r->run_capacity, model->run_count + 1))
        return r->scan.code = mt_fail_memory(r->scan.error, "model");
    model->runs[model->run_count++] =
        (mt_model_run){.end = (uint32_t)end, .distance = (uint32_t)distance};
    return MT_OK;
}

/* " END:DISTANCE ..." up to the line's end, then the deepest run, whose distance is known. */
static void read_runs(mt_model_reader *r, uint64_t deepest, mt_description *description) {
    mt_model_scan *scan = &r->scan;
    uint64_t begin = 0, before = 0;
    description->run_begin = r->model->run_count;
    while (!scan->code && !mt_model_at_end(scan)) {
        uint64_t end = mt_model_next_number(scan, "a run's end", 1, UINT32_MAX);
        if (!mt_model_take(scan, ":"))
            mt_model_fail(scan, "':' and a distance should follow a run's end");
        uint64_t distance = mt_model_number(scan, "a distance", 1, UINT32_MAX);
        add_run(r, begin, end, distance, before);
        begin = end;
        before = distance;
    }
    add_run(r, begin, r->shared, deepest, before);
    description->run_count = (uint32_t)(r->model->run_count - description->run_begin);
}

static void read_return(mt_model_reader *r, mt_description *description) {
    uint32_t value = next_count(&r->scan, "return");
    if (description->visits == 1) {
        description->first_return = value;
        if (value == 0 || value > description->shared)
            mt_model_fail_line(&r->scan, "%u of %u shared blocks come back for the first time",
                               value, description->shared);
    } else {
        description->previous = value;
        if (value == 0)
            mt_model_fail_line(&r->scan, "the block was visited before, at a distance of 0");
    }
    r->sum_first_return += description->first_return;
    r->farthest = description->previous > r->farthest ? description->previous : r->farthest;
}

/* What is known of the shared part. */
static void read_shared(mt_model_reader *r, mt_description *description) {
    mt_model_scan *scan = &r->scan;
    uint64_t most = r->requests < UINT32_MAX ? r->requests : UINT32_MAX;
    description->visits = (uint32_t)mt_model_next_number(scan, "visits", 1, most);
    uint64_t distance = mt_model_next_number(scan, "distance", 1, UINT32_MAX);
    description->elapsed = mt_model_next_number(scan, "elapsed", 1, UINT64_MAX);
    description->beyond = next_count(scan, "beyond");
    r->farthest = distance > r->farthest ? distance : r->farthest;
    r->longest = description->elapsed > r->longest ? description->elapsed : r->longest;
    if (description->elapsed < distance)
        mt_model_fail_line(scan, "%llu blocks touched, %llu of them different",
                           (unsigned long long)description->elapsed, (unsigned long long)distance);
    read_return(r, description);
    read_runs(r, distance, description);
}

static uint64_t read_output(mt_model_scan *scan) {
    return mt_model_take(scan, " -")
               ? MT_MODEL_NO_OUTPUT
               : mt_model_next_number(scan, "output", 0, MT_MODEL_NO_OUTPUT - 1);
}

/* Its input length is a number of 64 bits. */
static int fits(const mt_model_reader *r, uint64_t tokens) {
    uint64_t blocks = (uint64_t)r->shared + r->returning + r->unique, sum;
    return blocks == 0 || (!__builtin_mul_overflow(blocks - 1, r->model->block_size, &sum) &&
                           !__builtin_add_overflow(sum, tokens, &sum));
}

static mt_code read_description(mt_model_reader *r) {
    mt_model *model = r->model;
    int has_blocks = r->shared > 0 || r->returning > 0 || r->unique > 0;
    mt_description description = {
        .shared = r->shared, .returning = r->returning, .unique = r->unique};
    description.tokens = mt_model_number(&r->scan, "tokens", has_blocks ? 1 : 0,
                                         has_blocks ? model->block_size : UINT64_MAX);
    description.output = read_output(&r->scan);
    if (r->shared > 0)
        read_shared(r, &description);
    if (mt_model_line_end(&r->scan))
        return r->scan.code;
    if (!fits(r, description.tokens))
        return mt_model_fail_line(&r->scan, "a prompt of 2^64 tokens or more");
    if (MT_GROW(model->descriptions, r->description_capacity, model->count + 1))
        return r->scan.code = mt_fail_memory(r->scan.error, "model");
    r->sum_shared += r->shared;
    r->sum_returning += r->returning;
    r->sum_unique += r->unique;
    r->begins |= r->shared == 0;
    model->descriptions[model->count++] = description;
    return r->scan.code;
}

/* What holds of all descriptions of a trace together. */
static mt_code check_sums(mt_model_reader *r) {
    uint64_t distinct = r->sum_returning + r->sum_unique, touched = distinct + r->sum_shared;
    if (r->model->run_count != r->runs)
        return mt_model_fail_line(&r->scan, "the descriptions have %zu runs, not %llu",
                                  r->model->run_count, (unsigned long long)r->runs);
    if (!r->begins)
        return mt_model_fail_line(&r->scan,
                                  "every request shares something: none can be the first");
    if (r->sum_returning != r->sum_first_return)
        return mt_model_fail_line(
            &r->scan, "%llu blocks come back for the first time, but %llu are new and come back",
            (unsigned long long)r->sum_first_return, (unsigned long long)r->sum_returning);
    if (r->farthest > distinct)
        return mt_model_fail_line(&r->scan, "a distance of %llu, but there are %llu blocks",
                                  (unsigned long long)r->farthest, (unsigned long long)distinct);
    if (r->longest > touched)
        return mt_model_fail_line(&r->scan, "%llu blocks elapsed, but only %llu are touched",
                                  (unsigned long long)r->longest, (unsigned long long)touched);
    return r->scan.code;
}

mt_code mt_model_read_descriptions(mt_model_reader *r) {
    mt_model_scan *scan = &r->scan;
    int knows_blocks = 0;
    mt_model_word_line(scan, "descriptions");
    while (!scan->code && r->model->count < r->requests) {
        mt_model_next_line(scan, "a description");
        if (is_blocks_line(scan)) {
            read_blocks(r);
            knows_blocks = 1;
        } else if (knows_blocks) {
            read_description(r);
        } else {
            mt_model_fail(scan, "a line 'shared returning unique:' should stand here");
        }
    }
    return check_sums(r);
}
