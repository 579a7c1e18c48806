/* Memory that runs out in what agents' loads are made of: length rules, services, requests of a
 * caller's own, sub-agents. Each is made, put into a plan and run inside the sweep, so that every
 * allocation of its life fails once; and what callers lent is given back as often as it was
 * taken. */
#include "plan_support.h"
#include "sweep.h"

#include "load/process/given.h"
#include "load/run/run.h"

/* ---- functions of a caller's own ---- */

typedef struct lent_parts {
    int taken; /* how often it is retained */
    int open;  /* runs that were made and not closed */
    uint64_t k;
    mt_prompt *prompt; /* of its requests */
} lent_parts;

static void take(void *context) {
    ((lent_parts *)context)->taken++;
}

static void give_back(void *context) {
    ((lent_parts *)context)->taken--;
}

static void assert_given_back(const lent_parts *lent) {
    assert_int_equal(lent->taken, 0);
    assert_int_equal(lent->open, 0);
}

static mt_code length_of(void *context, mt_random *random, const mt_length_event *event,
                         uint64_t low, double *tokens, mt_error *error) {
    (void)context, (void)random, (void)error;
    *tokens = (double)(low + 50 + event->turn);
    return MT_OK;
}

static mt_code seconds_of(void *context, uint64_t in_flight, double *seconds, mt_error *error) {
    (void)context, (void)error;
    *seconds = 0.1 + (double)in_flight * 1e-4;
    return MT_OK;
}

static mt_code make_run(void *context, const mt_process_context *run, void **state,
                        mt_error *error) {
    (void)run, (void)error;
    ((lent_parts *)context)->open++;
    ((lent_parts *)context)->k = 0;
    *state = context;
    return MT_OK;
}

static void close_run(void *state) {
    ((lent_parts *)state)->open--;
}

/* 40 requests of 8 sessions and of none. */
static int next_request(void *state, mt_given_request *request, mt_error *error) {
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", NULL};
    lent_parts *self = state;
    (void)error;
    if (self->k == 40)
        return 0;
    const char *name = names[self->k % 9];
    *request = (mt_given_request){
        .time = (double)self->k++ * 0.1,
        .session = name,
        .session_length = name ? 1 : 0,
        .lengths = {.input = 100, .input_is_new = name != NULL, .has_output = 1, .output = 20},
        .prompt = self->prompt};
    return 1;
}

/* ---- plans, made and run ---- */

/* A plan of the one stream, run to its end. */
static mt_code run_stream(const mt_stream *stream, mt_error *error) {
    mt_plan *plan = mt_plan_new(16, error);
    if (!plan)
        return mt_code_of(error);
    mt_source *run = NULL;
    if (mt_plan_add(plan, stream, error) == MT_OK) {
        mt_run_options options = mt_run_defaults();
        options.duration = 4;
        run = mt_source_run(plan, &options, error);
    }
    mt_request request;
    int got = run ? 1 : -1;
    while (got > 0)
        got = mt_source_next(run, &request, error);
    mt_source_free(run);
    mt_plan_release(plan);
    return got == 0 ? MT_OK : mt_code_of(error);
}

/* The parts that are never what fails: made before a sweep. */
typedef struct load_parts {
    mt_process *starts;
    mt_distribution *turns, *think, *some;
    mt_lengths *lengths;
    mt_prompt *prompt;
} load_parts;

static load_parts make_parts(void) {
    return (load_parts){.starts = poisson_of(constant(3)),
                        .turns = fixed(4),
                        .think = fixed(0.2),
                        .some = fixed(2),
                        .lengths = lengths_of(fixed(60), 1, fixed(30)),
                        .prompt = prefix_of(100, 2, "x")};
}

static void free_parts(load_parts *parts) {
    mt_process_release(parts->starts);
    mt_distribution_release(parts->turns);
    mt_distribution_release(parts->think);
    mt_distribution_release(parts->some);
    mt_lengths_release(parts->lengths);
    mt_prompt_release(parts->prompt);
}

static mt_session_shape shape_of(const load_parts *parts) {
    return (mt_session_shape){.turns = parts->turns, .think = parts->think};
}

static mt_stream stream_of(const load_parts *parts, mt_process *process) {
    return (mt_stream){.name = "agent",
                       .process = process,
                       .lengths = parts->lengths,
                       .prompt = parts->prompt,
                       .factor = 1,
                       .end = INFINITY};
}

/* ---- length rules ---- */

static mt_code with_rules(const load_parts *parts, lent_parts *lent, mt_error *error) {
    const mt_length_function function = {lent, take, give_back, length_of};
    mt_distribution *const turns[] = {parts->some, parts->turns};
    mt_session_shape shape = shape_of(parts);
    mt_length_pair pair = {.input_is_new = 1};
    mt_lengths *lengths = NULL;
    mt_process *process = NULL;
    mt_code code = MT_ERROR_MEMORY;
    pair.input_rule = mt_length_rule_turns(turns, 2, error);
    pair.output_rule = pair.input_rule ? mt_length_rule_function(&function, error) : NULL;
    if (pair.output_rule)
        lengths = mt_lengths_pair(&pair, error);
    if (lengths)
        process = mt_process_sessions(parts->starts, &shape, error);
    if (process) {
        mt_stream stream = stream_of(parts, process);
        stream.lengths = lengths;
        code = run_stream(&stream, error);
    }
    mt_process_release(process);
    mt_lengths_release(lengths);
    mt_length_rule_release(pair.input_rule);
    mt_length_rule_release(pair.output_rule);
    return code;
}

static void test_length_rules(void **state) {
    (void)state;
    load_parts parts = make_parts();
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
        lent_parts lent = {0};
        all.code = with_rules(&parts, &lent, &all.error);
        assert_given_back(&lent);
    }
    free_parts(&parts);
}

/* ---- service= ---- */

static mt_code with_service(const load_parts *parts, lent_parts *lent, mt_error *error) {
    const mt_service_part first_token = {.function = {lent, take, give_back, seconds_of}};
    const mt_service_part per_token = {.seconds = parts->think};
    mt_session_shape shape = shape_of(parts);
    mt_process *process = NULL;
    mt_code code = MT_ERROR_MEMORY;
    shape.service = mt_service_new(&first_token, &per_token, error);
    if (shape.service)
        process = mt_process_sessions(parts->starts, &shape, error);
    if (process) {
        mt_stream stream = stream_of(parts, process);
        code = run_stream(&stream, error);
    }
    mt_process_release(process);
    mt_service_release(shape.service);
    return code;
}

static void test_service(void **state) {
    (void)state;
    load_parts parts = make_parts();
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
        lent_parts lent = {0};
        all.code = with_service(&parts, &lent, &all.error);
        assert_given_back(&lent);
    }
    free_parts(&parts);
}

/* ---- requests= ---- */

static mt_code with_requests(const load_parts *parts, lent_parts *lent, mt_error *error) {
    const mt_request_function function = {lent, take, give_back, make_run, next_request, close_run};
    const mt_length_pair none = {0};
    mt_lengths *lengths = mt_lengths_pair(&none, error);
    mt_process *process = lengths ? mt_process_given(&function, error) : NULL;
    mt_code code = MT_ERROR_MEMORY;
    if (process) {
        mt_stream stream = stream_of(parts, process);
        stream.lengths = lengths;
        code = run_stream(&stream, error);
    }
    mt_process_release(process);
    mt_lengths_release(lengths);
    return code;
}

static void test_requests(void **state) {
    (void)state;
    load_parts parts = make_parts();
    for (sweep all = {.may_do_without = 1}; sweep_next(&all);) {
        lent_parts lent = {.prompt = all.n % 2 ? parts.prompt : NULL};
        all.code = with_requests(&parts, &lent, &all.error);
        assert_given_back(&lent);
    }
    free_parts(&parts);
}

/* ---- branch= ---- */

/* Two levels, each with a field of its own beside the stream's. */
static mt_code with_branches(const load_parts *parts, mt_join_kind join, mt_error *error) {
    mt_branch_shape levels[2] = {{.every = 2, .join = join, .inherits = 1, .count = parts->some},
                                 {.chance = 0.5, .join = MT_JOIN_ALL, .count = parts->some}};
    mt_stream_branch branches[2] = {{.lengths = parts->lengths},
                                    {.lengths = parts->lengths, .prompt = parts->prompt}};
    mt_session_shape shape = shape_of(parts);
    mt_process *plain = mt_process_sessions(parts->starts, &shape, error), *process = NULL;
    mt_fields *fields = plain ? mt_fields_new(error) : NULL;
    mt_code code =
        fields ? mt_fields_number(fields, "\"seat\"", parts->turns, error) : MT_ERROR_MEMORY;
    for (size_t i = 0; i < 2; i++) {
        levels[i].child = shape;
        levels[i].child.first_token = NAN;
        branches[i].fields = i == 0 ? fields : NULL;
    }
    if (code == MT_OK) {
        process = mt_process_branched(plain, levels, 2, error);
        code = mt_code_of(error);
    }
    if (process) {
        mt_stream stream = stream_of(parts, process);
        stream.branches = branches;
        stream.fields = fields;
        code = run_stream(&stream, error);
    }
    mt_process_release(process);
    mt_fields_release(fields);
    mt_process_release(plain);
    return code;
}

static void test_branches(void **state) {
    (void)state;
    load_parts parts = make_parts();
    for (int join = MT_JOIN_NONE; join <= MT_JOIN_ANY; join++)
        for (sweep all = {.may_do_without = 1}; sweep_next(&all);)
            all.code = with_branches(&parts, (mt_join_kind)join, &all.error);
    free_parts(&parts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_rules),
        cmocka_unit_test(test_service),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_branches),
    };
    return cmocka_run_group_tests_name("agents", tests, NULL, NULL);
}
