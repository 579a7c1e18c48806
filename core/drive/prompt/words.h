/* What stands in a block of a prompt: words or token ids, made from the block's hash id alone, so
 * that equal ids are equal texts, on every machine and in every run of a seed.
 *
 * A block is an endless sequence of tokens, of which a prompt takes the first block_size, or fewer
 * where it ends: what two prompts share of it they share as text. */
#ifndef MT_DRIVE_PROMPT_WORDS_H
#define MT_DRIVE_PROMPT_WORDS_H

#include "base/error.h"

#include <stdint.h>

/* The key of block `id` under a seed. */
uint64_t mt_block_key(uint64_t seed, uint64_t id);

/* Writes words from..to-1 of the block, each with a space before it: at most MT_WORD_ROOM bytes a
 * word, of which the last store may touch all. They need no escaping in JSON. Returns the end. */
enum { MT_WORD_ROOM = 8 };
char *mt_write_words(uint64_t key, uint64_t from, uint64_t to, char *at);

/* The texts of a range of token ids: "1234," each, its length in the last byte. */
enum { MT_TOKEN_ROOM = 12, MT_TOKEN_LIMIT = 9999999 };
typedef struct mt_token_texts {
    char (*texts)[MT_TOKEN_ROOM];
    uint64_t count;
} mt_token_texts;

/* Ids first..last, both included. MT_ERROR_VALUE unless 0 <= first <= last <= MT_TOKEN_LIMIT. */
mt_code mt_token_texts_make(mt_token_texts *texts, uint64_t first, uint64_t last, mt_error *error);
void mt_token_texts_free(mt_token_texts *texts);

/* Writes tokens from..to-1 of the block as "1234,": at most MT_TOKEN_ROOM bytes a token. Returns the
 * end. */
char *mt_write_tokens(uint64_t key, uint64_t from, uint64_t to, const mt_token_texts *texts,
                      char *at);

#endif
