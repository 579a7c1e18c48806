#include "lua/trace/request_fields.h"

#include <stddef.h>
#include <string.h>

/* The last is no member of the table, the one before is not read. */
const mt_lua_field mt_lua_fields[MT_LUA_FIELDS] = {
    {"timestamp", offsetof(mt_request, time_ns), MT_LUA_MILLISECONDS, MT_HAS_TIME},
    {"input_length", offsetof(mt_request, input_length), MT_LUA_WHOLE, MT_HAS_INPUT_LENGTH},
    {"output_length", offsetof(mt_request, output_length), MT_LUA_WHOLE, MT_HAS_OUTPUT_LENGTH},
    {"hash_ids", offsetof(mt_request, hash_ids), MT_LUA_IDS, MT_HAS_HASH_IDS},
    {"session_id", offsetof(mt_request, session), MT_LUA_TOKEN, MT_HAS_SESSION},
    {"delay", offsetof(mt_request, delay_ns), MT_LUA_MILLISECONDS, MT_HAS_DELAY},
    {"stream", offsetof(mt_request, stream), MT_LUA_TEXT, MT_HAS_STREAM},
    {"turn", offsetof(mt_request, turn), MT_LUA_WHOLE, MT_HAS_TURN},
    {"extra", offsetof(mt_request, extra), MT_LUA_EXTRA, 0},
    {"line", offsetof(mt_request, line), MT_LUA_WHOLE, 0},
    {"hash_count", offsetof(mt_request, hash_count), MT_LUA_WHOLE, MT_HAS_HASH_IDS},
};

static int place_of(mt_span name) {
    int place = MT_LUA_FIELDS - 1;
    while (place >= 0 && (name.length != strlen(mt_lua_fields[place].name) ||
                          memcmp(name.text, mt_lua_fields[place].name, name.length) != 0))
        place--;
    return place;
}

int mt_lua_field_of(const char *name) {
    return place_of((mt_span){name, strlen(name)});
}

long mt_lua_fields_named(mt_span name) {
    int place = name.text ? place_of(name) : -1;
    return place >= 0 && place < MT_LUA_MEMBERS ? 1L << place : 0;
}

int mt_lua_is_number_field(int place) {
    return mt_lua_fields[place].kind == MT_LUA_WHOLE ||
           mt_lua_fields[place].kind == MT_LUA_MILLISECONDS;
}
