/* Requests, writers and columns between Lua and core, for the other bindings. */
#ifndef MT_LUA_TRACE_TRACE_BINDING_H
#define MT_LUA_TRACE_TRACE_BINDING_H

#include "lua/binding.h"

#include "base/file/output.h"
#include "trace/columns.h"
#include "trace/record.h"
#include "trace/scanner.h"
#include "trace/writer.h"

/* mt_output_finish, which no signal comes in between of: *output is NULL afterwards, unless one had
 * come before (MT_ERROR_INTERRUPTED). After core.trace.finish_is_last a later signal is too
 * late. */
mt_code mt_lua_finish_output(lua_State *L, mt_output **output, mt_error *error);

/* The output of the unfinished writer at `arg`, and how it writes into *format (NULL: not wanted).
 * The writer stays the owner. */
mt_output *mt_lua_check_writer(lua_State *L, int arg, mt_trace_format *format);

/* The columns at `arg`. mt_lua_test_columns gives NULL when they are none. */
mt_columns *mt_lua_check_columns(lua_State *L, int arg);
mt_columns *mt_lua_test_columns(lua_State *L, int arg);

/* Pushes new columns, empty; they belong to the userdata. */
mt_columns *mt_lua_new_columns(lua_State *L);

/* column.c: columns:column(name); its type, registered as mt_lua_index_rows says. */
int mt_lua_columns_column(lua_State *L);
void mt_lua_register_column(lua_State *L);

/* Takes the metatable at the top: its methods become `name` in the table below it, and its __index
 * is `index`, which knows numbers and has as upvalues the table of methods and the metatable. */
void mt_lua_index_rows(lua_State *L, lua_CFunction index, const char *name);

/* A picture has no more bins. */
enum { MT_LUA_MOST_BINS = 100000 };

/* Pushes the owner of count * size zero bytes, and gives them. */
void *mt_lua_new_zeros(lua_State *L, size_t count, size_t size);

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

/* The same in two steps: the place of the field of that name, -1 when there is none; and the
 * field. */
int mt_lua_field_of(const char *name);
void mt_lua_push_field_at(lua_State *L, const mt_request *request, int place);

/* Is that field a number, for which nothing is read that belongs to the request's source? */
int mt_lua_is_number_field(int place);

/* The member of that table that has the name, as a set of bits: 1 << its place; 0: there is none ({NULL, 0} is no
 * name). */
long mt_lua_fields_named(mt_span name);

/* Pushes the name of the field at that place. */
void mt_lua_push_field_name(lua_State *L, int place);

/* The same table, at `arg`, as a request: valid until the next call with this buffer. Raises usage
 * errors that begin with `what`; an unknown field is one. `line` is not read. */
void mt_lua_fill_request(lua_State *L, int arg, const char *what, mt_lua_request_buffer *buffer,
                         mt_request *request);

#endif
