/* What is measured of one exchange: the table of metrics, with the names, units and definitions of
 * AIPerf's exports where it has them, and names of our own elsewhere. Adding one is one entry.
 *
 * t0 is when the driver began to send; first, second and last are the arrivals of token-bearing
 * events; tokens is the answer's length by the server's usage, else the number of such events. */
#ifndef MT_DRIVE_MEASURE_MEASURE_H
#define MT_DRIVE_MEASURE_MEASURE_H

#include "drive/exchange.h"
#include "trace/record.h"

#include <stddef.h>

/* What was wanted of a request. */
typedef struct mt_asked {
    uint64_t number;  /* which request of the run, from 0: X-Request-ID is made of it */
    uint64_t line;    /* in its trace, 1-based; 0: none */
    uint64_t session; /* which session, from 1; 0: it is no turn */
    uint64_t turn;    /* from 0 */
    int has_input, has_output;
    uint64_t input, output;    /* tokens: ISL and OSL as planned */
    int64_t planned_ns;        /* since the run's start: when the plan has it due */
    int is_outside;            /* due before or after the window that is the result */
    const mt_request *request; /* the row, whose own members its line repeats; NULL: none */
} mt_asked;

typedef struct mt_measure {
    const char *key, *unit, *title;
    /* 1 with *value, or 0 where the exchange does not have it. */
    int (*of)(const mt_exchange *exchange, const mt_asked *asked, double *value);
    int also_failed; /* failed exchanges have it too */
} mt_measure;

enum { MT_MEASURES = 24 };

/* Places of those that results are made of beside their own statistics. */
enum {
    MT_MEASURE_FIRST = 0,
    MT_MEASURE_SECOND = 1,
    MT_MEASURE_LATENCY = 2,
    MT_MEASURE_BETWEEN = 3,
    MT_MEASURE_OUTPUT = 7,
    MT_MEASURE_INPUT = 8,
    MT_MEASURE_OUTPUT_TOKENS = 9,
    MT_MEASURE_WANTED_INPUT = 17,
    MT_MEASURE_INPUT_DIFFERENCE = 19,
    MT_MEASURE_CACHED = 21,
    MT_MEASURE_TOGETHER = 23
};
extern const mt_measure mt_measures[MT_MEASURES];

/* The place of a metric by its key or by a short name (ttft, ttst, itl or tpot, e2e, latency, lag, isl, osl); -1
 * when there is none. */
int mt_measure_by_name(const char *name);

/* Tokens of the answer: usage, else token-bearing events. */
uint64_t mt_answer_tokens(const mt_exchange *exchange);

/* Whether the server counted: tokens of the answer; where that has none, of the prompt. */
int mt_usage_is_said(const mt_exchange *exchange);

#endif
