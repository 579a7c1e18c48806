/* What is said in a conversation, as tokens (text/tokens.h) and blocks: every block that the tokens
 * fill has an id, a hash of it and of all before it. What begins alike has the same ids, wherever
 * it is said. Private to this folder. */
#ifndef MT_TRACE_LOG_SPEECH_H
#define MT_TRACE_LOG_SPEECH_H

#include "hash/ids.h"
#include "text/json_items.h"
#include "trace/log/kind.h"

/* Set the first two and zero the rest; mt_speech_free in the end. */
typedef struct mt_speech mt_speech;
struct mt_speech {
    mt_log *log; /* whose options say what a token is and how many a block has */
    /* Fails with the message about what stands at `at` in the JSON, as a bad row. -1 */
    int (*bad)(mt_speech *speech, const char *at, mt_error *error, const char *message);
    uint64_t tokens; /* so far; who adds some that have no text, as those of a known length, may */
    mt_key said;     /* all that was said so far: its `low` is the id of a block that ends here */
    double part;     /* of a token, that the next characters fill */
    uint64_t *ids;   /* of the whole blocks */
    size_t id_count, id_capacity;
    uint64_t *prompt; /* mt_speech_prompt's */
    size_t prompt_capacity;
    char *scratch; /* a text without escapes */
    size_t scratch_capacity;
};

/* Nothing has been said. */
void mt_speech_begin(mt_speech *speech);

/* Adds a text. 0 or -1. */
int mt_speech_text(mt_speech *speech, const char *text, size_t length, mt_error *error);

/* Adds what a message says, checked JSON: a string, a part or a list of parts, nothing. Of parts
 * those with a text count (log->parts_without_text counts the others), and the names and arguments
 * of tool calls among them; a message as a whole is such a part. `name` is the member's, for
 * messages. 0 or -1. */
int mt_speech_content(mt_speech *speech, const mt_json *json, mt_span content, const char *name,
                      mt_error *error);

/* Adds the tool calls of a message, checked JSON, a list of them or one: name and arguments, in
 * them or in their function. 0 or -1. */
int mt_speech_calls(mt_speech *speech, const mt_json *json, mt_span calls, mt_error *error);

/* Adds a text, or all that a list has, checked JSON: messages, texts, numbers of tokens, lists of
 * these. 0 or -1. */
int mt_speech_all(mt_speech *speech, const mt_json *json, mt_span said, const char *name,
                  mt_error *error);

/* Adds a value that a model reads as JSON; a string without its quotes. 0 or -1. */
int mt_speech_json(mt_speech *speech, mt_span value, mt_error *error);

/* Adds tokens of which nothing is known but whose they are: with another name they are others. They
 * fit (mt_log_prompt_fits). 0 or -1 (memory). */
int mt_speech_unknown(mt_speech *speech, uint64_t tokens, mt_span name, mt_error *error);

/* What was said so far is the request's prompt: input_length, and hash_ids of the blocks that it fills
 * and of the one that it ends in, valid until the next prompt. 0 or -1 (memory). */
int mt_speech_prompt(mt_speech *speech, mt_request *request, mt_error *error);

/* Fails as a bad row does, with what the walk over the JSON has said. -1 */
int mt_speech_bad_json(mt_speech *speech, const mt_json *json, mt_error *error);

/* Fails as a bad row does: the value of that name must be what is wanted. -1 */
int mt_speech_bad_value(mt_speech *speech, mt_span value, const char *name, const char *want,
                        mt_error *error);

void mt_speech_free(mt_speech *speech);

#endif
