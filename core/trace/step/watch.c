/* A step that leaves requests as they are and counts them in a profile. */
#include "trace/step/steps.h"

#include "trace/source/kind.h"

typedef struct watch_step {
    mt_source base;
    mt_profile *profile;
} watch_step;

static int watch_next(mt_source *source, mt_request *request, mt_error *error) {
    watch_step *self = (watch_step *)source;
    mt_error problem, *report = error ? error : &problem;
    int status = mt_source_next(source->below, request, report);
    if (status > 0 && mt_profile_add(self->profile, request, report) != MT_OK)
        return report->code == MT_ERROR_INPUT ? mt_source_place(source, request, report) : -1;
    return status;
}

static void watch_release(mt_source *source) {
    mt_profile_release(((watch_step *)source)->profile);
}

/* A profile may count hits, so ids are not left as text. */
static const mt_source_kind watch_kind = {
    .next = watch_next, .release = watch_release, .live = &mt_live_as_below};

mt_source *mt_step_watch(mt_source *below, mt_profile *profile, mt_error *error) {
    watch_step *self = (watch_step *)mt_source_over(below, &watch_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->profile = mt_profile_retain(profile);
    return &self->base;
}
