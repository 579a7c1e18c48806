/* Columns computed from columns, request by request. A request for which one of them has no number
 * has none in what is computed either, nor where the result is none (0 / 0).
 *
 * A computation reads blocks of numbers and makes one of them: loops of a few instructions without a
 * call, where that is possible. */
#include "lua/trace/column.h"

#include <math.h>

/* What a[i] and b[i] make, for each i; of one operand, a and b are the same. Either may be NaN. */
typedef void apply(const double *a, const double *b, size_t count, double *made);

typedef struct operation {
    const char *name; /* of its metamethod or method */
    const char *shown;
    apply *apply;
} operation;

#define EACH(NAME, MADE)                                                                           \
    static void NAME(const double *a, const double *b, size_t count, double *made) {               \
        for (size_t i = 0; i < count; i++)                                                         \
            made[i] = MADE;                                                                        \
    }

/* Of what gives a number though it was given none. */
#define EACH_OF_TWO(NAME, MADE)                                                                    \
    EACH(NAME, isnan(a[i]) || isnan(b[i]) ? (double)NAN : (double)(MADE))

#define WHOLE_LIMIT 0x1p52 /* below it the products of quotient and divisor are exact, too */

/* floor(), of which a processor may have none. */
static inline double floor_of(double x) {
    if (!(fabs(x) < WHOLE_LIMIT))
        return x;
    double cut = (double)(int64_t)x;
    return copysign(cut - (cut > x), x); /* -0 stays */
}

static inline int is_whole(double x) {
    return fabs(x) < WHOLE_LIMIT && x == (double)(int64_t)x;
}

/* As Lua has it: the rest has the sign of the divisor. With the quotient, rounded, cut to a whole number,
 * or one beside it, the rest is exact: of whole numbers as they are, of others in one rounding. */
static inline double modulo_of(double a, double b) {
    double quotient = a / b;
    if (!(fabs(quotient) < WHOLE_LIMIT) || isinf(b)) {
        double rest = fmod(a, b);
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
    double whole = (double)(int64_t)quotient;
    double rest = is_whole(a) && is_whole(b) ? a - whole * b : fma(-whole, b, a);
    if (rest == 0)
        return copysign(rest, a);
    return (rest < 0) != (b < 0) ? rest + b : rest;
}

EACH(add, a[i] + b[i])
EACH(subtract, a[i] - b[i])
EACH(multiply, a[i] * b[i])
EACH(divide, a[i] / b[i])
EACH(floor_divide, floor_of(a[i] / b[i]))
EACH(modulo, modulo_of(a[i], b[i]))
EACH(negate, ((void)b, -a[i]))
EACH_OF_TWO(is_above, a[i] > b[i])
EACH_OF_TWO(is_below, a[i] < b[i])
EACH_OF_TWO(is_at_least, a[i] >= b[i])
EACH_OF_TWO(is_at_most, a[i] <= b[i])
EACH_OF_TWO(is_equal, a[i] == b[i])
EACH_OF_TWO(both, a[i] != 0 && b[i] != 0)
EACH_OF_TWO(either, a[i] != 0 || b[i] != 0)
EACH_OF_TWO(is_zero, a[i] == 0)
EACH(masked, isnan(b[i]) || b[i] == 0 ? (double)NAN : a[i])

static const operation metamethods[] = {{"__add", "+", add},
                                        {"__sub", "-", subtract},
                                        {"__mul", "*", multiply},
                                        {"__div", "/", divide},
                                        {"__idiv", "//", floor_divide},
                                        {"__mod", "%", modulo},
                                        {"__unm", "-", negate},
                                        {"__band", "&", both},
                                        {"__bor", "|", either},
                                        {"__bnot", "~", is_zero},
                                        {NULL, NULL, NULL}};

static const operation methods_of_two[] = {{"above", "above", is_above},
                                           {"below", "below", is_below},
                                           {"at_least", "at_least", is_at_least},
                                           {"at_most", "at_most", is_at_most},
                                           {"equals", "equals", is_equal},
                                           {"where", "where", masked},
                                           {NULL, NULL, NULL}};

mt_lua_operand mt_lua_check_operand(lua_State *L, int arg, const char *shown) {
    mt_lua_operand self = {mt_lua_test_column(L, arg), 0};
    if (self.column)
        return self;
    self.number = lua_tonumber(L, arg);
    if (lua_type(L, arg) != LUA_TNUMBER || isnan(self.number))
        mt_lua_raise(L, "column %s: takes columns and numbers, not %s", shown,
                     luaL_tolstring(L, arg, NULL));
    return self;
}

size_t mt_lua_common_length(lua_State *L, const mt_lua_operand *a, const mt_lua_operand *b,
                            const char *shown) {
    size_t length = mt_lua_column_length(a->column ? a->column : b->column);
    if (a->column && b->column && mt_lua_column_length(b->column) != length)
        mt_lua_raise(L, "column %s: one column is of %I requests, the other of %I", shown,
                     (lua_Integer)length, (lua_Integer)mt_lua_column_length(b->column));
    return length;
}

const double *mt_lua_operand_numbers(const mt_lua_operand *self, size_t first, size_t count,
                                     double *room) {
    if (!self->column)
        for (size_t i = 0; i < count && first == 0; i++) /* it is the same in each block */
            room[i] = self->number;
    else if (!self->column->columns)
        return self->column->values + first;
    else
        mt_lua_column_numbers(self->column, first, count, room);
    return room;
}

/* operation(a, b) -> column; upvalue 1: the operation */
static int compute(lua_State *L) {
    const operation *op = lua_touserdata(L, lua_upvalueindex(1));
    mt_lua_operand a = mt_lua_check_operand(L, 1, op->shown);
    mt_lua_operand b = mt_lua_check_operand(L, 2, op->shown);
    size_t length = mt_lua_common_length(L, &a, &b, op->shown);
    mt_lua_column *result = mt_lua_new_column(L, length);
    double left[MT_LUA_COLUMN_BLOCK], right[MT_LUA_COLUMN_BLOCK];
    for (size_t i = 0, count; i < length; i += count) {
        count = length - i < MT_LUA_COLUMN_BLOCK ? length - i : MT_LUA_COLUMN_BLOCK;
        op->apply(mt_lua_operand_numbers(&a, i, count, left),
                  mt_lua_operand_numbers(&b, i, count, right), count, result->values + i);
    }
    return 1;
}

/* column:above(...): the same, the first of which is a column. */
static int compute_method(lua_State *L) {
    mt_lua_check_column(L, 1);
    lua_settop(L, 2);
    return compute(L);
}

/* a < b: Lua would make true or false of whatever it gave. */
static int refuse_order(lua_State *L) {
    return mt_lua_raise(L, "column: < and <= give one true or false; columns are compared by "
                           ":below, :at_most, :above, :at_least and :equals");
}

int mt_lua_columns_masked(lua_State *L) {
    const mt_columns *columns = mt_lua_check_columns(L, 1);
    const mt_lua_column *mask = mt_lua_check_column(L, 2);
    size_t length = mt_lua_column_length(mask);
    if (length != columns->count)
        return mt_lua_raise(L, "where: the columns have %I requests, the mask is of %I",
                            (lua_Integer)columns->count, (lua_Integer)length);
    unsigned char *wanted = lua_newuserdatauv(L, length, 0);
    double block[MT_LUA_COLUMN_BLOCK];
    for (size_t i = 0, count; i < length; i += count) {
        count = length - i < MT_LUA_COLUMN_BLOCK ? length - i : MT_LUA_COLUMN_BLOCK;
        mt_lua_column_numbers(mask, i, count, block);
        for (size_t k = 0; k < count; k++)
            wanted[i + k] = !isnan(block[k]) && block[k] != 0;
    }
    mt_error error;
    mt_columns *kept = mt_lua_new_columns(L);
    if (mt_columns_choose(columns, wanted, kept, &error) != MT_OK)
        return mt_lua_raise_error(L, &error);
    return 1;
}

static void set_operations(lua_State *L, int table, const operation *all, lua_CFunction function) {
    for (; all->name; all++) {
        lua_pushlightuserdata(L, (void *)all);
        lua_pushcclosure(L, function, 1);
        lua_setfield(L, table, all->name);
    }
}

void mt_lua_register_column_math(lua_State *L, int methods) {
    static const luaL_Reg orders[] = {{"__lt", refuse_order}, {"__le", refuse_order}, {NULL, NULL}};
    int metatable = lua_absindex(L, -1);
    set_operations(L, metatable, metamethods, compute);
    set_operations(L, methods, methods_of_two, compute_method);
    mt_lua_register_column_groups(L, methods);
    luaL_setfuncs(L, orders, 0);
}
