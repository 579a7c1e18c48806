/* Columns computed from columns, request by request. A request for which one of them has no number
 * has none in what is computed either, nor where the result is none (0 / 0). */
#include "lua/column.h"

#include "stats/groups.h"

#include <math.h>

typedef struct operation {
    const char *name; /* of its metamethod or method */
    const char *shown;
    double (*apply)(double a, double b); /* neither is NaN; of one operand, a and b are the same */
} operation;

static double add(double a, double b) {
    return a + b;
}

static double subtract(double a, double b) {
    return a - b;
}

static double multiply(double a, double b) {
    return a * b;
}

static double divide(double a, double b) {
    return a / b;
}

static double floor_divide(double a, double b) {
    return floor(a / b);
}

/* As Lua has it: the rest has the sign of the divisor. */
static double modulo(double a, double b) {
    double rest = fmod(a, b);
    return rest * b < 0 ? rest + b : rest;
}

static double negate(double a, double b) {
    (void)b;
    return -a;
}

static double is_above(double a, double b) {
    return a > b;
}

static double is_below(double a, double b) {
    return a < b;
}

static double is_at_least(double a, double b) {
    return a >= b;
}

static double is_at_most(double a, double b) {
    return a <= b;
}

static double is_equal(double a, double b) {
    return a == b;
}

static double both(double a, double b) {
    return a != 0 && b != 0;
}

static double either(double a, double b) {
    return a != 0 || b != 0;
}

static double is_zero(double a, double b) {
    (void)b;
    return a == 0;
}

/* a where b is not 0 */
static double masked(double a, double b) {
    return b != 0 ? a : NAN;
}

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

/* A column, or a number that stands for one of that number in each place. */
typedef struct operand {
    const mt_lua_column *column; /* NULL: the number */
    double number;
} operand;

static operand check_operand(lua_State *L, int arg, const char *shown) {
    operand self = {mt_lua_test_column(L, arg), 0};
    if (self.column)
        return self;
    self.number = lua_tonumber(L, arg);
    if (lua_type(L, arg) != LUA_TNUMBER || isnan(self.number))
        mt_lua_raise(L, "column %s: takes columns and numbers, not %s", shown,
                     luaL_tolstring(L, arg, NULL));
    return self;
}

static double operand_at(const operand *self, size_t i) {
    return self->column ? mt_lua_column_number(self->column, i) : self->number;
}

/* The length of what is computed of both. */
static size_t common_length(lua_State *L, const operand *a, const operand *b, const char *shown) {
    size_t length = mt_lua_column_length(a->column ? a->column : b->column);
    if (a->column && b->column && mt_lua_column_length(b->column) != length)
        mt_lua_raise(L, "column %s: one column is of %I requests, the other of %I", shown,
                     (lua_Integer)length, (lua_Integer)mt_lua_column_length(b->column));
    return length;
}

/* operation(a, b) -> column; upvalue 1: the operation */
static int compute(lua_State *L) {
    const operation *op = lua_touserdata(L, lua_upvalueindex(1));
    operand a = check_operand(L, 1, op->shown), b = check_operand(L, 2, op->shown);
    size_t length = common_length(L, &a, &b, op->shown);
    mt_lua_column *result = mt_lua_new_column(L, length);
    for (size_t i = 0; i < length; i++) {
        double left = operand_at(&a, i), right = operand_at(&b, i);
        result->values[i] = isnan(left) || isnan(right) ? NAN : op->apply(left, right);
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

static void push_group(lua_State *L, const mt_group *group) {
    const struct {
        const char *name;
        double value;
    } members[] = {{"key", group->key},
                   {"sum", group->sum},
                   {"mean", group->sum / (double)group->count},
                   {"min", group->min},
                   {"max", group->max}};
    lua_createtable(L, 0, 6);
    mt_lua_set_count(L, "count", group->count);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        mt_lua_push_computed(L, members[i].value);
        lua_setfield(L, -2, members[i].name);
    }
}

/* column:group_by(keys) -> list of {key, count, sum, mean, min, max}, by key; what has no key or no
 * value is in no group */
static int group_by(lua_State *L) {
    operand values = {mt_lua_check_column(L, 1), 0}, keys = check_operand(L, 2, "group_by");
    size_t length = common_length(L, &values, &keys, "group_by"), count = 0;
    mt_keyed *items = lua_newuserdatauv(L, length * sizeof *items, 0);
    for (size_t i = 0; i < length; i++) {
        mt_keyed item = {operand_at(&keys, i), operand_at(&values, i)};
        if (!isnan(item.key) && !isnan(item.value))
            items[count++] = item;
    }
    mt_sort_keyed(items, count);
    lua_newtable(L);
    mt_group group;
    lua_Integer groups = 0;
    for (size_t i = 0; i < count; lua_rawseti(L, -2, ++groups)) {
        i = mt_next_group(items, count, i, &group);
        push_group(L, &group);
    }
    return 1;
}

int mt_lua_columns_masked(lua_State *L) {
    const mt_columns *columns = mt_lua_check_columns(L, 1);
    const mt_lua_column *mask = mt_lua_check_column(L, 2);
    size_t length = mt_lua_column_length(mask);
    if (length != columns->count)
        return mt_lua_raise(L, "where: the columns have %I requests, the mask is of %I",
                            (lua_Integer)columns->count, (lua_Integer)length);
    mt_columns *kept = mt_lua_new_columns(L);
    for (size_t i = 0; i < length; i++) {
        double wanted = mt_lua_column_number(mask, i);
        mt_request request;
        mt_error error;
        if (isnan(wanted) || wanted == 0)
            continue;
        mt_columns_get(columns, i, &request);
        if (mt_columns_append(kept, &request, &error) != MT_OK)
            return mt_lua_raise_error(L, &error);
    }
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
    lua_pushcfunction(L, group_by);
    lua_setfield(L, methods, "group_by");
    luaL_setfuncs(L, orders, 0);
}
