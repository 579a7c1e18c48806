#include "drive/event.h"

#include "drive/event_walk.h"

/* --- usage -------------------------------------------------------------------------------------- */

static void read_details(walker *cursor, const char *name, int64_t *count) {
    mt_span member;
    int is_first = 1;
    if (peek(cursor) == 'n')
        *count = MT_COUNT_NULL;
    if (!enter(cursor, '{'))
        return;
    while (next_member(cursor, &member, &is_first))
        if (is(member, name))
            *count = take_count(cursor);
        else
            take_value(cursor);
}

/* xAI and Gemini do not count reasoning among the answer's tokens, as all others do: the total tells,
 * and without one that there is more of it than there is of the answer. */
static int has_reasoning_beside(const mt_said *said, int64_t total) {
    int64_t counted;
    if (said->reasoning_tokens <= 0 || said->completion_tokens < 0)
        return 0;
    if (total <= 0 || said->prompt_tokens < 0)
        return said->reasoning_tokens > said->completion_tokens;
    return !__builtin_add_overflow(said->prompt_tokens, said->completion_tokens, &counted) &&
           total > counted && total - counted == said->reasoning_tokens;
}

static void read_usage(walker *cursor, mt_said *said) {
    mt_span name;
    int64_t total = MT_COUNT_ABSENT, cached = MT_COUNT_ABSENT;
    int is_first = 1;
    if (!enter(cursor, '{'))
        return;
    said->says |= MT_SAYS_USAGE;
    while (next_member(cursor, &name, &is_first))
        if (is(name, "prompt_tokens"))
            said->prompt_tokens = take_count(cursor);
        else if (is(name, "completion_tokens"))
            said->completion_tokens = take_count(cursor);
        else if (is(name, "total_tokens"))
            total = take_count(cursor);
        else if (is(name, "prompt_tokens_details") || is(name, "input_tokens_details"))
            read_details(cursor, "cached_tokens", &said->cached_tokens);
        else if (is(name, "prompt_cache_hit_tokens") || is(name, "cached_tokens") ||
                 is(name, "cache_read_input_tokens")) /* DeepSeek, Moonshot, Anthropic's models */
            cached = take_count(cursor);
        else if (is(name, "completion_tokens_details"))
            read_details(cursor, "reasoning_tokens", &said->reasoning_tokens);
        else
            take_value(cursor);
    if (said->cached_tokens < 0 && cached >= 0)
        said->cached_tokens = cached;
    if (has_reasoning_beside(said, total) &&
        __builtin_add_overflow(said->completion_tokens, said->reasoning_tokens,
                               &said->completion_tokens))
        said->completion_tokens = MT_COUNT_ABSENT;
}

/* Groq's: {"id":...,"usage":{...}}. */
static void read_usage_inside(walker *cursor, mt_said *said) {
    mt_span name;
    int is_first = 1;
    if (!enter(cursor, '{'))
        return;
    while (next_member(cursor, &name, &is_first))
        if (is(name, "usage"))
            read_usage(cursor, said);
        else
            take_value(cursor);
}

/* --- choices ------------------------------------------------------------------------------------ */

/* What one choice says. */
typedef struct choice_said {
    unsigned says;
    int is_empty; /* a text, and nothing in it */
} choice_said;

/* Is a part of the list of another kind than text, of Mistral's {"type":"thinking"}? */
static int has_thinking(mt_span list) {
    walker cursor = {list.text, list.text + list.length, 0};
    mt_span name;
    int is_first = 1;
    enter(&cursor, '[');
    while (next_item(&cursor, ']', &is_first)) {
        int is_first_member = 1;
        if (!enter(&cursor, '{'))
            continue;
        while (next_member(&cursor, &name, &is_first_member))
            if (is(take_value(&cursor), "\"thinking\"") && is(name, "type"))
                return 1;
    }
    return 0;
}

/* A value that is a text, a list or an object is content, when there is something in it; null and
 * other things are not. Gives it. */
static mt_span take_content(walker *cursor, mt_said *said, choice_said *choice) {
    mt_span value = take_value(cursor);
    if (value.length < 2 || !strchr("\"[{", value.text[0]))
        return (mt_span){"", 0};
    if (value.length == 2) {
        choice->is_empty = 1;
        return (mt_span){"", 0};
    }
    choice->says |= MT_SAYS_CONTENT;
    if (said->content.length == 0)
        said->content = value;
    return value;
}

/* OpenRouter's list of reasoning: does it say some, and not only a summary of it or a cipher? */
static int has_reasoning_text(mt_span list) {
    walker cursor = {list.text, list.text + list.length, 0};
    mt_span name;
    int is_first = 1;
    if (!enter(&cursor, '['))
        return 1;
    while (next_item(&cursor, ']', &is_first)) {
        int is_first_member = 1, is_text = 1;
        if (!enter(&cursor, '{'))
            continue;
        while (next_member(&cursor, &name, &is_first_member)) {
            mt_span value = take_value(&cursor);
            if (is(name, "type") &&
                (is(value, "\"reasoning.encrypted\"") || is(value, "\"reasoning.summary\"")))
                is_text = 0;
        }
        if (is_text)
            return 1;
    }
    return is_first;
}

/* The answer's text, of the first choice that has one. */
static void take_text(walker *cursor, mt_said *said, choice_said *choice) {
    mt_span value = take_content(cursor, said, choice);
    if (said->text.length == 0)
        said->text = without_quotes(value);
    if (value.length > 0 && value.text[0] == '[' && has_thinking(value))
        choice->says |= MT_SAYS_REASONING;
}

/* delta of a chunk, message of a whole answer. */
static void read_delta(walker *cursor, mt_said *said, choice_said *choice) {
    mt_span name;
    int is_first = 1;
    if (!enter(cursor, '{'))
        return;
    while (next_member(cursor, &name, &is_first))
        if (is(name, "content")) {
            take_text(cursor, said, choice);
        } else if (is(name, "reasoning_details")) {
            walker ahead = *cursor;
            if (!has_reasoning_text(take_value(&ahead)))
                *cursor = ahead;
            else if (take_content(cursor, said, choice).length > 0)
                choice->says |= MT_SAYS_REASONING;
        } else if (is(name, "reasoning_content") || is(name, "reasoning") || is(name, "thinking")) {
            if (take_content(cursor, said, choice).length > 0)
                choice->says |= MT_SAYS_REASONING;
        } else if (is(name, "refusal") || is(name, "tool_calls") || is(name, "function_call") ||
                   is(name, "audio")) {
            take_content(cursor, said, choice);
        } else if (is_string(take_value(cursor)) && is(name, "role")) {
            choice->says |= MT_SAYS_ROLE;
        }
}

/* Reasons for which a server ends an answer that is not whole: the answer has failed. */
static void note_reason(mt_span reason, mt_said *said) {
    static const struct {
        const char *reason, *message;
        int status;
    } broken[] = {
        {"abort", "finish_reason abort", 0}, /* vLLM, SGLang */
        {"aborted", "finish_reason aborted", 0},
        {"error", "finish_reason error", 0}, /* vLLM, OpenRouter */
        {"cancelled", "finish_reason cancelled", 0},
        {"timeout", "finish_reason timeout", 0}, /* both TensorRT-LLM */
        {"network_error", "finish_reason network_error", 0},
        {"insufficient_system_resource", "finish_reason insufficient_system_resource", 503},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        if (is(reason, broken[i].reason)) {
            said->says |= MT_SAYS_ERROR;
            if (said->error_message.length == 0)
                said->error_message = (mt_span){broken[i].message, strlen(broken[i].message)};
            if (said->error_status == 0)
                said->error_status = broken[i].status;
        }
}

static void read_choice(walker *cursor, mt_said *said) {
    mt_span name;
    int is_first = 1;
    choice_said choice = {0, 0};
    if (!enter(cursor, '{'))
        return;
    while (next_member(cursor, &name, &is_first)) {
        if (is(name, "delta") || is(name, "message")) {
            read_delta(cursor, said, &choice);
        } else if (is(name, "text")) {
            take_text(cursor, said, &choice);
        } else if (is(name, "usage")) { /* Moonshot's */
            read_usage(cursor, said);
        } else {
            mt_span value = without_quotes(take_value(cursor));
            if (!is(name, "finish_reason"))
                continue;
            if (value.length == 0) { /* TGI's is "" until the end, the others' null */
                choice.says |= MT_SAYS_NO_END;
            } else {
                choice.says |= MT_SAYS_FINISH;
                said->finish_reason = value;
                note_reason(value, said);
            }
        }
    }
    if (choice.is_empty && !(choice.says & (MT_SAYS_CONTENT | MT_SAYS_ROLE | MT_SAYS_FINISH)))
        choice.says |= MT_SAYS_LIVE;
    said->says |= choice.says;
}

static void read_choices(walker *cursor, mt_said *said) {
    int is_first = 1;
    if (!enter(cursor, '['))
        return;
    said->says |= MT_SAYS_CHOICES;
    while (next_item(cursor, ']', &is_first))
        read_choice(cursor, said);
}

/* --- errors ------------------------------------------------------------------------------------- */

/* A member that both forms of an error have. */
static void read_error_member(walker *cursor, mt_span name, mt_said *said) {
    mt_span value = take_value(cursor);
    if (is(name, "message") || is(name, "detail")) {
        said->error_message = without_quotes(value);
    } else if (is(name, "code") || is(name, "http_status_code") || is(name, "status")) {
        int64_t status = number_of(is_string(value) ? without_quotes(value) : value);
        if (status > 0 && status < 1000)
            said->error_status = (int)status;
    } else if (said->error_status == 0 && is(name, "type")) { /* Anthropic's have no number */
        said->error_status = is(value, "\"overloaded_error\"")   ? 529
                             : is(value, "\"rate_limit_error\"") ? 429
                                                                 : 0;
    }
}

static void read_error(walker *cursor, mt_said *said) {
    mt_span name;
    int is_first = 1;
    char byte = peek(cursor);
    if (byte != 'n')
        said->says |= MT_SAYS_ERROR;
    if (byte != '{')
        said->error_message = without_quotes(take_value(cursor));
    else if (enter(cursor, '{'))
        while (next_member(cursor, &name, &is_first))
            read_error_member(cursor, name, said);
}

/* --- the whole ---------------------------------------------------------------------------------- */

static void read_members(walker *cursor, mt_said *said) {
    mt_span name;
    mt_said flat = {0};
    int64_t cached = MT_COUNT_ABSENT;
    int is_first = 1, is_error_object = 0;
    while (next_member(cursor, &name, &is_first))
        if (is(name, "choices"))
            read_choices(cursor, said);
        else if (is(name, "usage"))
            read_usage(cursor, said);
        else if (is(name, "x_groq"))
            read_usage_inside(cursor, said);
        else if (is(name, "timings")) /* llama.cpp's, of builds whose usage does not say it */
            read_details(cursor, "cache_n", &cached);
        else if (is(name, "error"))
            read_error(cursor, said);
        else if (is(name, "object"))
            is_error_object = is(take_value(cursor), "\"error\"");
        else
            read_error_member(cursor, name, &flat);
    if (said->cached_tokens == MT_COUNT_ABSENT && cached >= 0)
        said->cached_tokens = cached;
    /* {"object":"error","message":...}, {"message":...,"type":...,"code":400}, {"detail":...} */
    if (is_error_object || (flat.error_message.length > 0 && !(said->says & MT_SAYS_CHOICES))) {
        said->says |= MT_SAYS_ERROR;
        if (said->error_message.length == 0)
            said->error_message = flat.error_message;
        if (said->error_status == 0)
            said->error_status = flat.error_status;
    }
}

int mt_said_read(const char *text, size_t length, mt_said *said) {
    *said = (mt_said){.prompt_tokens = MT_COUNT_ABSENT,
                      .completion_tokens = MT_COUNT_ABSENT,
                      .cached_tokens = MT_COUNT_ABSENT,
                      .reasoning_tokens = MT_COUNT_ABSENT};
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\r'))
        length--;
    if (is((mt_span){text, length}, "[DONE]")) {
        said->says = MT_SAYS_DONE;
        return 0;
    }
    walker cursor = {text, text + length, 0};
    if (peek(&cursor) != '{')
        return -1;
    cursor.at++;
    read_members(&cursor, said);
    return cursor.is_bad || peek(&cursor) != '\0' || cursor.at != cursor.end ? -1 : 0;
}
