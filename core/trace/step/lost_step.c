#include "trace/step/lost_state.h"

#include "base/memory.h"
#include "base/text.h"
#include "trace/member.h"
#include "trace/source/kind.h"

typedef struct lost_step {
    mt_source base;
    mt_lost *lost;
    mt_texts sessions;     /* of those that are kept */
    int64_t *session_ends; /* when the answer to the last one has ended; -1: not known */
    size_t session_capacity;
    mt_text extra;
} lost_step;

/* Is the name, whose number it gives, that of one which was left out? -1: out of memory. */
static int is_lost(mt_lost *self, mt_span name, uint32_t *number) {
    if (mt_lost_number(self, name, number) != 0)
        return -1;
    return !(self->marks[*number] & MT_LOST_KEPT) && self->row_of_name[*number] != 0;
}

/* What is left of a list, and when the last answers have ended, by the whole trace's times. */
typedef struct lost_list {
    int dropped, left;
    int64_t dropped_end_ns, left_end_ns;
} lost_list;

/* Makes *end_ns that of the row's answer where this is later. 0 or -1 (memory). */
static int note_end(mt_lost *lost, uint32_t row, int64_t *end_ns) {
    if (mt_lost_find_time(lost, row) != 0)
        return -1;
    int64_t row_ns = mt_lost_sum(lost->rows[row].time_ns, lost->rows[row].answer_ns);
    *end_ns = row_ns > *end_ns ? row_ns : *end_ns;
    return 0;
}

/* Appends the list without the names of those left out. 0 or -1 (memory). */
static int add_list(lost_step *self, mt_span list, lost_list *result) {
    mt_lost *lost = self->lost;
    mt_json_items items;
    mt_json_item item;
    uint32_t number;
    *result = (lost_list){0};
    if (!mt_json_items_of_list(&items, list))
        return result->left = 1, mt_text_add(&self->extra, list.text, list.length);
    if (mt_text_add(&self->extra, "[", 1) != 0)
        return -1;
    while (mt_json_items_next(&items, &item) > 0) {
        int goes = is_lost(lost, item.value, &number);
        uint32_t row = goes < 0 ? 0 : lost->row_of_name[number];
        int64_t *end_ns = goes > 0 ? &result->dropped_end_ns : &result->left_end_ns;
        if (goes < 0 || (row > 0 && note_end(lost, row - 1, end_ns) != 0))
            return -1;
        if (goes) {
            result->dropped++;
            lost->counts.names += !(lost->marks[number] & MT_LOST_TOLD);
            lost->marks[number] |= MT_LOST_TOLD;
            continue;
        }
        if ((result->left > 0 && mt_text_add(&self->extra, ", ", 2) != 0) ||
            mt_text_add(&self->extra, item.value.text, item.value.length) != 0)
            return -1;
        result->left++;
    }
    return mt_text_add(&self->extra, "]", 1);
}

/* Appends a member whose value begins at its text; what was before it is taken back where it goes. */
static int add_member(lost_step *self, const char *from, const mt_json_item *item,
                      lost_list *result) {
    size_t before = self->extra.length;
    if (mt_text_add(&self->extra, before > 0 ? ", " : "", before > 0 ? 2 : 0) != 0 ||
        mt_text_add(&self->extra, from, (size_t)(item->value.text - from)) != 0)
        return -1;
    if (!result)
        return mt_text_add(&self->extra, item->value.text, item->value.length);
    if (add_list(self, item->value, result) != 0)
        return -1;
    if (result->dropped > 0 && result->left == 0)
        self->extra.length = before;
    return 0;
}

/* Writes the members anew, without the names: 0 or -1 (memory). */
static int rewrite(lost_step *self, mt_span extra, lost_list *waits, lost_list *branches) {
    mt_json json = {extra.text, extra.text + extra.length, NULL};
    mt_json_items items;
    mt_json_item item;
    self->extra.length = 0;
    *waits = *branches = (lost_list){0};
    mt_json_items_bare(&items, &json);
    while (mt_json_items_next(&items, &item) > 0) {
        lost_list *result = mt_json_named(&item, "wait_for")   ? waits
                            : mt_json_named(&item, "branches") ? branches
                                                               : NULL;
        if (add_member(self, item.name.text - 1, &item, result) != 0)
            return -1;
    }
    return 0;
}

/* Sets the time at which a request without one comes in the whole, by its name, else the time that is
 * given. 0 or -1 (memory). */
static int set_time(mt_lost *lost, mt_request *request, int64_t time_ns) {
    mt_span name = mt_request_member(request, "request_id");
    uint32_t number;
    request->time_ns = time_ns;
    if (name.length > 0) {
        if (mt_lost_number(lost, name, &number) != 0)
            return -1;
        uint32_t row = lost->row_of_name[number];
        if (row > 0 && mt_lost_find_time(lost, row - 1) != 0)
            return -1;
        if (row > 0)
            request->time_ns = lost->rows[row - 1].time_ns;
    }
    request->has |= MT_HAS_TIME;
    return 0;
}

/* What a request that no longer waits for some gets instead: a time, or a longer delay. end_ns: of the
 * answer to its session's turn before that is kept, -1: there is none, or it is not known. 0 or -1. */
static int keep_time(mt_lost *lost, mt_request *request, const lost_list *waits, int is_first,
                     int64_t end_ns) {
    int64_t wait_ns = mt_lost_wait(request), before_ns = 0;
    if (request->has & MT_HAS_DELAY)
        before_ns = request->delay_ns;
    if (is_first && waits->left == 0) {
        if (request->has & MT_HAS_TIME)
            return 0;
        lost->counts.times++;
        if (set_time(lost, request, mt_lost_sum(waits->dropped_end_ns, wait_ns)) != 0)
            return -1;
        request->has &= ~(unsigned)MT_HAS_DELAY;
        return 0;
    }
    if (!is_first && request->has & MT_HAS_TIME && !(request->has & MT_HAS_DELAY))
        return 0; /* it comes as far behind the turn before as the times say */
    end_ns = end_ns > waits->left_end_ns ? end_ns : waits->left_end_ns;
    /* Who waits for nobody any more needs a delay, be it 0: it says that this turn waits at all. */
    int64_t delay_ns = waits->left == 0 ? wait_ns : before_ns;
    if (end_ns > 0 && waits->dropped_end_ns > end_ns)
        delay_ns = mt_lost_sum(delay_ns, waits->dropped_end_ns - end_ns);
    if (delay_ns == before_ns && (request->has & MT_HAS_DELAY || waits->left > 0))
        return 0;
    lost->counts.delays += delay_ns > before_ns;
    request->delay_ns = delay_ns;
    request->has |= MT_HAS_DELAY;
    return 0;
}

/* Drops the request's names of those left out. 0 or -1 (memory). */
static int settle(lost_step *self, mt_request *request, int is_first, int64_t end_ns) {
    lost_list waits, branches;
    if (request->extra.length == 0 || (mt_request_member(request, "wait_for").length == 0 &&
                                       mt_request_member(request, "branches").length == 0))
        return 0;
    if (rewrite(self, request->extra, &waits, &branches) != 0)
        return -1;
    if (waits.dropped + branches.dropped == 0)
        return 0;
    self->lost->counts.requests++;
    if (waits.dropped > 0 && keep_time(self->lost, request, &waits, is_first, end_ns) != 0)
        return -1;
    request->extra = (mt_span){self->extra.bytes, self->extra.length};
    return 0;
}

/* When the answer to the request has ended, by the whole trace's times: -1 where that is not known, -2
 * out of memory. */
static int64_t end_of(mt_lost *lost, const mt_request *request) {
    mt_request timed = *request;
    if (!(timed.has & MT_HAS_TIME) && set_time(lost, &timed, -1) != 0)
        return -2;
    return timed.time_ns < 0
               ? -1
               : mt_lost_sum(timed.time_ns,
                             mt_service_answer(&lost->service, request->output_length));
}

static int lost_next(mt_source *source, mt_request *request, mt_error *error) {
    lost_step *self = (lost_step *)source;
    size_t known = self->sessions.count;
    uint32_t number = 0;
    int status = mt_source_next(source->below, request, error);
    if (status <= 0)
        return status;
    if (!(request->has & MT_HAS_SESSION))
        return settle(self, request, 1, -1) == 0 ? 1
                                                 : mt_failed(mt_fail_memory(error, "request ids"));
    mt_span session = request->session;
    if (MT_GROW(self->session_ends, self->session_capacity, known + 1) != 0 ||
        mt_texts_intern(&self->sessions, session.text, session.length, &number) != 0)
        return mt_failed(mt_fail_memory(error, "sessions"));
    int is_first = number == known;
    int failed = settle(self, request, is_first, is_first ? -1 : self->session_ends[number]) != 0;
    if (!failed)
        self->session_ends[number] = end_of(self->lost, request);
    if (failed || self->session_ends[number] == -2)
        return mt_failed(mt_fail_memory(error, "request ids"));
    return 1;
}

static void lost_release(mt_source *source) {
    lost_step *self = (lost_step *)source;
    mt_lost_release(self->lost);
    mt_texts_free(&self->sessions);
    mt_free(self->session_ends);
    mt_free(self->extra.bytes);
}

static const mt_source_kind lost_kind = {.next = lost_next, .release = lost_release};

mt_source *mt_step_lost(mt_source *below, mt_lost *lost, mt_error *error) {
    lost_step *self = (lost_step *)mt_source_over(below, &lost_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->lost = mt_lost_retain(lost);
    return &self->base;
}
