/* core.json: reading JSON, and null, arrays and objects that plain tables cannot express.
 *
 * The strict check of trace lines (text/json.h) goes first: cJSON would let leading zeros, control
 * characters and broken UTF-8 pass. Then cJSON makes the tree. It keeps numbers as doubles. Numbers
 * stand in the text in the same order as in the tree, so both are walked together, and whole
 * numbers are read from the text. */
#include "lua/text/json_binding.h"

#include "base/library.h"
#include "text/json.h"

#include <cJSON.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

/* What is used of it, loaded for the first text. */
static struct cjson {
    __typeof__(&cJSON_ParseWithLengthOpts) parse;
    __typeof__(&cJSON_Delete) free;
    __typeof__(&cJSON_GetArraySize) size;
} cjson;

static const char *const cjson_names[] = {"cJSON_ParseWithLengthOpts", "cJSON_Delete",
                                          "cJSON_GetArraySize", NULL};

_Static_assert(sizeof cjson == sizeof cjson_names - sizeof *cjson_names,
               "a name for each function");

static mt_library cjson_library = {"libcjson.so.1", "JSON", cjson_names, &cjson, 0};

static void release_tree(void *tree) {
    cjson.free(tree);
}

static const mt_lua_type tree_type = {"moontide.json.tree", "the tree is closed", release_tree};

/* The text being read, and how far its numbers have been taken. */
typedef struct reader {
    mt_json json;
    const char *at;
    const char *name;  /* for messages */
    int without_nulls; /* members of objects that are null are left out */
} reader;

/* Gives nil, "NAME:LINE:COLUMN: ...", "input": the failure at byte `column` of the whole text. */
static int failure(lua_State *L, const reader *from, mt_error *error) {
    uint64_t line = 1, column = 1;
    const char *end = from->json.begin + (error->column ? error->column - 1 : 0);
    for (const char *at = from->json.begin; at < end && at < from->json.end; at++) {
        column++;
        if (*at == '\n') {
            line++;
            column = 1;
        }
    }
    mt_error placed;
    mt_fail_at(&placed, error->code, from->name, line, column, "%s", error->message);
    return mt_lua_failure(L, &placed);
}

/* Is the text one JSON value? Strings with an escaped zero are refused too: cJSON would cut them
 * off there. */
static int check_text(const reader *from) {
    const mt_json *json = &from->json;
    const char *after = mt_json_value(json, mt_json_space(json, json->begin));
    if (!after)
        return -1;
    after = mt_json_space(json, after);
    if (after != json->end) {
        mt_json_unexpected(json, after, "the end after the value");
        return -1;
    }
    for (const char *at = json->begin; at < json->end; at++)
        if (*at == '\\' && mt_json_is(json, at, "\\u0000", 6)) {
            mt_json_fail(json, at, "\\u0000 in a string is not supported");
            return -1;
        } else if (*at == '\\') {
            at++;
        }
    return 0;
}

/* The token of the next number in the text, which is known to be JSON and to have one. */
static const char *next_number(reader *from, size_t *length) {
    while (*from->at != '-' && (*from->at < '0' || *from->at > '9'))
        from->at = *from->at == '"' ? mt_json_string(&from->json, from->at) : from->at + 1;
    const char *token = from->at;
    from->at = mt_json_number(&from->json, token);
    *length = (size_t)(from->at - token);
    return token;
}

/* Pushes the number: an integer when it is written as one. -1 when it fits neither kind. */
static int push_number(lua_State *L, reader *from, double value) {
    size_t length;
    const char *token = next_number(from, &length);
    int is_whole =
        !memchr(token, '.', length) && !memchr(token, 'e', length) && !memchr(token, 'E', length);
    if (!is_whole) {
        if (!isfinite(value)) {
            mt_json_fail(&from->json, token, "the number is beyond the range of a double");
            return -1;
        }
        lua_pushnumber(L, value);
        return 0;
    }
    mt_decimal decimal;
    int negative_limit = mt_decimal_scan(token, length, 0, &decimal);
    if (negative_limit || decimal.magnitude > (uint64_t)INT64_MAX + (uint64_t)decimal.negative) {
        mt_json_fail(&from->json, token,
                     "the whole number does not fit 64 bits (with .0 it would be a float)");
        return -1;
    }
    uint64_t bits = decimal.negative ? 0 - decimal.magnitude : decimal.magnitude;
    lua_pushinteger(L, (lua_Integer)bits);
    return 0;
}

static int push_value(lua_State *L, reader *from, const cJSON *item);

static int push_array(lua_State *L, reader *from, const cJSON *array) {
    lua_Integer count = 0;
    lua_createtable(L, cjson.size(array), 0);
    for (const cJSON *item = array->child; item; item = item->next) {
        if (push_value(L, from, item))
            return -1;
        lua_rawseti(L, -2, ++count);
    }
    if (count == 0) /* so that it is no object when it is written again */
        luaL_setmetatable(L, MT_JSON_ARRAY);
    return 0;
}

static int push_object(lua_State *L, reader *from, const cJSON *object) {
    lua_newtable(L);
    for (const cJSON *item = object->child; item; item = item->next) {
        if (from->without_nulls && (item->type & 0xFF) == cJSON_NULL)
            continue;
        lua_pushstring(L, item->string);
        if (push_value(L, from, item))
            return -1;
        lua_rawset(L, -3);
    }
    return 0;
}

/* Pushes the item as a Lua value. On failure returns -1 with from->json.error filled; what is on
 * the stack then means nothing. */
static int push_value(lua_State *L, reader *from, const cJSON *item) {
    int type = item->type & 0xFF; /* what lies above are flags */
    luaL_checkstack(L, 6, "JSON value");
    if (type == cJSON_Number)
        return push_number(L, from, item->valuedouble);
    if (type == cJSON_Array)
        return push_array(L, from, item);
    if (type == cJSON_Object)
        return push_object(L, from, item);
    if (type == cJSON_String)
        lua_pushstring(L, item->valuestring);
    else if (type == cJSON_True || type == cJSON_False)
        lua_pushboolean(L, type == cJSON_True);
    else
        lua_getfield(L, LUA_REGISTRYINDEX, MT_JSON_NULL " value");
    return 0;
}

/* decode(text, name, without nulls?) -> value | nil, message, code */
static int decode(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    mt_error error;
    reader from = {
        {text, text + length, &error}, text, luaL_checkstring(L, 2), lua_toboolean(L, 3)};
    void **root = mt_lua_new_object(L, &tree_type);
    if (check_text(&from))
        return failure(L, &from, &error);
    if (mt_library_load(&cjson_library, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    const char *end = NULL;
    *root = cjson.parse(text, length, &end, 0);
    if (!*root) {
        /* cJSON refuses what the check let pass: half a surrogate pair, or memory has run out. */
        mt_json_fail(&from.json, end ? end : text, "cannot be read (half a surrogate pair?)");
        return failure(L, &from, &error);
    }
    int status = push_value(L, &from, *root);
    cjson.free(*root);
    *root = NULL;
    return status ? failure(L, &from, &error) : 1;
}

/* array(list): the list, marked to be written as an array even when it is empty. */
static int array(lua_State *L) {
    if (!lua_istable(L, 1))
        return mt_lua_raise(L, "json.array: the argument must be a list, not %s",
                            luaL_typename(L, 1));
    lua_settop(L, 1);
    luaL_setmetatable(L, MT_JSON_ARRAY);
    return 1;
}

/* object(list): {name, value} pairs, marked to be written as an object in this order. */
static int object(lua_State *L) {
    if (!lua_istable(L, 1))
        return mt_lua_raise(L,
                            "json.object: the argument must be a list of { name, value }, not %s",
                            luaL_typename(L, 1));
    lua_settop(L, 1);
    lua_newtable(L); /* names seen */
    lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(L, 1, i) != LUA_TTABLE || lua_rawgeti(L, -1, 1) != LUA_TSTRING)
            return mt_lua_raise(L, "json.object: member %I must be { name, value }", i);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 2) != LUA_TNIL)
            return mt_lua_raise(L, "json.object: the name '%s' is there twice",
                                lua_tostring(L, -2));
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
        lua_rawset(L, 2);
        lua_pop(L, 1);
    }
    lua_settop(L, 1);
    luaL_setmetatable(L, MT_JSON_OBJECT);
    return 1;
}

static int null_text(lua_State *L) {
    lua_pushliteral(L, "null");
    return 1;
}

int mt_lua_open_json(lua_State *L) {
    static const luaL_Reg functions[] = {{"decode", decode},
                                         {"encode", mt_lua_json_encode},
                                         {"array", array},
                                         {"object", object},
                                         {NULL, NULL}};
    static const luaL_Reg null_meta[] = {{"__tostring", null_text}, {NULL, NULL}};
    mt_lua_new_object_type(L, &tree_type, NULL, NULL);
    mt_lua_json_new_encoder_type(L);
    mt_lua_new_type(L, MT_JSON_ARRAY, NULL, NULL, NULL);
    mt_lua_new_type(L, MT_JSON_OBJECT, NULL, NULL, NULL);
    mt_lua_new_type(L, MT_JSON_NULL, NULL, NULL, null_meta);
    lua_settop(L, 0);
    luaL_newlib(L, functions);
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, MT_JSON_NULL);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, MT_JSON_NULL " value");
    lua_setfield(L, -2, "null");
    return 1;
}
