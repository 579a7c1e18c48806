/* Private to this folder: the units in which the requests of runs are resampled, and which request of
 * one run has its like in another. */
#ifndef MT_DRIVE_MEASURE_CONTRAST_UNITS_H
#define MT_DRIVE_MEASURE_CONTRAST_UNITS_H

#include "drive/measure/contrast.h"

/* A request that was due in the window. */
typedef struct mt_unit_row {
    uint64_t unit;     /* its number, or its session's */
    uint64_t turn;     /* 0 where it is no turn */
    int64_t moment_ns; /* when it was due, since the first of the run */
    size_t row;
    uint32_t block;
} mt_unit_row;

/* The requests of a run, ordered by unit, turn and moment. */
typedef struct mt_unit_rows {
    mt_unit_row *rows;
    size_t count;
    uint64_t units;  /* how many there are */
    uint32_t blocks; /* of units */
} mt_unit_rows;

/* Fills both, of which the caller frees `rows` in any case; says whether the units are sessions, how
 * many requests have their like, and whether the runs are paired. MT_ERROR_MEMORY, _INTERRUPTED. */
mt_code mt_contrast_units(const mt_run_requests *const runs[2], const mt_contrast_options *options,
                          mt_unit_rows sides[2], int *by_session, uint64_t *matched, int *is_paired,
                          mt_error *error);

/* Has row i of run s the value of the member `by` that the options ask for? */
int mt_contrast_is_asked_for(const mt_run_requests *requests, size_t i, int s,
                             const mt_contrast_options *options);

#endif
