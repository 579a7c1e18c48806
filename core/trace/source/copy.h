/* A trace from a source to an output. */
#ifndef MT_TRACE_SOURCE_COPY_H
#define MT_TRACE_SOURCE_COPY_H

#include "base/output.h"
#include "trace/source/source.h"
#include "trace/writer.h"

/* Writes at most `most` requests; fewer only when the source is at its end. *written counts those
 * handed to output, on failure too. */
mt_code mt_trace_copy(mt_source *source, mt_output *output, const mt_trace_format *format,
                      uint64_t most, uint64_t *written, mt_error *error);

#endif
