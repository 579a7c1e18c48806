/* The times of a plan with the prompts of a synthesis: how a load shape is filled with what was
 * learnt from a trace. */
#ifndef MT_LOAD_RUN_SYNTHESIS_H
#define MT_LOAD_RUN_SYNTHESIS_H

#include "load/run.h"
#include "prefix/synthesis/synthesis.h"

/* The synthesis's next request at the time of the run's next one, of which nothing else is used:
 * 1 with *request filled (valid until the next call), 0 when the plan has ended, -1 on failure. The
 * synthesis needs no gaps; its speedup divides the times. Polls for Ctrl-C. */
int mt_run_synthesize(mt_run *run, mt_synthesis *synthesis, mt_request *request, mt_error *error);

/* Writes at most `most` of them; *written counts them also when it fails, and is below `most` at
 * the plan's end. The output stays open. */
mt_code mt_run_synthesize_write(mt_run *run, mt_synthesis *synthesis, mt_output *output,
                                const mt_trace_format *format, uint64_t most, uint64_t *written,
                                mt_error *error);

#endif
