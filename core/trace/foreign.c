#include "trace/foreign.h"

#include "base/span.h"

#include <string.h>

/* How what `moontide learn` writes begins. */
#define MODEL "moontide model "

typedef struct mark {
    const char *bytes;
    size_t length;
    const char *hint;
} mark;

static const mark marks[] = {
    {"\x1F\x8B", 2,
     "this is gzip data: it is decompressed where the file's name ends in .gz, and 'zcat' does it "
     "for standard input"},
    {"\x28\xB5\x2F\xFD", 4, "this is zstd data: 'zstdcat' decompresses it"},
    {"\xFD"
     "7zXZ",
     5, "this is xz data: 'xzcat' decompresses it"},
    {"PK\x03\x04", 4, "this is a zip archive: 'unzip -p' prints what is in it"},
    {"PAR1", 4, "this is a Parquet file, which has to be made a CSV first"},
    {"\xFF\xFE", 2, "this is UTF-16, which has to be made UTF-8 first"},
    {"\xFE\xFF", 2, "this is UTF-16, which has to be made UTF-8 first"},
};

static int begins_with(const char *text, size_t length, const char *beginning, size_t size) {
    return length >= size && memcmp(text, beginning, size) == 0;
}

const char *mt_foreign_data(const char *text, size_t length) {
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (begins_with(text, length, marks[i].bytes, marks[i].length))
            return marks[i].hint;
    return NULL;
}

static int ends_in_lua(const char *name) {
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".lua") == 0;
}

const char *mt_foreign_line(const char *text, size_t length, const char *name) {
    const char *hint = mt_foreign_data(text, length);
    if (hint)
        return hint;
    if (begins_with(text, length, "\xEF\xBB\xBF", 3)) {
        text += 3;
        length -= 3;
    }
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
