#include "prefix/lint/lint.h"

#include "base/memory.h"
#include "prefix/lint/names.h"
#include "trace/member.h"

#include <math.h>
#include <string.h>

struct mt_lint {
    mt_lint_result result;
    uint64_t given_size;
    mt_block_fit fit, whole_fit;
    mt_parents *parents;
    mt_turns turns;
    mt_lint_names names;
    int64_t *turn_times; /* of the last turn of each session, by its number; -1: none */
    size_t turn_time_capacity;
    uint64_t turn_pairs, hasty_turns; /* with times on both; that came too soon */
    int64_t *times;                   /* the first MT_LINT_TIMES */
    size_t time_count, time_capacity;
    int64_t before_ns, last_ns; /* the time before; the latest */
    double tokens;
    uint64_t longest_without_ids; /* input_length beside hash_ids [] */
};

static const int64_t least_ns_a_token = 200000;
static const double hasty_share = 0.8;
enum { LEAST_TIMES = 10, LEAST_PAIRS = 5 };

mt_lint *mt_lint_new(uint64_t block_size, mt_error *error) {
    mt_lint *lint = mt_new(sizeof *lint, "lint", error);
    if (!lint)
        return NULL;
    lint->parents = mt_parents_new(error);
    if (!lint->parents) {
        mt_free(lint);
        return NULL;
    }
    lint->given_size = block_size;
    mt_block_fit_start(&lint->fit, block_size, 0);
    mt_block_fit_start(&lint->whole_fit, block_size, 1);
    return lint;
}

void mt_lint_free(mt_lint *lint) {
    if (!lint)
        return;
    mt_parents_free(lint->parents);
    mt_turns_free(&lint->turns);
    mt_lint_names_free(&lint->names);
    mt_free(lint->turn_times);
    mt_free(lint->times);
    mt_free(lint);
}

/* ---- what one request says ---- */

static mt_code add_time(mt_lint *lint, const mt_request *request, mt_error *error) {
    mt_lint_result *result = &lint->result;
    int64_t time = request->time_ns;
    if (result->times > 0 && time < lint->before_ns) {
        if (result->decreasing.count == 0) {
            result->decreased_to_ns = time;
            result->from_ns = lint->before_ns;
        }
        mt_lines_add(&result->decreasing, request->line);
    }
    lint->before_ns = time;
    if (result->times == 0 || time < result->first_ns)
        result->first_ns = time;
    if (result->times == 0 || time > lint->last_ns)
        lint->last_ns = time;
    result->times++;
    if (lint->time_count == MT_LINT_TIMES)
        return MT_OK;
    if (MT_GROW(lint->times, lint->time_capacity, lint->time_count + 1) != 0)
        return mt_fail_memory(error, "lint");
    lint->times[lint->time_count++] = time;
    return MT_OK;
}

/* Does it wait for others, and so may do without a time? */
static int waits(const mt_request *request) {
    return mt_request_member(request, "wait_for").length > 0;
}

static mt_code add_turn(mt_lint *lint, const mt_request *request, mt_error *error) {
    mt_turn *before = mt_turns_of(&lint->turns, request->session, error);
    if (!before)
        return mt_code_of(error);
    size_t number = (size_t)(before - lint->turns.turns);
    if (MT_GROW(lint->turn_times, lint->turn_time_capacity, number + 1) != 0)
        return mt_fail_memory(error, "lint");
    int64_t *then = &lint->turn_times[number], now = request->time_ns;
    if (before->count == 0)
        *then = -1;
    if (!(request->has & MT_HAS_TIME)) {
        now = -1;
        if (before->count == 0 && !waits(request))
            mt_lines_add(&lint->result.without_time, request->line);
    } else if (*then >= 0 && before->output_length > 0) {
        lint->turn_pairs++;
        lint->hasty_turns += now >= *then && (double)(now - *then) < (double)before->output_length *
                                                                         (double)least_ns_a_token;
    }
    *then = now;
    mt_rows_look(&lint->result.evidence, before, request);
    return mt_turn_keep(before, request, error);
}

static mt_code add_ids(mt_lint *lint, const mt_request *request, mt_error *error) {
    mt_lint_result *result = &lint->result;
    mt_parents_conflict conflict;
    size_t conflicts;
    mt_code code = mt_parents_add(lint->parents, request->hash_ids, request->hash_count,
                                  request->line, NULL, &conflicts, &conflict, error);
    if (code != MT_OK)
        return code;
    if (conflicts > 0) {
        if (result->two_parents.count == 0)
            result->conflict = conflict;
        mt_lines_add(&result->two_parents, request->line);
        result->conflicts += conflicts;
    }
    for (size_t i = 0; i < request->hash_count; i++)
        if (request->hash_ids[i] >= result->next_id)
            result->next_id =
                request->hash_ids[i] < INT64_MAX ? request->hash_ids[i] + 1 : INT64_MAX;
    return MT_OK;
}

static int has_name(mt_span text, const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i + length <= text.length; i++)
        if (memcmp(text.text + i, name, length) == 0)
            return 1;
    return 0;
}

/* Rows that are no requests, or lack the ids that they seem to have. */
static void add_odd_row(mt_lint *lint, const mt_request *request) {
    mt_lint_result *result = &lint->result;
    unsigned ours =
        MT_HAS_TIME | MT_HAS_INPUT_LENGTH | MT_HAS_OUTPUT_LENGTH | MT_HAS_HASH_IDS | MT_HAS_DELAY;
    if (!(request->has & ours)) {
        if (result->no_requests.count == 0)
            result->looks_like_log = has_name(request->extra, "\"messages\"") ||
                                     has_name(request->extra, "\"conversations\"") ||
                                     has_name(request->extra, "\"prompt\"");
        mt_lines_add(&result->no_requests, request->line);
    }
    if (request->has & MT_HAS_SESSION && !(request->has & MT_HAS_INPUT_LENGTH))
        mt_lines_add(&result->bare_turns, request->line);
    if (request->has & MT_HAS_HASH_IDS && request->hash_count == 0 &&
        request->input_length > MT_LINT_BLOCK) {
        mt_lines_add(&result->empty_ids, request->line);
        if (request->input_length > lint->longest_without_ids)
            lint->longest_without_ids = request->input_length;
    }
}

mt_code mt_lint_add(mt_lint *lint, const mt_request *request, mt_error *error) {
    mt_code code = MT_OK;
    lint->result.requests++;
    lint->tokens += (double)request->input_length;
    if (request->has & MT_HAS_INPUT_LENGTH && request->input_length == 0)
        mt_lines_add(&lint->result.empty_prompts, request->line);
    add_odd_row(lint, request);
    mt_block_fit_add(&lint->fit, request);
    mt_block_fit_add(&lint->whole_fit, request);
    if (request->has & MT_HAS_TIME)
        code = add_time(lint, request, error);
    else if (!(request->has & MT_HAS_SESSION) && !waits(request))
        mt_lines_add(&lint->result.without_time, request->line);
    if (code == MT_OK && request->has & MT_HAS_SESSION)
        code = add_turn(lint, request, error);
    if (code == MT_OK)
        code = mt_lint_names_add(&lint->names, request, error);
    return code == MT_OK ? add_ids(lint, request, error) : code;
}

/* ---- what all of them say ---- */

/* How far outside least to most, in powers of ten. */
static double outside(double value, double least, double most) {
    if (value < least)
        return log10(least / value);
    return value > most ? log10(value / most) : 0;
}

/* The grid of the times in the unit that they are thought to have. */
static mt_code find_grid(const mt_lint *lint, mt_lint_result *result, mt_error *error) {
    int64_t factor = result->unit == MT_UNIT_SECONDS ? 1000 : 1;
    if (lint->last_ns > INT64_MAX / factor)
        return MT_OK;
    for (size_t i = 0; i < lint->time_count; i++)
        lint->times[i] *= factor;
    mt_code code = mt_grid_detect(lint->times, lint->time_count, &result->grid, error);
    for (size_t i = 0; i < lint->time_count; i++)
        lint->times[i] /= factor;
    return code;
}

/* What a load may be: requests and input tokens a second. */
typedef struct busy_limits {
    double requests, tokens;
} busy_limits;

static const busy_limits of_service = {100, 1e6}, of_short_test = {1000, 2.5e6},
                         of_test = {10000, 2.5e6};

/* A trace that is over sooner is a part of one. */
static const double least_seconds = 5;

/* How unlike such a load the trace is when its clock runs `speed` times as fast. */
static double oddness(const mt_lint_result *result, busy_limits limits, double speed) {
    double seconds = (double)result->span_ns / 1e9 / speed;
    double length = 0.5 * outside(seconds, least_seconds, 10 * 86400.0), most_of_short = 0.5;
    if (seconds < least_seconds && length > most_of_short)
        length = most_of_short; /* the head of a trace is no wonder */
    return outside(result->requests_a_second * speed, 0.005, limits.requests) +
           outside(result->tokens_a_second * speed, 0, limits.tokens) + length;
}

/* How many of the kept times are no multiples of so many nanoseconds. */
static size_t count_between(const mt_lint *lint, int64_t nanoseconds) {
    size_t count = 0;
    for (size_t i = 0; i < lint->time_count; i++)
        count += lint->times[i] % nanoseconds != 0;
    return count;
}

/* The clock's ticks, were the times seconds: 0 where it has none, or cannot be looked at. */
static int64_t ticks_of_seconds(mt_lint *lint) {
    mt_lint_result as_seconds = {.unit = MT_UNIT_SECONDS};
    mt_error unheard;
    return find_grid(lint, &as_seconds, &unheard) == MT_OK ? as_seconds.grid.period_ns : 0;
}

/* How busy the trace may be in milliseconds: as a service, where its digits are those of seconds, else
 * as what somebody tests one with. What would be over soon is a log in seconds, unless it has hash ids and
 * whole milliseconds, as what was made has. */
static busy_limits limits_of(mt_lint *lint, const mt_lint_result *result) {
    enum { MICROSECOND = 1000, MILLISECOND = 1000000 };
    const int64_t second = INT64_C(1000000000);
    if (2 * count_between(lint, MICROSECOND) > lint->time_count)
        return of_service;
    int is_whole = 100 * count_between(lint, MILLISECOND) < lint->time_count;
    if ((double)result->span_ns < least_seconds * 1e9)
        return is_whole && 2 * lint->fit.prompts > result->requests ? of_short_test : of_service;
    return is_whole && ticks_of_seconds(lint) > second ? of_service : of_test;
}

/* The unit that makes it most like one; milliseconds unless they make it odd. */
static mt_time_unit likeliest_unit(mt_lint *lint, const mt_lint_result *result) {
    static const struct {
        mt_time_unit unit;
        double speed;
    } others[] = {{MT_UNIT_SECONDS, 1e-3}, {MT_UNIT_MICROSECONDS, 1e3}, {MT_UNIT_NANOSECONDS, 1e6}};
    mt_time_unit best = MT_UNIT_MILLISECONDS;
    double least = oddness(result, of_service, 1), usual = 0.55;
    if (least > usual)
        least = oddness(result, limits_of(lint, result), 1);
    if (least <= usual)
        return best;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        double odd = oddness(result, of_service, others[i].speed);
        if (odd < least) {
            best = others[i].unit;
            least = odd;
        }
    }
    return best;
}

/* Are all times of the years 2001 to 2100, in a unit since 1970 of which a thousandth of a second
 * is read as so many nanoseconds? */
static int is_epoch(const mt_lint *lint, int64_t nanoseconds) {
    const int64_t least = INT64_C(978307200000) * nanoseconds,
                  most = INT64_C(4102444800000) * nanoseconds;
    int64_t first = lint->result.first_ns;
    return lint->result.times > 0 && first >= least && lint->last_ns < most &&
           lint->last_ns - first < first / 4;
}

static void guess_unit(mt_lint *lint, mt_lint_result *result) {
    result->span_ns = result->times > 0 ? lint->last_ns - result->first_ns : 0;
    if (result->span_ns > 0) {
        double seconds = (double)result->span_ns / 1e9;
        result->requests_a_second = (double)result->times / seconds;
        result->tokens_a_second = lint->tokens / seconds;
    }
    if (is_epoch(lint, 1000000)) /* milliseconds since 1970 */
        return;
    if (is_epoch(lint, 1000)) {
        result->unit = MT_UNIT_SECONDS;
        result->unit_reason = MT_UNIT_EPOCH;
        return;
    }
    if (result->times >= LEAST_TIMES && result->span_ns > 0)
        result->unit = likeliest_unit(lint, result);
    else
        result->unit = MT_UNIT_MILLISECONDS;
    if (result->unit != MT_UNIT_MILLISECONDS) {
        result->unit_reason = result->unit == MT_UNIT_SECONDS ? MT_UNIT_LOAD : MT_UNIT_SLOW;
    } else if (lint->turn_pairs >= LEAST_PAIRS &&
               (double)lint->hasty_turns >= hasty_share * (double)lint->turn_pairs) {
        result->unit_reason = MT_UNIT_TURNS;
        result->unit = MT_UNIT_SECONDS;
    }
}

/* How many prompts one size fits, of those tried or not. */
static uint64_t most_fits(const mt_lint *lint, const mt_block_fit *fit) {
    if (lint->given_size)
        return fit->sizes[0].fits;
    return mt_block_fit_odd(fit) ? fit->prompts : mt_block_fit_best(fit)->fits;
}

static void judge_sizes(const mt_lint *lint, mt_lint_result *result) {
    result->is_whole = most_fits(lint, &lint->whole_fit) > most_fits(lint, &lint->fit);
    const mt_block_fit *fit = result->is_whole ? &lint->whole_fit : &lint->fit;
    const mt_size_fit *best = mt_block_fit_best(fit);
    result->prompts = fit->prompts;
    if (lint->given_size == 0 && result->prompts == 0)
        return;
    result->size_fit = lint->given_size ? fit->sizes[0] : *best;
    uint64_t odd = best->fits < result->prompts ? mt_block_fit_odd(fit) : 0;
    const mt_size_fit *beside = odd ? NULL : mt_block_fit_beside(fit, best);
    if (odd && !lint->given_size)
        result->size_fit = (mt_size_fit){.size = odd, .fits = result->prompts};
    result->block_size = result->size_fit.size;
    if (odd && lint->given_size) {
        result->better_size = odd;
        result->better_fits = result->prompts;
    } else if (best->fits > result->size_fit.fits) {
        result->better_size = best->size;
        result->better_fits = best->fits;
    } else if (beside) {
        result->other_size = beside->size;
    }
}

/* "7" and 7 are two sessions: has the trace such pairs? */
static mt_code find_named_twice(const mt_lint *lint, mt_lint_result *result, mt_error *error) {
    const mt_texts *sessions = &lint->turns.sessions;
    mt_texts bare = {0};
    mt_code code = MT_OK;
    for (size_t i = 0; i < sessions->count && code == MT_OK; i++) {
        mt_span name = mt_texts_get(sessions, (uint32_t)i);
        uint32_t number;
        if (*name.text == '"')
            name = (mt_span){name.text + 1, name.length - 2};
        if (name.length == 0 || (*name.text != '-' && (*name.text < '0' || *name.text > '9')))
            continue;
        size_t before = bare.count;
        if (mt_texts_intern(&bare, name.text, name.length, &number) != 0)
            code = mt_fail_memory(error, "sessions");
        else if (bare.count == before && result->twice_named++ == 0)
            mt_quote(name.text, name.length, result->twice_name, sizeof result->twice_name);
    }
    mt_texts_free(&bare);
    return code;
}

mt_code mt_lint_finish(mt_lint *lint, mt_lint_result *result, mt_error *error) {
    *result = lint->result;
    if (result->times == 0)
        result->without_time = (mt_lines){0};
    guess_unit(lint, result);
    judge_sizes(lint, result);
    if (result->is_whole && lint->longest_without_ids < result->block_size)
        result->empty_ids = (mt_lines){0}; /* they have no whole block */
    mt_lint_names_find(&lint->names, &result->lost_names, result->lost_name,
                       sizeof result->lost_name);
    result->rows = mt_rows_guess(&result->evidence);
    if (find_named_twice(lint, result, error) != MT_OK)
        return mt_code_of(error);
    return find_grid(lint, result, error);
}
