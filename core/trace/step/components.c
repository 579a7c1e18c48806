#include "trace/step/components.h"

#include "base/memory.h"
#include "text/json_items.h"
#include "trace/member.h"

void mt_components_free(mt_components *self) {
    mt_texts_free(&self->sessions);
    mt_texts_free(&self->names);
    mt_free(self->session_members);
    mt_free(self->name_members);
    mt_free(self->above);
    mt_free(self->ordinals);
}

/* The member that the text stands for, a new one at first; *place, unless NULL, is its number in
 * the texts. 0 or -1 (memory). */
static int member_of(mt_components *self, mt_texts *texts, uint32_t **members, size_t *capacity,
                     mt_span text, uint32_t *member, uint32_t *place) {
    size_t known = texts->count;
    uint32_t number;
    if (MT_GROW(*members, *capacity, known + 1) != 0 ||
        MT_GROW(self->above, self->above_capacity, self->count + 1) != 0 ||
        MT_GROW(self->ordinals, self->ordinal_capacity, self->count + 1) != 0 ||
        mt_texts_intern(texts, text.text, text.length, &number) != 0)
        return -1;
    if (number == known) {
        (*members)[number] = (uint32_t)self->count;
        self->above[self->count] = (uint32_t)self->count;
        self->ordinals[self->count++] = MT_NO_COMPONENT;
    }
    *member = (*members)[number];
    if (place)
        *place = number;
    return 0;
}

static int name_of(mt_components *self, mt_span name, uint32_t *member) {
    return member_of(self, &self->names, &self->name_members, &self->name_capacity, name, member,
                     NULL);
}

/* The head of the member's component; the way to it is halved. */
static uint32_t head_of(mt_components *self, uint32_t member) {
    while (self->above[member] != member) {
        self->above[member] = self->above[self->above[member]];
        member = self->above[member];
    }
    return member;
}

/* The member belongs to the component, which may be none yet. */
static void join(mt_components *self, mt_component *component, uint32_t member) {
    uint32_t head = head_of(self, member);
    if (component->head == MT_NO_COMPONENT || component->head == head) {
        component->head = head;
        return;
    }
    /* The one that has an ordinal, or the earlier one, heads both. */
    uint32_t one = (uint32_t)component->head, other = head;
    int both = self->ordinals[one] != MT_NO_COMPONENT && self->ordinals[other] != MT_NO_COMPONENT;
    if (self->ordinals[other] < self->ordinals[one] ||
        (self->ordinals[other] == self->ordinals[one] && other < one)) {
        one = head;
        other = (uint32_t)component->head;
    }
    if (both)
        component->lost = self->ordinals[other];
    self->above[other] = one;
    component->head = one;
}

static int join_list(mt_components *self, mt_component *component, mt_span list) {
    mt_json_items items;
    mt_json_item item;
    uint32_t member;
    if (!mt_json_items_of_list(&items, list))
        return 0;
    while (mt_json_items_next(&items, &item) > 0) {
        if (name_of(self, item.value, &member) != 0)
            return -1;
        join(self, component, member);
    }
    return 0;
}

mt_code mt_components_add(mt_components *self, const mt_request *request, mt_component *component,
                          mt_error *error) {
    uint32_t member, number;
    *component = (mt_component){.head = MT_NO_COMPONENT, .lost = MT_NO_COMPONENT};
    if (request->has & MT_HAS_SESSION) {
        if (member_of(self, &self->sessions, &self->session_members, &self->session_capacity,
                      request->session, &member, &number) != 0)
            return mt_fail_memory(error, "sessions of a shard");
        component->session = (uint64_t)number + 1;
        join(self, component, member);
    }
    if (request->extra.length == 0)
        return MT_OK;
    mt_span name = mt_request_member(request, "request_id");
    if (name.length > 0 && !mt_json_is_null(name)) {
        if (name_of(self, name, &member) != 0)
            return mt_fail_memory(error, "request ids of a shard");
        join(self, component, member);
    }
    if (join_list(self, component, mt_request_member(request, "wait_for")) != 0 ||
        join_list(self, component, mt_request_member(request, "branches")) != 0)
        return mt_fail_memory(error, "request ids of a shard");
    return MT_OK;
}
