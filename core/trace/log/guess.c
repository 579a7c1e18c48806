#include "trace/log/guess.h"

#include "text/json_items.h"
#include "trace/log/log.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MOST_NAMES = 128, MOST_TEXT = 4096 };

/* Words of which one is in a name, the surest first. */
static const char *const words[MT_LOG_NEEDED_ROLES][12] = {
    [MT_LOG_TIMESTAMP] = {"timestamp", "created", "arriv", "ts", "date", "start", "time"},
    [MT_LOG_INPUT] = {"prompt", "input", "context", "request", "tokin", "in_tok", "tokens_in",
                      "prefill", "isl"},
    [MT_LOG_OUTPUT] = {"completion", "output", "generated", "response", "tokout", "out_tok",
                       "tokens_out", "decode", "gen_", "osl"},
};

static int has_word(mt_span name, const char *word) {
    size_t length = strlen(word);
    if (length == 2) /* "ts" is in many words, and a name by itself */
        return name.length == 2 && strncasecmp(name.text, word, 2) == 0;
    for (size_t i = 0; i + length <= name.length; i++)
        if (strncasecmp(name.text + i, word, length) == 0)
            return 1;
    return 0;
}

/* May it stand on a command line, in a list, as it is? */
static int is_plain(mt_span name) {
    for (size_t i = 0; i < name.length; i++)
        if (!isalnum((unsigned char)name.text[i]) && !strchr("_.-@", name.text[i]))
            return 0;
    return name.length > 0;
}

/* How long something took, or how fast it went. */
static int is_duration(mt_span name) {
    static const char *const all[] = {"_ms", "_sec", "duration", "latency", "elapsed", "speed"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (has_word(name, all[i]))
            return 1;
    return 0;
}

/* A count of all tokens is what is asked for, and a duration is neither that nor an instant. */
static int fits(mt_span name, int role, int with_tokens) {
    int counts = has_word(name, "tok") || has_word(name, "len") || has_word(name, "isl") ||
                 has_word(name, "osl");
    if (role != MT_LOG_TIMESTAMP)
        return (!with_tokens || counts) && !has_word(name, "cach") && !has_word(name, "detail") &&
               !has_word(name, "reason") && !has_word(name, "_id") && !has_word(name, "time") &&
               !has_word(name, "per_s") && (counts || !is_duration(name));
    return !counts && !has_word(name, "_ms") && !has_word(name, "first") &&
           !has_word(name, "response") && !has_word(name, "duration") &&
           !has_word(name, "latency") && !has_word(name, "timeout") && !has_word(name, "total") &&
           !has_word(name, "elapsed");
}

static const mt_span *guess(const mt_span *names, size_t count, int role) {
    for (int with_tokens = 1; with_tokens >= 0; with_tokens--)
        for (size_t word = 0; words[role][word]; word++)
            for (size_t i = 0; i < count; i++)
                if (is_plain(names[i]) && has_word(names[i], words[role][word]) &&
                    fits(names[i], role, with_tokens))
                    return &names[i];
    return NULL;
}

const char *mt_log_guess_columns(const mt_span *names, size_t count, char *buffer, size_t size) {
    const mt_span *found[MT_LOG_NEEDED_ROLES];
    size_t length = 64;
    buffer[0] = '\0';
    for (int role = 0; role < MT_LOG_NEEDED_ROLES; role++) {
        found[role] = guess(names, count, role);
        if (!found[role])
            return buffer;
        length += found[role]->length;
    }
    const mt_span *time = found[MT_LOG_TIMESTAMP], *input = found[MT_LOG_INPUT],
                  *output = found[MT_LOG_OUTPUT];
    if (length <= size && time != input && time != output && input != output)
        snprintf(buffer, size, "--columns timestamp=%.*s,input=%.*s,output=%.*s", (int)time->length,
                 time->text, (int)input->length, input->text, (int)output->length, output->text);
    return buffer;
}

/* What was collected of an object's names, their texts in a row. */
typedef struct collected {
    mt_span names[MOST_NAMES];
    size_t count, used;
    char text[MOST_TEXT];
} collected;

static void collect(collected *self, const mt_json *json, const char *at, mt_span before,
                    int depth) {
    mt_json_items items;
    mt_json_item item;
    if (mt_json_items_begin(&items, json, at, '{', "an object") != 0)
        return;
    while (self->count < MOST_NAMES && mt_json_items_next(&items, &item) > 0) {
        size_t length = before.length + (before.length > 0) + item.name.length;
        if (length > MOST_TEXT - self->used)
            return;
        char *to = self->text + self->used;
        mt_span name = {to, length};
        memcpy(to, before.text, before.length);
        if (before.length > 0)
            to[before.length] = '.';
        memcpy(to + length - item.name.length, item.name.text, item.name.length);
        self->used += length;
        if (item.value.text[0] == '{' && depth < 2)
            collect(self, json, item.value.text, name, depth + 1);
        else
            self->names[self->count++] = name;
    }
}

const char *mt_log_guess_members(const char *text, size_t length, char *buffer, size_t size) {
    collected self = {.count = 0};
    mt_json json = {text, text + length, NULL};
    collect(&self, &json, text, (mt_span){"", 0}, 0);
    return mt_log_guess_columns(self.names, self.count, buffer, size);
}
