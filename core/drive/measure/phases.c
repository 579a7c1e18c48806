#include "drive/measure/phases.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

static const int64_t gap_unit_ns = 100; /* of mt_exchange.gaps */

mt_code mt_run_phases_begin(mt_run_phases *phases, const int64_t *ends_ns, size_t count,
                            const mt_objective *objectives, size_t objective_count,
                            mt_error *error) {
    *phases = (mt_run_phases){0};
    if (count == 0)
        return MT_OK;
    phases->list = mt_allocate_zero(count, sizeof *phases->list);
    if (!phases->list)
        return mt_fail_memory(error, "phases of a run");
    phases->count = count;
    for (size_t i = 0; i < count; i++) {
        mt_run_phase *phase = &phases->list[i];
        phase->begin_ns = i > 0 ? ends_ns[i - 1] : 0;
        phase->end_ns = ends_ns[i];
        mt_results_begin(&phase->results, objectives, objective_count);
    }
    return MT_OK;
}

/* ---- counting --------------------------------------------------------------------------------- */

/* The phase of a moment since the start, none before phase `from`; count: it is in none of them. */
static size_t phase_at(const mt_run_phases *phases, size_t from, int64_t since_ns) {
    while (from < phases->count && since_ns >= phases->list[from].end_ns)
        from++;
    return since_ns >= 0 ? from : phases->count;
}

/* The gap that begins so long after the run, in the phase of its middle, which is no phase before `from`. The place
 * of that phase. */
static size_t note_gap(mt_run_phases *phases, size_t from, int64_t since_ns, int64_t gap_ns) {
    size_t in = phase_at(phases, from, since_ns + gap_ns / 2);
    if (in == phases->count)
        return from;
    if (gap_ns > phases->list[in].longest_gap_ns)
        phases->list[in].longest_gap_ns = gap_ns;
    return in;
}

/* Of an answer that failed its gaps are not known, but how long it stood still at its end. */
static void note_standstill(mt_run_phases *phases, const mt_request_outcome *counted,
                            int64_t start_ns) {
    if (counted->stood_from_ns != MT_NEVER && counted->stood_until_ns != MT_NEVER)
        (void)note_gap(phases, 0, counted->stood_from_ns - start_ns,
                       counted->stood_until_ns - counted->stood_from_ns);
}

static void note_gaps(mt_run_phases *phases, const mt_request_outcome *counted, int64_t start_ns) {
    double first_ms = counted->values[MT_MEASURE_FIRST];
    if (counted->gap_count == 0 || isnan(first_ms) || counted->begun_ns == MT_NEVER)
        return;
    int64_t at_ns = counted->begun_ns - start_ns + llround(first_ms * 1e6);
    size_t place = 0;
    for (uint32_t i = 0; i < counted->gap_count; i++) {
        int64_t gap_ns = counted->gaps[i] * gap_unit_ns;
        place = note_gap(phases, place, at_ns, gap_ns);
        at_ns += gap_ns;
    }
}

static mt_code note_first(mt_run_phases *phases, const mt_request_outcome *counted,
                          int64_t since_ns, mt_error *error) {
    int is_done = counted->failure == MT_FAILURE_NONE;
    double ms = is_done ? counted->values[MT_MEASURE_FIRST] : (double)INFINITY;
    if (isnan(ms))
        return MT_OK;
    if (MT_GROW(phases->firsts, phases->first_capacity, phases->first_count + 1) != 0)
        return mt_fail_memory(error, "first tokens of a run");
    phases->firsts[phases->first_count++] = (mt_first_token){since_ns, ms};
    phases->is_sorted = 0;
    return MT_OK;
}

mt_code mt_run_phases_count(mt_run_phases *phases, const mt_request_outcome *counted,
                            int64_t start_ns, mt_error *error) {
    if (phases->count == 0)
        return MT_OK;
    int64_t due_ns = counted->due_ns != MT_NEVER ? counted->due_ns : counted->begun_ns;
    if (due_ns == MT_NEVER)
        return MT_OK;
    int64_t since_ns = due_ns - start_ns;
    size_t in = phase_at(phases, 0, since_ns);
    mt_code code = note_first(phases, counted, since_ns, error);
    if (code == MT_OK && in < phases->count)
        code = mt_results_count(&phases->list[in].results, counted, error);
    return code;
}

void mt_run_phases_count_ended(mt_run_phases *phases, const mt_request_outcome *counted,
                               int64_t start_ns) {
    if (phases->count == 0)
        return;
    if (counted->failure == MT_FAILURE_NONE)
        note_gaps(phases, counted, start_ns);
    else
        note_standstill(phases, counted, start_ns);
    for (size_t i = 0; i < phases->count; i++) {
        mt_run_phase *phase = &phases->list[i];
        mt_results_count_ended(&phase->results, counted, start_ns, phase->begin_ns, phase->end_ns);
    }
}

/* ---- recovery --------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    const mt_first_token *one = a, *other = b;
    if (one->due_ns != other->due_ns)
        return one->due_ns < other->due_ns ? -1 : 1;
    return (one->ms > other->ms) - (one->ms < other->ms);
}

static int ascending_times(const void *a, const void *b) {
    const mt_first_token *one = a, *other = b;
    return (one->ms > other->ms) - (one->ms < other->ms);
}

static int ascending_numbers(const void *a, const void *b) {
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static double median_of_window(const mt_first_token *first) {
    double values[MT_RECOVERY_REQUESTS];
    for (int i = 0; i < MT_RECOVERY_REQUESTS; i++)
        values[i] = first[i].ms;
    qsort(values, MT_RECOVERY_REQUESTS, sizeof *values, ascending_numbers);
    return (values[(MT_RECOVERY_REQUESTS - 1) / 2] + values[MT_RECOVERY_REQUESTS / 2]) / 2;
}

static size_t first_due_from(const mt_run_phases *phases, int64_t since_ns) {
    size_t low = 0, high = phases->first_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (phases->firsts[middle].due_ns < since_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Puts the requests in the order in which they were due, and finds the first phase's median. */
static void sort_firsts(mt_run_phases *phases) {
    if (phases->is_sorted)
        return;
    phases->is_sorted = 1;
    phases->base_ms = INFINITY;
    if (phases->first_count == 0)
        return;
    qsort(phases->firsts, phases->first_count, sizeof *phases->firsts, ascending);
    size_t begin = first_due_from(phases, 0), known = 0;
    size_t count = first_due_from(phases, phases->list[0].end_ns) - begin;
    mt_first_token *first = phases->firsts + begin;
    for (size_t i = 0; i < count; i++)
        known += (size_t)isfinite(first[i].ms);
    if (known < MT_RECOVERY_REQUESTS)
        return;
    qsort(first, count, sizeof *first, ascending_times);
    phases->base_ms = (first[(count - 1) / 2].ms + first[count / 2].ms) / 2;
    qsort(first, count, sizeof *first, ascending);
}

mt_recovery mt_run_phases_recovery(mt_run_phases *phases, size_t i, double *seconds) {
    int64_t end_ns = phases->list[i].end_ns;
    if (i == 0 || end_ns == INT64_MAX)
        return MT_RECOVERY_UNKNOWN;
    sort_firsts(phases);
    size_t begin = first_due_from(phases, end_ns);
    if (!isfinite(phases->base_ms) || phases->first_count - begin < MT_RECOVERY_REQUESTS)
        return MT_RECOVERY_UNKNOWN;
    double most = MT_RECOVERY_FACTOR * phases->base_ms;
    for (size_t at = begin; at + MT_RECOVERY_REQUESTS <= phases->first_count; at++)
        if (median_of_window(&phases->firsts[at]) <= most) {
            *seconds = at == begin ? 0 : (double)(phases->firsts[at].due_ns - end_ns) * 1e-9;
            return MT_RECOVERY_DONE;
        }
    *seconds = (double)(phases->firsts[phases->first_count - 1].due_ns - end_ns) * 1e-9;
    return MT_RECOVERY_NEVER;
}

void mt_run_phases_free(mt_run_phases *phases) {
    for (size_t i = 0; i < phases->count; i++)
        mt_results_free(&phases->list[i].results);
    mt_free(phases->list);
    mt_free(phases->firsts);
    *phases = (mt_run_phases){0};
}
