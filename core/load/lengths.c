#include "load/lengths.h"

#include "base/assert.h"
#include "base/memory.h"

#include <math.h>

static const uint64_t no_output = UINT64_MAX;
static const double most_tokens = 9007199254740992.0; /* 2^53: counted exactly by a double */
static const uint64_t is_drawn = UINT64_MAX;

/* What is known of a pair's input and output. */
typedef struct known_pair {
    double means[2];    /* NAN: varies, or nobody asked */
    uint64_t tokens[2]; /* of a fixed length; is_drawn: there is none, or it is drawn */
} known_pair;

/* Lengths as they were recorded: inputs, then outputs. */
typedef struct recorded_lengths {
    size_t count;
    uint64_t *tokens;
    mt_lengths_mean mean;
} recorded_lengths;

struct mt_lengths {
    uint64_t references;
    size_t count;
    mt_length_pair *pairs;
    known_pair *known;         /* one a pair */
    mt_curve **weights;        /* NULL: a single pair */
    recorded_lengths recorded; /* count 0: none; else instead of the pair's distributions */
};

struct mt_lengths_state {
    mt_lengths *lengths;
    mt_clock **weights; /* one a class; NULL: a single pair */
    double *now;        /* their values at the time of the draw */
    double *last;       /* seconds: the latest times they have a value for */
    double latest;      /* of the draws so far: the clocks stand there */
    uint64_t seed;
};

static void release_pair(mt_length_pair *pair) {
    mt_distribution_release(pair->input);
    mt_distribution_release(pair->output);
    mt_length_rule_release(pair->input_rule);
    mt_length_rule_release(pair->output_rule);
}

void mt_lengths_release(mt_lengths *lengths) {
    if (!lengths || --lengths->references > 0)
        return;
    for (size_t i = 0; lengths->pairs && i < lengths->count; i++)
        release_pair(&lengths->pairs[i]);
    for (size_t i = 0; lengths->weights && i < lengths->count; i++)
        mt_curve_release(lengths->weights[i]);
    mt_free(lengths->pairs);
    mt_free(lengths->known);
    mt_free(lengths->weights);
    mt_free(lengths->recorded.tokens);
    mt_free(lengths);
}

mt_lengths *mt_lengths_retain(mt_lengths *lengths) {
    lengths->references++;
    return lengths;
}

static double rounded_mean(const mt_distribution *length, uint64_t seed, double time, double low) {
    return mt_distribution_mean_rounded(length, seed, time, low, most_tokens);
}

/* A length's mean at a time. It takes an integral, so that nothing is computed before somebody asks,
 * and a mean that never changes is computed once: *known, NAN until then. */
static double mean_at(const mt_distribution *length, const mt_length_rule *rule, double low,
                      uint64_t seed, double time, double *known) {
    if (!isnan(*known))
        return *known;
    if (rule)
        *known = mt_length_rule_mean(rule);
    else if (!length)
        *known = 0;
    else if (mt_distribution_varies(length))
        return rounded_mean(length, seed, time, low);
    else
        *known = rounded_mean(length, 0, 0, low);
    return *known;
}

static uint64_t fixed_tokens(const mt_distribution *length, uint64_t low) {
    double value;
    return length && mt_distribution_is_fixed(length, &value) ? mt_whole_tokens(value, low)
                                                              : is_drawn;
}

static mt_length_rule *keep_rule(mt_length_rule *rule) {
    return rule ? mt_length_rule_retain(rule) : NULL;
}

static mt_lengths *new_lengths(const mt_length_pair *pairs, mt_curve *const *weights, size_t count,
                               mt_error *error) {
    mt_lengths *lengths = mt_new(sizeof *lengths, "lengths", error);
    if (!lengths)
        return NULL;
    lengths->references = 1;
    lengths->count = count;
    lengths->pairs = mt_allocate_zero(count, sizeof *pairs);
    lengths->known = mt_allocate(count, sizeof *lengths->known);
    if (weights)
        lengths->weights = mt_allocate_zero(count, sizeof(mt_curve *));
    if (!lengths->pairs || !lengths->known || (weights && !lengths->weights)) {
        mt_fail_memory(error, "lengths");
        mt_lengths_release(lengths);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        mt_length_pair *pair = &lengths->pairs[i];
        pair->input_is_new = pairs[i].input_is_new;
        if ((pairs[i].input && !(pair->input = mt_distribution_whole(pairs[i].input, error))) ||
            (pairs[i].output && !(pair->output = mt_distribution_whole(pairs[i].output, error)))) {
            mt_lengths_release(lengths);
            return NULL;
        }
        pair->input_rule = keep_rule(pairs[i].input_rule);
        pair->output_rule = keep_rule(pairs[i].output_rule);
        lengths->known[i] =
            (known_pair){{NAN, NAN}, {fixed_tokens(pair->input, 1), fixed_tokens(pair->output, 0)}};
        if (weights)
            lengths->weights[i] = mt_curve_retain(weights[i]);
    }
    return lengths;
}

mt_lengths *mt_lengths_pair(const mt_length_pair *pair, mt_error *error) {
    return new_lengths(pair, NULL, 1, error);
}

mt_lengths *mt_lengths_recorded(const uint64_t *inputs, const uint64_t *outputs, size_t count,
                                mt_error *error) {
    mt_length_pair nothing = {0};
    if (count == 0)
        return mt_null(
            mt_fail(error, MT_ERROR_VALUE, "lengths_of: the trace has no requests with lengths"));
    mt_lengths *lengths = new_lengths(&nothing, NULL, 1, error);
    if (!lengths)
        return NULL;
    recorded_lengths *recorded = &lengths->recorded;
    recorded->tokens = mt_allocate(2 * count, sizeof *recorded->tokens);
    if (!recorded->tokens) {
        mt_lengths_release(lengths);
        mt_fail_memory(error, "lengths");
        return NULL;
    }
    recorded->count = count;
    for (size_t i = 0; i < count; i++) {
        recorded->tokens[i] = inputs[i];
        recorded->tokens[count + i] = outputs[i];
        recorded->mean.input += (double)inputs[i] / (double)count;
        if (outputs[i] == no_output)
            continue;
        recorded->mean.output += (double)outputs[i];
        recorded->mean.output_share += 1;
    }
    if (recorded->mean.output_share > 0)
        recorded->mean.output /= recorded->mean.output_share;
    recorded->mean.output_share /= (double)count;
    return lengths;
}

mt_lengths *mt_lengths_classes(const mt_length_pair *pairs, mt_curve *const *weights, size_t count,
                               mt_error *error) {
    if (count == 0)
        return mt_null(mt_fail(error, MT_ERROR_VALUE, "classes: at least one class is needed"));
    return new_lengths(pairs, weights, count, error);
}

size_t mt_lengths_class_count(const mt_lengths *lengths) {
    return lengths->count;
}

const mt_length_pair *mt_lengths_class(const mt_lengths *lengths, size_t class_index) {
    return &lengths->pairs[class_index];
}

int mt_lengths_gives_input(const mt_lengths *lengths, size_t class_index) {
    const mt_length_pair *pair = &lengths->pairs[class_index];
    return lengths->recorded.count > 0 || pair->input || pair->input_rule;
}

int mt_lengths_have_rules(const mt_lengths *lengths) {
    for (size_t i = 0; i < lengths->count; i++)
        if (lengths->pairs[i].input_rule || lengths->pairs[i].output_rule)
            return 1;
    return 0;
}

static int needs_turns(const mt_length_rule *rule) {
    return rule && mt_length_rule_needs_turns(rule);
}

int mt_lengths_need_turns(const mt_lengths *lengths) {
    for (size_t i = 0; i < lengths->count; i++)
        if (needs_turns(lengths->pairs[i].input_rule) || needs_turns(lengths->pairs[i].output_rule))
            return 1;
    return 0;
}

/* The last time for which a weight has a value. Later turns of sessions use that value. */
static double last_of(const mt_curve *weight) {
    double duration = mt_curve_duration(weight);
    return isfinite(duration) ? nextafter(duration, 0) : INFINITY;
}

mt_code mt_lengths_check_end(const mt_lengths *lengths, double end, mt_error *error) {
    for (size_t i = 0; lengths->weights && i < lengths->count; i++) {
        double duration = mt_curve_duration(lengths->weights[i]);
        if (duration < end * (1 - 1e-9))
            return mt_fail(error, MT_ERROR_VALUE,
                           "classes: the weight of class %zu ends at %.9g s, but requests come "
                           "until %.9g s",
                           i + 1, duration, end);
    }
    return MT_OK;
}

static mt_code open_weights(mt_lengths_state *state, uint64_t seed, double end, mt_error *error) {
    const mt_lengths *lengths = state->lengths;
    state->weights = mt_allocate_zero(lengths->count, sizeof(mt_clock *));
    state->now = mt_allocate_zero(2 * lengths->count, sizeof *state->now);
    if (!state->weights || !state->now)
        return mt_fail_memory(error, "lengths");
    state->last = state->now + lengths->count;
    mt_code code = mt_lengths_check_end(lengths, end, error);
    if (code != MT_OK)
        return code;
    for (size_t i = 0; i < lengths->count; i++) {
        state->weights[i] = mt_clock_open(lengths->weights[i], seed, 1, INFINITY, error);
        if (!state->weights[i])
            return mt_code_of(error);
        state->last[i] = last_of(lengths->weights[i]);
    }
    return MT_OK;
}

mt_lengths_state *mt_lengths_open(mt_lengths *lengths, uint64_t seed, double end, mt_error *error) {
    mt_lengths_state *state = mt_new(sizeof *state, "lengths", error);
    if (!state)
        return NULL;
    state->lengths = mt_lengths_retain(lengths);
    state->seed = seed;
    if (lengths->weights && open_weights(state, seed, end, error) != MT_OK) {
        mt_lengths_close(state);
        return NULL;
    }
    return state;
}

void mt_lengths_close(mt_lengths_state *state) {
    if (!state)
        return;
    for (size_t i = 0; state->weights && i < state->lengths->count; i++)
        mt_clock_close(state->weights[i]);
    mt_free(state->weights);
    mt_free(state->now);
    mt_lengths_release(state->lengths);
    mt_free(state);
}

uint64_t mt_whole_tokens(double value, uint64_t low) {
    if (!(value > (double)low))
        return low;
    if (!(value < most_tokens))
        return (uint64_t)most_tokens;
    int64_t whole = (int64_t)value;
    return (uint64_t)whole + (value - (double)whole >= 0.5);
}

static mt_code no_weight(double time, mt_error *error) {
    return mt_fail(error, MT_ERROR_VALUE, "classes: all weights are 0 at t = %.9g s", time);
}

/* A class's weight at a time. Times go back in a live run, where a turn waits for an answer while
 * later requests are on their way: a clock does not follow there, and the curve is looked up. */
static mt_code read_weight(mt_lengths_state *state, size_t i, double time, mt_error *error) {
    double at = fmin(time, state->last[i]);
    if (time >= state->latest)
        return mt_clock_rate(state->weights[i], at, &state->now[i], error);
    double weight = mt_curve_at(state->lengths->weights[i], state->seed, at);
    if (!isfinite(weight))
        return mt_fail(error, MT_ERROR_VALUE, "the weight is %s at t = %.15g s",
                       isnan(weight) ? "not a number" : "infinite", at);
    state->now[i] = fmax(weight, 0);
    return MT_OK;
}

/* The class that a uniform share of the total weight falls into. Rounding cannot choose a class of
 * weight 0. */
static mt_code draw_class(mt_lengths_state *state, mt_random *random, double time,
                          size_t *class_index, mt_error *error) {
    size_t count = state->lengths->count;
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        mt_code code = read_weight(state, i, time, error);
        if (code != MT_OK)
            return code;
        total += state->now[i];
    }
    state->latest = fmax(state->latest, time);
    if (!(total > 0))
        return no_weight(time, error);
    double left = mt_random_uniform(random) * total;
    for (size_t i = 0; i < count; i++) {
        if (state->now[i] > 0)
            *class_index = i;
        left -= state->now[i];
        if (left < 0)
            break;
    }
    mt_assert(state->now[*class_index] > 0);
    return MT_OK;
}

/* A length of the distribution, or of the rule where there is one. */
static mt_code draw_tokens(const mt_distribution *length, const mt_length_rule *rule,
                           const char *name, mt_random *random, const mt_length_event *event,
                           uint64_t low, uint64_t *tokens, mt_error *error) {
    double time = event->time, value;
    if (rule) {
        mt_code code = mt_length_rule_draw(rule, random, event, low, &value, error);
        if (code != MT_OK)
            return code;
    } else {
        value = mt_distribution_draw(length, random, time);
    }
    if (!isfinite(value))
        return mt_fail(error, MT_ERROR_VALUE, "%s: a length of %g came out at t = %.9g s", name,
                       value, time);
    *tokens = mt_whole_tokens(value, low);
    return MT_OK;
}

static void draw_recorded(const recorded_lengths *recorded, mt_random *random,
                          mt_length_draw *draw) {
    size_t i = mt_random_below(random, recorded->count);
    uint64_t output = recorded->tokens[recorded->count + i];
    *draw = (mt_length_draw){.input = recorded->tokens[i], .has_output = output != no_output};
    if (draw->has_output)
        draw->output = output;
}

mt_code mt_lengths_draw(mt_lengths_state *state, mt_random *random, const mt_length_event *event,
                        mt_length_draw *draw, mt_error *error) {
    *draw = (mt_length_draw){0};
    if (state->lengths->recorded.count > 0) {
        draw_recorded(&state->lengths->recorded, random, draw);
        return MT_OK;
    }
    if (state->weights) {
        mt_code code = draw_class(state, random, event->time, &draw->class_index, error);
        if (code != MT_OK)
            return code;
    }
    const mt_length_pair *pair = &state->lengths->pairs[draw->class_index];
    draw->input_is_new = pair->input_is_new;
    draw->has_output = pair->output || pair->output_rule;
    const uint64_t *fixed = state->lengths->known[draw->class_index].tokens;
    mt_code code = MT_OK;
    if (fixed[0] != is_drawn)
        draw->input = fixed[0];
    else if (pair->input || pair->input_rule)
        code =
            draw_tokens(pair->input, pair->input_rule, pair->input_is_new ? "new_input" : "input",
                        random, event, 1, &draw->input, error);
    if (fixed[1] != is_drawn) {
        draw->output = fixed[1];
    } else if (code == MT_OK && draw->has_output) {
        mt_length_event with_input = *event;
        with_input.input = draw->input;
        code = draw_tokens(pair->output, pair->output_rule, "output", random, &with_input, 0,
                           &draw->output, error);
    }
    return code;
}

static void add_class(const mt_length_pair *pair, double means[2], double weight, uint64_t seed,
                      double time, double shared, mt_lengths_mean *mean) {
    double input = mean_at(pair->input, pair->input_rule, 1, seed, time, &means[0]);
    mean->input += weight * (input + (pair->input_is_new ? shared : 0));
    if (pair->input && !pair->input_is_new && shared > 0)
        mean->inside += weight * mt_distribution_probability_below(pair->input, shared, seed, time);
    if (pair->output || pair->output_rule) {
        double output = mean_at(pair->output, pair->output_rule, 0, seed, time, &means[1]);
        mean->output_share += weight;
        mean->output += weight * output;
    }
}

static mt_code shares_at(const mt_lengths *lengths, uint64_t seed, double time, double *shares,
                         mt_error *error) {
    shares[0] = 1;
    if (!lengths->weights)
        return MT_OK;
    double total = 0;
    for (size_t i = 0; i < lengths->count; i++) {
        double at = fmin(time, last_of(lengths->weights[i]));
        shares[i] = fmax(0, mt_curve_at(lengths->weights[i], seed, at));
        total += shares[i];
    }
    if (!(total > 0))
        return no_weight(time, error);
    for (size_t i = 0; i < lengths->count; i++)
        shares[i] /= total;
    return MT_OK;
}

mt_code mt_lengths_mean_at(const mt_lengths *lengths, uint64_t seed, double time,
                           const double *shared, double *shares, mt_lengths_mean *mean,
                           mt_error *error) {
    if (lengths->recorded.count > 0) {
        *mean = lengths->recorded.mean;
        shares[0] = 1;
        return MT_OK;
    }
    *mean = (mt_lengths_mean){0};
    mt_code code = shares_at(lengths, seed, time, shares, error);
    if (code != MT_OK)
        return code;
    for (size_t i = 0; i < lengths->count; i++)
        if (shares[i] > 0)
            add_class(&lengths->pairs[i], lengths->known[i].means, shares[i], seed, time, shared[i],
                      mean);
    if (mean->output_share > 0)
        mean->output /= mean->output_share;
    return MT_OK;
}

int mt_lengths_vary(const mt_lengths *lengths) {
    for (size_t i = 0; i < lengths->count; i++) {
        const mt_length_pair *pair = &lengths->pairs[i];
        if ((pair->input && mt_distribution_varies(pair->input)) ||
            (pair->output && mt_distribution_varies(pair->output)))
            return 2;
    }
    return lengths->weights != NULL;
}

static int is_constant(const mt_curve *curve) {
    double settled = 0;
    return isinf(mt_curve_duration(curve)) && !mt_curve_is_noisy(curve) &&
           mt_curve_period(curve, &settled) == 0 && settled == 0;
}

int mt_lengths_follow_time(const mt_lengths *lengths) {
    int all_constant = 1;
    for (size_t i = 0; lengths->weights && i < lengths->count; i++)
        all_constant &= is_constant(lengths->weights[i]);
    return !all_constant || mt_lengths_vary(lengths) == 2;
}

static double duration_of(const mt_distribution *length, const mt_length_rule *rule) {
    if (rule)
        return mt_length_rule_duration(rule);
    return length ? mt_distribution_duration(length) : INFINITY;
}

double mt_lengths_duration(const mt_lengths *lengths) {
    double duration = INFINITY;
    for (size_t i = 0; i < lengths->count; i++) {
        const mt_length_pair *pair = &lengths->pairs[i];
        duration = fmin(duration, duration_of(pair->input, pair->input_rule));
        duration = fmin(duration, duration_of(pair->output, pair->output_rule));
        if (lengths->weights)
            duration = fmin(duration, mt_curve_duration(lengths->weights[i]));
    }
    return duration;
}
