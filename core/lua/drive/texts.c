/* drive.texts: the prompts that a replay would send, without sending them. */
#include "lua/drive/drive_binding.h"

#include "base/memory.h"
#include "base/text.h"
#include "drive/prompt/body.h"
#include "text/texts.h"

#include <stdlib.h>
#include <string.h>

static const char type[] = "moontide.prompt_texts";

typedef struct prompt_texts {
    mt_body_options options;
    mt_text body;
    mt_texts names; /* of sessions */
    mt_conversation *conversations;
    size_t count, capacity;
    uint64_t *ids; /* of the request under way */
    size_t id_capacity;
} prompt_texts;

static int texts_release(lua_State *L) {
    prompt_texts *self = luaL_checkudata(L, 1, type);
    for (size_t i = 0; i < self->count; i++)
        mt_conversation_free(&self->conversations[i]);
    mt_free(self->conversations);
    mt_free(self->ids);
    mt_texts_free(&self->names);
    mt_free(self->body.bytes);
    memset(self, 0, sizeof *self);
    return 0;
}

/* texts(seed, block_size) */
static int texts_new(lua_State *L) {
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 1);
    uint64_t block_size = mt_lua_check_count(L, 2, "texts: block_size");
    luaL_argcheck(L, block_size >= 1, 2, "at least 1");
    prompt_texts *self = mt_lua_new_owner(L, sizeof *self, type);
    self->options = (mt_body_options){.api = MT_API_CHAT,
                                      .model = "\"\"",
                                      .output_field = "max_tokens",
                                      .block_size = block_size,
                                      .seed = seed};
    return 1;
}

/* The session's conversation; NULL when out of memory. */
static mt_conversation *conversation_of(prompt_texts *self, const char *name, size_t length) {
    uint32_t number;
    size_t wanted = self->count + 1;
    if (MT_GROW(self->conversations, self->capacity, wanted) != 0 ||
        mt_texts_intern(&self->names, name, length, &number) != 0)
        return NULL;
    if (number == self->count)
        memset(&self->conversations[self->count++], 0, sizeof *self->conversations);
    return &self->conversations[number];
}

/* The request's hash_ids, on the table's list: integers, or digits from 2^63 on. */
static mt_code read_ids(lua_State *L, prompt_texts *self, mt_request *request, mt_error *error) {
    if (lua_getfield(L, 2, "hash_ids") != LUA_TTABLE)
        return MT_OK;
    size_t count = lua_rawlen(L, -1);
    if (MT_GROW(self->ids, self->id_capacity, count) != 0)
        return mt_fail_memory(error, "texts");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        const char *digits = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        self->ids[i] = digits ? strtoull(digits, NULL, 10) : (uint64_t)lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    request->hash_ids = self->ids;
    request->hash_count = count;
    request->has |= MT_HAS_HASH_IDS;
    return MT_OK;
}

/* body(request as a table, session's name or nil, ticket) -> the body as JSON | nil, message, code.
 * Sessions' later prompts hold what was said before, with answers as long as planned. */
static int texts_body(lua_State *L) {
    prompt_texts *self = luaL_checkudata(L, 1, type);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t length = 0, extra_length = 0;
    const char *session = luaL_optlstring(L, 3, NULL, &length);
    uint64_t ticket = mt_lua_check_count(L, 4, "texts: ticket");
    mt_request request = {0};
    mt_error error = {0};
    if (mt_lua_has_field(L, 2, "input_length")) {
        request.has |= MT_HAS_INPUT_LENGTH;
        request.input_length = (uint64_t)luaL_checkinteger(L, -1);
    }
    if (mt_lua_has_field(L, 2, "output_length")) {
        request.has |= MT_HAS_OUTPUT_LENGTH;
        request.output_length = (uint64_t)luaL_checkinteger(L, -1);
    }
    if (mt_lua_has_field(L, 2, "extra")) {
        const char *extra = luaL_checklstring(L, -1, &extra_length);
        if (extra_length >= 2)
            request.extra = (mt_span){extra + 1, extra_length - 2}; /* without its braces */
    }
    if (read_ids(L, self, &request, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    mt_conversation *conversation = session ? conversation_of(self, session, length) : NULL;
    if (session && !conversation) {
        mt_fail_memory(&error, "texts");
        return mt_lua_failure(L, &error);
    }
    self->body.length = 0;
    if (mt_body_write(&self->options, &request, ticket, conversation, &self->body, &error) != MT_OK)
        return mt_lua_failure(L, &error);
    lua_pushlstring(L, self->body.bytes, self->body.length);
    return 1;
}

/* words(item, count) -> so many words, the same ones for equal items: a planned answer */
static int texts_words(lua_State *L) {
    prompt_texts *self = luaL_checkudata(L, 1, type);
    uint64_t key = mt_block_key(self->options.seed, (uint64_t)luaL_checkinteger(L, 2));
    uint64_t count = mt_lua_check_count(L, 3, "texts: words");
    luaL_argcheck(L, count <= UINT64_C(1) << 32, 3, "too many words");
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (uint64_t from = 0; from < count;) {
        char room[(128 + 1) * MT_WORD_ROOM];
        uint64_t to = from + 128 < count ? from + 128 : count;
        luaL_addlstring(&buffer, room, (size_t)(mt_write_words(key, from, to, room) - room));
        from = to;
    }
    luaL_pushresult(&buffer);
    return 1;
}

void mt_lua_add_texts(lua_State *L) {
    static const luaL_Reg methods[] = {{"body", texts_body}, {"words", texts_words}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"texts", texts_new}, {NULL, NULL}};
    mt_lua_new_type(L, type, methods, texts_release, NULL);
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
