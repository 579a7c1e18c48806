/* How good the wall clock is, as the kernel tells (adjtimex(2)): what runs on several hosts is put
 * on one axis by it. */
#ifndef MT_DRIVE_CLOCK_H
#define MT_DRIVE_CLOCK_H

#include <stdint.h>

typedef struct mt_clock_state {
    int is_synchronised; /* by NTP or the like; else the errors mean little */
    int64_t offset_ns;   /* what is left to be corrected */
    int64_t max_error_ns, estimated_error_ns;
} mt_clock_state;

/* 0; -1 where the kernel does not tell. Changes nothing. */
int mt_clock_look(mt_clock_state *state);

#endif
