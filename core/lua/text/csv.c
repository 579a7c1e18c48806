/* core.csv: reading CSV files, and what the texts in them say. Positional and strict;
 * lua/moontide/base/csv.lua is the pleasant side. */
#include "lua/binding.h"

#include "base/memory.h"
#include "text/csv_field.h"
#include "text/csv_reader.h"

static const char type_name[] = "moontide.csv";

/* User value 1 is the list of the wanted columns' names: the keys of a row's table. */
typedef struct owner {
    mt_csv_reader *csv; /* NULL: closed */
    size_t *wanted;     /* indices of the columns that rows are made of */
    size_t wanted_count;
    uint64_t line; /* of the row given last; of the header before the first */
} owner;

static owner *check_open(lua_State *L, int arg) {
    owner *self = luaL_checkudata(L, arg, type_name);
    if (!self->csv)
        mt_lua_raise(L, "the CSV reader is closed");
    return self;
}

/* open(path, delimiter | nil) -> reader, whose rows are empty until select | nil, message, code */
static int open_csv(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    char delimiter = *luaL_optstring(L, 2, "");
    mt_error error;
    owner *self = mt_lua_new_owner(L, sizeof *self, type_name);
    mt_input *input = mt_input_open(path, &error);
    self->csv = input ? mt_csv_open_input(input, delimiter, &error) : NULL;
    if (!self->csv)
        return mt_lua_failure(L, &error);
    self->line = mt_csv_header(self->csv)->line;
    return 1;
}

/* select(reader, {index, ...}): rows get these columns, counted from 1. */
static int select_columns(lua_State *L) {
    owner *self = check_open(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    const mt_csv_row *header = mt_csv_header(self->csv);
    size_t count = lua_rawlen(L, 2);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i);
        lua_Integer index = luaL_checkinteger(L, -1);
        if (index < 1 || (size_t)index > header->count)
            return luaL_error(L, "there is no column %I", index);
        lua_pop(L, 1);
    }
    mt_free(self->wanted);
    self->wanted_count = 0;
    self->wanted = mt_allocate(count, sizeof *self->wanted);
    if (!self->wanted)
        return luaL_error(L, "out of memory (CSV columns)");
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        self->wanted[i] = (size_t)lua_tointeger(L, -1) - 1;
        lua_pop(L, 1);
        const mt_span *name = &header->fields[self->wanted[i]];
        lua_pushlstring(L, name->text, name->length);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setiuservalue(L, 1, 1);
    self->wanted_count = count;
    return 0;
}

/* The next row as a table, nil at the end; nothing pushed and -1 on failure. */
static int push_next(lua_State *L, mt_error *error) {
    owner *self = check_open(L, 1);
    mt_csv_row row;
    int status = mt_csv_next(self->csv, &row, error);
    if (status == 0)
        lua_pushnil(L);
    if (status <= 0)
        return status;
    self->line = row.line;
    lua_getiuservalue(L, 1, 1);
    lua_createtable(L, 0, (int)self->wanted_count);
    for (size_t i = 0; i < self->wanted_count; i++) {
        const mt_span *field = &row.fields[self->wanted[i]];
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        lua_pushlstring(L, field->text, field->length);
        lua_rawset(L, -3);
    }
    return status;
}

/* reader:next() -> row | nil at the end | nil, message, code */
static int csv_next(lua_State *L) {
    mt_error error;
    return push_next(L, &error) < 0 ? mt_lua_failure(L, &error) : 1;
}

/* reader(): the same for a generic `for`, which has no place for a message: failures raise. */
static int csv_call(lua_State *L) {
    mt_error error;
    return push_next(L, &error) < 0 ? mt_lua_throw_failure(L, &error) : 1;
}

/* reader:names() -> list of all columns' names */
static int csv_names(lua_State *L) {
    owner *self = check_open(L, 1);
    const mt_csv_row *header = mt_csv_header(self->csv);
    lua_createtable(L, (int)header->count, 0);
    for (size_t i = 0; i < header->count; i++) {
        lua_pushlstring(L, header->fields[i].text, header->fields[i].length);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* reader:line() -> the line on which the row given last begins (before the first: the header's) */
static int csv_line(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_open(L, 1)->line);
    return 1;
}

/* column(reader, name) -> index from 1 | nil, is there more than one? */
static int column(lua_State *L) {
    owner *self = check_open(L, 1);
    size_t length;
    const char *name = luaL_checklstring(L, 2, &length);
    ptrdiff_t index = mt_csv_column(self->csv, name, length);
    if (index >= 0) {
        lua_pushinteger(L, (lua_Integer)index + 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushboolean(L, index == MT_CSV_SEVERAL);
    return 2;
}

/* where(reader) -> "FILE:LINE" of reader:line() */
static int where(lua_State *L) {
    owner *self = check_open(L, 1);
    lua_pushfstring(L, "%s:%I", mt_csv_name(self->csv), (lua_Integer)self->line);
    return 1;
}

/* The text at 1, with a point for a decimal comma where the reader at `arg` may have such. */
static mt_span check_number(lua_State *L, int arg, char copy[MT_CSV_COPY]) {
    mt_span text;
    text.text = luaL_checklstring(L, 1, &text.length);
    int is_plain = lua_isnoneornil(L, arg) || mt_csv_delimiter(check_open(L, arg)->csv) == ',';
    return is_plain ? text : mt_csv_with_point(text, 0, copy);
}

/* number(text, reader | nil) -> integer where the text is a whole number of 64 bits, float | nil */
static int number(lua_State *L) {
    char copy[MT_CSV_COPY];
    mt_span text = check_number(L, 2, copy);
    int64_t whole;
    double value;
    if (mt_csv_integer(text.text, text.length, &whole) == 0)
        lua_pushinteger(L, whole);
    else if (mt_csv_number(text.text, text.length, &value) == 0)
        lua_pushnumber(L, value);
    else
        lua_pushnil(L);
    return 1;
}

/* time(text, digits, reader | nil) -> nanoseconds (an integer), is it a date? | nil: neither a
 * number nor a date. A number counts units of 10^digits nanoseconds. */
static int time_of(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    char copy[MT_CSV_COPY];
    mt_span plain = check_number(L, 3, copy);
    lua_Integer digits = luaL_checkinteger(L, 2);
    luaL_argcheck(L, digits >= 0 && digits <= 9, 2, "must be between 0 and 9");
    int64_t nanoseconds;
    int is_date = mt_csv_nanoseconds(plain.text, plain.length, (int)digits, &nanoseconds) != 0;
    if (is_date && mt_csv_date_time(text, length, &nanoseconds) != 0)
        return 0;
    lua_pushinteger(L, nanoseconds);
    lua_pushboolean(L, is_date);
    return 2;
}

static int release(lua_State *L) {
    owner *self = luaL_checkudata(L, 1, type_name);
    mt_csv_reader *csv = self->csv;
    size_t *wanted = self->wanted;
    self->csv = NULL;
    self->wanted = NULL;
    self->wanted_count = 0;
    mt_csv_close(csv);
    mt_free(wanted);
    return 0;
}

static int text_of(lua_State *L) {
    owner *self = luaL_checkudata(L, 1, type_name);
    if (self->csv)
        lua_pushfstring(L, "CSV reader of %s", mt_csv_name(self->csv));
    else
        lua_pushliteral(L, "CSV reader (closed)");
    return 1;
}

int mt_lua_open_csv(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"open", open_csv}, {"select", select_columns}, {"column", column}, {"where", where},
        {"number", number}, {"time", time_of},          {NULL, NULL}};
    static const luaL_Reg methods[] = {{"next", csv_next},
                                       {"names", csv_names},
                                       {"line", csv_line},
                                       {"close", release},
                                       {NULL, NULL}};
    static const luaL_Reg meta[] = {{"__call", csv_call}, {"__tostring", text_of}, {NULL, NULL}};
    luaL_newlib(L, functions);
    mt_lua_new_type(L, type_name, methods, release, meta);
    mt_lua_share_methods(L, "methods");
    return 1;
}
