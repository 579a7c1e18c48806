-- What functions that take a trace say that it may be.
return "a file's name, columns, a pipe, a reader, a workload, a synthesizer"
