#include "prefix/model/answers.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST = 16 };    /* turns */
enum { STEP = 100000 }; /* ns: so exactly is it said */

static const double near = 0.25; /* parts of what the line says */

typedef struct answer {
    double output, took; /* tokens, ns */
} answer;

static int by_output(const void *a, const void *b) {
    const answer *one = a, *other = b;
    if (one->output != other->output)
        return one->output < other->output ? -1 : 1;
    return (one->took > other->took) - (one->took < other->took);
}

static int by_time_taken(const void *a, const void *b) {
    double one = ((const answer *)a)->took, other = ((const answer *)b)->took;
    return (one > other) - (one < other);
}

typedef struct line {
    double first, token;
} line;

static line with_token(double token, double output, double took) {
    token = token > 0 ? token : 0;
    double first = took - token * output;
    return (line){first > 0 ? first : 0, token};
}

/* Through the medians of the two halves of what is sorted by its output. Sorts the halves anew. */
static line through_medians(answer *list, size_t count) {
    double x[2], y[2];
    for (int half = 0; half < 2; half++) {
        answer *here = list + (half ? count - count / 2 : 0);
        x[half] = here[count / 4].output;
        qsort(here, count / 2, sizeof *here, by_time_taken);
        y[half] = here[count / 4].took;
    }
    double token = x[1] > x[0] ? (y[1] - y[0]) / (x[1] - x[0]) : 0;
    return with_token(token, x[0], y[0]);
}

/* By least squares through those near the line. */
static line through_near(const answer *list, size_t count, line guess) {
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < count; i++) {
        double said = guess.first + guess.token * list[i].output;
        if (fabs(list[i].took - said) > near * said)
            continue;
        n++;
        x += list[i].output;
        y += list[i].took;
        xx += list[i].output * list[i].output;
        xy += list[i].output * list[i].took;
    }
    double spread = n * xx - x * x;
    if (n < LEAST || n < (double)count / 4)
        return (line){0, 0};
    return with_token(spread > 0 ? (n * xy - x * y) / spread : 0, x / n, y / n);
}

static int64_t rounded(double ns) {
    return ns < (double)(INT64_C(1) << 60) ? llround(ns / STEP) * STEP : 0;
}

mt_code mt_answers_fit(const mt_chain_links *links, const int64_t *times, mt_model *model,
                       const uint32_t *description_of, mt_error *error) {
    size_t count = 0, capacity = 0;
    answer *list = NULL;
    for (size_t i = 0; i < links->count; i++) {
        const mt_chain_link *link = &links->links[i];
        if (link->before == MT_NO_TURN || link->delay_ns < 0)
            continue;
        uint64_t output = model->descriptions[description_of[link->before]].output;
        int64_t took = times[i] - times[link->before] - link->delay_ns;
        if (output == MT_MODEL_NO_OUTPUT || took <= 0)
            continue;
        if (MT_GROW(list, capacity, count + 1)) {
            mt_free(list);
            return mt_fail_memory(error, "learner");
        }
        list[count++] = (answer){(double)output, (double)took};
    }
    if (count >= LEAST) {
        qsort(list, count, sizeof *list, by_output);
        line found = through_near(list, count, through_medians(list, count));
        model->answers = (mt_model_answers){rounded(found.first), rounded(found.token)};
    }
    mt_free(list);
    return MT_OK;
}
