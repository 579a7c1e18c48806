/* Bytes owned by somebody else. */
#ifndef MT_BASE_SPAN_H
#define MT_BASE_SPAN_H

#include <stddef.h>

typedef struct mt_span {
    const char *text;
    size_t length;
} mt_span;

static inline int mt_is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

/* The span without the blanks around it. */
static inline mt_span mt_span_trimmed(mt_span span) {
    for (; span.length > 0 && mt_is_blank(*span.text); span.length--)
        span.text++;
    while (span.length > 0 && mt_is_blank(span.text[span.length - 1]))
        span.length--;
    return span;
}

#endif
