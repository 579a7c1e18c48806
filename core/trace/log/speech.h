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
    char *scratch; /* a text without escapes */
    size_t scratch_capacity;
};

/* Nothing has been said. */
void mt_speech_begin(mt_speech *speech);

/* Adds what a message says, checked JSON: a string, a part or a list of parts, nothing. Of parts
 * those with a text count (log->parts_without_text counts the others), and the names and arguments
 * of tool calls among them. `name` is the member's, for messages. 0 or -1. */
int mt_speech_content(mt_speech *speech, const mt_json *json, mt_span content, const char *name,
                      mt_error *error);

/* Adds the tool calls of a message, checked JSON, a list of them or one: name and arguments, in
 * them or in their function. 0 or -1. */
int mt_speech_calls(mt_speech *speech, const mt_json *json, mt_span calls, mt_error *error);

/* Fails as a bad row does, with what the walk over the JSON has said. -1 */
int mt_speech_bad_json(mt_speech *speech, const mt_json *json, mt_error *error);

/* Fails as a bad row does: the value of that name must be what is wanted. -1 */
int mt_speech_bad_value(mt_speech *speech, mt_span value, const char *name, const char *want,
                        mt_error *error);

void mt_speech_free(mt_speech *speech);

#endif
