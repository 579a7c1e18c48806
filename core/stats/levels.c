#include "stats/levels.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

/* The step that the time lies in; NULL when out of memory. */
static mt_level_step *step_at(mt_levels *self, double time, double *left) {
    size_t place = (size_t)(time / self->step);
    if (place >= self->count) {
        size_t count = place + 1;
        if (MT_GROW(self->steps, self->capacity, count) != 0)
            return NULL;
        memset(self->steps + self->count, 0, (count - self->count) * sizeof *self->steps);
        self->count = count;
    }
    *left = fmax((double)(place + 1) * self->step - time, 0);
    return &self->steps[place];
}

int mt_levels_change(mt_levels *self, double time, double jump, double slope) {
    double left;
    mt_level_step *step = step_at(self, time, &left);
    if (!step)
        return -1;
    step->area += left * (jump + slope * left / 2);
    step->level += jump + slope * left;
    step->slope += slope;
    return 0;
}

int mt_levels_instant(mt_levels *self, double time, double amount) {
    double left;
    mt_level_step *step = step_at(self, time, &left);
    if (!step)
        return -1;
    step->area += amount;
    return 0;
}

void mt_levels_means(const mt_levels *self, double *means) {
    const double nothing = 1e-9;
    double level = 0, slope = 0, largest = 0;
    for (size_t i = 0; i < self->count; i++) {
        const mt_level_step *step = &self->steps[i];
        double area = step->area + self->step * (level + slope * self->step / 2);
        means[i] = area / self->step;
        largest = fmax(largest, means[i]);
        if (means[i] < nothing * largest)
            means[i] = 0;
        level += slope * self->step + step->level;
        slope += step->slope;
    }
}

void mt_levels_free(mt_levels *self) {
    mt_free(self->steps);
    memset(self, 0, sizeof *self);
}
