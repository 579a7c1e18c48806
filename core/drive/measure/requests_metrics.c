#include "drive/measure/requests_reading.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* Sets the row's value in a column, which is made when it has its first. */
static int set_metric(mt_run_reading *self, double **column, double value) {
    mt_run_requests *requests = self->requests;
    if (!*column) {
        *column = mt_allocate(requests->capacity, sizeof **column);
        if (!*column)
            return mt_run_reading_no_memory(self);
        for (size_t i = 0; i < requests->count; i++)
            (*column)[i] = NAN;
    }
    (*column)[requests->count] = value;
    return 0;
}

static int take_gaps(mt_json_walk *self, mt_run_reading *of) {
    mt_run_requests *requests = of->requests;
    mt_json_walk list;
    int status;
    if (mt_json_walk_begin(&list, self->json, self->at, '[', "a list of numbers") != 0)
        return -1;
    list.name = self->name;
    of->row->gap = requests->gap_count;
    while ((status = mt_json_walk_next(&list)) > 0) {
        int64_t units;
        if (mt_json_take_whole(&list, 4, 0, &units) != 0)
            return -1;
        if (MT_GROW(requests->gaps, requests->gap_capacity, requests->gap_count + 1) != 0)
            return mt_run_reading_no_memory(of);
        requests->gaps[requests->gap_count++] = units > UINT32_MAX ? UINT32_MAX : (uint32_t)units;
        of->row->gap_count++;
    }
    self->at = list.at;
    return status;
}

/* What a value in this unit of time is to be multiplied with for milliseconds; 0: it is none. */
static double milliseconds_of(mt_span unit) {
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1}, {"s", 1e3}, {"sec", 1e3}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (unit.length == strlen(units[i].name) &&
            memcmp(unit.text, units[i].name, unit.length) == 0)
            return units[i].factor;
    return 0;
}

/* The members `value` and `unit` of a metric; place: of a metric of ours, -1: error_isl, -2: the
 * gaps. */
static int take_metric(mt_json_walk *self, mt_run_reading *of, int place) {
    mt_json_walk members;
    double value = NAN, factor = 1;
    int status;
    if (mt_json_walk_begin(&members, self->json, self->at, '{', "an object with value and unit") !=
        0)
        return -1;
    while ((status = mt_json_walk_next(&members)) > 0) {
        const char *begins = members.at;
        if (mt_json_walk_is(&members, "value")) {
            if (mt_json_take_null(&members))
                continue;
            members.name = self->name;
            if ((place == -2 ? take_gaps(&members, of) : mt_json_take_number(&members, &value)) !=
                0)
                return -1;
        } else if (mt_json_walk_pass(&members) != 0) {
            return -1;
        } else if (mt_json_walk_is(&members, "unit") && place >= 0 && *begins == '"' &&
                   strcmp(mt_measures[place].unit, "ms") == 0) {
            mt_span unit = {begins + 1, (size_t)(members.at - begins) - 2};
            factor = milliseconds_of(unit);
            if (factor == 0)
                return mt_json_fail(self->json, begins, "%s: there is no unit of time '%.*s'",
                                    mt_measures[place].key, (int)unit.length, unit.text),
                       -1;
        }
    }
    self->at = members.at;
    if (status != 0 || isnan(value))
        return status;
    mt_run_requests *requests = of->requests;
    return set_metric(of, place < 0 ? &requests->error_inputs : &requests->metrics[place],
                      factor == 1 ? value : value * factor);
}

/* The place of the metric among ours, as take_metric has it; -3: there is none. */
static int metric_named(mt_run_reading *self, const mt_json_walk *at) {
    for (int i = 0; i < MT_MEASURES; i++) {
        int place = (self->metric_hint + i) % MT_MEASURES;
        if (mt_json_walk_is(at, mt_measures[place].key)) {
            self->metric_hint = (place + 1) % MT_MEASURES;
            return place;
        }
    }
    return mt_json_walk_is(at, "error_isl")             ? -1
           : mt_json_walk_is(at, "inter_chunk_latency") ? -2
                                                        : -3;
}

int mt_run_read_metrics(mt_run_reading *self, const mt_json *json, const char **at) {
    mt_json_walk of;
    int status;
    if (mt_json_walk_begin(&of, json, *at, '{', "an object: the metrics of a request") != 0)
        return -1;
    while ((status = mt_json_walk_next(&of)) > 0) {
        int place = metric_named(self, &of);
        if ((place == -3 ? mt_json_walk_pass(&of) : take_metric(&of, self, place)) != 0)
            return -1;
    }
    *at = of.at;
    return status;
}
