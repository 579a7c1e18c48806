#include "trace/foreign.h"

#include "base/span.h"
#include "text/foreign_data.h"

#include <string.h>

/* How what `moontide learn` writes begins. */
#define MODEL "moontide model "

static int begins_with(const char *text, size_t length, const char *beginning, size_t size) {
    return length >= size && memcmp(text, beginning, size) == 0;
}

static int ends_in_lua(const char *name) {
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".lua") == 0;
}

const char *mt_foreign_line(const char *text, size_t length, const char *name) {
    const char *hint = mt_foreign_data(text, length);
    if (hint)
        return hint;
    for (; length > 0 && mt_is_blank(*text); length--)
        text++;
    if (length == 0 || *text == '{')
        return NULL;
    if (*text == '[')
        return "this is a JSON list, a trace has a request a line; 'moontide convert' makes a "
               "trace of a list of conversations";
    if (begins_with(text, length, MODEL, sizeof MODEL - 1))
        return "this is a model: 'moontide synthesize' makes a trace like the one it was learnt "
               "from";
    if (ends_in_lua(name))
        return "this is a script: 'moontide SCRIPT -o TRACE' makes its trace";
    if (memchr(text, ',', length) || memchr(text, ';', length) || memchr(text, '\t', length))
        return "this looks like a CSV: 'moontide convert' makes a trace of a log";
    return NULL;
}
