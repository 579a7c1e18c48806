/* The times of a plan with the prompts of a synthesis: how a load shape is filled with what was
 * learnt from a trace. */
#ifndef MT_LOAD_RUN_SYNTHESIS_H
#define MT_LOAD_RUN_SYNTHESIS_H

#include "load/run.h"
#include "prefix/synthesis.h"

/* The synthesis's next request at the time of the run's next one, of which nothing else is used:
 * 1 with *request filled (valid until the next call), 0 when the plan has ended, -1 on failure.
 * speedup > 0 divides the time. The synthesis needs no times of its own. */
int mt_run_synthesize(mt_run *run, mt_synthesis *synthesis, double speedup, mt_request *request,
                      mt_error *error);

#endif
