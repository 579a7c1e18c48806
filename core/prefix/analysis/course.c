#include "prefix/analysis/course.h"

#include "base/interrupt.h"
#include "prefix/analysis/locality_state.h"

#include <math.h>

mt_roots mt_locality_roots(const mt_locality *locality) {
    mt_tree_parents parents = mt_prefix_tree_parents(locality->tree);
    uint32_t blocks = mt_prefix_tree_count(locality->tree);
    mt_roots roots = {.requests = locality->so_far.totals.requests};
    for (uint32_t block = 0; block < blocks; block++) {
        if (mt_parent_of(parents, block) != MT_NO_BLOCK)
            continue;
        uint64_t visits = mt_history_visits(locality->history, block);
        roots.count++;
        roots.commonest = visits > roots.commonest ? visits : roots.commonest;
    }
    return roots;
}

/* ---- turns and answers ---- */

/* Does `here` come before the answer to `before`, its session's turn before, has ended? */
static int is_early(const mt_locality_row *before, const mt_locality_row *here, int64_t ttft_ns,
                    int64_t token_ns) {
    int64_t since, answer;
    if (__builtin_sub_overflow(here->time_ns, before->time_ns, &since))
        return here->time_ns < before->time_ns;
    if (__builtin_mul_overflow(before->output_length, token_ns, &answer) ||
        __builtin_add_overflow(answer, ttft_ns, &answer))
        return 1;
    return since < answer;
}

mt_code mt_locality_early(const mt_locality *locality, int64_t ttft_ns, int64_t token_ns,
                          mt_early *result, mt_error *error) {
    /* By session: the row of its last turn, and 1; 0: none yet. */
    uint32_t *last = mt_allocate_zero(locality->sessions.count + 1, sizeof *last);
    *result = (mt_early){0};
    if (!last)
        return mt_fail_memory(error, "turns");
    for (size_t i = 0; i < locality->row_count; i++) {
        const mt_locality_row *here = &locality->rows[i];
        if (here->session == MT_NO_SESSION)
            continue;
        uint32_t at = last[here->session];
        last[here->session] = (uint32_t)i + 1;
        if (at == 0 || here->time_ns == MT_NO_TIME)
            continue;
        const mt_locality_row *before = &locality->rows[at - 1];
        if (before->time_ns == MT_NO_TIME || before->output_length == MT_NO_LENGTH)
            continue;
        result->turns++;
        result->early += (uint64_t)is_early(before, here, ttft_ns, token_ns);
    }
    mt_free(last);
    return mt_poll_interrupt(error);
}

/* ---- over time ---- */

void mt_locality_hits_by_part(const mt_locality *locality, double *ratios, size_t parts) {
    uint64_t all = locality->so_far.totals.requests, seen = 0, blocks = 0, hits = 0;
    size_t part = 0;
    for (size_t i = 0; i < locality->row_count && part < parts; i++) {
        const mt_locality_row *row = &locality->rows[i];
        if (row->blocks == 0)
            continue;
        for (; seen >= all * (part + 1) / parts; part++, blocks = hits = 0)
            ratios[part] = mt_ratio_of((double)hits, blocks);
        blocks += row->blocks;
        hits += row->known;
        seen++;
    }
    for (; part < parts; part++, blocks = hits = 0)
        ratios[part] = mt_ratio_of((double)hits, blocks);
}

mt_code mt_locality_tokens_vary(const mt_locality *locality, int is_output, int64_t width_ns,
                                mt_variation *result, mt_error *error) {
    mt_keyed *items = mt_allocate(locality->row_count, sizeof *items);
    size_t count = 0;
    if (!items)
        return mt_fail_memory(error, "tokens per window");
    for (size_t i = 0; i < locality->row_count; i++) {
        const mt_locality_row *row = &locality->rows[i];
        uint64_t tokens = is_output ? row->output_length : row->input_length;
        if (row->time_ns == MT_NO_TIME || tokens == MT_NO_LENGTH)
            continue;
        int64_t window = row->time_ns / width_ns - (row->time_ns % width_ns < 0);
        items[count++] = (mt_keyed){(double)window, (double)tokens};
    }
    if (locality->so_far.backward > 0)
        mt_sort_keyed(items, count);
    mt_vary(items, count, result);
    mt_free(items);
    return mt_poll_interrupt(error);
}

/* ---- samples ---- */

size_t mt_locality_think_times(const mt_locality *locality, double *seconds) {
    size_t count = 0;
    for (size_t i = 0; i < locality->row_count; i++) {
        if (locality->rows[i].think_ns == MT_NO_TIME)
            continue;
        if (seconds)
            seconds[count] = (double)locality->rows[i].think_ns / 1e9;
        count++;
    }
    return count;
}

size_t mt_locality_turns(const mt_locality *locality, double *turns) {
    for (size_t i = 0; turns && i < locality->sessions.count; i++)
        turns[i] = locality->sessions.list[i].turns;
    return locality->sessions.count;
}
