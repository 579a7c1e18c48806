/* The answers of Perf Analyzer's requests (perf_analyzer.c): a body, or pieces of a stream of events that several
 * responses cut anywhere, or Triton's text_output and output_ids. Private to this folder. */
#ifndef MT_TRACE_LOG_PERF_ANSWER_H
#define MT_TRACE_LOG_PERF_ANSWER_H

#include "base/text.h"
#include "text/json_items.h"

/* Zero it; mt_perf_answer_free frees what is in it. */
typedef struct mt_perf_answer {
    uint64_t input, output;    /* tokens as the server counted them, */
    int has_input, has_output; /* where it did */
    int has_failed;            /* it says an error */
    mt_text said;              /* the answer's text */
    mt_text stream;            /* the responses, one after another */
} mt_perf_answer;

/* Reads response_outputs, checked JSON; no list is no answer. Pieces that are none of these formats say nothing.
 * 0, or -1 (memory). */
int mt_perf_answer_read(mt_perf_answer *answer, const mt_json *json, mt_span outputs,
                        mt_error *error);

/* Adds what a string's token says; any other value says nothing. 0, or -1 (memory). */
int mt_perf_add_string(mt_text *to, mt_span token, mt_error *error);

void mt_perf_answer_free(mt_perf_answer *answer);

#endif
