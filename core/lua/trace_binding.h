/* Requests, readers, writers and columns between Lua and core, for the other bindings. */
#ifndef MT_LUA_TRACE_BINDING_H
#define MT_LUA_TRACE_BINDING_H

#include "lua/binding.h"

#include "base/output.h"
#include "trace/columns.h"
#include "trace/reader.h"
#include "trace/record.h"
#include "trace/scanner.h"
#include "trace/step/steps.h"
#include "trace/writer.h"

/* The open reader at `arg`; raises when it is none or is closed. */
mt_trace_reader *mt_lua_check_reader(lua_State *L, int arg);

/* Pushes a closed reader and gives the place of its trace, which the userdata owns once set. */
mt_trace_reader **mt_lua_new_reader(lua_State *L);

/* The output of the unfinished writer at `arg`, and how it writes into *format (NULL: not wanted).
 * The writer stays the owner. */
mt_output *mt_lua_check_writer(lua_State *L, int arg, mt_trace_format *format);

/* The columns at `arg`. mt_lua_test_columns gives NULL when they are none. */
mt_columns *mt_lua_check_columns(lua_State *L, int arg);
mt_columns *mt_lua_test_columns(lua_State *L, int arg);

/* The open source at `arg`; raises when it is none or is closed. */
mt_source *mt_lua_check_source(lua_State *L, int arg);

/* Pushes a closed source and gives the place of its trace, which the userdata owns once set; and
 * that of the open source at `arg`, for a step that takes over what is there. */
mt_source **mt_lua_new_source(lua_State *L);
mt_source **mt_lua_source_place(lua_State *L, int arg);

/* What requests are read from: the open reader or source at `arg`. */
typedef struct mt_lua_trace {
    mt_trace_reader *reader; /* NULL: it is the source */
    mt_source *source;
} mt_lua_trace;

mt_lua_trace mt_lua_check_trace(lua_State *L, int arg);
const char *mt_lua_trace_name(const mt_lua_trace *trace);
uint64_t mt_lua_trace_skipped(const mt_lua_trace *trace, mt_error *first);

static inline int mt_lua_trace_next(const mt_lua_trace *trace, mt_request *request,
                                    mt_error *error) {
    return trace->reader ? mt_trace_next(trace->reader, request, error)
                         : mt_source_next(trace->source, request, error);
}

/* Pushes new columns, empty; they belong to the userdata. */
mt_columns *mt_lua_new_columns(lua_State *L);

/* The column at `arg` (columns:column(name)): how many requests it spans; the value of request `i`
 * in the column's own unit into *value. Returns 0 where the request has none. */
size_t mt_lua_column_rows(lua_State *L, int arg);
int mt_lua_column_number(lua_State *L, int arg, size_t i, double *value);

/* Functions of core.columns that count in bins (columns_bins.c). */
int mt_lua_columns_time_range(lua_State *L);
int mt_lua_columns_time_bins(lua_State *L);
int mt_lua_column_histogram(lua_State *L);

/* Pushes a grid as a table: period and offset in seconds, times, instants, off. */
void mt_lua_push_grid(lua_State *L, const mt_grid *grid);

/* What requests made from Lua tables point into. Zero it inside a userdata, whose release frees it.
 */
typedef struct mt_lua_request_buffer {
    mt_scan_buffer scan;
    char *text;
    size_t text_capacity;
} mt_lua_request_buffer;

void mt_lua_request_buffer_free(mt_lua_request_buffer *buffer);

/* Pushes the request as a table: timestamp and delay in milliseconds (integers when whole),
 * input_length, output_length, hash_ids, session_id (string or number), stream, turn, extra (the
 * other members as the text of a JSON object), line. What is absent is nil. Whole numbers of 2^63
 * and more, which a Lua integer cannot hold, are strings of digits. */
void mt_lua_push_request(lua_State *L, const mt_request *request);

/* Pushes one field of that table, or hash_count, by its name; nil when it is absent. Returns 0, and
 * pushes nothing, when a request has no field of that name. */
int mt_lua_push_field(lua_State *L, const mt_request *request, const char *name);

/* The same table, at `arg`, as a request: valid until the next call with this buffer. Raises usage
 * errors that begin with `what`; an unknown field is one. `line` is not read. */
void mt_lua_fill_request(lua_State *L, int arg, const char *what, mt_lua_request_buffer *buffer,
                         mt_request *request);

/* The "moontide.filter" at `arg` with the function at `function`, called with a request as a table
 * (as_table) or without an argument, for mt_step_where: a reference until the filter is released.
 */
mt_filter mt_lua_to_filter(lua_State *L, int arg, int function, int as_table);

/* Registers "moontide.filter" and pushes the function that makes one. */
void mt_lua_push_filter_maker(lua_State *L);

#endif
