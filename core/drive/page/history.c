#include "drive/page/state.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* Every second moment goes, but for the newest. */
static void thin(mt_page_history *history) {
    size_t kept = 0;
    int drops = 0;
    for (size_t i = 0; i < history->count; i++) {
        mt_page_event *event = &history->events[i];
        if (!event->lasts && i + 1 < history->count) {
            drops = !drops;
            if (drops) {
                mt_free(event->text);
                history->moments--;
                continue;
            }
        }
        history->events[kept++] = *event;
    }
    history->count = kept;
}

mt_code mt_page_note(mt_page_history *history, const char *name, mt_span json, mt_error *error) {
    if (MT_GROW(history->events, history->capacity, history->count + 1) != 0)
        return mt_fail_memory(error, "the page's events");
    const char *before = name ? "event: " : "", *between = name ? "\n" : "";
    name = name ? name : "";
    size_t length = strlen(before) + strlen(name) + strlen(between) + json.length + 8;
    char *text = mt_allocate(length + 1, 1);
    if (!text)
        return mt_fail_memory(error, "the page's events");
    int head = snprintf(text, length + 1, "%s%s%sdata: ", before, name, between);
    memcpy(text + head, json.text, json.length);
    memcpy(text + head + json.length, "\n\n", 3);
    int lasts = *name != '\0';
    history->events[history->count++] = (mt_page_event){++history->said, length, lasts, text};
    history->moments += !lasts;
    if (history->moments > MT_PAGE_MOMENTS)
        thin(history);
    return MT_OK;
}

const mt_page_event *mt_page_after(const mt_page_history *history, uint64_t number) {
    size_t low = 0, high = history->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->events[middle].number > number)
            high = middle;
        else
            low = middle + 1;
    }
    return low < history->count ? &history->events[low] : NULL;
}

void mt_page_forget(mt_page_history *history) {
    for (size_t i = 0; i < history->count; i++)
        mt_free(history->events[i].text);
    mt_free(history->events);
    *history = (mt_page_history){0};
}
