/* Ctrl-C as a flag that long loops poll. The executable's signal handler raises it; core only
 * reads it. A loop that may run longer than a tenth of a second polls it every few thousand steps
 * and returns MT_ERROR_INTERRUPTED. */
#ifndef MT_BASE_INTERRUPT_H
#define MT_BASE_INTERRUPT_H

#include <signal.h>

extern volatile sig_atomic_t mt_interrupt_flag;

/* Not 0 once Ctrl-C was pressed and until the flag is cleared. */
static inline int mt_interrupted(void) {
    return mt_interrupt_flag != 0;
}

#endif
