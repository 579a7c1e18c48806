/* Columns of numbers as Lua has them: a member of requests in columns, or computed from others. */
#ifndef MT_LUA_COLUMN_H
#define MT_LUA_COLUMN_H

#include "lua/trace_binding.h"

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

/* Pushes an integer when the number is whole and one can hold it, else itself. */
void mt_lua_push_computed(lua_State *L, double value);

/* masked(columns, mask) -> columns of the requests for which a column has a number that is not 0 */
int mt_lua_columns_masked(lua_State *L);

/* column_math.c: adds what computes columns to the metatable at the top, whose methods are the
 * table at `methods`. */
void mt_lua_register_column_math(lua_State *L, int methods);

#endif
