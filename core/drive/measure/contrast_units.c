#include "drive/measure/contrast_units.h"

#include "base/memory.h"
#include "base/sort.h"
#include "stats/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ---- */

static int is_turn(const mt_run_request *row) {
    return row->session != 0 && row->turn > 0;
}

static int has_turns(const mt_run_requests *requests) {
    for (size_t i = 0; i < requests->count; i++)
        if (is_turn(&requests->rows[i]))
            return 1;
    return 0;
}

static int64_t due_of(const mt_run_request *row) {
    return row->due_ns != MT_NEVER ? row->due_ns : row->begun_ns;
}

static int64_t first_due(const mt_run_requests *requests) {
    int64_t first = MT_NEVER;
    for (size_t i = 0; i < requests->count; i++) {
        int64_t due = due_of(&requests->rows[i]);
        if (due != MT_NEVER && (first == MT_NEVER || due < first))
            first = due;
    }
    return first;
}

static int compare(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int by_unit(const void *a, const void *b) {
    const mt_unit_row *one = a, *other = b;
    if (one->unit != other->unit)
        return compare(one->unit, other->unit);
    if (one->turn != other->turn)
        return compare(one->turn, other->turn);
    if (one->moment_ns != other->moment_ns)
        return one->moment_ns < other->moment_ns ? -1 : 1;
    return compare(one->row, other->row);
}

/* Units that are no sessions and have no like in the other run are set apart by these. */
static const uint64_t no_session = UINT64_C(1) << 63, no_number = UINT64_C(1) << 62,
                      of_second = UINT64_C(1) << 61;

/* s: which run. */
static mt_code unit_of(const mt_run_requests *requests, size_t i, int s, mt_texts *sessions,
                       uint64_t *unit, mt_error *error) {
    const mt_run_request *row = &requests->rows[i];
    uint32_t number;
    mt_span text = mt_run_requests_text(requests, row->session);
    *unit = row->lacks_number ? no_number | (s > 0 ? of_second : 0) | i : row->number;
    if (!sessions)
        return MT_OK;
    if (row->session == 0) {
        *unit |= no_session;
        return MT_OK;
    }
    if (mt_texts_intern(sessions, text.text, text.length, &number) != 0)
        return mt_fail_memory(error, "sessions");
    *unit = number;
    return MT_OK;
}

int mt_contrast_is_asked_for(const mt_run_requests *requests, size_t i, int s,
                             const mt_contrast_options *options) {
    char text[MT_ENDPOINT_ROOM];
    if (!options->by)
        return 1;
    mt_span value = mt_run_requests_member(requests, i, options->by, text),
            wanted = options->values[s];
    if (value.length == 0)
        value = (mt_span){"null", 4};
    return value.length == wanted.length && memcmp(value.text, wanted.text, wanted.length) == 0;
}

/* sessions: names, numbered alike for both runs; NULL: each request is a unit. */
static mt_code gather(const mt_run_requests *requests, int s, const mt_contrast_options *options,
                      mt_texts *sessions, mt_unit_rows *side, mt_error *error) {
    int64_t first = first_due(requests);
    side->rows = mt_allocate(requests->count, sizeof *side->rows);
    if (!side->rows)
        return mt_fail_memory(error, "comparing runs");
    for (size_t i = 0; i < requests->count; i++) {
        const mt_run_request *row = &requests->rows[i];
        if (row->phase != MT_PHASE_PROFILING || !mt_contrast_is_asked_for(requests, i, s, options))
            continue;
        int64_t due = due_of(row);
        mt_unit_row *one = &side->rows[side->count++];
        *one = (mt_unit_row){.turn = sessions ? row->turn : 0,
                             .moment_ns = due == MT_NEVER ? INT64_MAX : due - first,
                             .row = i};
        mt_code code = unit_of(requests, i, s, sessions, &one->unit, error);
        if (code != MT_OK)
            return code;
    }
    qsort(side->rows, side->count, sizeof *side->rows, by_unit);
    return MT_OK;
}

/* ---- which have their like ---- */

static int same(double a, double b) {
    return a == b || (isnan(a) && isnan(b));
}

static double planned(const mt_run_requests *requests, size_t row, int metric) {
    return mt_run_requests_metric(requests, row, metric);
}

/* Whether both rows are of the same line and lengths; *known: at least one of them is said. */
static int are_alike(const mt_run_requests *const runs[2], size_t one, size_t other, int *known) {
    const mt_run_request *a = &runs[0]->rows[one], *b = &runs[1]->rows[other];
    double input = planned(runs[0], one, MT_MEASURE_WANTED_INPUT);
    double output = planned(runs[0], one, MT_MEASURE_WANTED_INPUT + 1);
    *known |= a->line != 0 || !isnan(input) || !isnan(output);
    return a->line == b->line && same(input, planned(runs[1], other, MT_MEASURE_WANTED_INPUT)) &&
           same(output, planned(runs[1], other, MT_MEASURE_WANTED_INPUT + 1));
}

static int are_paired(const mt_run_requests *const runs[2], int drawn_apart,
                      const mt_unit_rows sides[2], uint64_t *matched) {
    int known = 0;
    size_t i = 0, j = 0;
    *matched = 0;
    while (i < sides[0].count && j < sides[1].count) {
        const mt_unit_row *one = &sides[0].rows[i], *other = &sides[1].rows[j];
        int order = compare(one->unit, other->unit);
        if (order == 0)
            order = compare(one->turn, other->turn);
        if (order == 0) {
            int is_drawn = runs[0]->rows[one->row].line == 0;
            if ((is_drawn && drawn_apart) || !are_alike(runs, one->row, other->row, &known))
                return 0;
            (*matched)++;
        }
        i += order <= 0;
        j += order >= 0;
    }
    size_t most = sides[0].count > sides[1].count ? sides[0].count : sides[1].count;
    return known && (double)*matched >= 0.9 * (double)most;
}

/* ---- blocks ---- */

typedef struct unit {
    uint64_t number;
    int64_t moment_ns; /* of its first request */
    uint32_t block;
} unit;

static int by_number(const void *a, const void *b) {
    const unit *one = a, *other = b;
    if (one->number != other->number)
        return compare(one->number, other->number);
    return (one->moment_ns > other->moment_ns) - (one->moment_ns < other->moment_ns);
}

/* The distinct units of one or two sides, each with its earliest moment, by number. */
static size_t distinct(const mt_unit_rows *sides, int count, unit *units) {
    size_t all = 0, kept = 0;
    for (int s = 0; s < count; s++)
        for (size_t i = 0; i < sides[s].count; i++)
            units[all++] = (unit){sides[s].rows[i].unit, sides[s].rows[i].moment_ns, 0};
    qsort(units, all, sizeof *units, by_number);
    for (size_t i = 0; i < all; i++)
        if (kept == 0 || units[i].number != units[kept - 1].number)
            units[kept++] = units[i];
    return kept;
}

/* Blocks are stretches of the units in the order of their moments. */
static mt_code deal_blocks(unit *units, size_t count, mt_error *error) {
    mt_timed *order = mt_allocate(count, sizeof *order);
    if (!order)
        return mt_fail_memory(error, "comparing runs");
    for (size_t i = 0; i < count; i++)
        order[i] = (mt_timed){units[i].moment_ns, i};
    mt_code code = mt_sort_by_time(order, count, error);
    for (size_t i = 0; code == MT_OK && i < count; i++)
        units[order[i].place].block = mt_bootstrap_block(i, count);
    mt_free(order);
    return code;
}

/* Both are ordered by unit. */
static void take_blocks(mt_unit_rows *side, const unit *units, size_t count) {
    const unit *at = units;
    uint64_t before = 0;
    side->blocks = mt_bootstrap_blocks(count);
    for (size_t i = 0; i < side->count; i++) {
        mt_unit_row *row = &side->rows[i];
        while (at->number != row->unit)
            at++;
        row->block = at->block;
        side->units += i == 0 || row->unit != before;
        before = row->unit;
    }
}

static mt_code place_blocks(mt_unit_rows *sides, int count, mt_error *error) {
    size_t room = sides[0].count + (count > 1 ? sides[1].count : 0);
    unit *units = mt_allocate(room, sizeof *units);
    if (!units)
        return mt_fail_memory(error, "comparing runs");
    size_t kept = distinct(sides, count, units);
    mt_code code = deal_blocks(units, kept, error);
    for (int s = 0; code == MT_OK && s < count; s++)
        take_blocks(&sides[s], units, kept);
    mt_free(units);
    return code;
}

mt_code mt_contrast_units(const mt_run_requests *const runs[2], const mt_contrast_options *options,
                          mt_unit_rows sides[2], int *by_session, uint64_t *matched, int *is_paired,
                          mt_error *error) {
    mt_texts sessions = {0};
    *by_session = has_turns(runs[0]) && has_turns(runs[1]);
    mt_code code = MT_OK;
    for (int s = 0; code == MT_OK && s < 2; s++)
        code = gather(runs[s], s, options, *by_session ? &sessions : NULL, &sides[s], error);
    mt_texts_free(&sessions);
    if (code != MT_OK)
        return code;
    *is_paired = are_paired(runs, options->drawn_apart, sides, matched);
    if (*is_paired)
        return place_blocks(sides, 2, error);
    code = place_blocks(&sides[0], 1, error);
    return code == MT_OK ? place_blocks(&sides[1], 1, error) : code;
}
