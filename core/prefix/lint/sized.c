#include "prefix/lint/sized.h"

#include "base/memory.h"
#include "prefix/lint/block_fit.h"
#include "trace/blocks.h"
#include "trace/columns.h"
#include "trace/member.h"
#include "trace/source/kind.h"

#include <string.h>

enum { READ_AHEAD = 1000, FEW_PROMPTS = 10, USUAL_SIZE = 512 };

typedef struct sized_step {
    mt_source base;
    mt_sizing sizing;
    mt_columns ahead;
    size_t at;
    int after; /* what below said behind them: 1 until it is known, 0 the end, -1 a failure */
    mt_error failure;
    int adds;
    uint64_t next_id;
    uint64_t *ids;
    size_t capacity;
} sized_step;

/* ---- the size ---- */

/* The whole number at the start of the text, after ':' and spaces. */
static uint64_t number_after(const char *text, const char *end) {
    uint64_t number = 0;
    for (; text < end && (*text == ' ' || *text == ':'); text++)
        ;
    for (; text < end && *text >= '0' && *text <= '9' && number < UINT32_MAX; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return number;
}

uint64_t mt_stated_block_size(const mt_request *request) {
    static const char name[] = "\"block_size\"";
    enum { NAME = sizeof name - 1 };
    const char *at = request->extra.text, *end = at + request->extra.length;
    int depth = 0, in_text = 0;
    for (; at < end; at++) {
        if (in_text && *at == '\\')
            at++;
        else if (!in_text && depth == 0 && end - at > NAME && memcmp(at, name, NAME) == 0)
            return number_after(at + NAME, end);
        else if (*at == '"')
            in_text = !in_text;
        else if (!in_text)
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
    }
    return 0;
}

static int fits_all(const mt_block_fit *fit, uint64_t size) {
    for (size_t i = 0; i < fit->count; i++)
        if (fit->sizes[i].size == size)
            return fit->sizes[i].fits == fit->prompts;
    return 0;
}

static void choose(const mt_block_fit *all, const mt_block_fit *whole, uint64_t given,
                   unsigned by_majority, mt_sizing *sizing) {
    uint64_t size = given ? given : USUAL_SIZE;
    *sizing = (mt_sizing){.block_size = size, .has_ids = all->prompts > 0};
    if (all->prompts == 0 || fits_all(all, size) || (by_majority && all->prompts < FEW_PROMPTS))
        return;
    const mt_size_fit *best = mt_block_fit_best(all), *best_whole = mt_block_fit_best(whole);
    if (given || fits_all(whole, size))
        sizing->is_whole = fits_all(whole, size);
    else if ((size = mt_block_fit_all(all)) != 0)
        sizing->block_size = size;
    else if ((sizing->is_whole = (size = mt_block_fit_all(whole)) != 0))
        sizing->block_size = size;
    else if (by_majority) {
        sizing->is_whole = best_whole->fits > best->fits;
        sizing->block_size = sizing->is_whole ? best_whole->size : best->size;
    }
    sizing->is_found = sizing->block_size != (given ? given : USUAL_SIZE);
}

/* Does it wait for others or start them, or has it a name, which one that comes later may wait for? */
static int is_of_waits(const mt_request *request) {
    return mt_request_member(request, "request_id").length > 0 ||
           mt_request_member(request, "wait_for").length > 0 ||
           mt_request_member(request, "branches").length > 0;
}

static mt_code guess_rows(const mt_columns *ahead, mt_rows *rows, mt_error *error) {
    mt_rows_evidence evidence = {0};
    mt_turns turns = {0};
    mt_code code = MT_OK;
    for (size_t i = 0; code == MT_OK && i < ahead->count; i++) {
        mt_request request;
        mt_columns_get(ahead, i, &request);
        if (!(request.has & MT_HAS_SESSION))
            continue;
        mt_turn *before = mt_turns_of(&turns, request.session, error);
        if (before)
            mt_rows_look(&evidence, before, &request);
        code = before ? mt_turn_keep(before, &request, error) : mt_code_of(error);
    }
    mt_turns_free(&turns);
    *rows = mt_rows_guess(&evidence);
    return code;
}

static mt_code read_ahead(sized_step *self, uint64_t given, unsigned by_majority, mt_error *error) {
    mt_block_fit all, whole;
    mt_request request;
    for (size_t i = 0; self->after > 0 && i < READ_AHEAD; i++) {
        self->after = mt_source_next(self->base.below, &request, &self->failure);
        if (self->after <= 0)
            break;
        if (i == 0 && given == 0)
            given = mt_stated_block_size(&request);
        self->sizing.has_waits |= request.extra.length > 0 && is_of_waits(&request);
        if (mt_columns_append(&self->ahead, &request, error) != MT_OK)
            return mt_code_of(error);
    }
    mt_block_fit_start(&all, given, 0);
    mt_block_fit_start(&whole, given, 1);
    for (size_t i = 0; i < self->ahead.count; i++) {
        mt_columns_get(&self->ahead, i, &request);
        mt_block_fit_add(&all, &request);
        mt_block_fit_add(&whole, &request);
    }
    int has_waits = self->sizing.has_waits;
    choose(&all, &whole, given, by_majority, &self->sizing);
    self->sizing.has_waits = has_waits;
    self->sizing.is_empty = self->ahead.count == 0 && self->after == 0;
    return MT_OK;
}

/* ---- the step ---- */

/* The incomplete block at the end gets an id. */
static int add_rest(sized_step *self, mt_request *request, mt_error *error) {
    uint64_t size = self->sizing.block_size;
    size_t count = request->hash_count;
    if (!(request->has & MT_HAS_HASH_IDS) || !(request->has & MT_HAS_INPUT_LENGTH) ||
        request->input_length / size != count || request->input_length % size == 0)
        return 1;
    if (MT_GROW(self->ids, self->capacity, count + 1) != 0)
        return mt_failed(mt_fail_memory(error, "hash ids"));
    if (count > 0)
        memcpy(self->ids, request->hash_ids, count * sizeof *self->ids);
    self->ids[count] = self->next_id++;
    request->hash_ids = self->ids;
    request->hash_count = count + 1;
    return 1;
}

static int sized_next(mt_source *source, mt_request *request, mt_error *error) {
    sized_step *self = (sized_step *)source;
    if (self->at < self->ahead.count) {
        mt_columns_get(&self->ahead, self->at++, request);
    } else if (self->after <= 0) {
        if (self->after < 0 && error)
            *error = self->failure;
        return self->after;
    } else {
        if (self->ahead.count > 0) { /* all passed on: not kept beside what they are read for */
            mt_columns_free(&self->ahead);
            self->at = 0;
        }
        int status = mt_source_next(source->below, request, error);
        if (status <= 0)
            return status;
    }
    return self->sizing.is_whole && self->adds ? add_rest(self, request, error) : 1;
}

static void sized_release(mt_source *source) {
    sized_step *self = (sized_step *)source;
    mt_columns_free(&self->ahead);
    mt_free(self->ids);
}

static const mt_source_kind sized_kind = {.next = sized_next, .release = sized_release};

mt_source *mt_step_sized(mt_source *below, uint64_t block_size, unsigned ways, mt_sizing *sizing,
                         mt_error *error) {
    sized_step *self = (sized_step *)mt_source_over(below, &sized_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->after = 1;
    self->adds = !(ways & MT_SIZED_AS_IT_IS);
    self->next_id = (uint64_t)3 << 61;
    if (read_ahead(self, block_size, ways & MT_SIZED_BY_MAJORITY, error) != MT_OK ||
        (ways & MT_SIZED_ROWS && guess_rows(&self->ahead, &self->sizing.rows, error) != MT_OK)) {
        mt_source_free(&self->base);
        return NULL;
    }
    *sizing = self->sizing;
    return &self->base;
}
