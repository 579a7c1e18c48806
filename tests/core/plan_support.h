/* Plans for the tests of plans and runs. */
#ifndef PLAN_SUPPORT_H
#define PLAN_SUPPORT_H

#include "load_support.h"

#include "load/plan.h"

static inline mt_plan *new_plan(uint64_t block_size) {
    mt_plan *plan = mt_plan_new(block_size, NULL);
    assert_non_null(plan);
    return plan;
}

/* Lengths of one pair; releases what it is given; output may be NULL. */
static inline mt_lengths *lengths_of(mt_distribution *input, int is_new, mt_distribution *output) {
    mt_length_pair pair = {.input = input, .input_is_new = is_new, .output = output};
    mt_lengths *lengths = mt_lengths_pair(&pair, NULL);
    assert_non_null(lengths);
    mt_distribution_release(input);
    mt_distribution_release(output);
    return lengths;
}

static inline mt_prompt *unique_prompt(void) {
    mt_prompt *prompt = mt_prompt_unique(NULL);
    assert_non_null(prompt);
    return prompt;
}

/* `tokens` shared by all. */
static inline mt_prompt *prefix_of(double tokens, uint64_t groups, const char *name) {
    mt_prompt_part part = {.tokens = fixed(tokens), .uniform = groups, .count = 1, .name = name};
    mt_prompt *prompt = mt_prompt_parts(&part, 1, "prefix", NULL);
    assert_non_null(prompt);
    mt_distribution_release(part.tokens);
    return prompt;
}

/* Adds a stream and releases its parts. */
static inline void add_stream(mt_plan *plan, const char *name, mt_process *process,
                              mt_lengths *lengths, mt_prompt *prompt, mt_fields *fields) {
    mt_error error;
    mt_stream stream = {.name = name,
                        .process = process,
                        .lengths = lengths,
                        .prompt = prompt,
                        .fields = fields,
                        .factor = 1,
                        .end = INFINITY};
    if (mt_plan_add(plan, &stream, &error) != MT_OK)
        fail_msg("%s", error.message);
    mt_process_release(process);
    mt_lengths_release(lengths);
    mt_prompt_release(prompt);
    mt_fields_release(fields);
}

#endif
