#include "text/json.h"
#include "prefix/model/scan.h"

#include "base/interrupt.h"
#include "trace/scanner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_SIZE = 40 };

__attribute__((format(printf, 3, 0))) static mt_code
fail_at(mt_model_scan *scan, const char *place, const char *format, va_list arguments) {
    char text[MT_ERROR_MESSAGE_SIZE];
    if (scan->code)
        return scan->code;
    uint64_t column = place ? (uint64_t)(place - scan->line.text) + 1 : 0;
    vsnprintf(text, sizeof text, format, arguments);
    return scan->code = mt_fail_at(scan->error, MT_ERROR_INPUT, mt_input_name(scan->input),
                                   scan->line.number, column, "%s", text);
}

mt_code mt_model_fail(mt_model_scan *scan, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mt_code code = fail_at(scan, scan->at, format, arguments);
    va_end(arguments);
    return code;
}

mt_code mt_model_fail_line(mt_model_scan *scan, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mt_code code = fail_at(scan, NULL, format, arguments);
    va_end(arguments);
    return code;
}

/* The next line as it is. 0 at the end, and after a failure. */
static int read_line(mt_model_scan *scan) {
    scan->at = scan->end = NULL;
    if (scan->code || (scan->code = mt_poll_interrupt(scan->error)))
        return 0;
    int status = mt_input_line(scan->input, &scan->line, scan->error);
    if (status < 0)
        scan->code = mt_code_of(scan->error);
    if (status != 1)
        return 0;
    size_t length = scan->line.length;
    if (length > 0 && scan->line.text[length - 1] == '\r')
        length--;
    scan->at = scan->line.text;
    scan->end = scan->at + length;
    return 1;
}

mt_code mt_model_next_line(mt_model_scan *scan, const char *awaited) {
    while (read_line(scan)) {
        if (mt_model_take(scan, "#"))
            continue;
        return scan->line.terminated
                   ? MT_OK
                   : mt_model_fail_line(scan,
                                        "the file ends without a newline here: it seems to be cut");
    }
    if (!scan->code && (scan->line.number == 0 || scan->line.terminated))
        scan->line.number++;
    return mt_model_fail_line(scan, "%s should follow, but the file ends here: it seems to be cut",
                              awaited);
}

mt_code mt_model_expect_end(mt_model_scan *scan) {
    while (read_line(scan))
        if (!mt_model_take(scan, "#") && !mt_model_at_end(scan))
            return mt_model_fail_line(scan, "the model is complete, but the file goes on");
    return scan->code;
}

int mt_model_take(mt_model_scan *scan, const char *text) {
    size_t length = strlen(text);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, text, length) != 0)
        return 0;
    scan->at += length;
    return 1;
}

int mt_model_at_end(const mt_model_scan *scan) {
    return scan->at == scan->end;
}

/* What stands at the place being read, up to the next space behind it, for a message. */
static const char *shown(const mt_model_scan *scan, char *buffer) {
    const char *space = scan->at;
    if (space < scan->end && *space == ' ')
        space++;
    while (space < scan->end && *space != ' ')
        space++;
    return mt_quote(scan->at, (size_t)(space - scan->at), buffer, SHOWN_SIZE);
}

uint64_t mt_model_number(mt_model_scan *scan, const char *name, uint64_t least, uint64_t most) {
    char text[SHOWN_SIZE];
    const char *digit = scan->at;
    uint64_t number = 0;
    int is_larger = 0;
    if (scan->code)
        return least;
    for (; digit < scan->end && *digit >= '0' && *digit <= '9'; digit++)
        is_larger |= __builtin_mul_overflow(number, 10, &number) ||
                     __builtin_add_overflow(number, (uint64_t)(*digit - '0'), &number);
    if (mt_model_at_end(scan))
        mt_model_fail(scan, "%s is missing", name);
    else if (digit == scan->at || (digit < scan->end && *digit != ' ' && *digit != ':'))
        mt_model_fail(scan, "%s must be a whole number, not '%s'", name, shown(scan, text));
    else if (is_larger || number < least || number > most)
        mt_model_fail(scan, "%s must be between %llu and %llu, not %s", name,
                      (unsigned long long)least, (unsigned long long)most, shown(scan, text));
    scan->at = digit;
    return scan->code ? least : number;
}

uint64_t mt_model_next_number(mt_model_scan *scan, const char *name, uint64_t least,
                              uint64_t most) {
    char text[SHOWN_SIZE];
    if (!mt_model_at_end(scan) && !mt_model_take(scan, " "))
        mt_model_fail(scan, "a space and %s should follow, not '%s'", name, shown(scan, text));
    return mt_model_number(scan, name, least, most);
}

int64_t mt_model_gap(mt_model_scan *scan) {
    char text[SHOWN_SIZE];
    const char *space = scan->at;
    int64_t gap_ns = 0;
    if (scan->code)
        return 0;
    while (space < scan->end && *space != ' ')
        space++;
    int status = mt_decimal_whole(scan->at, (size_t)(space - scan->at), 6, &gap_ns);
    if (status == -1)
        mt_model_fail(scan, "a gap must be a number of milliseconds, not '%s'", shown(scan, text));
    else if (status != 0 || gap_ns < 0)
        mt_model_fail(scan, "a gap of %s ms is out of range", shown(scan, text));
    scan->at = space;
    return scan->code ? 0 : gap_ns;
}

mt_code mt_model_line_end(mt_model_scan *scan) {
    char text[SHOWN_SIZE];
    return mt_model_at_end(scan)
               ? scan->code
               : mt_model_fail(scan, "the line should end here, not go on with '%s'",
                               shown(scan, text));
}

mt_code mt_model_word_line(mt_model_scan *scan, const char *word) {
    mt_model_next_line(scan, word);
    if (!mt_model_take(scan, word))
        mt_model_fail(scan, "a line '%s' should stand here", word);
    return mt_model_line_end(scan);
}
