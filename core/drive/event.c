#include "drive/event.h"

#include "text/json_items.h"

#include <string.h>

/* Begins to walk an object or array that was checked as part of a larger value. 0, or -1. */
static int begin(mt_json_items *items, mt_span value, char open) {
    mt_json json = {value.text, value.text + value.length, NULL};
    return mt_json_items_begin(items, &json, value.text, open, "");
}

static int is_string(mt_span value) {
    return value.length >= 2 && value.text[0] == '"';
}

static mt_span without_quotes(mt_span value) {
    return is_string(value) ? (mt_span){value.text + 1, value.length - 2} : (mt_span){"", 0};
}

static int64_t count_of(mt_span value) {
    uint64_t count;
    if (mt_json_is_null(value))
        return MT_COUNT_NULL;
    return mt_json_count(value, &count) == 0 && count <= INT64_MAX ? (int64_t)count
                                                                   : MT_COUNT_ABSENT;
}

/* --- usage -------------------------------------------------------------------------------------- */

static void read_details(mt_span value, const char *name, int64_t *count) {
    mt_json_items items;
    mt_json_item item;
    if (mt_json_is_null(value))
        *count = MT_COUNT_NULL;
    if (begin(&items, value, '{') != 0)
        return;
    while (mt_json_items_next(&items, &item) > 0)
        if (mt_json_named(&item, name))
            *count = count_of(item.value);
}

static void read_usage(mt_span value, mt_said *said) {
    mt_json_items items;
    mt_json_item item;
    if (begin(&items, value, '{') != 0)
        return;
    said->says |= MT_SAYS_USAGE;
    while (mt_json_items_next(&items, &item) > 0) {
        if (mt_json_named(&item, "prompt_tokens"))
            said->prompt_tokens = count_of(item.value);
        else if (mt_json_named(&item, "completion_tokens"))
            said->completion_tokens = count_of(item.value);
        else if (mt_json_named(&item, "prompt_tokens_details"))
            read_details(item.value, "cached_tokens", &said->cached_tokens);
        else if (mt_json_named(&item, "completion_tokens_details"))
            read_details(item.value, "reasoning_tokens", &said->reasoning_tokens);
    }
}

/* --- choices ------------------------------------------------------------------------------------ */

/* What one choice says. */
typedef struct choice_said {
    unsigned says;
    int is_empty; /* a text, and nothing in it */
} choice_said;

static void take_content(mt_said *said, choice_said *choice, mt_span value, size_t least) {
    if (value.length > least) {
        choice->says |= MT_SAYS_CONTENT;
        if (said->content.length == 0)
            said->content = value;
    } else {
        choice->is_empty = 1;
    }
}

/* delta of a chunk, message of a whole answer. */
static void read_delta(mt_span value, mt_said *said, choice_said *choice) {
    mt_json_items items;
    mt_json_item item;
    if (begin(&items, value, '{') != 0)
        return;
    while (mt_json_items_next(&items, &item) > 0) {
        if (mt_json_named(&item, "content") || mt_json_named(&item, "reasoning_content") ||
            mt_json_named(&item, "reasoning") || mt_json_named(&item, "refusal")) {
            if (is_string(item.value))
                take_content(said, choice, item.value, 2);
        } else if (mt_json_named(&item, "tool_calls")) {
            if (item.value.text[0] == '[')
                take_content(said, choice, item.value, 2);
        } else if (mt_json_named(&item, "function_call")) {
            if (item.value.text[0] == '{')
                take_content(said, choice, item.value, 2);
        } else if (mt_json_named(&item, "role") && is_string(item.value)) {
            choice->says |= MT_SAYS_ROLE;
        }
    }
}

static void read_choice(mt_span value, mt_said *said) {
    mt_json_items items;
    mt_json_item item;
    choice_said choice = {0, 0};
    if (begin(&items, value, '{') != 0)
        return;
    while (mt_json_items_next(&items, &item) > 0) {
        if (mt_json_named(&item, "delta") || mt_json_named(&item, "message")) {
            read_delta(item.value, said, &choice);
        } else if (mt_json_named(&item, "text")) {
            if (is_string(item.value))
                take_content(said, &choice, item.value, 2);
        } else if (mt_json_named(&item, "finish_reason")) {
            mt_span reason = without_quotes(item.value);
            if (reason.length > 0) { /* TGI's is "" until the end */
                choice.says |= MT_SAYS_FINISH;
                said->finish_reason = reason;
            }
        }
    }
    if (choice.is_empty && !(choice.says & (MT_SAYS_CONTENT | MT_SAYS_ROLE | MT_SAYS_FINISH)))
        choice.says |= MT_SAYS_LIVE;
    said->says |= choice.says;
}

static void read_choices(mt_span value, mt_said *said) {
    mt_json_items items;
    mt_json_item item;
    if (begin(&items, value, '[') != 0)
        return;
    said->says |= MT_SAYS_CHOICES;
    while (mt_json_items_next(&items, &item) > 0)
        read_choice(item.value, said);
}

/* --- errors ------------------------------------------------------------------------------------- */

static int status_of(mt_span value) {
    uint64_t status;
    mt_span digits = is_string(value) ? without_quotes(value) : value;
    return mt_json_count(digits, &status) == 0 && status < 1000 ? (int)status : 0;
}

/* A member that both forms of an error have. */
static void read_error_member(const mt_json_item *item, mt_said *said) {
    if (mt_json_named(item, "message") || mt_json_named(item, "detail"))
        said->error_message = without_quotes(item->value);
    else if (mt_json_named(item, "code") || mt_json_named(item, "http_status_code") ||
             mt_json_named(item, "status"))
        said->error_status = status_of(item->value) ? status_of(item->value) : said->error_status;
}

static void read_error(mt_span value, mt_said *said) {
    mt_json_items items;
    mt_json_item item;
    if (mt_json_is_null(value))
        return;
    said->says |= MT_SAYS_ERROR;
    if (is_string(value))
        said->error_message = without_quotes(value);
    else if (begin(&items, value, '{') == 0)
        while (mt_json_items_next(&items, &item) > 0)
            read_error_member(&item, said);
}

/* --- the whole ---------------------------------------------------------------------------------- */

int mt_said_read(const char *text, size_t length, mt_said *said) {
    *said = (mt_said){.prompt_tokens = MT_COUNT_ABSENT,
                      .completion_tokens = MT_COUNT_ABSENT,
                      .cached_tokens = MT_COUNT_ABSENT,
                      .reasoning_tokens = MT_COUNT_ABSENT};
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\r'))
        length--;
    if (length == 6 && memcmp(text, "[DONE]", 6) == 0) {
        said->says = MT_SAYS_DONE;
        return 0;
    }
    mt_json_items items;
    mt_json_item item;
    mt_said flat = {0};
    int is_error_object = 0, result;
    if (begin(&items, (mt_span){text, length}, '{') != 0)
        return -1;
    while ((result = mt_json_items_next(&items, &item)) > 0) {
        if (mt_json_named(&item, "choices"))
            read_choices(item.value, said);
        else if (mt_json_named(&item, "usage"))
            read_usage(item.value, said);
        else if (mt_json_named(&item, "error"))
            read_error(item.value, said);
        else if (mt_json_named(&item, "object"))
            is_error_object =
                item.value.length == 7 && memcmp(item.value.text, "\"error\"", 7) == 0;
        else
            read_error_member(&item, &flat);
    }
    /* {"object":"error","message":...}, {"message":...,"type":...,"code":400}, {"detail":...} */
    if (is_error_object || (flat.error_message.length > 0 && !(said->says & MT_SAYS_CHOICES))) {
        said->says |= MT_SAYS_ERROR;
        if (said->error_message.length == 0)
            said->error_message = flat.error_message;
        if (said->error_status == 0)
            said->error_status = flat.error_status;
    }
    return result < 0 || mt_json_skip_space(&items.json, items.at) != items.json.end ? -1 : 0;
}
