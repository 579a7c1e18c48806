#include "prefix/synthesis/synthesis.h"

#include "base/memory.h"
#include "prefix/reuse/reuse.h"
#include "stats/tally.h"
#include "trace/source/kind.h"
#include "trace/step/steps.h"
#include "trace/writer.h"

#include <math.h>
#include <string.h>

enum { INPUT, CONTEXT, UNIQUE_PROMPT, OUTPUT, LENGTHS };

struct mt_synthesis {
    size_t references;
    mt_radix_source *source; /* what the sampler draws from */
    uint64_t block_size;
    mt_reuse *reuse; /* one of these two */
    mt_radix_sampler *sampler;
    mt_gaps *gaps;      /* NULL: no times, or */
    int times_of_reuse; /* those of the reuse method */
    double speedup;
    int compact, with_sessions;
    char session[24];
    mt_synthetic made;
    char extra[128];
    mt_synthesis_summary so_far; /* its lengths are in the tallies */
    mt_tally lengths[LENGTHS];
};

/* ---- opening ---- */

uint64_t mt_origin_requests(const mt_origin *origin) {
    return origin->source ? origin->source->count : origin->model->count;
}

uint64_t mt_origin_block_size(const mt_origin *origin) {
    return origin->source ? origin->source->block_size : origin->model->block_size;
}

int mt_origin_keeps_order(const mt_origin *origin) {
    return origin->source || origin->model->gaps_in_order;
}

static int is_of_chains(const mt_origin *origin, const mt_synthesis_times *times) {
    return times->of_chains && origin->model && origin->model->chain_count > 0;
}

static mt_code open_gaps(mt_synthesis *synthesis, const mt_origin *origin,
                         const mt_synthesis_times *times, uint64_t seed, mt_error *error) {
    size_t count = mt_origin_requests(origin);
    const int64_t *gaps_ns = origin->source ? origin->source->gaps_ns : origin->model->gaps_ns;
    int64_t *spread_ns = NULL;
    mt_code code = MT_OK;
    if (times->dequantize) {
        if (!(spread_ns = mt_allocate(count, sizeof *spread_ns)))
            return mt_fail_memory(error, "gaps");
        code = mt_gaps_dequantize(gaps_ns, count, seed, spread_ns, error);
        gaps_ns = spread_ns;
    }
    synthesis->times_of_reuse = is_of_chains(origin, times);
    if (synthesis->times_of_reuse && spread_ns)
        mt_reuse_spread(synthesis->reuse);
    else if (!synthesis->times_of_reuse && code == MT_OK &&
             !(synthesis->gaps = mt_gaps_new(times->kind, gaps_ns, count, seed, error)))
        code = mt_code_of(error);
    mt_free(spread_ns);
    return code;
}

static mt_code open_times(mt_synthesis *synthesis, const mt_origin *origin,
                          const mt_synthesis_times *times, uint64_t seed, mt_error *error) {
    if (!(times->speedup > 0) || !isfinite(times->speedup))
        return mt_fail(error, MT_ERROR_VALUE, "speedup ratio must be a positive number, not %.17g",
                       times->speedup);
    synthesis->speedup = times->speedup;
    synthesis->with_sessions = times->with_sessions;
    return times->are_drawn ? open_gaps(synthesis, origin, times, seed, error) : MT_OK;
}

static mt_code open_prompts(mt_synthesis *synthesis, const mt_origin *origin,
                            const mt_synthesis_options *options, const mt_synthesis_times *times,
                            mt_error *error) {
    if (is_of_chains(origin, times)) {
        synthesis->reuse = mt_reuse_new_of_chains(origin->model, options, error);
    } else if (origin->model) {
        synthesis->reuse = mt_reuse_new(origin->model, options, error);
    } else {
        synthesis->source = mt_radix_source_retain(origin->source);
        synthesis->sampler = mt_radix_sampler_new(origin->source->tree, options, error);
    }
    return synthesis->reuse || synthesis->sampler ? MT_OK : mt_code_of(error);
}

mt_synthesis *mt_synthesis_new(const mt_origin *origin, const mt_synthesis_options *options,
                               const mt_synthesis_times *times, int compact, mt_error *error) {
    mt_synthesis *synthesis = mt_new(sizeof *synthesis, "synthesis", error);
    if (!synthesis)
        return NULL;
    synthesis->references = 1;
    synthesis->block_size = options->block_size;
    synthesis->compact = compact;
    if (open_prompts(synthesis, origin, options, times, error) ||
        open_times(synthesis, origin, times, options->seed, error)) {
        mt_synthesis_release(synthesis);
        return NULL;
    }
    return synthesis;
}

void mt_synthesis_release(mt_synthesis *synthesis) {
    if (!synthesis || --synthesis->references > 0)
        return;
    mt_reuse_free(synthesis->reuse);
    mt_radix_sampler_free(synthesis->sampler);
    mt_radix_source_release(synthesis->source);
    mt_gaps_free(synthesis->gaps);
    mt_free(synthesis->made.hash_ids);
    for (int which = 0; which < LENGTHS; which++)
        mt_tally_free(&synthesis->lengths[which]);
    mt_free(synthesis);
}

/* ---- making requests ---- */

/* The shared blocks in tokens. */
static uint64_t context_of(const mt_synthesis *synthesis) {
    const mt_synthetic *made = &synthesis->made;
    uint64_t context = made->context_blocks * synthesis->block_size;
    return context < made->input_length ? context : made->input_length;
}

/* Writes the text without the 0 that ends it and `size` counts; gives where it ends. */
static inline char *write_text(const char *text, size_t size, char *to) {
    memcpy(to, text, size - 1);
    return to + size - 1;
}

/* context_len and unique_user_prompt_len: the shared blocks, and the rest. */
static void set_extra(mt_synthesis *synthesis, mt_request *request) {
    static const char spaced[] = "\"context_len\": ",
                      spaced_next[] = ", \"unique_user_prompt_len\": ";
    static const char compact[] = "\"context_len\":",
                      compact_next[] = ",\"unique_user_prompt_len\":";
    uint64_t context = context_of(synthesis);
    char *end = synthesis->extra;
    end = synthesis->compact ? write_text(compact, sizeof compact, end)
                             : write_text(spaced, sizeof spaced, end);
    end = mt_write_u64(context, end);
    end = synthesis->compact ? write_text(compact_next, sizeof compact_next, end)
                             : write_text(spaced_next, sizeof spaced_next, end);
    end = mt_write_u64(synthesis->made.input_length - context, end);
    request->extra = (mt_span){synthesis->extra, (size_t)(end - synthesis->extra)};
}

/* Into the tallies of what was made. */
static mt_code count_request(mt_synthesis *synthesis, const mt_request *request, mt_error *error) {
    const mt_synthetic *made = &synthesis->made;
    mt_tally *lengths = synthesis->lengths;
    uint64_t context = context_of(synthesis);
    if (mt_tally_add(&lengths[INPUT], made->input_length) ||
        (made->has_output && mt_tally_add(&lengths[OUTPUT], made->output_length)) ||
        (made->knows_blocks &&
         (mt_tally_add(&lengths[CONTEXT], context) ||
          mt_tally_add(&lengths[UNIQUE_PROMPT], made->input_length - context))))
        return mt_fail_memory(error, "synthesis");
    synthesis->so_far.requests++;
    synthesis->so_far.blocks += request->hash_count;
    synthesis->so_far.last_time_ns = request->time_ns;
    return MT_OK;
}

static mt_code set_time(mt_synthesis *synthesis, int64_t time_ns, mt_request *request,
                        mt_error *error) {
    if (synthesis->speedup == 1)
        request->time_ns = time_ns;
    else if (mt_scale_time(time_ns, synthesis->speedup, &request->time_ns) != 0)
        return mt_fail(error, MT_ERROR_VALUE,
                       "the speedup ratio makes times of more than 292 years");
    if (synthesis->speedup != 1 && request->has & MT_HAS_DELAY &&
        mt_scale_time(request->delay_ns, synthesis->speedup, &request->delay_ns) != 0)
        return mt_fail(error, MT_ERROR_VALUE,
                       "the speedup ratio makes delays of more than 292 years");
    request->has |= MT_HAS_TIME;
    return MT_OK;
}

/* All of the next request but its time. */
static mt_code make_request(mt_synthesis *synthesis, mt_request *request, mt_error *error) {
    mt_synthetic *made = &synthesis->made;
    mt_code code = synthesis->reuse ? mt_reuse_next(synthesis->reuse, made, error)
                                    : mt_radix_sampler_next(synthesis->sampler, made, error);
    if (code)
        return code;
    *request = (mt_request){.has = MT_HAS_INPUT_LENGTH, .input_length = made->input_length};
    if (made->has_output) {
        request->has |= MT_HAS_OUTPUT_LENGTH;
        request->output_length = made->output_length;
    }
    if (synthesis->with_sessions && made->has_session) {
        char *end = mt_write_u64(made->session, synthesis->session);
        request->has |= MT_HAS_SESSION;
        request->session = (mt_span){synthesis->session, (size_t)(end - synthesis->session)};
        if (made->has_delay) {
            request->has |= MT_HAS_DELAY;
            request->delay_ns = made->delay_ns;
        }
    }
    if (made->knows_blocks) {
        request->has |= MT_HAS_HASH_IDS;
        request->hash_ids = made->hash_ids;
        request->hash_count = made->hash_count;
        set_extra(synthesis, request);
    }
    return MT_OK;
}

/* Both sources: the first has nothing below it, the second no end of its own. */
typedef struct synthesis_source {
    mt_source base;
    mt_synthesis *synthesis;
    uint64_t left; /* of the first */
} synthesis_source;

static int next(mt_source *source, mt_request *request, mt_error *error) {
    synthesis_source *self = (synthesis_source *)source;
    mt_synthesis *synthesis = self->synthesis;
    mt_gaps *gaps = source->below ? NULL : synthesis->gaps;
    mt_request timed;
    timed.has = gaps ? MT_HAS_TIME : 0;
    int status = source->below ? mt_source_next(source->below, &timed, error) : self->left > 0;
    if (status <= 0)
        return status;
    self->left--;
    if (make_request(synthesis, request, error) ||
        (gaps && mt_gaps_next(gaps, &timed.time_ns, error)))
        return -1;
    if (!source->below && synthesis->times_of_reuse) {
        timed.has = MT_HAS_TIME;
        timed.time_ns = synthesis->made.time_ns;
    }
    if ((timed.has & MT_HAS_TIME && set_time(synthesis, timed.time_ns, request, error)) ||
        count_request(synthesis, request, error))
        return -1;
    return 1;
}

static const char *synthesis_name(const mt_source *source) {
    (void)source;
    return "the synthesis";
}

static void synthesis_release(mt_source *source) {
    mt_synthesis_release(((synthesis_source *)source)->synthesis);
}

static const mt_source_kind synthesis_kind = {
    .next = next, .release = synthesis_release, .name = synthesis_name};
static const mt_source_kind step_kind = {.next = next, .release = synthesis_release};

mt_source *mt_source_synthesis(mt_synthesis *synthesis, uint64_t most, mt_error *error) {
    synthesis_source *self =
        (synthesis_source *)mt_source_new(&synthesis_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->synthesis = synthesis;
    synthesis->references++;
    self->left = most;
    return &self->base;
}

mt_source *mt_step_synthesis(mt_source *below, mt_synthesis *synthesis, mt_error *error) {
    synthesis_source *self =
        (synthesis_source *)mt_source_over(below, &step_kind, sizeof *self, error);
    if (!self)
        return NULL;
    self->synthesis = synthesis;
    synthesis->references++;
    return &self->base;
}

/* ---- what was made ---- */

mt_code mt_synthesis_summarise(mt_synthesis *synthesis, mt_synthesis_summary *summary,
                               mt_error *error) {
    mt_tally *lengths = synthesis->lengths;
    *summary = synthesis->so_far;
    if (mt_tally_summarise(&lengths[INPUT], &summary->input_length) ||
        mt_tally_summarise(&lengths[CONTEXT], &summary->context_length) ||
        mt_tally_summarise(&lengths[UNIQUE_PROMPT], &summary->unique_prompt_length) ||
        mt_tally_summarise(&lengths[OUTPUT], &summary->output_length))
        return mt_fail_memory(error, "synthesis");
    return MT_OK;
}
