/* Ctrl-C as a flag that long loops poll. The executable's signal handler raises it; core only
 * reads it. A loop that may run longer than a tenth of a second polls it every few thousand steps
 * and returns MT_ERROR_INTERRUPTED.
 *
 * A command ends with the first Ctrl-C and has only to tidy up: the second ends the process at
 * once. The console lives on: it clears the flag, and only somebody who has pressed the keys in vain
 * twice wants to leave. A run that is being driven ends by itself when the flag is raised: as long as it
 * goes on, it has one more. */
#ifndef MT_BASE_INTERRUPT_H
#define MT_BASE_INTERRUPT_H

#include "base/error.h"

#include <signal.h>

enum { MT_PATIENCE_OF_COMMAND = 1, MT_PATIENCE_OF_CONSOLE = 2 };

/* What a signal handler may touch, and several threads: the one that compresses polls, the page's raises. */
typedef _Atomic sig_atomic_t mt_signal_count;

/* How often since it was cleared. One for the whole process: modules that the executable loads use
 * its own. */
extern __attribute__((visibility("default"))) mt_signal_count mt_interrupt_flag;

/* Not 0 once a signal other than Ctrl-C has asked the process to end. */
extern mt_signal_count mt_interrupt_is_final;

/* Not 0 once the last file of a command is in place: the next signal comes too late to interrupt it
 * and is passed over, the one after that ends the process. */
extern mt_signal_count mt_interrupt_is_late;

/* How many times the flag is raised before the next signal ends the process. */
extern __attribute__((visibility("default"))) mt_signal_count mt_interrupt_patience;

/* How many callers heed the flag themselves, so that what they do meanwhile goes on: a run that is being
 * driven counts up the patience and this, and down again. */
extern __attribute__((visibility("default"))) mt_signal_count mt_interrupt_is_borne;

/* Not 0 once Ctrl-C was pressed and until the flag is cleared. */
static inline int mt_interrupted(void) {
    return mt_interrupt_flag != 0;
}

/* MT_OK, or MT_ERROR_INTERRUPTED with its message when it was pressed. */
static inline mt_code mt_poll_interrupt(mt_error *error) {
    return mt_interrupted() ? mt_fail(error, MT_ERROR_INTERRUPTED, "interrupted") : MT_OK;
}

#endif
