/* Ids by first appearance; names too, where nobody is to know them. */
#include "trace/step/steps.h"

#include "trace/step/prefix_ids.h"
#include "trace/source/kind.h"
#include "text/texts.h"

#include <stdio.h>

enum { NAME_SIZE = 32 };

typedef struct renumber_step {
    mt_source base;
    int anonymous;
    mt_prefix_ids numbering;
    mt_texts sessions, streams;
    char session[NAME_SIZE], stream[NAME_SIZE];
} renumber_step;

/* Puts "PREFIXn" in the place of a name. */
static mt_code hide(mt_texts *texts, const char *prefix, mt_span *name, char *buffer,
                    mt_error *error) {
    uint32_t number;
    if (mt_texts_intern(texts, name->text, name->length, &number) != 0)
        return mt_fail_memory(error, "names of sessions and streams");
    int length = snprintf(buffer, NAME_SIZE, "\"%s%u\"", prefix, (unsigned)number);
    *name = (mt_span){buffer, (size_t)length};
    return MT_OK;
}

static mt_code make_anonymous(renumber_step *self, mt_request *request, mt_error *error) {
    request->extra = (mt_span){NULL, 0};
    if (request->has & MT_HAS_SESSION &&
        hide(&self->sessions, "s", &request->session, self->session, error) != MT_OK)
        return MT_ERROR_MEMORY;
    if (request->has & MT_HAS_STREAM)
        return hide(&self->streams, "stream", &request->stream, self->stream, error);
    return MT_OK;
}

static int renumber_next(mt_source *source, mt_request *request, mt_error *error) {
    renumber_step *self = (renumber_step *)source;
    int status = mt_source_next(source->below, request, error);
    if (status <= 0)
        return status;
    if (self->anonymous && make_anonymous(self, request, error) != MT_OK)
        return -1;
    return mt_number_prompt(&self->numbering, request, error) == MT_OK ? 1 : -1;
}

static void renumber_release(mt_source *source) {
    renumber_step *self = (renumber_step *)source;
    mt_prefix_ids_free(&self->numbering);
    mt_texts_free(&self->sessions);
    mt_texts_free(&self->streams);
}

static const mt_source_kind renumber_kind = {.next = renumber_next, .release = renumber_release};

mt_source *mt_step_renumber(mt_source *below, int anonymous, mt_error *error) {
    renumber_step *self =
        (renumber_step *)mt_source_over(below, &renumber_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->anonymous = anonymous;
    if (mt_prefix_ids_start(&self->numbering, error) != MT_OK) {
        mt_source_free(&self->base);
        return NULL;
    }
    return &self->base;
}
