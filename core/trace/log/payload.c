#include "trace/log/payload.h"

#include "trace/log/lines.h"

mt_span mt_payload_only(mt_span value) {
    mt_json_items items;
    mt_json_item first, second;
    while (value.length > 0 && mt_json_items_of_list(&items, value) &&
           mt_json_items_next(&items, &first) > 0 && mt_json_items_next(&items, &second) == 0)
        value = first.value;
    return value;
}

/* The value as a whole number of at least 0, be it the text of one: 0 or -1. */
static int whole_number(mt_span value, uint64_t *number) {
    if (value.length > 2 && value.text[0] == '"')
        value = (mt_span){value.text + 1, value.length - 2};
    return mt_json_count(value, number);
}

/* Triton's input of token ids may say its shape too. */
static mt_span content_of(const mt_json *json, mt_span value) {
    mt_span content = {"", 0};
    const mt_line_member member = {"content", &content};
    if (mt_lines_is_object(value))
        (void)mt_lines_members(json, value.text, &member, 1, NULL); /* it is JSON */
    return content.length > 0 ? content : value;
}

/* The limits that a body may have, the one that holds first. */
enum { LIMITS = 6, SUB_LIMITS = 2 };
static const char *const limit_names[LIMITS] = {"max_completion_tokens", "max_tokens",
                                                "max_output_tokens",     "max_new_tokens",
                                                "output_length",         "request_output_len"};

/* Triton's sampling_parameters are JSON in a string. */
static void take_sampled(mt_span token, mt_payload *out) {
    char text[1024];
    mt_span limit = {"", 0};
    const mt_line_member member = {"max_tokens", &limit};
    if (token.length < 2 || token.text[0] != '"' || token.length > sizeof text)
        return;
    mt_json json = {text, text + mt_json_decode(token.text, token.length, text), NULL};
    out->has_sampled = mt_lines_members(&json, text, &member, 1, NULL) == 0 && limit.length > 0 &&
                       whole_number(limit, &out->sampled) == 0;
}

int mt_payload_read(const mt_json *json, const char *at, mt_payload *out) {
    mt_span limits[LIMITS] = {{"", 0}}, prompts[4] = {{"", 0}}, sub[SUB_LIMITS] = {{"", 0}};
    mt_span parameters = {"", 0}, ids = {"", 0}, instructions = {"", 0}, sampling = {"", 0};
    *out = (mt_payload){.model = {"", 0}};
    const mt_line_member members[] = {{"tools", &out->tools},
                                      {"system", &out->system},
                                      {"instructions", &instructions},
                                      {"messages", &out->messages},
                                      {"prompt", &prompts[0]},
                                      {"input", &prompts[1]},
                                      {"inputs", &prompts[2]},
                                      {"text_input", &prompts[3]},
                                      {"input_ids", &ids},
                                      {"model", &out->model},
                                      {"parameters", &parameters},
                                      {"sampling_parameters", &sampling},
                                      {limit_names[0], &limits[0]},
                                      {limit_names[1], &limits[1]},
                                      {limit_names[2], &limits[2]},
                                      {limit_names[3], &limits[3]},
                                      {limit_names[4], &limits[4]},
                                      {limit_names[5], &limits[5]}};
    const mt_line_member of_parameters[] = {{"max_new_tokens", &sub[0]}, {"max_tokens", &sub[1]}};
    if (mt_lines_members(json, at, members, sizeof members / sizeof *members, NULL) != 0)
        return -1;
    if (mt_lines_is_object(parameters))
        (void)mt_lines_members(json, parameters.text, of_parameters, SUB_LIMITS, NULL);
    if (out->system.length == 0)
        out->system = instructions;
    out->prompt = mt_lines_first(prompts, 4);
    if (out->prompt.length == 0 && ids.length > 0)
        out->prompt = content_of(json, mt_payload_only(ids));
    out->limit = mt_lines_first(limits, LIMITS);
    if (out->limit.length == 0)
        out->limit = mt_lines_first(sub, SUB_LIMITS);
    out->limit = mt_payload_only(out->limit);
    if (out->limit.length == 0)
        take_sampled(mt_payload_only(sampling), out);
    return 0;
}

int mt_payload_say(const mt_payload *self, mt_speech *speech, const mt_json *json, const char *at,
                   mt_error *error) {
    if (self->messages.length == 0 && self->prompt.length == 0)
        return speech->bad(speech, at, error,
                           "a request lacks its prompt: messages, prompt, input or text_input");
    if (self->tools.length > 0 && mt_speech_json(speech, self->tools, error) != 0)
        return -1;
    if (self->system.length > 0 && mt_speech_all(speech, json, self->system, "system", error) != 0)
        return -1;
    return self->messages.length > 0
               ? mt_speech_all(speech, json, self->messages, "messages", error)
               : mt_speech_all(speech, json, self->prompt, "the prompt", error);
}

int mt_payload_limit(const mt_payload *self, mt_speech *speech, uint64_t *tokens, mt_error *error) {
    if (self->limit.length == 0) {
        *tokens = self->sampled;
        return self->has_sampled;
    }
    return whole_number(self->limit, tokens) == 0
               ? 1
               : mt_speech_bad_value(speech, self->limit, "the limit of the answer",
                                     "a whole number of at least 0", error);
}
