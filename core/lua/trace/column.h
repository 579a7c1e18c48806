/* Columns of numbers as Lua has them: a member of requests in columns, or computed from others. */
#ifndef MT_LUA_TRACE_COLUMN_H
#define MT_LUA_TRACE_COLUMN_H

#include "lua/trace/trace_binding.h"

typedef struct mt_lua_column_kind mt_lua_column_kind;

typedef struct mt_lua_column {
    const mt_columns *columns; /* a view of theirs, which are its user value; NULL: computed */
    const mt_lua_column_kind *kind;
    size_t count; /* of a computed one, which does not change */
    double values[];
} mt_lua_column;

/* The column at `arg`. mt_lua_test_column gives NULL when it is none. */
const mt_lua_column *mt_lua_check_column(lua_State *L, int arg);
const mt_lua_column *mt_lua_test_column(lua_State *L, int arg);

/* Pushes a computed column of `count` values, all 0 so far. */
mt_lua_column *mt_lua_new_column(lua_State *L, size_t count);

/* How many requests it has a place for. */
size_t mt_lua_column_length(const mt_lua_column *self);

/* The number at i (0-based, below the length) in the column's own unit, NaN when there is none.
 * Whole numbers of more than 2^53 are rounded. */
double mt_lua_column_number(const mt_lua_column *self, size_t i);

/* The numbers at first ... first + count - 1, as mt_lua_column_number has them. */
void mt_lua_column_numbers(const mt_lua_column *self, size_t first, size_t count, double *numbers);

/* Pushes an integer when the number is whole and one can hold it, else itself. */
void mt_lua_push_computed(lua_State *L, double value);

/* What a computation reads at a time, and keeps on the stack. */
enum { MT_LUA_COLUMN_BLOCK = 512 };

/* A column, or a number that stands for one of that number in each place. */
typedef struct mt_lua_operand {
    const mt_lua_column *column; /* NULL: the number */
    double number;
} mt_lua_operand;

/* The operand at `arg`; raises what begins with "column SHOWN" when it is none. */
mt_lua_operand mt_lua_check_operand(lua_State *L, int arg, const char *shown);

/* The length of what is computed of both, one of which is a column; raises when they differ. */
size_t mt_lua_common_length(lua_State *L, const mt_lua_operand *a, const mt_lua_operand *b,
                            const char *shown);

/* At most MT_LUA_COLUMN_BLOCK of its numbers from `first` on, a multiple of that: where they are, or in
 * `room`, which is the same at each call. */
const double *mt_lua_operand_numbers(const mt_lua_operand *self, size_t first, size_t count,
                                     double *room);

/* masked(columns, mask) -> columns of the requests for which a column has a number that is not 0 */
int mt_lua_columns_masked(lua_State *L);

/* column_groups.c: adds what groups columns to the table of methods. */
void mt_lua_register_column_groups(lua_State *L, int methods);

/* column_math.c: adds what computes columns to the metatable at the top, whose methods are the
 * table at `methods`. */
void mt_lua_register_column_math(lua_State *L, int methods);

#endif
