/* A request for an answer of the model, from its arrival to its end: a slot or the queue, the cache,
 * times, chunks. */
#include "drive/mock/state.h"

#include <math.h>

static double above_zero(double number) {
    return number > 0 ? number : 0;
}

/* All times are longer the more requests run: 1 for one, load_factor when all slots are used. */
static double load(const mt_mock *mock) {
    const mt_mock_options *options = &mock->options;
    if (options->load_factor <= 1 || options->slots <= 1 || mock->running <= 1)
        return 1;
    return 1 +
           (options->load_factor - 1) * (double)(mock->running - 1) / (double)(options->slots - 1);
}

static double draw_seconds_since_begin(const mt_mock *mock) {
    return (double)(mock->now_ns - mock->begun_ns) * 1e-9;
}

/* How long `count` tokens take after the one before, ns. */
static int64_t gap_of(mt_mock *mock, mt_connection *connection, uint64_t count) {
    double each = connection->itl_ms >= 0 ? connection->itl_ms : mock->itl_fixed_ms;
    double sum = 0;
    if (each >= 0) {
        sum = each * (double)count;
    } else {
        double time = draw_seconds_since_begin(mock);
        for (uint64_t i = 0; i < count; i++)
            sum += above_zero(mt_distribution_draw(mock->options.itl, &connection->random, time));
    }
    return (int64_t)(sum * load(mock) * 1e6);
}

/* Tokens in the next chunk. */
static uint64_t chunk_of(mt_mock *mock, mt_connection *connection) {
    uint64_t left = connection->text.output_tokens - connection->text.said;
    uint64_t count = mock->chunk_fixed;
    if (count == 0) {
        double drawn = mt_distribution_draw(mock->options.tokens_per_chunk, &connection->random,
                                            draw_seconds_since_begin(mock));
        count = drawn >= 1 ? (uint64_t)(drawn < 1e9 ? drawn + 0.5 : 1e9) : 1;
    }
    return count < left ? count : left;
}

/* --- the cache ---------------------------------------------------------------------------------- */

/* Uses the prompt's blocks; the tokens of those that were there, one after another from the first. */
static uint64_t use_cache(mt_mock *mock, const mt_connection *connection) {
    const mt_mock_options *options = &mock->options;
    size_t size = (size_t)options->block_size, count = mock->tokens.count;
    uint64_t cached = 0;
    int is_prefix = 1;
    /* Prompts for different models have nothing in common. */
    mt_key key = mt_key_namespace(connection->text.model.text, connection->text.model.length);
    for (size_t at = 0; at < count; at += size) {
        size_t length = count - at < size ? count - at : size;
        if (length < size && !options->hits_all)
            break;
        key = mt_key_child(key, mock->tokens.items + at, length * sizeof *mock->tokens.items);
        int was_there = mt_mock_cache_use(mock->cache, key);
        is_prefix = is_prefix && was_there;
        if (is_prefix)
            cached += length;
    }
    /* The last token is always computed. */
    if (!options->hits_all && cached >= count)
        cached = (count - 1) / size * size;
    return cached;
}

/* --- arrival ------------------------------------------------------------------------------------ */

/* How many tokens the answer will have. */
static void plan_length(mt_mock *mock, mt_connection *connection, const mt_ask *ask) {
    mt_answer_text *text = &connection->text;
    text->output_tokens = ask->most_tokens;
    text->ends_by_itself = 0;
    if (!mock->options.output_tokens || ask->ignores_eos)
        return;
    double drawn = mt_distribution_draw(mock->options.output_tokens, &connection->random,
                                        draw_seconds_since_begin(mock));
    double least = ask->least_tokens > 1 ? (double)ask->least_tokens : 1;
    drawn = floor(fmax(drawn, least) + 0.5);
    if (drawn < (double)ask->most_tokens) {
        text->output_tokens = (uint64_t)drawn;
        text->ends_by_itself = 1;
    }
}

/* Times: as drawn, or as the script wants. 0, or -1 when the server must end. */
static int plan_times(mt_mock *mock, mt_connection *connection) {
    const mt_mock_options *options = &mock->options;
    const mt_answer_text *text = &connection->text;
    double time = draw_seconds_since_begin(mock);
    double ttft = above_zero(mt_distribution_draw(options->ttft, &connection->random, time));
    ttft += options->prefill_per_token_ms * (double)(text->prompt_tokens - text->cached_tokens);
    connection->itl_ms = -1;
    if (options->timing) {
        mt_mock_timing timing = {text->number,
                                 text->prompt_tokens,
                                 text->cached_tokens,
                                 text->output_tokens,
                                 mock->running,
                                 mock->waiting.count,
                                 time,
                                 ttft,
                                 -1};
        if (options->timing(options->timing_context, &timing, &mock->error) != MT_OK) {
            mock->fails = 1;
            return -1;
        }
        ttft = above_zero(timing.ttft_ms);
        connection->itl_ms = timing.itl_ms;
    }
    connection->due_ns = mock->now_ns + (int64_t)(ttft * load(mock) * 1e6);
    return 0;
}

/* Waits for the next chunk; a long silence is broken. */
static void wait_for_chunk(mt_mock *mock, mt_connection *connection) {
    int64_t ping_ns = (int64_t)(mock->ping_s * 1e9), due_ns = connection->due_ns;
    if (ping_ns > 0 && connection->is_stream && due_ns - mock->now_ns > ping_ns)
        due_ns = mock->now_ns + ping_ns;
    mt_connection_wait(mock, connection, due_ns);
}

static void ping(mt_mock *mock, mt_connection *connection) {
    mt_say_comment(&mock->out, connection->text.api);
    mt_connection_send(mock, connection);
    if (connection->state == MT_CONNECTION_RUNNING)
        wait_for_chunk(mock, connection);
}

/* A stream's head; Triton's role comes with it. */
static void put_head(mt_mock *mock, mt_connection *connection) {
    if (connection->has_head)
        return;
    connection->has_head = 1;
    mt_say_stream_head(&mock->out, connection->text.api, connection->closes);
    if (connection->text.api == &mt_api_chat && mock->dialect->role == MT_ROLE_AT_ONCE) {
        connection->has_role = 1;
        mt_say_role(&mock->out, &connection->text);
    }
}

/* Takes a slot and begins. */
static void start(mt_mock *mock, mt_connection *connection) {
    mt_answer_text *text = &connection->text;
    connection->state = MT_CONNECTION_RUNNING;
    mock->running++;
    mt_latency_add(&mock->queue, mock->now_ns - connection->received_ns);
    if (mock->cache) {
        uint64_t tokens = text->prompt_tokens + text->output_tokens;
        connection->blocks = (tokens + mock->options.block_size - 1) / mock->options.block_size;
        mock->used_blocks += connection->blocks;
    }
    mock->counts.prompt_tokens += text->prompt_tokens;
    mock->counts.cached_tokens += text->cached_tokens;
    if (plan_times(mock, connection) != 0)
        return;
    connection->last_ns = connection->received_ns;
    if (connection->is_stream) {
        connection->next_count = chunk_of(mock, connection);
        if (connection->due_ns > mock->now_ns) {
            put_head(mock, connection);
            mt_connection_send(mock, connection);
            if (connection->state != MT_CONNECTION_RUNNING)
                return;
        }
    } else {
        connection->due_ns += gap_of(mock, connection, text->output_tokens - 1);
    }
    wait_for_chunk(mock, connection);
}

static void overload(mt_mock *mock, mt_connection *connection) {
    const mt_dialect *dialect = mock->dialect;
    if (!connection->is_stream || !dialect->overloads_in_stream) {
        mt_mock_refuse(mock, connection, dialect->overload, "the queue is full");
        return;
    }
    mock->counts.refused++;
    mt_mock_log(mock, connection, "refused", 0);
    mt_say_stream_head(&mock->out, connection->text.api, connection->closes);
    mt_say_error(&mock->out, dialect, connection->text.api, dialect->overload, "the queue is full");
    mt_say_end(&mock->out);
    mt_connection_send(mock, connection);
    mt_connection_answered(mock, connection);
}

void mt_flight_begin(mt_mock *mock, mt_connection *connection, const mt_ask *ask) {
    mt_answer_text *text = &connection->text;
    size_t model_length = ask->model.length ? ask->model.length : 4;
    memcpy(connection->model, ask->model.length ? ask->model.text : "mock", model_length);
    *text = (mt_answer_text){.dialect = mock->dialect,
                             .api = text->api,
                             .number = text->number,
                             .seed = mock->options.seed,
                             .created = mock->now_s,
                             .model = {connection->model, model_length},
                             .is_chat = ask->is_chat,
                             .wants_usage = ask->wants_usage,
                             .wants_usage_always = ask->wants_usage_always,
                             .has_cache = mock->cache != NULL,
                             .prompt_tokens = ask->prompt_tokens};
    connection->is_stream = ask->is_stream;
    connection->has_head = connection->has_role = 0;
    connection->blocks = 0;
    mt_random_start(&connection->random, mock->time_key);
    mt_random_seek(&connection->random, text->number);
    mt_fault_draw(mock, connection);
    plan_length(mock, connection, ask);
    if (mt_fault_before_answer(mock, connection))
        return;
    uint64_t slots = mock->options.slots;
    int must_wait = slots > 0 && mock->running >= slots;
    if (must_wait && mock->waiting.count >= mock->options.queue) {
        overload(mock, connection);
        return;
    }
    /* The prompt's tokens are at hand only now: a request that waits has its blocks used before. */
    mock->queried_tokens += text->prompt_tokens;
    if (mock->cache)
        text->cached_tokens = use_cache(mock, connection);
    if (!must_wait) {
        start(mock, connection);
        return;
    }
    connection->state = MT_CONNECTION_QUEUED;
    mt_list_append(&mock->waiting, connection);
}

/* --- the answer --------------------------------------------------------------------------------- */

/* The whole answer was said. */
static void over_and_answered(mt_mock *mock, mt_connection *connection) {
    if (connection->state != MT_CONNECTION_RUNNING)
        return; /* the client had gone */
    if (connection->fault == MT_FAILURE_NONE)
        mock->counts.answered++;
    else
        mt_fault_count(mock, connection);
    mt_flight_over(mock, connection);
    mt_connection_answered(mock, connection);
}

static void answer_whole(mt_mock *mock, mt_connection *connection) {
    mt_answer_text *text = &connection->text;
    if (connection->fault == MT_FAILURE_NO_CONTENT)
        text->output_tokens = 0;
    text->lacks_reason = connection->fault == MT_FAILURE_TRUNCATED;
    mock->page.length = 0;
    text->api->say_answer(&mock->page, text);
    if (mt_fault_in_answer(mock, connection))
        return;
    text->said = text->api == &mt_api_embeddings ? 0 : text->output_tokens;
    mt_mock_log(mock, connection, "tokens", text->said);
    mt_latency_add(&mock->ttft, mock->now_ns - connection->received_ns);
    mock->counts.generated_tokens += text->said;
    mt_mock_put_answer(mock, connection, 200, "application/json", "");
    mt_connection_send(mock, connection);
    over_and_answered(mock, connection);
}

static void note_latency(mt_mock *mock, mt_connection *connection, uint64_t count) {
    int64_t gap = mock->now_ns - connection->last_ns;
    if (connection->text.said == 0)
        mt_latency_add(&mock->ttft, gap);
    else
        mt_latency_add(&mock->itl, gap / (int64_t)count);
    connection->last_ns = mock->now_ns;
}

static void put_end(mt_mock *mock, const mt_connection *connection) {
    const mt_api *api = connection->text.api;
    if (api->say_finish)
        api->say_finish(&mock->out, &connection->text);
    if (connection->fault != MT_FAULT_NO_DONE)
        mt_say_done(&mock->out, api);
    mt_say_end(&mock->out);
}

/* The next chunk of a stream. */
static void say_more(mt_mock *mock, mt_connection *connection) {
    mt_answer_text *text = &connection->text;
    uint64_t count = connection->next_count;
    put_head(mock, connection);
    if (text->api == &mt_api_chat && mock->dialect->role == MT_ROLE_BEFORE &&
        !connection->has_role) {
        connection->has_role = 1;
        mt_say_role(&mock->out, text);
    }
    if (connection->fault == MT_FAILURE_NO_CONTENT)
        text->output_tokens = count = 0;
    int is_half = 2 * (text->said + count) >= text->output_tokens;
    int breaks = is_half && mt_fault_is_midway(connection->fault);
    int is_last = !breaks && text->said + count == text->output_tokens;
    if (count > 0)
        note_latency(mock, connection, count);
    mt_mock_log(mock, connection, "tokens", count);
    text->api->say_tokens(&mock->out, text, count, is_last);
    text->said += count;
    mock->counts.generated_tokens += count;
    if (breaks) {
        mt_fault_in_stream(mock, connection);
        return;
    }
    if (!is_last) {
        connection->next_count = chunk_of(mock, connection);
        connection->due_ns += gap_of(mock, connection, connection->next_count);
        mt_connection_send(mock, connection);
        if (connection->state == MT_CONNECTION_RUNNING)
            wait_for_chunk(mock, connection);
        return;
    }
    put_end(mock, connection);
    mt_connection_send(mock, connection);
    over_and_answered(mock, connection);
}

void mt_flight_due(mt_mock *mock, mt_connection *connection) {
    if (connection->state == MT_CONNECTION_HELD)
        mt_fault_due(mock, connection);
    else if (connection->is_stream && mock->now_ns < connection->due_ns)
        ping(mock, connection);
    else if (connection->is_stream)
        say_more(mock, connection);
    else
        answer_whole(mock, connection);
}

/* --- the end ------------------------------------------------------------------------------------ */

static void free_slot(mt_mock *mock, mt_connection *connection) {
    connection->state = MT_CONNECTION_READING;
    connection->serial++;
    mock->running--;
    mock->used_blocks -= connection->blocks;
    connection->blocks = 0;
}

void mt_flight_over(mt_mock *mock, mt_connection *connection) {
    mt_answer_text *text = &connection->text;
    mt_mock_log(mock, connection, connection->has_failed ? "failed" : "end", text->said);
    free_slot(mock, connection);
    if (mt_fault_is_midway(connection->fault))
        return; /* nobody has the whole of it */
    mt_latency_add(&mock->e2e, mock->now_ns - connection->received_ns);
    *(text->ends_by_itself ? &mock->finished_stop : &mock->finished_length) += 1;
}

void mt_flight_start_waiting(mt_mock *mock) {
    while (mock->waiting.count > 0 && mock->running < mock->options.slots && !mock->fails) {
        mt_connection *next = mock->waiting.oldest;
        mt_list_remove(&mock->waiting, next);
        start(mock, next);
    }
}

void mt_flight_drop(mt_mock *mock, mt_connection *connection) {
    int is_abort = !connection->has_failed;
    mock->counts.aborted += (uint64_t)is_abort;
    mt_mock_log(mock, connection, is_abort ? "aborted" : "failed", connection->text.said);
    if (connection->state == MT_CONNECTION_QUEUED)
        mt_list_remove(&mock->waiting, connection);
    else
        free_slot(mock, connection);
}
