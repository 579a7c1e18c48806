/* The ends of requests: each takes what is left in any source, of which it hands on nothing.
 *
 * All give MT_OK at the source's end, or the source's failure: MT_ERROR_INTERRUPTED after Ctrl-C.
 * The source stays the caller's. What takes requests one by one and keeps something of them
 * (prefix/analysis/analysis.h, prefix/model/model.h, ...) is an end as well, whose loop is the
 * caller's. */
#ifndef MT_TRACE_END_ENDS_H
#define MT_TRACE_END_ENDS_H

#include "base/file/output.h"
#include "text/texts.h"
#include "trace/columns.h"
#include "trace/profile.h"
#include "trace/source/source.h"
#include "trace/writer.h"

typedef struct mt_written {
    uint64_t count;
    int64_t last_ns; /* the time of the last of them; INT64_MIN: it has none */
} mt_written;

/* Writes at most `most` requests to output, which stays open; fewer only when the source is at its
 * end. *written tells those handed to output, on failure too. write.c */
mt_code mt_source_write(mt_source *source, mt_output *output, const mt_trace_format *format,
                        uint64_t most, mt_written *written, mt_error *error);

/* Appends at most `most` to columns; fewer only when the source is at its end. *appended counts
 * them, on failure too: what came before it stays appended. write.c */
mt_code mt_source_collect(mt_source *source, mt_columns *columns, uint64_t most, uint64_t *appended,
                          mt_error *error);

/* XXH3-64 over the bytes, as `format` writes them, of the first `most` requests. digest.c */
mt_code mt_source_digest(mt_source *source, const mt_trace_format *format, uint64_t most,
                         uint64_t *digest, mt_error *error);

/* Counts the requests with from_ns <= time <= to_ns into `count` bins; one at to_ns is in the last
 * one. from_ns < to_ns, count >= 1; bins need not be cleared. bins.c */
mt_code mt_source_bins(mt_source *source, int64_t from_ns, int64_t to_ns, mt_time_bin *bins,
                       size_t count, mt_error *error);

/* Where the time of a request lies: the bin, `count` for none. bins.c */
size_t mt_time_bin_of(const mt_request *request, int64_t from_ns, int64_t to_ns, size_t count);

/* The same of each stream by itself: bins[i * count ..] are those of stream i, named by `names`, a
 * raw JSON string token each and an empty text for requests without a stream. Of more than `most`
 * streams those that appear first are told apart; the rest are together in one more, named "". Of
 * one without a time, or outside the bins, only `whole` knows. streams.c */
typedef struct mt_stream_bins {
    size_t most, count;     /* set by the caller */
    int64_t from_ns, to_ns; /* set by the caller, from_ns < to_ns */
    mt_texts names;         /* zero at first */
    mt_time_bin *bins;      /* names.count * count */
    mt_time_bin *whole;     /* names.count */
    size_t bin_capacity, whole_capacity;
} mt_stream_bins;

mt_code mt_source_stream_bins(mt_source *source, mt_stream_bins *bins, mt_error *error);
void mt_stream_bins_free(mt_stream_bins *bins);

#endif
