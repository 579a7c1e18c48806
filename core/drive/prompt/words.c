#include "drive/prompt/words.h"

#include "base/memory.h"

#include <string.h>

/* Common English words. With a space before it each is one token of the tokenizers of Llama, GPT-2,
 * Falcon, DeepSeek, StarCoder, Phi-3, GPT-NeoX, MPT and Baichuan. Each stands in 8 bytes, so that
 * one is written by one store. */
enum { WORDS = 128, WORD_BITS = 7, WORD_ROOM = 8, WORDS_A_DRAW = 64 / WORD_BITS };

static const char words[WORDS][WORD_ROOM] = {
    " a",     " about", " after", " all",   " also",  " an",    " and",   " any",   " are",
    " as",    " at",    " back",  " be",    " been",  " being", " both",  " but",   " by",
    " came",  " can",   " could", " day",   " did",   " do",    " down",  " each",  " even",
    " first", " for",   " from",  " get",   " go",    " good",  " great", " had",   " has",
    " have",  " he",    " her",   " here",  " him",   " his",   " if",    " in",    " into",
    " is",    " it",    " its",   " just",  " know",  " last",  " life",  " like",  " long",
    " made",  " make",  " man",   " many",  " may",   " me",    " men",   " might", " more",
    " most",  " much",  " must",  " my",    " never", " new",   " no",    " not",   " now",
    " of",    " off",   " old",   " on",    " one",   " only",  " or",    " other", " our",
    " out",   " over",  " own",   " right", " said",  " same",  " see",   " she",   " since",
    " so",    " some",  " state", " still", " such",  " take",  " than",  " that",  " the",
    " their", " them",  " then",  " there", " these", " they",  " this",  " those", " time",
    " to",    " too",   " two",   " up",    " used",  " very",  " was",   " way",   " we",
    " well",  " were",  " what",  " when",  " who",   " will",  " with",  " work",  " year",
    " you",   " your",
};

/* SplitMix64 (Steele, Lea and Flood 2014): draw number `n` of the stream that starts at `key`. */
static uint64_t draw(uint64_t key, uint64_t n) {
    uint64_t z = key + (n + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t mt_block_key(uint64_t seed, uint64_t id) {
    return draw(draw(seed, 0), id);
}

char *mt_write_words(uint64_t key, uint64_t from, uint64_t to, char *at) {
    uint64_t drawn = 0, bits = 0;
    for (uint64_t i = from; i < to; i++) {
        if (i == from || i % WORDS_A_DRAW == 0) {
            drawn = i / WORDS_A_DRAW;
            bits = draw(key, drawn) >> (i % WORDS_A_DRAW * WORD_BITS);
        }
        const char *word = words[bits % WORDS];
        bits >>= WORD_BITS;
        memcpy(at, word, WORD_ROOM);
        at += strnlen(word, WORD_ROOM);
    }
    return at;
}

char *mt_write_tokens(uint64_t key, uint64_t from, uint64_t to, const mt_token_texts *texts,
                      char *at) {
    for (uint64_t i = from; i < to; i++) {
        uint64_t number = draw(key, i / 2);
        number = (uint32_t)(i % 2 ? number >> 32 : number); /* two tokens a draw */
        const char *text = texts->texts[number * texts->count >> 32];
        memcpy(at, text, MT_TOKEN_ROOM);
        at += (unsigned char)text[MT_TOKEN_ROOM - 1];
    }
    return at;
}

/* The decimal number and a comma, and in the last byte how long that is. */
static void write_token(uint64_t number, char *text) {
    char digits[20];
    size_t count = 0, length = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        text[length++] = digits[--count];
    text[length++] = ',';
    text[MT_TOKEN_ROOM - 1] = (char)length;
}

mt_code mt_token_texts_make(mt_token_texts *texts, uint64_t first, uint64_t last, mt_error *error) {
    *texts = (mt_token_texts){0};
    if (first > last || last > MT_TOKEN_LIMIT)
        return mt_fail(error, MT_ERROR_VALUE,
                       "token ids are from 0 to %d, the first not above the last", MT_TOKEN_LIMIT);
    texts->count = last - first + 1;
    texts->texts = mt_allocate_zero(texts->count, sizeof *texts->texts);
    if (!texts->texts)
        return mt_fail_memory(error, "token ids");
    for (uint64_t i = 0; i < texts->count; i++)
        write_token(first + i, texts->texts[i]);
    return MT_OK;
}

void mt_token_texts_free(mt_token_texts *texts) {
    mt_free(texts->texts);
    *texts = (mt_token_texts){0};
}
